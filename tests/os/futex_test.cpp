// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/futex.hpp"

#include <sched.h>
#include <sys/wait.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/syscall_fault.hpp"

namespace os = tandem::os;
using namespace tandem_test;
using word = std::atomic<std::uint32_t>;

namespace {

constexpr long futex_waitv_number = 449;

struct two_words {
  word first;
  word second;
};

// Wakes until one was asleep: its own proof that somebody had gone to sleep, and that the wake-up reached them.
void wake_a_sleeper(word& at, os::futex_scope scope = os::futex_scope::shared) {
  while (os::futex_wake(&at, 1, scope) == 0) ::sched_yield();
}

// False before Linux 5.16, and where a filter forbids it.
bool has_futex_waitv() {
  return ::syscall(futex_waitv_number, nullptr, 0, 0, nullptr, 0) == -1 && errno != ENOSYS && errno != EPERM;
}

}  // namespace

TEST_CASE("futex: a word that holds another value is EAGAIN at once", "[os][futex]") {
  word value{5};
  auto const scope = GENERATE(os::futex_scope::in_process, os::futex_scope::shared);
  CHECK((os::futex_wait(&value, 4, os::no_deadline, scope) == -1 && errno == EAGAIN));
}

TEST_CASE("futex: a deadline that has passed is ETIMEDOUT, however long ago", "[os][futex]") {
  word value{5};
  auto const until = GENERATE(std::int64_t{0}, std::int64_t{-1}, INT64_MIN, std::int64_t{1});
  CHECK((os::futex_wait(&value, 5, until) == -1 && errno == ETIMEDOUT));
  CHECK((os::futex_wait(&value, 5, os::monotonic_ns(), os::futex_scope::in_process) == -1 && errno == ETIMEDOUT));
}

TEST_CASE("futex: a wait ends no earlier than its deadline", "[os][futex]") {
  word value{5};
  auto const until = os::monotonic_ns() + 2'000'000;
  while (os::futex_wait(&value, 5, until) == 0 || errno != ETIMEDOUT) continue;  // spurious returns are allowed
  CHECK(os::monotonic_ns() >= until);
}

TEST_CASE("futex: a wake crosses fork in shared memory", "[os][futex]") {
  shared_object<word> value;
  child_process child{[&] { CHECK(os::futex_wait(&*value, 0) == 0); }};
  wake_a_sleeper(*value);
  CHECK(child.join().passed());
}

TEST_CASE("futex: within a process the cheaper kind wakes as well", "[os][futex]") {
  word value{0};
  int result = -7;
  std::thread sleeper{[&] { result = os::futex_wait(&value, 0, os::no_deadline, os::futex_scope::in_process); }};
  wake_a_sleeper(value, os::futex_scope::in_process);
  sleeper.join();
  CHECK(result == 0);
}

TEST_CASE("futex: a wake counts whom it woke, and wakes no more than asked", "[os][futex]") {
  shared_object<word> value;
  shared_object<word> woken;
  auto const sleeper = [&] {
    CHECK(os::futex_wait(&*value, 0) == 0);
    woken->fetch_add(1, std::memory_order_relaxed);
  };
  CHECK(os::futex_wake(&*value) == 0);
  std::vector<child_process> children;
  for (int i = 0; i < 3; ++i) children.emplace_back(sleeper);
  SECTION("one at a time") {
    for (std::uint32_t i = 1; i <= 3; ++i) {
      wake_a_sleeper(*value);
      while (woken->load(std::memory_order_relaxed) < i) ::sched_yield();
      CHECK(woken->load(std::memory_order_relaxed) == i);
    }
  }
  SECTION("all there are") {
    int count = 0;
    while (count < 3) count += os::futex_wake(&*value);
    CHECK(count == 3);
  }
  for (auto& child : children) CHECK(child.join().passed());
}

TEST_CASE("futex: a signal may end a wait, and then it says EINTR", "[os][futex]") {
  shared_object<word> value;
  shared_object<interruptions> counted;
  child_process child{[&] {
    count_signals(*counted);
    CHECK((os::futex_wait(&*value, 0) == -1 && errno == EINTR));
  }};
  while (!counted->ready.load(std::memory_order_acquire)) ::sched_yield();
  // The first signals may come before it sleeps; one that comes later ends the wait.
  siginfo_t end{};
  while (end.si_pid == 0) {
    ::kill(child.id(), SIGUSR1);
    REQUIRE(::waitid(P_PID, static_cast<id_t>(child.id()), &end, WEXITED | WNOWAIT | WNOHANG) == 0);
    ::sched_yield();
  }
  CHECK(child.join().passed());
}

TEST_CASE("futex: either of two words wakes, also from another process", "[os][futex]") {
  if (!has_futex_waitv()) {
    WARN("skipped: futex_waitv(2): " << std::strerror(errno));
    return;
  }
  shared_object<two_words> words;
  shared_object<word> woken_once;
  child_process child{[&] {
    CHECK(os::futex_wait_either(&words->first, 0, &words->second, 0) == 0);
    woken_once->store(1, std::memory_order_release);
    CHECK(os::futex_wait_either(&words->first, 0, &words->second, 0) == 1);
  }};
  wake_a_sleeper(words->first);
  while (woken_once->load(std::memory_order_acquire) == 0) ::sched_yield();
  wake_a_sleeper(words->second);
  auto const end = child.join();
  INFO(end.to_string());
  CHECK(end.passed());
}

TEST_CASE("futex: two words, of which one holds another value, are EAGAIN", "[os][futex]") {
  if (!has_futex_waitv()) {
    WARN("skipped: futex_waitv(2): " << std::strerror(errno));
    return;
  }
  two_words words{};
  CHECK((os::futex_wait_either(&words.first, 1, &words.second, 0) == -1 && errno == EAGAIN));
  CHECK((os::futex_wait_either(&words.first, 0, &words.second, 1) == -1 && errno == EAGAIN));
}

TEST_CASE("futex: the deadline of two words is ETIMEDOUT, not earlier", "[os][futex]") {
  two_words words{};
  for (std::int64_t const past : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN}) {
    CHECK((os::futex_wait_either(&words.first, 0, &words.second, 0, past) == -1 && errno == ETIMEDOUT));
  }
  auto const until = os::monotonic_ns() + 2'000'000;
  while (os::futex_wait_either(&words.first, 0, &words.second, 0, until) >= 0 || errno != ETIMEDOUT) continue;
  CHECK(os::monotonic_ns() >= until);
}

TEST_CASE("futex: without futex_waitv two words are waited for in slices", "[os][futex][fallback]") {
  int const error = GENERATE(ENOSYS, EPERM);
  CAPTURE(error);
  auto const child = run_with_fault({{futex_waitv_number, error}}, [] {
    shared_object<two_words> words;
    SECTION("the first word's wake is told") {
      child_process waker{[&] { wake_a_sleeper(words->first); }};
      int woken = -1;
      while (woken != 0) {
        woken = os::futex_wait_either(&words->first, 0, &words->second, 0);
        if (woken != 0) REQUIRE((woken == -1 && errno == EINTR));
      }
      CHECK(waker.join().passed());
    }
    SECTION("a change of the second word is seen after a slice, without a wake") {
      child_process changer{[&] { words->second.store(1, std::memory_order_release); }};
      while (words->second.load(std::memory_order_acquire) == 0) {
        CHECK((os::futex_wait_either(&words->first, 0, &words->second, 0) == -1 && errno == EINTR));
      }
      CHECK(changer.join().passed());
    }
    SECTION("a first word that holds another value is EAGAIN") {
      CHECK((os::futex_wait_either(&words->first, 1, &words->second, 0) == -1 && errno == EAGAIN));
    }
    SECTION("the deadline is ETIMEDOUT, also beyond a slice") {
      CHECK((os::futex_wait_either(&words->first, 0, &words->second, 0, 0) == -1 && errno == ETIMEDOUT));
      auto const until = os::monotonic_ns() + 5'000'000;
      int slices = 0;
      while (os::futex_wait_either(&words->first, 0, &words->second, 0, until) != -1 || errno != ETIMEDOUT) ++slices;
      CHECK(os::monotonic_ns() >= until);
      CHECK(slices >= 1);
    }
  });
  INFO(child.to_string());
  CHECK(child.passed());
}
