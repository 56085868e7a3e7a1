// SPDX-License-Identifier: BSL-1.0
// Overhead: what a unit costs to start, to keep, to switch to and to talk to.
#ifndef TANDEM_EXAMPLES_TRADEOFFS_OVERHEAD_HPP
#define TANDEM_EXAMPLES_TRADEOFFS_OVERHEAD_HPP

#include <sys/wait.h>  // for waitpid
#include <unistd.h>    // for _exit, fork

#include <algorithm>   // for nth_element
#include <array>       // for array
#include <atomic>      // for atomic
#include <chrono>      // for milliseconds
#include <cstdint>     // for int64_t, uint32_t, uint64_t
#include <fstream>     // for ifstream
#include <functional>  // for function
#include <map>         // for map
#include <memory>      // for make_unique_for_overwrite
#include <string>      // for string, to_string
#include <vector>      // for vector

#include <tandem/tandem.hpp>

#include "pinning.hpp"
#include "report.hpp"

namespace tradeoffs {

inline double median(std::vector<double> values) {
  auto const middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// The median of `f(mode)` in each mode. The rounds are interleaved, so that what else the machine does hits both.
inline std::map<tandem::mode, double> medians(report const& of, int rounds, std::function<double(tandem::mode)> f) {
  std::map<tandem::mode, std::vector<double>> all;
  for (int i = 0; i < rounds; ++i) {
    for (auto const mode : of.columns()) all[mode].push_back(f(mode));
  }
  std::map<tandem::mode, double> result;
  for (auto const& [mode, values] : all) result[mode] = median(values);
  return result;
}

inline double start_and_join_ns(tandem::mode mode) {
  auto const begin = now_ns();
  tandem::spawn(mode, [] {}).join().value();
  return static_cast<double>(now_ns() - begin);
}

/// The sum of the lines "NAME: n kB" of a file of /proc, for the names that begin with `prefix`; in KiB.
inline double sum_of(std::string const& path, std::string const& prefix) {
  std::ifstream file(path);
  double sum = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(prefix)) sum += std::stod(line.substr(line.find(':') + 1));
  }
  return sum;
}

struct memory {
  double own_kib = 0;          // anonymous pages, those that several processes have divided among them
  double page_tables_kib = 0;  // kept by the kernel
};

inline memory operator-(memory a, memory b) { return {a.own_kib - b.own_kib, a.page_tables_kib - b.page_tables_kib}; }

inline memory memory_of(std::string const& process) {
  return {sum_of("/proc/" + process + "/smaps_rollup", "Pss_Anon"), sum_of("/proc/" + process + "/status", "VmPTE")};
}

/// What each of 16 units that only wait adds: to their program if they are threads, in themselves if processes.
inline memory memory_per_unit(tandem::mode mode) {
  constexpr int count = 16;
  tandem::shared<std::atomic<int>> ready(0);
  memory const before = memory_of("self");
  std::vector<tandem::unit<>> units;
  for (int i = 0; i < count; ++i) {
    units.push_back(tandem::spawn(mode, [ready] {
      ready->fetch_add(1, std::memory_order_relaxed);  // only counts
      while (tandem::this_unit::sleep_for(std::chrono::hours(1))) {}
    }));
  }
  while (ready->load(std::memory_order_relaxed) != count) tandem::this_unit::sleep_for(std::chrono::milliseconds(1));
  memory sum = memory_of("self") - before;
  for (auto& unit : units) {
    if (auto* const process = unit.as_process()) {
      memory const its = memory_of(std::to_string(process->pid()));
      sum.own_kib += its.own_kib;
      sum.page_tables_kib += its.page_tables_kib;
    }
  }
  return {sum.own_kib / count, sum.page_tables_kib / count};  // the destructors stop the units and join
}

/// One of two players: waits for its turn, `rounds` times, and gives the turn to the other.
inline void play(tandem::shared<std::atomic<std::uint32_t>> turn, std::uint32_t me, int rounds, int cpu) {
  pin_to(cpu);
  for (int i = 0; i < rounds; ++i) {
    // acquire and release: what one did before it gave the turn away is seen by the other
    for (std::uint32_t now; (now = turn->load(std::memory_order_acquire)) != me;)
      tandem::os::futex_wait(turn.get(), now);
    turn->store(1 - me, std::memory_order_release);
    tandem::os::futex_wake(turn.get(), 1);
  }
}

/// From one unit to another on the same CPU: a sleep, a wake-up and the switch.
inline double switch_ns(tandem::mode mode, int rounds) {
  tandem::shared<std::atomic<std::uint32_t>> turn(2U);  // nobody's yet
  int const cpu = first_cpu();
  auto first = tandem::spawn(mode, play, turn, 0U, rounds, cpu);
  auto second = tandem::spawn(mode, play, turn, 1U, rounds, cpu);
  auto const begin = now_ns();
  turn->store(0, std::memory_order_release);
  tandem::os::futex_wake(turn.get());
  first.join().value();
  second.join().value();
  return static_cast<double>(now_ns() - begin) / (2.0 * rounds);
}

/// A ring for one writer and one reader: atomics and flat values, so it may live in the commons.
struct ring {
  using message = std::array<std::uint64_t, 8>;
  alignas(64) std::atomic<std::uint64_t> written{0};
  alignas(64) std::atomic<std::uint64_t> read{0};
  std::array<message, 1024> slots{};
};

inline double message_ns(tandem::mode mode, std::uint64_t count) {
  tandem::shared<ring> road;
  auto reader = tandem::spawn(
      mode,
      [](tandem::shared<ring> from, std::uint64_t last) {
        std::uint64_t sum = 0;
        for (std::uint64_t i = 0; i < last; ++i) {
          // acquire: pairs with the writer's release, so that the slot is filled
          while (from->written.load(std::memory_order_acquire) == i) tandem::this_unit::yield();
          sum += from->slots[i % from->slots.size()][0];
          from->read.store(i + 1, std::memory_order_release);  // pairs with the writer's acquire: the slot is free
        }
        return sum;
      },
      road, count);
  auto const begin = now_ns();
  for (std::uint64_t i = 0; i < count; ++i) {
    while (i - road->read.load(std::memory_order_acquire) == road->slots.size()) tandem::this_unit::yield();
    road->slots[i % road->slots.size()].fill(i);
    road->written.store(i + 1, std::memory_order_release);
  }
  if (reader.join().value() != count * (count - 1) / 2) throw std::logic_error("messages were lost");
  return static_cast<double>(now_ns() - begin) / static_cast<double>(count);
}

/// A large result, handed over by value: from the moment when the unit has it to the moment when join has given it.
struct large {
  std::vector<std::uint64_t> numbers;
  std::int64_t ready_at = 0;
};

inline double result_ns(tandem::mode mode, std::size_t bytes) {
  auto const got = tandem::spawn(
                       mode,
                       [](std::size_t count) {
                         large made{std::vector<std::uint64_t>(count, 7), 0};
                         made.ready_at = now_ns();
                         return made;
                       },
                       bytes / sizeof(std::uint64_t))
                       .join()
                       .value();
  return static_cast<double>(now_ns() - got.ready_at);
}

/// Of a page of memory that is touched for the first time: a new process has many of them.
inline double page_fault_ns() {
  std::size_t const pages = 1024;
  auto const begin = now_ns();
  auto const memory = std::make_unique_for_overwrite<char volatile[]>(pages * 4096);
  for (std::size_t i = 0; i < pages; ++i) memory[i * 4096] = 1;
  return static_cast<double>(now_ns() - begin) / pages;
}

/// What starting a process costs without tandem.
inline double bare_fork_ns() {
  auto const begin = now_ns();
  pid_t const child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  return static_cast<double>(now_ns() - begin);
}

inline void overhead(report& to, bool quick) {
  to.aspect("overhead");
  auto const us = [](double ns) { return answer{number("%.1f us", ns / 1e3), ns / 1e3}; };
  auto const ns = [](double value) { return answer{number("%.0f ns", value), value}; };
  auto const kib = [](double value) { return answer{number("%.0f KiB", value), value}; };

  int const starts_measured = quick ? 50 : 300;
  std::vector<double> bare_forks;
  auto starts = medians(to, starts_measured, [&](auto mode) {
    bare_forks.push_back(bare_fork_ns());
    return start_and_join_ns(mode);
  });
  double const fork_us = median(bare_forks) / 1e3;
  double const fault_us = page_fault_ns() / 1e3;
  to.note("bare_fork_us", number("a bare fork and wait takes %.1f us", fork_us), fork_us);
  to.note("page_fault_us", number("a page fault %.2f us", fault_us), fault_us);
  to.row("start_and_join_us", "start and join", [&](auto mode) { return us(starts[mode]); });

  std::map<tandem::mode, memory> kept;
  for (auto const mode : to.columns()) kept[mode] = memory_per_unit(mode);
  to.row("memory_kib", "memory of one that waits", [&](auto mode) { return kib(kept[mode].own_kib); });
  to.row("page_tables_kib", "page tables of one that waits",
         [&](auto mode) { return kib(kept[mode].page_tables_kib); });

  auto switches = medians(to, quick ? 3 : 11, [&](auto mode) { return switch_ns(mode, quick ? 500 : 20'000); });
  to.row("switch_ns", "wake another on the same CPU, switch to it", [&](auto mode) { return ns(switches[mode]); });

  auto messages = medians(to, quick ? 3 : 11, [&](auto mode) { return message_ns(mode, quick ? 20'000 : 1'000'000); });
  to.row("message_ns", "a message of 64 bytes through shared<ring>", [&](auto mode) { return ns(messages[mode]); });

  auto results = medians(to, quick ? 3 : 11, [](auto mode) { return result_ns(mode, 16 << 20); });
  to.row("result_16_mib_us", "a result of 16 MiB, by value", [&](auto mode) { return us(results[mode]); });
}

}  // namespace tradeoffs

#endif  // TANDEM_EXAMPLES_TRADEOFFS_OVERHEAD_HPP
