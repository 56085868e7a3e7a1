// SPDX-License-Identifier: BSL-1.0
// Elements with descriptors in them: each comes with those that it was sent with, whoever dies.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/thread.hpp"
#include "tandem/execution/zygote.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/os/clock.hpp"
#include "tandem/queue/bounded_queue.hpp"
#include "tandem/queue/spsc_queue.hpp"
#include "tandem/resource/fd.hpp"
#include "tandem/resource/pipe.hpp"
#include "tandem/sync/wait.hpp"

using namespace std::chrono_literals;
using namespace tandem_test;
using tandem::bounded_queue, tandem::fd, tandem::shared, tandem::spsc_queue;

namespace {

/// A file that knows its number.
struct file {
  int number = 0;
  fd content;
};

file make_file(int number) {
  file made{number, fd(::memfd_create("numbered", MFD_CLOEXEC))};
  if (!made.content || ::pwrite(made.content.get(), &number, sizeof number, 0) != sizeof number) std::abort();
  return made;
}
/// Whether it came with its own content.
bool is_whole(file const& one) {
  int number = -1;
  return ::pread(one.content.get(), &number, sizeof number, 0) == sizeof number && number == one.number;
}

using files = bounded_queue<file>;

}  // namespace

TEMPLATE_TEST_CASE("bounded_queue: descriptors come along, to units of either kind", "[queue][bounded_queue][fd]",
                   tandem::thread<int>, tandem::process<int>) {
  shared<files> queue(4);
  std::vector<TestType> units;
  for (int i = 0; i < 3; ++i)
    units.emplace_back(
        [](auto in) {
          int count = 0;
          while (auto one = in.pop()) count += is_whole(*one) ? 1 : 1'000'000;
          return count;
        },
        queue->consumer());
  auto out = queue->producer();
  for (int i = 0; i < 300; ++i) CHECK(out.push(make_file(i)));
  out.close();
  int sum = 0;
  for (auto& one : units) sum += one.join().value();
  CHECK(sum == 300);
}

TEST_CASE("bounded_queue: descriptors from units, by every start method", "[queue][bounded_queue][fd]") {
  bool const by_zygote = GENERATE(false, true);
  std::optional<tandem::zygote> zygote;
  if (by_zygote) zygote.emplace();
  tandem::start const how = by_zygote ? tandem::start(*zygote) : tandem::start::fork;
  shared<files> queue(8);
  std::vector<tandem::process<void>> units;
  {
    auto const end = queue->producer();
    for (int i = 0; i < 3; ++i)
      units.emplace_back(
          tandem::options{.start = how},
          [](auto out, int first) {
            for (int k = 0; k < 50; ++k) out.push(make_file(first + k));
          },
          end, 100 * i);
  }
  int count = 0;
  while (auto one = queue->pop()) {  // the maker needs no end
    CHECK(is_whole(*one));
    ++count;
  }
  CHECK(count == 150);
  for (auto& one : units) CHECK(one.join().has_value());
}

TEST_CASE("bounded_queue: descriptors outlive who sent them", "[queue][bounded_queue][fd][death]") {
  shared<files> queue(8);
  tandem::process sender(
      [](auto out) {
        for (int i = 0; i < 5; ++i) out.push(make_file(i));
        ::raise(SIGKILL);
      },
      queue->producer());
  CHECK_FALSE(sender.join().has_value());
  for (int i = 0; i < 5; ++i) {
    auto const one = queue->pop();
    REQUIRE(one);
    CHECK(one->number == i);
    CHECK(is_whole(*one));
  }
  CHECK(queue->pop() == std::nullopt);
}

TEST_CASE("bounded_queue: many descriptors in one element, and in containers", "[queue][bounded_queue][fd]") {
  shared<bounded_queue<std::vector<fd>>> queue(2);
  std::vector<fd> many;
  for (int i = 0; i < 253; ++i) many.push_back(make_file(i).content.dup());
  CHECK(queue->push(std::move(many)));
  auto const got = queue->pop();
  REQUIRE(got);
  CHECK(got->size() == 253);
  for (int i = 0; i < 253; ++i) {
    int number = -1;
    CHECK(::pread((*got)[static_cast<std::size_t>(i)].get(), &number, sizeof number, 0) == sizeof number);
    CHECK(number == i);
  }
  std::vector<fd> more;
  for (int i = 0; i < 254; ++i) more.push_back(make_file(i).content.dup());
  CHECK(error_of([&] { queue->push(std::move(more)); }) == E2BIG);
  CHECK(queue->push(std::vector<fd>()));
  CHECK(queue->pop()->empty());
}

TEST_CASE("bounded_queue: more descriptors than the kernel lets be on their way", "[queue][bounded_queue][fd]") {
  shared<files> queue(100'000);
  auto out = queue->producer();
  int pushed = 0;
  while (out.try_push(make_file(pushed))) ++pushed;
  CHECK(pushed > 10);
  CHECK_FALSE(out.push_for(make_file(0), 1ms));
  CHECK(tandem::wait_any(1ms, out) == std::nullopt);
  std::thread taker([&, in = queue->consumer()]() mutable {
    for (int i = 0; i < pushed + 50; ++i) {
      auto const one = in.pop();
      if (!one || one->number != i || !is_whole(*one)) std::abort();
    }
  });
  CHECK(tandem::wait_any(out) == 0);
  for (int i = 0; i < 50; ++i) CHECK(out.push(make_file(pushed + i)));
  taker.join();
}

TEST_CASE("spsc_queue: descriptors in batches, by its ends", "[queue][spsc_queue][fd]") {
  shared<spsc_queue<file>> queue(16);
  tandem::process taker(
      [](auto in) {
        file room[5];
        int count = 0;
        while (std::size_t const n = in.pop_some(room))
          for (std::size_t i = 0; i < n; ++i, ++count)
            if (room[i].number != count || !is_whole(room[i])) return -1;
        return count;
      },
      queue->consumer());
  auto out = queue->producer();
  for (int i = 0; i < 100; ++i) CHECK(out.push(make_file(i)));
  out.close();
  CHECK(taker.join().value() == 100);
}

TEST_CASE("bounded_queue: where there is no road for descriptors", "[queue][bounded_queue][fd]") {
  shared<files> queue(4);
  auto& wrong = place<std::atomic<int>>(0);
  tandem::process<void>([queue, &wrong] {
    wrong += code_of([&] { queue->push(make_file(1)); }) == EOPNOTSUPP ? 0 : 1;
    wrong += code_of([&] { queue->producer(); }) == EPERM ? 0 : 2;
    wrong += code_of([&] { queue->consumer(); }) == EPERM ? 0 : 4;
  })
      .join()
      .value();
  CHECK(wrong == 0);
  queue->push(make_file(2));
  tandem::process<void>([queue, &wrong] { wrong += code_of([&] { queue->pop(); }) == EOPNOTSUPP ? 0 : 1; })
      .join()
      .value();
  CHECK(wrong == 0);
  CHECK_FALSE(queue->try_pop());  // it was taken, and is gone
  queue->push(make_file(3));
  CHECK(is_whole(*queue->pop()));
}

TEST_CASE("bounded_queue: descriptors that do not fit into who takes them", "[queue][bounded_queue][fd]") {
  CHECK(run_in_child([] {
          shared<files> queue(4);
          auto in = queue->consumer();
          queue->push(make_file(1));
          queue->push(make_file(2));
          rlimit before{};
          CHECK(::getrlimit(RLIMIT_NOFILE, &before) == 0);
          rlimit const none{0, before.rlim_max};
          CHECK(::setrlimit(RLIMIT_NOFILE, &none) == 0);
          CHECK(error_of([&] { in.pop(); }) == EMFILE);
          CHECK(::setrlimit(RLIMIT_NOFILE, &before) == 0);
          auto const next = in.pop();
          CHECK((next && next->number == 2 && is_whole(*next)));
        }).passed());
}

TEST_CASE("bounded_queue: units that send and take descriptors are killed at random",
          "[queue][bounded_queue][fd][kill]") {
  shared<files> queue(8);
  auto out = queue->producer();
  auto in = queue->consumer();
  struct board {
    std::atomic<long> taken{0}, wrong{0};
  };
  auto& all = place<board>();
  auto const sender = [](auto mine) {
    for (int i = 0;; ++i) mine.push(make_file(i));
  };
  auto const taker = [&all](auto mine) {
    while (auto const one = mine.pop()) {
      if (!is_whole(*one)) ++all.wrong;
      ++all.taken;
    }
  };
  std::vector<tandem::process<void>> senders, takers;
  for (int i = 0; i < 2; ++i) {
    senders.emplace_back(sender, out);
    takers.emplace_back(taker, in);
  }
  long const kills = repetitions(sanitized ? 20 : 100, 5'000);
  for (long i = 0; i < kills; ++i) {
    long const before = all.taken;
    auto const until = tandem::os::monotonic_ns() + 10'000'000'000;
    while (all.taken < before + 5)
      if (tandem::os::monotonic_ns() > until) break;
    CHECK(all.taken >= before + 5);  // they get on
    auto& victims = i % 2 == 0 ? senders : takers;
    auto& victim = victims[static_cast<std::size_t>(i / 2 % 2)];
    victim.kill(SIGKILL);
    CHECK_FALSE(victim.join().has_value());
    if (i % 2 == 0)
      victim = tandem::process<void>(sender, out);
    else
      victim = tandem::process<void>(taker, in);
  }
  CHECK(all.wrong == 0);
  for (auto& one : senders) one.kill(SIGKILL);
  for (auto& one : takers) one.kill(SIGKILL);
  for (auto& one : senders) CHECK_FALSE(one.join().has_value());
  for (auto& one : takers) CHECK_FALSE(one.join().has_value());
}

TEST_CASE("bounded_queue: killed at each instruction of sending and taking a descriptor",
          "[queue][bounded_queue][fd][kill]") {
  bool const sends = GENERATE(true, false);
  std::optional<shared<files>> queue;
  std::optional<tandem::queue_producer<files>> out;
  std::optional<tandem::queue_consumer<files>> in;
  auto const report = kill_at_each_instruction({
      .reset =
          [&] {
            queue.emplace(3);
            out.emplace((*queue)->producer());
            in.emplace((*queue)->consumer());
            for (int i = 0; i < 2; ++i) (*queue)->push(make_file(i));
          },
      .prepare =  // a participant, with small blocks at hand
      [] {
        files mine(1);
        mine.try_push(make_file(0));
        mine.try_pop();
      },
      .operation =
          [&] {
            if (sends)
              out->try_push(make_file(2));
            else
              in->try_pop();
          },
      .check = [&]() -> verdict {
        for (int i = 10; i < 13; ++i) {
          int count = 0;
          while (auto const one = (*queue)->try_pop()) {
            if (!is_whole(*one)) return "it came with another's";
            ++count;
          }
          if (i == 10 && count < (sends ? 2 : 1)) return "something is lost";
          for (int k = 0; k < 3; ++k)
            if (!(*queue)->try_push(make_file(i + k))) return "there is less room than there was";
        }
        return true;
      },
      .stride = 97,
  });
  INFO(report.to_string());
  CHECK(report.passed());
}
