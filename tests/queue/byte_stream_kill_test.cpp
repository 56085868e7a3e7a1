// SPDX-License-Identifier: BSL-1.0
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "support/random_kill.hpp"
#include "support/watchdog.hpp"
#include "tandem/core.hpp"
#include "tandem/memory/impl/participants.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/os/clock.hpp"
#include "tandem/queue/byte_stream.hpp"

using namespace std::chrono_literals;
using tandem::byte_stream, tandem::shared;
using tandem_test::place, tandem_test::verdict;

namespace {

enum class operation { write, read, reserve, peek };

constexpr std::size_t capacity = 16;
constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz0123456789";

/// A stream whose writer makes known that there is something before it is there.
class hasty_stream {
 public:
  explicit hasty_stream(std::size_t) {}
  std::size_t write_some(std::string_view from) {
    auto const at = tail_.load();
    tail_ = at + from.size();
    for (std::size_t i = 0; i < from.size(); ++i) data_[(at + i) % capacity] = from[i];
    return from.size();
  }
  std::size_t read_some(std::span<char> to) {
    auto const at = head_.load();
    auto const n = std::min<std::size_t>(to.size(), tail_ - at);
    head_ = at + n;
    for (std::size_t i = 0; i < n; ++i) to[i] = data_[(at + i) % capacity];
    return n;
  }
  std::size_t try_read_some(std::span<std::byte> to) {
    return read_some({reinterpret_cast<char*>(to.data()), to.size()});
  }

 private:
  std::atomic<std::size_t> head_{0}, tail_{0};
  std::array<char, capacity> data_{};
};

}  // namespace

template <> inline constexpr bool tandem::enable_shareable<hasty_stream> = true;

namespace {

/// Kills a child in one operation on 5 bytes, which go round the end of the ring; then they are all there, or none is,
/// and the stream is as good as new.
template <class Stream> tandem_test::kill_report kill_in(operation what, std::size_t passed, std::size_t inside) {
  constexpr std::size_t moves = 5;
  std::unique_ptr<shared<Stream>> stream;
  auto& done = place<std::atomic<bool>>(false);
  bool const writes = what == operation::write || what == operation::reserve;
  auto const rest = [&] {
    std::array<std::byte, capacity> room;
    std::size_t const n = (*stream)->try_read_some(room);
    return std::string(reinterpret_cast<char const*>(room.data()), n);
  };
  return tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            done = false;
            stream = std::make_unique<shared<Stream>>(capacity);
            (*stream)->write_some(std::string(passed, '-'));
            rest();
            (*stream)->write_some(alphabet.substr(0, inside));
          },
      .prepare = [] { tandem::impl::participants::self(); },
      .operation =
          [&] {
            std::array<char, moves> room;
            auto const text = alphabet.substr(inside, moves);
            if constexpr (std::is_same_v<Stream, byte_stream>) {
              if (what == operation::reserve) {
                auto const here = (*stream)->reserve(moves);
                std::memcpy(here.data(), text.data(), here.size());
                (*stream)->commit(here.size());
              } else if (what == operation::peek) {
                auto const here = (*stream)->peek(moves);
                (*stream)->consume(here.size());
              }
            }
            if (what == operation::write) (*stream)->write_some(text);
            if (what == operation::read) (*stream)->read_some(room);
            done = true;
          },
      .check = [&]() -> verdict {
        auto const got = rest();
        std::size_t const begin = got.empty() ? inside : alphabet.find(got[0]);
        if (begin > alphabet.size() || got != alphabet.substr(begin, got.size())) return "torn, or out of order";
        std::size_t const end = got.empty() ? inside : begin + got.size();
        bool const in_place = what == operation::reserve || what == operation::peek;
        std::size_t const moved = writes ? end - inside : begin;
        if (writes && begin != 0 && inside != 0) return "something is lost";
        if (!writes && end != inside) return "something is lost";
        if (moved != 0 && moved != moves && !in_place) return "a part";
        if (done && moved == 0) return "done, but not there";
        if (moved > moves) return "more than was asked for";
        for (int round = 0; round < 3; ++round) {
          if ((*stream)->write_some(alphabet.substr(0, capacity)) != capacity)
            return "there is less room than there was";
          if (rest() != alphabet.substr(0, capacity)) return "it does not work as before";
        }
        return true;
      },
      .stride = 5,
  });
}

}  // namespace

TEST_CASE("byte_stream: killed at every instruction of a write or a read, the other side goes on",
          "[queue][byte_stream][kill]") {
  if (tandem_test::sanitized) return;
  tandem_test::watchdog::allow(std::chrono::seconds(tandem_test::soaking() ? 3600 : 240));
  tandem::commons();
  for (auto const what : {operation::write, operation::read, operation::reserve, operation::peek}) {
    for (std::size_t const passed : {0U, 7U, 13U}) {
      CAPTURE(static_cast<int>(what), passed);
      auto const report = kill_in<byte_stream>(what, passed, 6);
      INFO(report.to_string());
      CHECK(report.passed());
    }
  }
}

TEST_CASE("byte_stream: one that makes known too early does not pass this test", "[queue][byte_stream][kill]") {
  if (tandem_test::sanitized || tandem_test::brief()) return;  // few points then, which may miss it
  tandem_test::no_wider_stride const here;
  auto const write = kill_in<hasty_stream>(operation::write, 7, 6);
  if (!write.skipped.empty()) return;
  CHECK(write.failures > 0);
}

TEST_CASE("byte_stream: killed at every instruction of its end's end, the reader sees the end",
          "[queue][byte_stream][kill]") {
  if (tandem_test::sanitized) return;
  tandem_test::watchdog::allow(std::chrono::seconds(tandem_test::soaking() ? 3600 : 240));
  tandem::commons();
  std::unique_ptr<shared<byte_stream>> stream;
  std::optional<tandem::byte_stream_writer> out;
  auto const report = tandem_test::kill_at_each_instruction({
      .reset = [&] { stream = std::make_unique<shared<byte_stream>>(capacity); },
      .prepare =
          [&] {
            out.emplace((*stream)->producer());
            out->write_some("abc");
          },
      .operation = [&] { out.reset(); },
      .check = [&]() -> verdict {
        std::array<char, capacity> room;
        std::size_t const got = (*stream)->read(room, tandem::deadline::after(5s));
        if (std::string_view(room.data(), got) != "abc") return "torn, or lost";
        return (*stream)->at_end() ? verdict(true) : verdict("the end does not come");
      },
      .stride = 7,
  });
  INFO(report.to_string());
  CHECK(report.passed());
}

TEST_CASE("byte_stream: killed at random, and replaced, both sides go on", "[queue][byte_stream][kill]") {
  if (tandem_test::soaking()) tandem_test::watchdog::allow(std::chrono::hours(4));
  tandem::commons();
  struct board {
    std::atomic<int> next_life{0};
    std::atomic<long> taken{0}, wrong{0};
  };
  auto& all = place<board>();
  shared<byte_stream> stream(512);
  auto const report = tandem_test::random_kill({
      .workers = 2,
      .kills = tandem_test::repetitions(tandem_test::sanitized ? 100 : 200, 10'000),
      .work =
          [&](int worker, std::uint64_t seed) {
            std::array<std::uint64_t, 12> records;
            auto const some = std::as_writable_bytes(std::span(records)).first(8 + seed % 12 * 8);
            if (worker == 0) {
              for (std::uint64_t next = static_cast<std::uint64_t>(all.next_life++) << 32;;) {
                for (auto& one : std::span(records).first(some.size() / 8)) one = next++;
                if (stream->write(some) != some.size()) ++all.wrong;
              }
            }
            std::uint64_t last = 0;
            for (std::size_t n; (n = stream->read_some(some)) != 0; ++all.taken) {
              if (n % 8 != 0) ++all.wrong;
              for (std::uint64_t const one : std::span(records).first(n / 8)) {
                if (last != 0 && one >> 32 == last >> 32 && one != last + 1) ++all.wrong;
                last = one;
              }
            }
          },
      .check = [&](int) -> verdict { return all.wrong == 0 ? verdict(true) : verdict("torn, lost, twice, or closed"); },
  });
  INFO(report.to_string());
  CHECK(report.passed());
  CHECK(all.taken > 0);
}
