// SPDX-License-Identifier: BSL-1.0
// A member that dies at any one instruction of an operation, and at random moments: the others end what they are at, or
// are told, and nobody hangs.
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "support/seed.hpp"
#include "support/watchdog.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/impl/team_board.hpp"
#include "tandem/crew/impl/team_seat.hpp"
#include "tandem/crew/team.hpp"
#include "tandem/crew/team_member.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/memory/commons.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/os/clock.hpp"
#include "tandem/os/process_table.hpp"

using namespace std::chrono_literals;
using tandem::failure, tandem::member_lost, tandem::team_member;
using tandem::impl::team_ground, tandem::impl::team_seat;
using tandem_test::place, tandem_test::verdict;

namespace {

/// What both members do, rank 1 being the victim. Returns whether the other one got what it should.
struct act {
  char const* name;
  bool (*run)(team_member& me);
  long stride = 7;
};

std::string const text(100, 'x');

act const acts[] = {
    {"barrier",
     [](team_member& me) {
       me.barrier();
       return true;
     }},
    {"all_reduce of double", [](team_member& me) { return me.all_reduce(0.5) == 1.0; }},
    {"all_gather of text", [](team_member& me) { return me.all_gather(text).at(1) == text; }, 31},
    {"scatter of text", [](team_member& me) { return me.scatter(std::vector(2, text), 1) == text; }, 31},
    {"scratch", [](team_member& me) { return me.scratch<int>(100).back() == 0; }, 31},
    {"two letters from the victim",
     [](team_member& me) {
       if (me.rank() == 0) return me.receive<std::string>(1) == text && me.receive<int>(1) == 1;
       me.send(0, text);
       me.send(0, 1);
       return true;
     },
     31},
    {"two letters to the victim, and an answer",
     [](team_member& me) {
       if (me.rank() == 0) {
         me.send(1, text);
         me.send(1, 1);
         return me.receive<int>(1) == 101;
       }
       std::size_t const length = me.receive<std::string>(0).size();
       me.send(0, static_cast<int>(length) + me.receive<int>(0));
       return true;
     },
     31},
};

/// The victim and the others of a team, without what starts and follows them.
class scene {
 public:
  explicit scene(act const& what) : what_(what) {}
  ~scene() { end(); }

  void reset() {
    end();
    ground_.emplace(team_ground::of(2));
    told_ = false;
  }

  void prepare() {
    seat_.emplace(*ground_, 1);
    static_cast<void>(tandem::shared<int>(0));  // a participant, with a heap of its own
    victim_.emplace(*seat_, tandem::stop_token());
    for (int i = 0; i < 2; ++i) {
      victim_->send(1, text);
      static_cast<void>(victim_->receive<std::string>(1));
    }
  }
  void operate() { what_.run(*victim_); }

  /// The other one comes; at the latest when the victim is dead.
  void begin() {
    if (other_.joinable()) return;
    ended_ = false;
    id_ = 0;
    other_ = std::thread([this] {
      id_ = tandem::os::thread_id();
      team_seat seat(*ground_, 0);
      team_member me(seat, tandem::stop_token());
      try {
        complaint_ = what_.run(me) ? "" : "a wrong value";
      } catch (member_lost const& lost) {
        complaint_ = lost.rank() == 1 && lost.get_failure()->signal() == SIGKILL && told_ ? "" : lost.what();
      } catch (std::exception const& error) { complaint_ = error.what(); }
      ended_ = true;
    });
  }
  void wait_until_it_sleeps() {
    while (!ended_ && (id_ == 0 || tandem::os::look_up_task(::getpid(), id_).state != 'S')) std::this_thread::yield();
  }

  /// What who follows them does.
  void tell() {
    told_ = true;
    ground_->tell_of(1, failure::signaled("team 1", SIGKILL, false));
  }

  bool has_ended_within(std::chrono::milliseconds time) {
    for (auto const limit = std::chrono::steady_clock::now() + time; !ended_;) {
      if (std::chrono::steady_clock::now() > limit) return false;
      std::this_thread::yield();
    }
    return true;
  }
  std::string complaint() {
    other_.join();
    return complaint_;
  }

 private:
  void end() {
    if (other_.joinable()) other_.join();
    if (ground_) ground_->clear();
    ground_.reset();
  }

  act const& what_;
  std::optional<team_ground> ground_;
  std::optional<team_seat> seat_;  // in the victim
  std::optional<team_member> victim_;
  std::thread other_;
  std::atomic<pid_t> id_{0};
  std::atomic<bool> ended_{false}, told_{false};
  std::string complaint_;
};

enum class comes { first, last };  // the other one

tandem_test::kill_report kill_in(act const& what, comes when, bool is_told, long stride) {
  scene all(what);
  return tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            all.reset();
            if (when != comes::first) return;
            all.begin();
            all.wait_until_it_sleeps();
          },
      .prepare = [&] { all.prepare(); },
      .operation = [&] { all.operate(); },
      .check = [&]() -> verdict {
        all.begin();
        if (is_told) {
          all.tell();
        } else if (!all.has_ended_within(20ms)) {
          all.tell();
          static_cast<void>(all.complaint());
          return "it waits for the dead";
        }
        return all.complaint();
      },
      .asleep = [&] { all.begin(); },
      .stride = stride,
  });
}

}  // namespace

TEST_CASE("team: killed at every instruction of an operation, the others end it or are told", "[crew][team][kill]") {
  if (tandem_test::sanitized) return;
  tandem_test::watchdog::allow(std::chrono::seconds(tandem_test::soaking() ? 3600 : 240));
  tandem::commons();
  bool const can_sleep = tandem_test::sleeps_until_woken();
  for (auto const& what : acts) {
    for (auto const when : {comes::first, comes::last}) {
      if (when == comes::last && !can_sleep) continue;
      CAPTURE(what.name, when == comes::first);
      auto const report = kill_in(what, when, true, when == comes::first ? what.stride : 10 * what.stride);
      INFO(report.to_string());
      CHECK(report.passed());
    }
  }
}

TEST_CASE("team: where nobody tells, these tests find out", "[crew][team][kill]") {
  if (tandem_test::sanitized || tandem_test::brief()) return;
  tandem_test::no_wider_stride const every_one_of_these;
  for (std::size_t const which : {0U, 5U}) {
    auto const report = kill_in(acts[which], comes::first, false, 97);
    if (report.skipped.empty()) CHECK(report.failures > 0);
  }
}

TEST_CASE("team: a letter comes, whenever its sender has sent it and returned", "[crew][team][kill]") {
  if (tandem_test::sanitized) return;
  if (!tandem_test::sleeps_until_woken()) return;
  tandem::commons();
  std::optional<team_ground> ground;
  std::optional<team_seat> receiver;
  auto& got = place<std::atomic<int>>(0);
  bool is_sent = false;
  auto const send_and_return = [&] {
    if (std::exchange(is_sent, true)) return;
    team_seat seat(*ground, 0);
    seat.send(1, 5);
    seat.leave();
  };
  auto const report = tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            if (ground) ground->clear();
            ground.emplace(team_ground::of(2));
            ground->tell_all();  // there was something to look at before
            got = 0;
            is_sent = false;
          },
      .prepare =
          [&] {
            receiver.emplace(*ground, 1);
            receiver->send(1, 1);
            static_cast<void>(receiver->receive<int>(1));
          },
      .operation = [&] { got = receiver->receive<int>(0); },
      .check = [&]() -> verdict { return got == 5 ? "" : "it has not come"; },
      .asleep = send_and_return,
      .meanwhile = send_and_return,
      .stride = 3,
  });
  INFO(report.to_string());
  CHECK(report.passed());
  if (ground) ground->clear();
}

namespace {

/// All operations, again and again. Returns whether a value was wrong.
bool work(team_member& me, int rounds) {
  std::size_t const size = me.size(), next = (me.rank() + 1) % size, before = (me.rank() + size - 1) % size;
  bool wrong = false;
  for (int round = 0; round < rounds; ++round) {
    me.barrier();
    wrong |= me.all_reduce(me.rank()) != size * (size - 1) / 2;
    wrong |= me.broadcast(text, static_cast<std::size_t>(round) % size) != text;
    me.send(next, text + std::to_string(round));
    me.send(next, round);
    wrong |= me.scatter(std::vector(size, round), 0) != round;
    wrong |= me.receive<std::string>(before) != text + std::to_string(round);
    wrong |= me.receive<int>(before) != round;
    wrong |= me.all_gather(text).size() != size;
    wrong |= me.scratch<int>(100).back() != 0;
  }
  return wrong;
}

}  // namespace

TEST_CASE("team: what a dead member kept for others has gone with it: they are told that it has failed",
          "[crew][team][kill]") {
  auto const ground = team_ground::of(2);
  tandem::process<void> sender([ground] {
    team_seat seat(ground, 0);
    seat.send(1, tandem::shared<int>(5));
    std::raise(SIGKILL);
  });
  auto const how = sender.join();
  REQUIRE_FALSE(how);
  std::atomic<pid_t> receiver{0};
  std::thread teller([&] {
    while (receiver == 0 || tandem::os::look_up_task(::getpid(), receiver).state != 'S') std::this_thread::yield();
    ground.tell_of(0, how.error());
  });
  team_seat seat(ground, 1);
  receiver = tandem::os::thread_id();
  std::string said;
  try {
    static_cast<void>(seat.receive<tandem::shared<int>>(0));
  } catch (tandem::member_lost const& lost) { said = lost.what(); } catch (std::exception const& other) {
    said = std::string("not what it is: ") + other.what();
  }
  teller.join();
  CHECK_THAT(said, tandem_test::ContainsSubstring("rank 0 has failed"));
  ground.clear();
}

TEST_CASE("team: a member that is killed at a random moment never hangs the others", "[crew][team][kill]") {
  if (tandem_test::thread_sanitized) return;
  tandem_test::watchdog::allow(std::chrono::seconds(tandem_test::soaking() ? 3600 : 120));
  std::mt19937_64 random(tandem_test::test_seed());
  INFO("TANDEM_TEST_SEED=" << tandem_test::test_seed());
  long killed = 0, told = 0;
  for (long run = tandem_test::repetitions(100, 20'000); run > 0; --run) {
    std::size_t const size = 2 + random() % 4, victim = random() % size;
    auto const moment = static_cast<suseconds_t>(1 + random() % 5000);
    tandem::team<tandem::process> crew(size);
    auto const ended = crew.run_outcomes([=](team_member& me) {
      if (me.rank() == victim) {
        itimerval once{};
        once.it_value.tv_usec = moment;
        ::setitimer(ITIMER_REAL, &once, nullptr);  // SIGALRM kills
      }
      return work(me, 100);
    });
    bool const is_killed = !ended[victim] && ended[victim].error().signal() == SIGALRM;
    killed += is_killed;
    for (std::size_t rank = 0; rank < size; ++rank) {
      if (ended[rank]) {
        CHECK_FALSE(*ended[rank]);
        continue;
      }
      if (rank == victim) {
        CHECK(is_killed);
        continue;
      }
      CHECK(ended[rank].error().type() == "tandem::member_lost");
      CHECK_THAT(ended[rank].error().what(),
                 tandem_test::ContainsSubstring("rank " + std::to_string(victim) + " has failed"));
      ++told;
    }
  }
  CHECK(killed > 0);
  CHECK(told > 0);
}
