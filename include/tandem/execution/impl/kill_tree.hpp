// SPDX-License-Identifier: BSL-1.0
// Killing a process with all that descends from it.
//
// A killed process's children become others', so nobody is killed before all are known; and a process that runs can
// make new ones, so nobody is known before it is stopped:
//
//   stop the root -> look who descends from those known, stop them, again until nobody is new and nobody runs
//                 -> kill all but the root -> look again: where the root adopts orphans, they are its children now
//                 -> kill the root
//
// A process is known by its number and its start time. Signals go by a descriptor opened anew each time, and looked at
// after that: it is the one that is meant if its number has the start time still. So a tree may be larger than the
// number of files that may be open.
#ifndef TANDEM_EXECUTION_IMPL_KILL_TREE_HPP
#define TANDEM_EXECUTION_IMPL_KILL_TREE_HPP

#include <poll.h>       // for POLLIN
#include <signal.h>     // for SIGKILL, SIGSTOP
#include <sys/types.h>  // for pid_t

#include <cerrno>         // for errno, EINVAL, EMFILE, ENFILE, ESRCH
#include <cstdint>        // for int64_t, uint64_t
#include <string>         // for to_string
#include <unordered_map>  // for unordered_map
#include <utility>        // for move
#include <vector>         // for vector

#include "tandem/core/deadline.hpp"                 // for deadline
#include "tandem/core/errors.hpp"                   // for throw_errno
#include "tandem/execution/impl/process_state.hpp"  // for process_state
#include "tandem/os/clock.hpp"                      // for monotonic_ns
#include "tandem/os/pidfd.hpp"                      // for pidfd_open, pidfd_signal
#include "tandem/os/poll.hpp"                       // for wait_ready
#include "tandem/os/process_table.hpp"              // for for_each_number, is_at_rest, look_up_task
#include "tandem/os/scheduling.hpp"                 // for yield
#include "tandem/resource/fd.hpp"                   // for fd

namespace tandem::impl {

class process_tree {
 public:
  explicit process_tree(process_state& root) : root_(root) {}

  void kill() {
    if (root_.signal(SIGSTOP)) root_start_ = os::look_up_task(root_.pid(), root_.pid()).start_time;
    if (!root_.signal(0)) {  // reaped: its number may be another's
      root_.wait_until(deadline::never());
      return;
    }
    try {
      do {
        stop_all();
        kill_members();
      } while (find_new());
    } catch (...) {
      kill_members();
      kill_root();
      throw;
    }
    kill_root();
    if (error_ != 0)
      throw_errno(error_, "kill the tree of process '" + root_.name() + "'", "process " + std::to_string(refused_));
  }

 private:
  struct member {
    std::uint64_t start_time;
    bool done;  // dead, or out of our reach
  };

  /// Whether `pid` is still who has it among those known.
  bool is_known(pid_t pid) const noexcept {
    auto const now = os::look_up_task(pid, pid);
    if (pid == root_.pid()) return now.start_time == root_start_;
    auto const known = members_.find(pid);
    return known != members_.end() && known->second.start_time == now.start_time;
  }

  /// Adds, and stops, those that descend from who is known and are not known yet. False: there are none.
  bool find_new() {
    std::unordered_map<pid_t, std::vector<pid_t>> children;
    int const read = os::for_each_number("/proc", [&](pid_t pid) {
      auto const task = os::look_up_task(pid, pid);
      if (task.state != 0)
        children[task.parent].push_back(pid);
      else if (errno == EMFILE || errno == ENFILE)
        refuse(pid);
    });
    if (read != 0) throw_errno("look for descendants of process '" + root_.name() + "': opendir", "/proc");
    bool found = false;
    std::vector<pid_t> parents{root_.pid()};
    for (std::size_t i = 0; i < parents.size(); ++i) {
      pid_t const parent = parents[i];
      for (pid_t const pid : children[parent]) {
        fd const descriptor(os::pidfd_open(pid));
        if (!descriptor && errno != ESRCH && errno != EINVAL) refuse(pid);
        // The number may be another's by now. What it has as its parent's is not, if that has its own still.
        auto const task = os::look_up_task(pid, pid);
        if (!descriptor || task.state == 0 || task.parent != parent || !is_known(parent)) continue;
        parents.push_back(pid);
        if (is_known(pid)) continue;
        bool const dead = os::wait_ready(descriptor.get(), POLLIN, 0) != 0;
        auto& fresh = members_[pid] = member{task.start_time, dead};
        if (dead) continue;
        fresh.done = !send(descriptor.get(), pid, SIGSTOP);
        found = found || !fresh.done;
      }
    }
    return found;
  }

  void stop_all() {
    // Who is asked to stop stops at once, unless it sleeps where no signal reaches it (a frozen control group): then it
    // cannot make children either.
    std::int64_t patience = 0;
    for (;;) {
      if (find_new()) patience = os::monotonic_ns() + 1'000'000'000;
      bool rest = os::is_at_rest(root_.pid());
      for (auto const& [pid, one] : members_) rest = rest && (one.done || os::is_at_rest(pid));
      if (patience == 0) patience = os::monotonic_ns() + 1'000'000'000;
      if ((rest || os::monotonic_ns() > patience) && !find_new()) return;
      if (!rest) os::yield();
    }
  }

  void kill_members() noexcept {
    for (auto& [pid, one] : members_) {
      if (one.done) continue;
      fd const descriptor = open(pid);
      one.done = !descriptor || !send(descriptor.get(), pid, SIGKILL);
    }
    for (auto& [pid, one] : members_) {
      if (one.done) continue;
      if (fd const descriptor = open(pid)) os::wait_ready(descriptor.get(), POLLIN);
      one.done = true;
    }
  }

  void kill_root() {
    root_.signal(SIGKILL);
    root_.wait_until(deadline::never());
  }

  /// A descriptor of a member; none where it is gone.
  fd open(pid_t pid) noexcept {
    fd descriptor(os::pidfd_open(pid));
    if (!descriptor && errno != ESRCH && errno != EINVAL) refuse(pid);
    return is_known(pid) ? std::move(descriptor) : fd();
  }

  bool send(int descriptor, pid_t pid, int number) noexcept {
    if (os::pidfd_signal(descriptor, number) == 0) return true;
    if (errno != ESRCH) refuse(pid);
    return false;
  }

  void refuse(pid_t pid) noexcept {
    error_ = errno;
    refused_ = pid;
  }

  process_state& root_;
  std::uint64_t root_start_ = 0;
  std::unordered_map<pid_t, member> members_;
  int error_ = 0;
  pid_t refused_ = 0;
};

inline void kill_tree(process_state& root) { process_tree(root).kill(); }

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_KILL_TREE_HPP
