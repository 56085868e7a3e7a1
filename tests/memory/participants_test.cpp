// SPDX-License-Identifier: BSL-1.0
#include "tandem/memory/impl/participants.hpp"

#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "tandem/memory/impl/members.hpp"

namespace impl = tandem::impl;
using impl::participants;
using tandem_test::child_process, tandem_test::place, tandem_test::run_in_child;

namespace {
void wait_until_set(std::atomic<impl::token>& who) {
  while (who == 0) std::this_thread::yield();
}
}  // namespace

TEST_CASE("participants: a thread is one, with a token of its own, for life", "[memory][participants]") {
  auto const me = participants::self();
  CHECK(me == participants::self());
  CHECK_FALSE(participants::has_ended(me));
  CHECK_FALSE(participants::prove_ended(me));
  std::set<impl::token> seen{me};
  for (int i = 0; i < 50; ++i) {
    impl::token other = 0;
    std::thread([&other] {
      other = participants::self();
      CHECK_FALSE(participants::has_ended(other));
    }).join();
    CHECK(participants::has_ended(other));
    CHECK(seen.insert(other).second);
  }
}

TEST_CASE("participants: no token is a TID, none is nobody", "[memory][participants]") {
  for (std::uint32_t generation : {0U, 1U, 0x7fffU, 0x8000U, 0xffffffffU}) {
    impl::token const who = impl::make_token(impl::token_slots - 1, generation);
    CHECK(who > (1U << 22));
    CHECK((who >> 30) == 0);
    CHECK(impl::slot_of(who) == impl::token_slots - 1);
  }
  CHECK(impl::next_token(5, impl::make_token(5, 0x7fff)) == impl::make_token(5, 0));
}

TEST_CASE("participants: every way to end is seen, and wakes who watches", "[memory][participants][death]") {
  enum class way { returns, killed, exits, execs, thread_exits };
  auto const how = GENERATE(way::returns, way::killed, way::exits, way::execs, way::thread_exits);
  auto& who = place<std::atomic<impl::token>>(0U);
  auto& go = place<std::atomic<int>>(0);
  child_process child([&who, &go, how] {
    auto body = [&] {
      who = participants::self();
      while (go == 0) std::this_thread::yield();
    };
    if (how == way::thread_exits) {
      std::thread([&] {
        body();
        ::pthread_exit(nullptr);
      }).join();
      return;
    }
    body();
    if (how == way::killed) ::raise(SIGKILL);
    if (how == way::exits) ::_exit(0);
    if (how == way::execs) ::execl("/bin/true", "true", nullptr);
  });
  wait_until_set(who);
  impl::token const watched = who;
  std::uint32_t const alive = participants::word(watched);
  CHECK_FALSE(participants::has_ended(watched));
  std::atomic<bool> woken{false};
  std::thread watcher([&] {
    while (!participants::has_ended(watched)) tandem::os::futex_wait(participants::word_of(watched), alive);
    woken = true;
  });
  go = 1;
  watcher.join();
  CHECK(woken);
  child.join();
}

TEST_CASE("participants: a raw fork makes a participant of its own", "[memory][participants][fork]") {
  auto const me = participants::self();
  auto& theirs = place<std::atomic<impl::token>>(0U);
  CHECK(run_in_child([&] {
          CHECK(participants::self_or_none() == 0);
          theirs = participants::self();
          CHECK_FALSE(participants::has_ended(me));
        }).passed());
  CHECK(theirs != me);
  CHECK(participants::has_ended(theirs));
  CHECK_FALSE(participants::has_ended(me));
}

TEST_CASE("participants: to enrol in a forked child takes no address that the child has given to something else",
          "[memory][participants][fork]") {
  participants::self();
  auto const result = run_in_child([] {
    std::vector<int*> pages;
    for (int i = 0; i < 64; ++i) {
      void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      pages.push_back(static_cast<int*>(page));
      *pages.back() = i;
    }
    participants::self();
    for (int i = 0; i < 64; ++i) {
      CHECK(*pages[static_cast<std::size_t>(i)] == i);
      ::munmap(pages[static_cast<std::size_t>(i)], 4096);
    }
  });
  CHECK(result.passed());
}

TEST_CASE("participants: stands beside a robust mutex of pthread's on the same list", "[memory][participants]") {
  auto& mutex = place<pthread_mutex_t>();
  pthread_mutexattr_t attributes;
  ::pthread_mutexattr_init(&attributes);
  ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  ::pthread_mutex_init(&mutex, &attributes);
  auto& who = place<std::atomic<impl::token>>(0U);
  CHECK(run_in_child([&] {
          ::pthread_mutex_lock(&mutex);
          who = participants::self();
          ::raise(SIGKILL);
        }).signal == SIGKILL);
  CHECK(participants::has_ended(who));
  CHECK(::pthread_mutex_lock(&mutex) == EOWNERDEAD);
  ::pthread_mutex_consistent(&mutex);
  ::pthread_mutex_unlock(&mutex);
}

TEST_CASE("participants: a death that the kernel did not mark is proved by /proc", "[memory][participants][death]") {
  auto& who = place<std::atomic<impl::token>>(0U);
  child_process child([&who] {
    who = participants::self();
    auto list = robust_list_head{};
    list.list.next = &list.list;
    list.futex_offset = -32;
    ::syscall(SYS_set_robust_list, &list, sizeof list);  // the kernel will look at this one instead
    for (;;) ::pause();
  });
  wait_until_set(who);
  while (participants::prove_ended(who)) FAIL("it lives");
  child.kill();
  CHECK_FALSE(participants::has_ended(who));
  CHECK(participants::prove_ended(who));
  CHECK(participants::has_ended(who));
}

TEST_CASE("participants: a stopped process is not a dead one", "[memory][participants]") {
  auto& who = place<std::atomic<impl::token>>(0U);
  child_process child([&who] {
    who = participants::self();
    for (;;) ::pause();
  });
  wait_until_set(who);
  ::kill(child.id(), SIGSTOP);
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(child.id()), &info, WSTOPPED) == 0);
  CHECK_FALSE(participants::prove_ended(who));
  ::kill(child.id(), SIGCONT);
}

TEST_CASE("participants: many more threads than slots, one after the other", "[memory][participants]") {
  if (tandem_test::sanitized) return;
  for (std::uint32_t i = 0; i < impl::token_slots + 100; ++i) {
    std::thread([] { participants::self(); }).join();
  }
  CHECK_FALSE(participants::has_ended(participants::self()));
}

TEST_CASE("participants: killed at every instruction of enrolling, nobody is taken for living",
          "[memory][participants][kill]") {
  if (tandem_test::sanitized) return;
  auto& seen = place<std::atomic<impl::token>>(0U);
  auto const report = tandem_test::kill_at_each_instruction({
      .operation = [&] { seen = participants::self(); },
      .check = [&]() -> tandem_test::verdict {
        if (seen != 0 && !participants::has_ended(seen.exchange(0))) return "the dead one lives";
        auto const first = impl::family().header().participant_hint.load();
        for (std::uint32_t back = 1; back <= 2; ++back) {  // the slot that it was about to take
          auto const life = participants::at(first - back).life.load();
          auto const who = impl::life_token(life);
          if (who != 0 && who != participants::self() && !participants::has_ended(who))
            return "a claimed slot was not given back";
        }
        return true;
      },
  });
  INFO(report.to_string());
  CHECK(report.passed());
}

TEST_CASE("region: a scribbler cannot move its parts, and a core dump leaves it out", "[memory][region]") {
  auto const& all = impl::family();
  CHECK(all.header().magic == impl::region_magic);
  CHECK(all.address(all.offset(all.heap + 4096)) == all.heap + 4096);
  CHECK(all.slots >= 256);
  CHECK(&impl::family() == &all);
}
