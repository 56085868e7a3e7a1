// SPDX-License-Identifier: BSL-1.0
// How a process dies with the one that started it. Each process that starts others has one pipe, the only writer of
// which it is; each of its children asks the kernel to be killed when that pipe hangs up.
//
//   parent [write end]======[read end] <- opened once more by each child, for itself
//
// A child that kept a copy of the write end would keep its siblings alive: so every forked child gives it up, the
// host's own too.
#ifndef TANDEM_EXECUTION_IMPL_LIFELINE_HPP
#define TANDEM_EXECUTION_IMPL_LIFELINE_HPP

#include <pthread.h>    // for pthread_atfork
#include <sys/types.h>  // for pid_t

#include <atomic>   // for atomic
#include <cerrno>   // for errno
#include <cstdint>  // for int64_t

#include "tandem/core/errors.hpp"      // for throw_errno
#include "tandem/os/descriptor.hpp"    // for close, open_pipe
#include "tandem/os/fork.hpp"          // for leave_process
#include "tandem/os/parent_death.hpp"  // for die_at_hangup, die_with_process, is_hung_up

namespace tandem::impl {

class lifeline {
 public:
  /// The read end of this process's pipe, which is made at the first call. @throws std::system_error (EMFILE)
  static int read_end() {
    ends known = unpack(pipe_.load(std::memory_order_acquire));
    return known.read >= 0 ? known.read : make();
  }

  /// While it lives, a fork of this thread makes a child of tandem's, which takes the line itself.
  class own_fork {
   public:
    own_fork() noexcept { forking_ = true; }
    own_fork(own_fork const&) = delete;
    ~own_fork() { forking_ = false; }
  };

  /// In a child that tandem has started: binds its life to that of its parent, whose `read_end` it has inherited, and
  /// gives up what the parent holds; `bind` false: gives it up only. `read_end` -1: it is bound already.
  /// @throws std::system_error where the kernel offers no way to do it
  static void take(int read_end, pid_t parent, bool bind) {
    forking_ = false;
    if (bind && read_end < 0) return;
    int const before = held_;
    held_ = bind ? os::die_at_hangup(read_end) : -1;
    int const why = errno;
    forget();
    if (before >= 0) os::close(before);
    if (!bind) return;
    if (held_ >= 0) {
      if (os::is_hung_up(held_)) os::leave_process(0);
      return;
    }
    int const no_thread = os::die_with_process(parent);
    if (::getppid() != parent) os::leave_process(0);
    if (no_thread != 0) refuse(why);
  }

  /// In a process that was executed afresh: `held` is bound already, -1 if that could not be done; then another way is
  /// tried. False where there is none.
  static bool adopt(int held, pid_t parent) noexcept {
    held_ = held;
    if (held >= 0) return true;
    bool const watched = os::die_with_process(parent) == 0;
    if (::getppid() != parent) os::leave_process(0);
    return watched;
  }

  [[noreturn]] static void refuse(int why = ENOSYS) {
    throw_errno(why, "bind the process's life to its parent's: open /proc/self/fd, and a thread instead",
                "options.die_with_parent");
  }

  /// The descriptor that must stay open for this process to die with its parent; -1: none.
  static int held() noexcept { return held_; }
  /// It has another number now.
  static void move_held(int to) noexcept { held_ = to; }

  /// Gives up the pipe that this process has as a copy of its parent's.
  static void forget() noexcept {
    ends const copied = unpack(pipe_.exchange(pack({-1, -1}), std::memory_order_acq_rel));
    if (copied.read >= 0) os::close(copied.read);
    if (copied.write >= 0) os::close(copied.write);
  }

 private:
  struct ends {
    int read, write;
  };
  static constexpr std::uint64_t pack(ends both) noexcept {
    return std::uint64_t{static_cast<std::uint32_t>(both.read)} << 32 | static_cast<std::uint32_t>(both.write);
  }
  static constexpr ends unpack(std::uint64_t both) noexcept {
    return {static_cast<int>(static_cast<std::uint32_t>(both >> 32)),
            static_cast<int>(static_cast<std::uint32_t>(both))};
  }

  static int make() {
    static bool const handled = ::pthread_atfork(nullptr, nullptr, [] {
                                  if (!forking_) forget();
                                }) == 0;
    if (!handled) throw_errno(ENOMEM, "start a process: pthread_atfork");
    int made[2];
    if (os::open_pipe(made) != 0) throw_errno("start a process: pipe");
    std::uint64_t none = pack({-1, -1});
    // acq_rel: pairs with the acquire in read_end
    if (pipe_.compare_exchange_strong(none, pack({made[0], made[1]}), std::memory_order_acq_rel)) return made[0];
    os::close(made[0]);  // another thread was first
    os::close(made[1]);
    return unpack(none).read;
  }

  static inline constinit std::atomic<std::uint64_t> pipe_{~std::uint64_t{0}};
  static inline constinit int held_ = -1;
  static inline constinit thread_local bool forking_ = false;
};

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_LIFELINE_HPP
