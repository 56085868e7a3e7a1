// SPDX-License-Identifier: BSL-1.0
// The owner's side of a zygote: birth, requests, and the reaping of what died unasked.
#ifndef TANDEM_EXECUTION_IMPL_ZYGOTE_OWNER_HPP
#define TANDEM_EXECUTION_IMPL_ZYGOTE_OWNER_HPP

#include <pthread.h>    // for pthread_sigmask
#include <signal.h>     // for kill, sigfillset, SIGKILL
#include <sys/types.h>  // for pid_t
#include <unistd.h>     // for getpid

#include <atomic>   // for atomic
#include <cerrno>   // for errno
#include <cstdint>  // for int64_t, uint32_t
#include <memory>   // for shared_ptr
#include <mutex>    // for lock_guard, mutex, unique_lock
#include <new>      // for placement new
#include <span>     // for span
#include <string>   // for string

#include "tandem/core/errors.hpp"                   // for throw_errc, throw_errno
#include "tandem/execution/impl/process_child.hpp"  // for quick_end
#include "tandem/execution/impl/surroundings.hpp"   // for surroundings
#include "tandem/execution/impl/zygote_board.hpp"   // for start_slot, zygote_birth, zygote_board, zygote_process
#include "tandem/os/modules.hpp"                    // for module_table
#include "tandem/os/pidfd.hpp"                      // for wait_process
#include "tandem/os/scheduling.hpp"                 // for yield
#include "tandem/resource/socket_pair.hpp"          // for socket_pair

namespace tandem::impl {

class zygote_owner {
 public:
  /// A process that a zygote has started.
  struct started {
    pid_t pid;
    bool ours_alone;  // no wait() of the host can take it, so that its number is its own until we reap it
  };

  explicit zygote_owner(std::uint32_t spares) : owner_(::getpid()) {
    quick_end::prepare();
    region const& all = family();  // before the zygote, which must have it
    if (!all.participants) throw_errc(std::errc::not_enough_memory, "make a zygote");
    if (spares > zygote_board::most_spares)
      throw std::invalid_argument("tandem: zygote: spares is " + std::to_string(spares) + ": at most " +
                                  std::to_string(zygote_board::most_spares) + " processes are kept ready");
    void* const memory = os::map_shared(-1, 0, sizeof(zygote_board), nullptr);
    if (memory == nullptr) throw_errno("make a zygote: mmap");
    board_ = ::new (memory) zygote_board{};
    board_->wanted.store(spares, std::memory_order_relaxed);
    try {
      give_birth();
    } catch (...) {
      os::unmap(board_, sizeof(zygote_board));
      throw;
    }
  }
  zygote_owner(zygote_owner const&) = delete;

  /// Ends the zygotes and the spares. What they have started goes on.
  ~zygote_owner() {
    if (::getpid() != owner_) return;  // a forked child's copy: the memory is not even there
    board_->quit.store(1, std::memory_order_release);
    bool left = true;
    while (left) {  // a zygote may have been making its standby
      left = false;
      for (auto& zygote : board_->zygotes) {
        if (std::uint32_t const pid = zygote.pid.load(std::memory_order_acquire)) {
          end(static_cast<pid_t>(pid));
          zygote.pid.store(0, std::memory_order_release);
          left = true;
        }
      }
    }
    for (auto& spare : board_->spares) {
      std::uint32_t const phase = spare.phase.load(std::memory_order_acquire);
      std::uint32_t const pid = spare.pid.load(std::memory_order_acquire);
      if (pid != 0 && phase == start_slot::preparing) end(static_cast<pid_t>(pid));
    }
    os::unmap(board_, sizeof(zygote_board));
  }

  /// @throws std::system_error (operation_not_permitted) in another process than the one that made it
  void require_owner() const {
    if (::getpid() != owner_)
      throw_errc(std::errc::operation_not_permitted, "start a process from a zygote",
                 "it belongs to the process that made it, this one's parent: make one here");
  }

  /// What the zygote has loaded, and found around it.
  struct origin {
    os::module_table modules;
    impl::surroundings surroundings;
  };
  std::shared_ptr<origin const> born_with() const {
    std::lock_guard const hold(lock_);
    return origin_;
  }

  /// Starts a process that serves `request`: a spare if one is ready, else a fresh clone. @throws std::system_error
  /// naming the step
  started start(start_request& request, std::span<int const> descriptors) {
    if (board_->wanted.load(std::memory_order_relaxed) != 0) {
      board_->recent.store(&request, std::memory_order_relaxed);
      if (descriptors.empty()) {
        if (pid_t const spare = wake_spare(request)) return {spare, ours_alone_.load(std::memory_order_relaxed)};
      }
      if (dry_.fetch_add(1, std::memory_order_relaxed) % 16 == 15) tidy();
    }
    return {ask(request, descriptors), ours_alone_.load(std::memory_order_relaxed)};
  }

  /// How many spares sleep. Who asks while some are missing has the zygote make them.
  std::uint32_t ready() noexcept {
    std::uint32_t const count = count_ready();
    if (count >= board_->wanted.load(std::memory_order_relaxed)) return count;
    // Those that were killed before they had emptied their slot leave none for others in the end.
    if (dry_.fetch_add(1, std::memory_order_relaxed) % 16 == 15) {
      try {
        tidy();
      } catch (...) {  // the next start will meet it
      }
    }
    board_->ring();
    return count;
  }

  zygote_board& board() noexcept { return *board_; }

  /// Reaps zygotes and spares that died, which makes room for new ones, and sees to it that there is a zygote.
  /// @throws std::system_error where there is none left and none can be made
  void tidy() {
    std::lock_guard const hold(lock_);
    bool freed = false;
    for (auto& zygote : board_->zygotes) {
      std::uint32_t const pid = zygote.pid.load(std::memory_order_acquire);
      if (pid == 0 || !has_ended(static_cast<pid_t>(pid))) continue;
      reap(static_cast<pid_t>(pid));
      // Its life word stays as it is: the standby reads its death there.
      zygote.pid.store(0, std::memory_order_release);
      zygote.phase.store(start_slot::empty, std::memory_order_release);
      freed = true;
    }
    // Only a living zygote can make another, and one that lives has its number here; only this function takes numbers
    // away. So three looks are enough.
    auto const gone = [&](int i) { return board_->zygotes[i].pid.load(std::memory_order_seq_cst) == 0; };
    if (gone(0) && gone(1) && gone(0)) give_birth();
    for (auto& spare : board_->spares) {
      std::uint32_t phase = spare.phase.load(std::memory_order_acquire);
      auto const pid = static_cast<pid_t>(spare.pid.load(std::memory_order_acquire));
      if (pid == 0 || phase == start_slot::empty || phase == start_slot::claimed || !has_ended(pid)) continue;
      // The dead changes no phase any more: it has ended in this one, unless somebody else has taken it on. One with a
      // task is its handle's to reap.
      std::uint32_t const ended_in = phase;
      if (!spare.phase.compare_exchange_strong(phase, start_slot::claimed, std::memory_order_acq_rel)) continue;
      if (static_cast<pid_t>(spare.pid.load(std::memory_order_acquire)) !=
          pid) {  // the slot's next one, in the same phase
        phase = start_slot::claimed;
        spare.phase.compare_exchange_strong(phase, ended_in, std::memory_order_acq_rel);
        continue;
      }
      if (ended_in != start_slot::task) reap(pid);
      spare.release();
      freed = true;
    }
    if (freed) board_->ring();
  }

 private:
  std::uint32_t count_ready() const noexcept {
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < zygote_board::most_spares; ++i) count += board_->is_ready(i);
    return count;
  }

  static void end(pid_t pid) noexcept {
    ::kill(pid, SIGKILL);  // ours, and not reaped: nobody else has the number
    reap(pid);
  }

  static void reap(pid_t pid) noexcept {
    os::process_end how{};
    os::wait_child(pid, 0, how);
  }

  static bool has_ended(pid_t pid) noexcept {
    os::process_end how{};
    return os::wait_child(pid, WNOHANG | WNOWAIT, how) != os::wait_result::still_running;
  }

  /// @pre lock_ is held, or nobody else has this yet
  void give_birth() {
    socket_pair control;
    zygote_birth birth;
    birth.board = board_;
    birth.control = control.second.get();
    birth.owners_end = control.first.get();
    birth.line = lifeline::read_end();
    birth.owner = owner_;
    auto born_with = std::make_shared<origin const>(origin{os::module_table::current(), impl::surroundings::now()});
    for (auto& zygote : board_->zygotes) {
      zygote.life.store(0, std::memory_order_relaxed);
      zygote.phase.store(start_slot::preparing, std::memory_order_relaxed);
    }
    auto& first = board_->zygotes[0];
    board_->bell.store(0, std::memory_order_relaxed);
    os::keep_on_fork(board_, sizeof(zygote_board));

    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &birth.mask);
    auto const self = os::cloning_thread::current();
    bool const bare = os::is_single_threaded() && self.usable();
    pid_t pid = 0;
    if (bare) {
      pid = os::clone_process(self, &first.pid);
    } else {  // its workers' ends are then announced by SIGCHLD, as any child's
      lifeline::own_fork const ours;
      pid = os::fork();
      if (pid > 0) first.pid.store(static_cast<std::uint32_t>(pid), std::memory_order_release);
    }
    if (pid == 0) zygote_process::run(birth, 0, true);
    int const why = errno;
    ::pthread_sigmask(SIG_SETMASK, &birth.mask, nullptr);
    os::drop_on_fork(board_, sizeof(zygote_board));  // no scribbling child can reach it
    if (pid < 0) {
      first.phase.store(start_slot::empty, std::memory_order_relaxed);
      throw_errno(why, "make a zygote", bare ? "clone" : "fork");
    }
    // Only now may it make its standby: before, a number that it wrote there could have been taken for the one above.
    board_->zygotes[1].phase.store(start_slot::empty, std::memory_order_release);
    control_ = std::move(control.first);
    origin_ = std::move(born_with);
    ours_alone_.store(bare, std::memory_order_relaxed);
    board_->ring();
  }

  pid_t wake_spare(start_request& request) {
    std::uint32_t const first = spare_hint_.load(std::memory_order_relaxed);
    for (std::uint32_t i = 0; i < zygote_board::most_spares; ++i) {
      std::uint32_t const at = (first + i) % zygote_board::most_spares;
      auto& spare = board_->spares[at];
      auto& mail = board_->mail[at];
      std::uint32_t phase = start_slot::preparing;
      if (!board_->is_ready(at) ||
          !spare.phase.compare_exchange_strong(phase, start_slot::claimed, std::memory_order_acq_rel))
        continue;
      // Another thread may have woken that one since, and the slot be its successor's, which is not ready, or not
      // there.
      if (mail.stage.load(std::memory_order_acquire) != spare_mail::ready) {
        phase = start_slot::claimed;
        spare.phase.compare_exchange_strong(phase, start_slot::preparing, std::memory_order_acq_rel);
        continue;
      }
      auto const pid = static_cast<pid_t>(spare.pid.load(std::memory_order_relaxed));
      if ((mail.life.load(std::memory_order_acquire) & FUTEX_OWNER_DIED) != 0) {
        end(pid);
        spare.release();
        board_->ring();
        continue;
      }
      spare_hint_.store(first + i + 1, std::memory_order_relaxed);
      mail.request.store(&request, std::memory_order_relaxed);
      spare.phase.store(start_slot::task, std::memory_order_release);
      mail.stage.store(spare_mail::sent, std::memory_order_release);  // pairs with the spare's acquire
      os::futex_wake(&mail.stage);
      // The wake first, and more spares only when half are gone: a clone on the spare's processor would delay it.
      if (count_ready() * 2 < board_->wanted.load(std::memory_order_relaxed)) board_->ring();
      return pid;
    }
    return 0;
  }

  pid_t ask(start_request& request, std::span<int const> descriptors) {
    // One at a time on the road for descriptors, so that they cannot be taken for another request's.
    std::unique_lock<std::mutex> alone(descriptors_lock_, std::defer_lock);
    if (!descriptors.empty()) alone.lock();
    start_slot& slot = claim_slot();
    slot.descriptors = static_cast<std::uint32_t>(descriptors.size());
    slot.request.store(&request, std::memory_order_relaxed);
    try {
      send(descriptors);
      pid_t const pid = wait_for_answer(slot, descriptors);
      slot.release();
      return pid;
    } catch (...) {
      slot.release();
      throw;
    }
  }

  void send(std::span<int const> descriptors) {
    if (descriptors.empty()) return;
    std::lock_guard const hold(lock_);
    if (os::send_descriptors(control_.get(), descriptors, os::patience::none) != 0)
      throw_errno("start a process from a zygote: send descriptors");
  }

  void place(start_slot& slot) noexcept {
    slot.answer.store(start_slot::make_answer(++slot.asker, start_slot::none), std::memory_order_relaxed);
    slot.phase.store(start_slot::asked, std::memory_order_release);  // pairs with is_open's acquire
    board_->asked.fetch_or(std::uint64_t{1} << (&slot - board_->asks), std::memory_order_acq_rel);
    board_->ring();
  }

  pid_t wait_for_answer(start_slot& slot, std::span<int const> descriptors) {
    std::int64_t slice = 2'000'000;
    place(slot);
    for (;;) {
      std::uint32_t const answer = slot.answer.load(std::memory_order_acquire);  // pairs with reply's release
      switch (start_slot::reply_of(answer)) {
        case start_slot::started:
          return static_cast<pid_t>(slot.pid.load(std::memory_order_acquire));
        case start_slot::refused:
          throw_errno(start_slot::error_of(answer), "start a process from a zygote: clone");
        case start_slot::lacks_descriptors:
          slot.phase.store(start_slot::claimed, std::memory_order_release);
          send(descriptors);
          place(slot);
          break;
        default:
          if (os::futex_wait(&slot.answer, answer, os::monotonic_ns() + slice) != 0 && errno == ETIMEDOUT) {
            // The zygote that took it may be dead, having cloned or not.
            if (std::uint32_t const pid = slot.pid.load(std::memory_order_acquire)) return static_cast<pid_t>(pid);
            slice = std::min<std::int64_t>(2 * slice, 50'000'000);
            tidy();
            board_->asked.fetch_or(std::uint64_t{1} << (&slot - board_->asks), std::memory_order_acq_rel);
            board_->ring();
          }
      }
    }
  }

  start_slot& claim_slot() {
    for (int round = 0;; ++round) {
      for (auto& slot : board_->asks) {
        std::uint32_t empty = start_slot::empty;
        if (slot.phase.load(std::memory_order_relaxed) == empty &&
            slot.phase.compare_exchange_strong(empty, start_slot::claimed, std::memory_order_acq_rel))
          return slot;
      }
      // As many threads are starting processes: one of them is about to be answered.
      if (round % 64 == 63) tidy();
      os::yield();
    }
  }

  pid_t const owner_;
  zygote_board* board_ = nullptr;
  mutable std::mutex lock_;
  std::mutex descriptors_lock_;
  fd control_;
  std::shared_ptr<origin const> origin_;
  std::atomic<bool> ours_alone_{false};
  std::atomic<std::uint32_t> spare_hint_{0};
  std::atomic<std::uint32_t> dry_{0};
};

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_ZYGOTE_OWNER_HPP
