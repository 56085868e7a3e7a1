// SPDX-License-Identifier: BSL-1.0
// What the tests of the mutexes have in common: where one may lie, who uses it, and the ways to end holding it.
#ifndef TANDEM_TESTS_SYNC_MUTEX_PROBES_HPP
#define TANDEM_TESTS_SYNC_MUTEX_PROBES_HPP

#include <fcntl.h>      // for O_CLOEXEC
#include <pthread.h>    // for pthread_exit
#include <signal.h>     // for raise, SIGABRT, SIGKILL
#include <sys/types.h>  // for pid_t
#include <unistd.h>     // for _exit, dup2, execl, pipe2

#include <atomic>       // for atomic
#include <functional>   // for function
#include <mutex>        // for mutex, recursive_mutex, recursive_timed_mutex, timed_mutex
#include <string>       // for string
#include <thread>       // for thread
#include <tuple>        // for tuple
#include <type_traits>  // for is_same_v

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "support/last_words.hpp"
#include "support/probes.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/os/process_id.hpp"
#include "tandem/os/process_table.hpp"
#include "tandem/sync/mutex.hpp"
#include "tandem/sync/recursive_mutex.hpp"
#include "tandem/sync/recursive_timed_mutex.hpp"
#include "tandem/sync/timed_mutex.hpp"

namespace tandem_test {

// Where a T lies: made by the default constructor, reached by *home.

template <class T> struct in_private_memory {
  T object{};
  T& operator*() { return object; }
};
template <class T> struct in_the_commons {
  tandem::shared<T> object{};
  T& operator*() { return *object; }
};
/// Where strangers could map it as well: owners are known by their thread's numbers.
template <class T> struct in_a_mapping {
  T& object = place<T>();
  T& operator*() { return object; }
};

template <class Mutex, class Peers, template <class> class Home> struct mutex_case {
  using mutex = Mutex;
  using peers = Peers;
  template <class T> using home = Home<T>;
};

template <class... Lists> using joined_lists = decltype(std::tuple_cat(std::declval<Lists>()...));

template <class Mutex> using of_std = std::tuple<mutex_case<Mutex, threads, in_private_memory>>;
template <class Mutex>
using of_tandem = std::tuple<mutex_case<Mutex, threads, in_private_memory>, mutex_case<Mutex, threads, in_the_commons>,
                             mutex_case<Mutex, threads, in_a_mapping>, mutex_case<Mutex, processes, in_the_commons>,
                             mutex_case<Mutex, processes, in_a_mapping>>;

template <class Mutex>
inline constexpr bool is_recursive =
    std::is_same_v<Mutex, std::recursive_mutex> || std::is_same_v<Mutex, std::recursive_timed_mutex> ||
    std::is_same_v<Mutex, tandem::recursive_mutex> || std::is_same_v<Mutex, tandem::recursive_timed_mutex>;

template <class Mutex>
concept timed = requires(Mutex& mutex) {
  mutex.try_lock_for(std::chrono::seconds(1));
};

/// Whether somebody else could lock it just now: a thread, or a process.
template <class Peers> bool is_free_for_others(auto& mutex) {
  auto& got = place<std::atomic<bool>>(false);
  Peers::spawn_and_join(1, [&] {
    got = mutex.try_lock();
    if (got) mutex.unlock();
  });
  return got;
}

/// Waits until the thread sleeps in the kernel, or is stopped. For one that has nothing to sleep on but what is tested.
inline void wait_until_in_state(char state, pid_t process, pid_t thread) {
  while (tandem::os::look_up_task(process, thread).state != state) std::this_thread::yield();
}

/// A thread that is asleep in `body` when the constructor returns; joined by the destructor.
class sleeping_thread {
 public:
  template <class Body>
  explicit sleeping_thread(Body body)
      : thread_([this, body] {
          id_ = tandem::os::thread_id();
          body();
        }) {
    while (id_ == 0) std::this_thread::yield();
    wait_until_in_state('S', ::getpid(), id_);
  }
  ~sleeping_thread() { join(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  std::atomic<pid_t> id_{0};
  std::thread thread_;
};

inline auto says_not_the_owner() {
  return ContainsSubstring("tandem: unlock a mutex: the calling thread does not hold it");
}

enum class way { returns, exits_thread, killed, exits, execs };
inline constexpr way ways_of_threads[] = {way::returns, way::exits_thread};
inline constexpr way ways_of_processes[] = {way::returns, way::exits_thread, way::killed, way::exits, way::execs};

/// Runs `body` in a peer that ends right after it, in this way; returns when that is over.
template <class Peers> void end_after(way how, std::function<void()> const& body) {
  auto const in_thread = [&] {
    std::thread([&] {
      body();
      if (how == way::exits_thread) ::pthread_exit(nullptr);
    }).join();
  };
  if constexpr (std::is_same_v<Peers, threads>) {
    in_thread();
  } else {
    child_process child([&] {
      if (how == way::exits_thread) return in_thread();
      body();
      if (how == way::killed) ::raise(SIGKILL);
      if (how == way::exits) ::_exit(0);
      if (how == way::execs) ::execl("/bin/true", "true", nullptr);
    });
    auto const end = child.join();
    CHECK((how == way::killed ? end.signal == SIGKILL : end.passed()));
  }
}

/// All ways for such peers to end.
template <class Peers> auto const& ways_of() {
  if constexpr (std::is_same_v<Peers, threads>) {
    return ways_of_threads;
  } else {
    return ways_of_processes;
  }
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SYNC_MUTEX_PROBES_HPP
