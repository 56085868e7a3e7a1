// SPDX-License-Identifier: BSL-1.0
// GB a second from one process to another, through a stream of 64 KiB, written and read in parts of
// 64 bytes, 4 KB and 64 KB; from the first write to the last read. The reader adds up a word of each part.
#include <sys/socket.h>  // for socketpair
#include <unistd.h>      // for close, pipe, read, write

#include <algorithm>  // for max, min
#include <array>      // for array
#include <atomic>     // for atomic
#include <chrono>     // for steady_clock
#include <cstddef>    // for byte, size_t
#include <cstring>    // for memcpy
#include <span>       // for span
#include <string>     // for to_string
#include <thread>     // for yield
#include <vector>     // for vector

#include "support/question.hpp"
#include "sync/sides.hpp"
#include "tandem/queue/byte_stream.hpp"

namespace tandem_bench {
namespace {

constexpr std::size_t ring = 1 << 16;

/// Each road: put(bytes) all, get(bytes) all.
class ours {
 public:
  void put(std::span<std::byte const> bytes) { stream_.write(bytes); }
  void get(std::span<std::byte> bytes) { stream_.read(bytes); }

 private:
  tandem::byte_stream stream_{ring};
};

/// As ours, the words written and read where they lie; parts end at the ring's end, so their size has to divide it.
class ours_in_place {
 public:
  void put(std::span<std::byte const> bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
      auto const room = stream_.reserve(bytes.size() - done);
      // What a producer of bytes does anyhow: it writes each once.
      std::memcpy(room.data(), bytes.data() + done, room.size());
      stream_.commit(room.size());
      done += room.size();
    }
  }
  void get(std::span<std::byte> bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
      auto const there = stream_.peek(bytes.size() - done);
      if (done == 0) std::memcpy(bytes.data(), there.data(), sizeof(long));  // its reader looks at it there
      done += there.size();
      stream_.consume(there.size());
    }
  }

 private:
  tandem::byte_stream stream_{ring};
};

class descriptors {
 public:
  ~descriptors() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  void put(std::span<std::byte const> bytes) {
    while (!bytes.empty()) {
      auto const more = ::write(ends_[1], bytes.data(), bytes.size());
      check(more > 0, "write");
      bytes = bytes.subspan(static_cast<std::size_t>(more));
    }
  }
  void get(std::span<std::byte> bytes) {
    while (!bytes.empty()) {
      auto const more = ::read(ends_[0], bytes.data(), bytes.size());
      check(more > 0, "read");
      bytes = bytes.subspan(static_cast<std::size_t>(more));
    }
  }

 protected:
  int ends_[2];
};
struct through_pipe : descriptors {
  through_pipe() { check(::pipe(ends_) == 0, "pipe"); }
};
struct through_socket : descriptors {
  through_socket() { check(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_) == 0, "socketpair"); }
};

struct both_sides {
  std::atomic<int> ready{0};
  std::atomic<long> sum{0};
  std::array<clock::time_point, 2> begin{}, end{};
};

template <class Road> auto stream(std::size_t part) {
  return [part](std::size_t times) {
    in_the_commons<Road> road;
    in_the_commons<both_sides> home;
    auto& all = *home;
    auto const body = [&](int side) {
      auto const at = static_cast<std::size_t>(side);
      std::vector<std::byte> bytes(part, std::byte{1});
      ++all.ready;
      while (all.ready < 2) std::this_thread::yield();
      all.begin[at] = clock::now();
      long sum = 0, word = 0;
      for (std::size_t i = 1; i <= times; ++i) {
        if (side == 0) {
          word = static_cast<long>(i);
          std::memcpy(bytes.data(), &word, sizeof word);
          (*road).put(bytes);
        } else {
          (*road).get(bytes);
          std::memcpy(&word, bytes.data(), sizeof word);
          sum += word;
        }
      }
      all.end[at] = clock::now();
      if (side == 1) all.sum = sum;
    };
    {
      auto const reader = [&] { body(1); };
      other_side const other(true, reader);
      body(0);
    }
    auto const count = static_cast<long>(times);
    check(all.sum == count * (count + 1) / 2, "what came out");
    return std::max(all.end[0], all.end[1]) - std::min(all.begin[0], all.begin[1]);
  };
}

void ask(std::size_t part) {
  question("bytes in parts of " + std::to_string(part), unit::gb_per_s)
      .per_call(static_cast<double>(part))
      .base("a pipe", stream<through_pipe>(part))
      .peer("tandem::byte_stream", stream<ours>(part))
      .peer("the same, in place", stream<ours_in_place>(part))
      .peer("a Unix socket, stream", stream<through_socket>(part))
      .budget("tandem::byte_stream", at_least(part < 1000 ? 4 : 1.5));
}

}  // namespace

void questions() {
  for (std::size_t const part : {64, 4096, 65536}) ask(part);
}

}  // namespace tandem_bench
