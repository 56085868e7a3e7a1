// SPDX-License-Identifier: BSL-1.0
// Programs that are no family, each with a family of its own or none, and a mutex in named shared memory.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <new>
#include <string>
#include <thread>

#include "tandem/memory/commons.hpp"
#include "tandem/memory/shared_memory.hpp"
#include "tandem/sync/recursive_timed_mutex.hpp"
#include "tandem/sync/timed_mutex.hpp"

namespace {

struct meeting {
  tandem::timed_mutex plain;
  tandem::recursive_timed_mutex recursive;
  std::atomic<int> ready{0}, held{0}, wrong{0};
  long a = 0, b = 0;
};

std::string const name = "/tandem-strangers-" + std::to_string(::getpid());

/// A program of its own: no family has been set up when it is forked.
template <class Body> pid_t stranger(bool with_family, Body body) {
  pid_t const child = ::fork();
  if (child != 0) return child;
  if (with_family) tandem::commons().deallocate(tandem::commons().allocate(1));
  auto const memory = tandem::shared_memory::open(name);
  auto mapped = memory.map();
  body(*reinterpret_cast<meeting*>(mapped.bytes().data()));
  std::_Exit(0);
}

bool ended_well(pid_t child) {
  int status = -1;
  return ::waitpid(child, &status, 0) == child && status == 0;
}

void count(meeting& all) {
  ++all.ready;
  while (all.ready < 3) std::this_thread::yield();
  for (int i = 0; i < 20'000; ++i) {
    std::scoped_lock const hold(all.plain, all.recursive);
    std::lock_guard const again(all.recursive);
    if (all.a != all.b) ++all.wrong;
    ++all.a;
    ++all.b;
  }
}

void own_is_known(meeting& all) {
  std::lock_guard const hold(all.plain);
  try {
    all.plain.lock();
    ++all.wrong;
  } catch (std::system_error const& error) {
    if (error.code() != std::errc::resource_deadlock_would_occur) ++all.wrong;
  }
  std::thread([&] {
    if (all.plain.try_lock_for(std::chrono::milliseconds(1))) ++all.wrong;
  }).join();
}

void hold_until_killed(meeting& all) {
  all.plain.lock();
  all.recursive.lock();
  all.recursive.lock();
  all.held = 1;
  for (;;) ::pause();
}

template <class Mutex> bool says_owner_died(Mutex& mutex) {
  try {
    mutex.lock();
  } catch (tandem::owner_died const&) { return true; }
  return false;
}

template <class Mutex> bool sleeps_until_owner_died(Mutex& mutex) {
  try {
    mutex.try_lock_for(std::chrono::hours(1));
  } catch (tandem::owner_died const&) { return true; }
  return false;
}

}  // namespace

int main() {
  std::setvbuf(stdout, nullptr, _IONBF, 0);
  auto const memory = tandem::shared_memory::create(name, {.size = sizeof(meeting)});
  auto mapped = memory.map();
  auto& all = *::new (mapped.bytes().data()) meeting;

  pid_t const one = stranger(true, count), two = stranger(true, count), three = stranger(false, count);
  int const well = ended_well(one) + ended_well(two) + ended_well(three);
  std::printf("%d programs, %ld %ld, %d wrong\n", well, all.a, all.b, all.wrong.load());

  for (bool const with_family : {true, false})
    std::printf("its own is known: %d, %d wrong\n", ended_well(stranger(with_family, own_is_known)), all.wrong.load());

  for (bool const with_family : {true, false}) {
    all.held = 0;
    pid_t const owner = stranger(with_family, hold_until_killed);
    while (all.held == 0) std::this_thread::yield();
    pid_t const watches = stranger(!with_family, [](meeting& met) {
      if (!sleeps_until_owner_died(met.plain)) ++met.wrong;
    });
    std::printf("held: %d %d\n", !all.plain.try_lock(), !all.recursive.try_lock_for(std::chrono::milliseconds(30)));
    ::kill(owner, SIGKILL);
    ::waitpid(owner, nullptr, 0);
    bool const woken = ended_well(watches);
    bool const found = says_owner_died(all.plain) && says_owner_died(all.recursive);
    std::printf("its death woke %d, is known %d", woken, found);
    std::printf(", and mended %d %d", all.plain.recover().abandoned(), all.recursive.recover().abandoned());
    std::printf(", once %d %d\n", !all.plain.recover().abandoned(), !all.recursive.recover().abandoned());
  }
  std::printf("%d wrong\n", all.wrong.load());
  tandem::shared_memory::remove(name);
}
// 3 programs, 60000 60000, 0 wrong
// its own is known: 1, 0 wrong
// its own is known: 1, 0 wrong
// held: 1 1
// its death woke 1, is known 1, and mended 1 1, once 1 1
// held: 1 1
// its death woke 1, is known 1, and mended 1 1, once 1 1
// 0 wrong
