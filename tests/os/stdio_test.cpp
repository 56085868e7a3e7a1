// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/stdio.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <cwchar>
#include <functional>
#include <string>
#include <thread>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "tandem/os/descriptor.hpp"

namespace os = tandem::os;
using tandem_test::thread_sanitized;

namespace {

// A stream into a pipe, and what comes out of it in the end.
class stream_to_pipe {
 public:
  stream_to_pipe() {
    int ends[2];
    REQUIRE(os::open_pipe(ends) == 0);
    read_end_ = ends[0];
    stream = ::fdopen(ends[1], "w");
    REQUIRE(stream != nullptr);
  }
  stream_to_pipe(stream_to_pipe const&) = delete;
  ~stream_to_pipe() {
    if (stream != nullptr) std::fclose(stream);
    os::close(read_end_);
  }

  std::string close_and_read() {
    std::fclose(stream);
    stream = nullptr;
    std::string text;
    char part[256];
    for (;;) {
      auto const count = os::read(read_end_, part, sizeof part);
      if (count <= 0) return text;
      text.append(part, static_cast<std::size_t>(count));
    }
  }

  FILE* stream = nullptr;

 private:
  int read_end_ = -1;
};

// Forks and waits, and unlike the harness's children flushes nothing on its own.
bool ends_well(std::function<void()> const& body) {
  pid_t const child = ::fork();
  if (child == 0) {
    body();
    ::_exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return status == 0;
}

}  // namespace

TEST_CASE("stdio: what the parent had not flushed is written once, by the parent", "[os][stdio]") {
  stream_to_pipe first;
  stream_to_pipe second;
  std::fputs("parent ", first.stream);
  std::fputs("parent ", second.stream);
  CHECK(ends_well([&] {
    os::forget_unwritten_output();
    std::fputs("child ", first.stream);
    os::flush_output();
  }));
  CHECK(first.close_and_read() == "child parent ");
  CHECK(second.close_and_read() == "parent ");
}

TEST_CASE("stdio: so it is with wide characters", "[os][stdio]") {
  stream_to_pipe stream;
  REQUIRE(std::fputws(L"parent ", stream.stream) >= 0);
  CHECK(ends_well([&] {
    os::forget_unwritten_output();
    std::fputws(L"child ", stream.stream);
    os::flush_output();
  }));
  CHECK(stream.close_and_read() == "child parent ");
}

TEST_CASE("stdio: a stream with unwritten output is found, a flushed one is not", "[os][stdio]") {
  stream_to_pipe waiting;
  stream_to_pipe flushed;
  std::fputs("text", waiting.stream);
  std::fputs("text", flushed.stream);
  std::fflush(flushed.stream);
  int waits = 0;
  int others = 0;
  os::for_each_unwritten([&](FILE* stream) {
    waits += stream == waiting.stream;
    others += stream == flushed.stream;
  });
  CHECK(waits == 1);
  CHECK(others == 0);
}

TEST_CASE("stdio: without forgetting it would be written twice, which is why", "[os][stdio]") {
  stream_to_pipe stream;
  std::fputs("twice ", stream.stream);
  CHECK(ends_well([&] { os::flush_output(); }));
  CHECK(stream.close_and_read() == "twice twice ");
}

TEST_CASE("stdio: flushing writes out every stream", "[os][stdio]") {
  stream_to_pipe first;
  stream_to_pipe second;
  CHECK(ends_well([&] {
    os::forget_unwritten_output();
    std::fputs("one", first.stream);
    std::fputs("two", second.stream);
    os::flush_output();
  }));
  CHECK(first.close_and_read() == "one");
  CHECK(second.close_and_read() == "two");
}

TEST_CASE("stdio: what was read ahead is kept", "[os][stdio]") {
  int ends[2];
  REQUIRE(os::open_pipe(ends) == 0);
  REQUIRE(os::write(ends[1], "abcdef", 6) == 6);
  FILE* const input = ::fdopen(ends[0], "r");
  CHECK(std::fgetc(input) == 'a');
  CHECK(ends_well([&] {
    os::forget_unwritten_output();
    if (std::fgetc(input) != 'b' || std::fgetc(input) != 'c') ::_exit(1);
  }));
  CHECK(std::fgetc(input) == 'b');
  std::fclose(input);
  os::close(ends[1]);
}

TEST_CASE("stdio: a stream that another thread was using is forgotten too", "[os][stdio]") {
  if (thread_sanitized)
    return;  // which takes the other thread, that the child does not have, for a leak of the child's
  stream_to_pipe stream;
  std::atomic<bool> stop{false};
  std::atomic<int> lines{0};
  std::setvbuf(stream.stream, nullptr, _IOFBF, 1 << 20);
  std::thread writer{[&] {
    for (int i = 0; i < 10'000 && !stop.load(std::memory_order_relaxed); ++i) {
      std::fputs("x\n", stream.stream);
      lines.fetch_add(1, std::memory_order_relaxed);
    }
  }};
  int failed = 0;
  for (int i = 0; i < 20; ++i) {
    failed += ends_well([&] {
      os::forget_unwritten_output();
      std::fputs("", stream.stream);
      os::flush_output();
    })
                  ? 0
                  : 1;
  }
  stop.store(true, std::memory_order_relaxed);
  writer.join();
  CHECK(failed == 0);
  CHECK(stream.close_and_read().size() == 2 * static_cast<std::size_t>(lines));
}
