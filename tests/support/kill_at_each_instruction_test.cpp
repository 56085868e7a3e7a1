// SPDX-License-Identifier: BSL-1.0
#include "support/kill_at_each_instruction.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/place.hpp"
#include "support/syscall_fault.hpp"

using namespace std::chrono_literals;
using tandem_test::kill_at_each_instruction, tandem_test::place;

namespace {

// The negative control: D. Vyukov's bounded MPMC ring (1024cores.net). Who dies between taking a ticket and writing its
// sequence number blocks the ring for ever.
struct ticket_ring {
  static constexpr std::uint64_t capacity = 8;
  struct cell {
    std::atomic<std::uint64_t> sequence;
    std::uint64_t value;
  };
  std::atomic<std::uint64_t> head{0};
  std::atomic<std::uint64_t> tail{0};
  cell cells[capacity];

  ticket_ring() { clear(); }
  void clear() {
    head = tail = 0;
    for (std::uint64_t i = 0; i < capacity; ++i) cells[i].sequence = i;
  }
  bool try_push(std::uint64_t value) {
    for (auto ticket = tail.load();;) {
      auto& place = cells[ticket % capacity];
      auto const ahead = static_cast<std::int64_t>(place.sequence.load() - ticket);
      if (ahead < 0) return false;
      if (ahead > 0) {
        ticket = tail.load();
      } else if (tail.compare_exchange_weak(ticket, ticket + 1)) {
        place.value = value;
        place.sequence.store(ticket + 1);
        return true;
      }
    }
  }
  bool try_pop(std::uint64_t& value) {
    for (auto ticket = head.load();;) {
      auto& place = cells[ticket % capacity];
      auto const ahead = static_cast<std::int64_t>(place.sequence.load() - ticket - 1);
      if (ahead < 0) return false;
      if (ahead > 0) {
        ticket = head.load();
      } else if (head.compare_exchange_weak(ticket, ticket + 1)) {
        value = place.value;
        place.sequence.store(ticket + capacity);
        return true;
      }
    }
  }
};

// One producer, one consumer: written first, published by one store. No instruction is a bad one to die at.
struct single_ring {
  std::atomic<std::uint64_t> tail{0};
  struct {
    std::uint64_t value, inverse;
  } cells[8] = {};

  void push(std::uint64_t value) {
    auto const at = tail.load(std::memory_order_relaxed);
    cells[at % 8] = {value, ~value};
    tail.store(at + 1, std::memory_order_release);
  }
};

}  // namespace

TEST_CASE("kill_at_each_instruction: a ring that publishes by one store passes",
          "[support][kill_at_each_instruction]") {
  tandem_test::no_wider_stride const here;
  auto& ring = place<single_ring>();
  long published = 0;
  auto const report = kill_at_each_instruction({.reset = [&] { new (&ring) single_ring; },
                                                .operation = [&] { ring.push(77); },
                                                .check =
                                                    [&] {
                                                      if (ring.tail == 0) return true;
                                                      ++published;
                                                      return ring.tail == 1 && ring.cells[0].value == 77 &&
                                                             ring.cells[0].inverse == ~77ULL;
                                                    }});
  INFO(report.to_string());
  CHECK(report.passed());
  if (report.skipped.empty()) {
    CHECK(report.points > 5);
    CHECK(published > 0);
  }
}

TEST_CASE("kill_at_each_instruction: a ring that takes a ticket first is found broken",
          "[support][kill_at_each_instruction]") {
  tandem_test::no_wider_stride const here;
  auto& ring = place<ticket_ring>();
  auto const report =
      kill_at_each_instruction({.reset = [&] { ring.clear(); },
                                .operation = [&] { ring.try_push(77); },
                                .check =
                                    [&] {
                                      std::uint64_t value = 0;
                                      while (ring.try_pop(value)) {}
                                      return ring.head == ring.tail ? "" : "a dead producer's ticket blocks the ring";
                                    }});
  INFO(report.to_string());
  if (report.skipped.empty() && !tandem_test::sanitized) {  // where no instruction is left out
    CHECK_FALSE(report.passed());
    CHECK(report.completed);
    CHECK(report.failures < report.points);
    CHECK(report.first_failure > 0);
    CHECK(report.complaint == "a dead producer's ticket blocks the ring");
  }
}

TEST_CASE("kill_at_each_instruction: what is prepared is not stepped", "[support][kill_at_each_instruction]") {
  auto& word = place<std::atomic<int>>(0);
  auto const report = kill_at_each_instruction(
      [&] {
        for (int i = 0; i < 100'000; ++i) word.store(1);
      },
      [&] { word.store(2); }, [&] { return word.load() != 0; });
  INFO(report.to_string());
  CHECK(report.passed());
  CHECK(report.points < 10'000);
}

TEST_CASE("kill_at_each_instruction: a sleeping instruction calls for its waker",
          "[support][kill_at_each_instruction]") {
  auto& word = place<std::atomic<std::uint32_t>>(0U);
  auto const report = kill_at_each_instruction({.reset = [&] { word = 0; },
                                                .operation =
                                                    [&] {
                                                      while (word == 0) {
                                                        ::syscall(SYS_futex, &word, FUTEX_WAIT, 0, nullptr, nullptr, 0);
                                                      }
                                                    },
                                                .check = [] { return true; },
                                                .asleep =
                                                    [&] {
                                                      word = 1;
                                                      ::syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
                                                    }});
  INFO(report.to_string());
  CHECK(report.passed());
  if (report.skipped.empty()) CHECK(report.sleeps > 0);
}

TEST_CASE("kill_at_each_instruction: a sleep that nobody ends is a failure, not a hang",
          "[support][kill_at_each_instruction]") {
  auto const report =
      kill_at_each_instruction({.operation = [] { ::pause(); }, .check = [] { return true; }, .patience = 50ms});
  INFO(report.to_string());
  if (report.skipped.empty()) {
    CHECK_FALSE(report.passed());
    CHECK(report.complaint.find("sleeps") != std::string::npos);
  }
}

TEST_CASE("kill_at_each_instruction: an interrupted operation comes to its end",
          "[support][kill_at_each_instruction]") {
  auto& word = place<std::atomic<int>>(0);
  long interrupted = 0;
  auto const report = kill_at_each_instruction({.reset = [&] { word = 0; },
                                                .operation = [&] { word.fetch_add(1); },
                                                .check = [&] { return word == 11; },
                                                .meanwhile =
                                                    [&] {
                                                      ++interrupted;
                                                      word.fetch_add(10);
                                                    }});
  INFO(report.to_string());
  CHECK(report.passed());
  CHECK(interrupted == report.points);
}

TEST_CASE("kill_at_each_instruction: a stride leaves instructions out", "[support][kill_at_each_instruction]") {
  auto const points = [](long stride) {
    return kill_at_each_instruction({.operation =
                                         [] {
                                           for (int i = 0; i < 100; ++i) asm volatile("");
                                         },
                                     .check = [] { return true; },
                                     .stride = stride})
        .points;
  };
  auto const few = points(50);
  if (!tandem_test::sanitized && !tandem_test::soaking())
    CHECK((few == 0 || few < points(10)));  // these change all strides
}

TEST_CASE("kill_at_each_instruction: where ptrace is denied it is skipped in words",
          "[support][kill_at_each_instruction]") {
  auto const end = tandem_test::run_with_fault({{SYS_ptrace, EPERM}}, [] {
    auto const report = kill_at_each_instruction({.operation = [] {}, .check = [] { return true; }});
    CHECK(report.passed());
    CHECK_THAT(report.to_string(), tandem_test::ContainsSubstring("skipped: ptrace is denied here"));
  });
  CHECK(end.passed());
}
