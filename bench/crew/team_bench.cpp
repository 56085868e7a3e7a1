// SPDX-License-Identifier: BSL-1.0
// us for the members of a team, two on two CPUs, to meet at a barrier, to add up a double, and to send a number there
// and back; for a run of four with nothing to do; and from the death of one process until the others are told.
#include <array>    // for array
#include <atomic>   // for atomic
#include <barrier>  // for barrier
#include <chrono>   // for steady_clock
#include <csignal>  // for raise, SIGKILL
#include <cstddef>  // for size_t
#include <cstdint>  // for int64_t
#include <thread>   // for thread
#include <vector>   // for vector

#include "support/question.hpp"
#include "tandem/crew/member_lost.hpp"
#include "tandem/crew/team.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/thread.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/queue/spsc_queue.hpp"
#include "tandem/sync/barrier.hpp"

namespace tandem_bench {
namespace {

using clock = std::chrono::steady_clock;

/// How long side 0 takes for `times` calls of play(side, i), when the other one is there as well.
template <class Meet, class Play> double timed(std::size_t side, std::size_t times, Meet meet, Play play) {
  pin_side(static_cast<int>(side));
  for (std::size_t i = 0; i < 100; ++i) check(play(i), "what came of it");
  meet();
  auto const begin = clock::now();
  for (std::size_t i = 100; i < 100 + times; ++i) check(play(i), "what came of it");
  return std::chrono::duration<double>(clock::now() - begin).count();
}

/// Members of a team.
template <template <class> class Unit, class Play> auto in_team(Play play) {
  return [play](std::size_t times) {
    auto const took = tandem::team<Unit>(2).run([play, times](tandem::team_member& me) {
      return timed(
          me.rank(), times, [&] { me.barrier(); }, [&](std::size_t i) { return play(me, i); });
    });
    return std::chrono::duration<double>(took[0]);
  };
}

/// Threads at a barrier; `play(barrier, values, side, i)`.
template <class Barrier, class Play> auto in_threads(Play play) {
  return [play](std::size_t times) {
    struct alignas(64) value {
      std::array<double, 2> of_step;
    };
    Barrier barrier(2);
    std::array<value, 2> values{};
    double took = 0;
    auto const side = [&](std::size_t number) {
      return timed(
          number, times, [&] { barrier.arrive_and_wait(); },
          [&](std::size_t i) { return play(barrier, values, number, i); });
    };
    std::thread other([&] { side(1); });
    took = side(0);
    other.join();
    return std::chrono::duration<double>(took);
  };
}

constexpr auto meet = [](tandem::team_member& me, std::size_t) {
  me.barrier();
  return true;
};
constexpr auto meet_in_threads = [](auto& barrier, auto&, std::size_t, std::size_t) {
  barrier.arrive_and_wait();
  return true;
};

constexpr auto add = [](tandem::team_member& me, std::size_t i) {
  auto const mine = static_cast<double>(i + me.rank());
  return me.all_reduce(mine) == static_cast<double>(2 * i + 1);
};
/// By hand: as few steps as a team needs, since values of even and of odd rounds have places of their own.
constexpr auto add_in_threads = [](auto& barrier, auto& values, std::size_t side, std::size_t i) {
  values[side].of_step[i % 2] = static_cast<double>(i + side);
  barrier.arrive_and_wait();
  return values[0].of_step[i % 2] + values[1].of_step[i % 2] == static_cast<double>(2 * i + 1);
};

constexpr auto there_and_back = [](tandem::team_member& me, std::size_t i) {
  if (me.rank() == 0) {
    me.send(1, i);
    return me.receive<std::size_t>(1) == i;
  }
  me.send(0, me.receive<std::size_t>(0));
  return true;
};
template <template <class> class Unit> auto by_queues() {
  return [](std::size_t times) {
    tandem::shared<tandem::spsc_queue<std::size_t>> there(64), back(64);
    Unit<void> other([there, back, times] {
      pin_side(1);
      for (std::size_t i = 0; i < 100 + times; ++i) back->push(*there->pop());
    });
    double const took = timed(
        0, times, [] {},
        [&](std::size_t i) {
          there->push(i);
          return *back->pop() == i;
        });
    check(other.join().has_value(), "the other side");
    return std::chrono::duration<double>(took);
  };
}

template <template <class> class Unit> void run_four() {
  tandem::team<Unit>(4).run([](tandem::team_member&) {});
}
template <template <class> class Unit> void start_four() {
  std::vector<Unit<void>> all;
  for (int i = 0; i < 4; ++i) all.emplace_back([] {});
  for (auto& one : all) check(one.join().has_value(), "a unit");
}

std::int64_t now() { return clock::now().time_since_epoch().count(); }
void die(std::atomic<std::int64_t>& moment) {
  moment = now();
  std::raise(SIGKILL);
}

auto told_in_a_team() {
  return [](std::size_t times) {
    clock::duration took{0};
    for (std::size_t i = 0; i < times; ++i) {
      tandem::shared<std::atomic<std::int64_t>> death(0);
      auto const told = tandem::team<tandem::process>(2).run_outcomes([death](tandem::team_member& me) {
        me.barrier();
        if (me.rank() == 1) die(*death);
        try {
          me.barrier();
        } catch (tandem::member_lost const&) {}
        return now();
      });
      took += clock::duration(*told[0] - *death);
    }
    return took;
  };
}
auto joined_by_its_starter() {
  return [](std::size_t times) {
    clock::duration took{0};
    for (std::size_t i = 0; i < times; ++i) {
      tandem::shared<std::atomic<std::int64_t>> death(0);
      tandem::process victim([death] { die(*death); });
      check(!victim.join(), "a death");
      took += clock::duration(now() - *death);
    }
    return took;
  };
}

}  // namespace

void questions() {
  question("S4: two members meet at a barrier", unit::us)
      .placed(placement::two_cpus)
      .base("std::barrier, threads", in_threads<std::barrier<>>(meet_in_threads))
      .peer("tandem::barrier, threads", in_threads<tandem::barrier<>>(meet_in_threads))
      .peer("tandem::team<thread>", in_team<tandem::thread>(meet))
      .peer("tandem::team<process>", in_team<tandem::process>(meet))
      .budget("tandem::team<thread>", at_most(1.2))
      .budget("tandem::team<process>", at_most(1.2));
  question("two members add up a double", unit::us)
      .placed(placement::two_cpus)
      .base("std::barrier, threads", in_threads<std::barrier<>>(add_in_threads))
      .peer("tandem::barrier, threads", in_threads<tandem::barrier<>>(add_in_threads))
      .peer("tandem::team<thread>", in_team<tandem::thread>(add))
      .peer("tandem::team<process>", in_team<tandem::process>(add))
      .budget("tandem::team<thread>", at_most(1.2))
      .budget("tandem::team<process>", at_most(1.2));
  question("two members send a number there and back", unit::us)
      .placed(placement::two_cpus)
      .base("two tandem::spsc_queue, threads", by_queues<tandem::thread>())
      .peer("two tandem::spsc_queue, processes", by_queues<tandem::process>())
      .peer("tandem::team<thread>", in_team<tandem::thread>(there_and_back))
      .peer("tandem::team<process>", in_team<tandem::process>(there_and_back));
  question("a run of four members with nothing to do", unit::us)
      .base("four threads", start_four<tandem::thread>)
      .peer("tandem::team<thread>", run_four<tandem::thread>)
      .peer("four processes", start_four<tandem::process>)
      .peer("tandem::team<process>", run_four<tandem::process>);
  question("from a member's death until another one that waits is told", unit::us)
      .base("process::join in its starter", joined_by_its_starter())
      .peer("member_lost in the other member", told_in_a_team());
}

}  // namespace tandem_bench
