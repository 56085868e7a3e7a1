// SPDX-License-Identifier: BSL-1.0
// What the benchmarks of sync/ share: things in memory that all sides see, and two sides that meet there.
#ifndef TANDEM_BENCH_SYNC_SIDES_HPP
#define TANDEM_BENCH_SYNC_SIDES_HPP

#include <sys/wait.h>  // for waitpid
#include <unistd.h>    // for _exit, fork

#include <atomic>   // for atomic
#include <chrono>   // for steady_clock
#include <cstddef>  // for size_t
#include <new>      // for placement new
#include <thread>   // for thread

#include "support/question.hpp"
#include "tandem/memory/commons.hpp"

namespace tandem_bench {

using clock = std::chrono::steady_clock;
using seconds = std::chrono::duration<double>;

inline constexpr char const* no_boost = "libboost-dev is not installed";

/// A T in the commons, where all sides of a family see it: for tandem's, and for its peers as well.
template <class T> class in_the_commons {
 public:
  in_the_commons() : object_(::new (tandem::commons().allocate(sizeof(T), alignof(T))) T()) {}
  in_the_commons(in_the_commons const&) = delete;
  ~in_the_commons() {
    object_->~T();
    tandem::commons().deallocate(object_);
  }
  T& operator*() { return *object_; }

 private:
  T* object_;
};

/// glibc spares std::mutex its atomics as long as a program has one thread: none that has use of a mutex.
struct second_thread {
  std::atomic<bool> over{false};
  std::thread thread{[this] { over.wait(false); }};
  ~second_thread() {
    over = true;
    over.notify_all();
    thread.join();
  }
};

void in_child(auto body) {
  body();
  ::_exit(0);
}

inline void wait_for(pid_t child) {
  int status = 0;
  check(::waitpid(child, &status, 0) == child && status == 0, "a side has failed");
}

/// One side besides the main thread, a thread or a process, which runs `body` and is joined.
template <class Body> class other_side {
 public:
  other_side(bool process, Body const& body) {
    auto const run = [&body] {
      pin_side(1);
      body();
    };
    if (!process) {
      thread_ = std::thread(run);
      return;
    }
    child_ = ::fork();
    if (child_ == 0) in_child(run);
    check(child_ > 0, "fork");
  }
  other_side(other_side const&) = delete;
  ~other_side() {
    if (child_ != 0)
      wait_for(child_);
    else
      thread_.join();
  }

 private:
  pid_t child_ = 0;
  std::thread thread_;
};

template <class T> struct meeting {
  alignas(64) T place;
  alignas(64) std::atomic<int> ready, wrong;
};

/// Both sides call `play(place, side, first, end)` for the rounds from `first` up to `end`, which returns whether what
/// it saw was right. How long side 0 takes, after some rounds in which a new process meets its pages for the first
/// time.
template <class T, class Play> auto two_sides(bool processes, Play play) {
  return [processes, play](std::size_t times) {
    in_the_commons<meeting<T>> home;
    auto& all = *home;
    auto const run = [&](int side) {
      ++all.ready;
      while (all.ready < 2) std::this_thread::yield();
      constexpr std::size_t first = 100;
      if (!play(all.place, side, std::size_t{0}, first)) ++all.wrong;
      auto const begin = clock::now();
      if (!play(all.place, side, first, first + times)) ++all.wrong;
      return clock::now() - begin;
    };
    clock::duration took;
    {
      auto const body = [&] { run(1); };
      other_side const other(processes, body);
      took = run(0);
    }
    check(all.wrong == 0, "what one side did was not what the other one saw");
    return took;
  };
}

}  // namespace tandem_bench

#endif  // TANDEM_BENCH_SYNC_SIDES_HPP
