// SPDX-License-Identifier: BSL-1.0
// Who holds a lock, or another thing of sync/: a name of 30 bits that stands in the word of what is held.
//
//   a participant's token   in private memory and in the commons: its liveness word, which the kernel flips at its end,
//                           is found by it (memory/impl/participants.hpp)
//   a thread's number       in any other shared memory, where programs meet that are no family and have no table in
//                           common: TID in 22 bits, and 7 bits of its start time, which tell most heirs of the number
//                           apart. A death is found by asking proc(5), hence in slices of time
//   `somebody`              as long as no other process is in sight: nothing is set up, and nothing is found out
//
// Which of them serves a thing is settled at its first use, and kept in it: its `home`.
#ifndef TANDEM_SYNC_IMPL_OWNER_HPP
#define TANDEM_SYNC_IMPL_OWNER_HPP

#include <linux/futex.h>  // for FUTEX_TID_MASK

#include <atomic>   // for atomic
#include <cstddef>  // for byte, size_t
#include <cstdint>  // for uint16_t, uint32_t

#include "tandem/config.hpp"                    // for TANDEM_NOINLINE
#include "tandem/core/errors.hpp"               // for throw_errc
#include "tandem/memory/impl/in_sight.hpp"      // for has_mapped_shared
#include "tandem/memory/impl/participants.hpp"  // for participants
#include "tandem/memory/impl/region.hpp"        // for family, family_region
#include "tandem/memory/impl/token.hpp"         // for somebody, token, token_mark
#include "tandem/os/mapping.hpp"                // for is_shared
#include "tandem/os/process_id.hpp"             // for process_id
#include "tandem/os/process_table.hpp"  // for look_up_task, pid_namespace, proc_is_own, thread_exists, thread_id

namespace tandem::impl {

/// The part of a word that names its owner.
inline constexpr std::uint32_t owner_mask = FUTEX_TID_MASK;

constexpr bool is_participant(token who) noexcept { return (who & token_mark) != 0; }

/// A thread as any program of the same PID namespace can look it up.
class thread_number {
 public:
  /// The calling thread's. Looked up once in a thread, and once more after a fork; a few loads otherwise.
  static token mine() noexcept { return known().number; }

  /// Stands for the PID namespace in which the number holds: 2 or more.
  static std::uint16_t space() noexcept { return known().space; }

  static constexpr bool is_one(token who) noexcept { return who >> 28 == 1; }

  /// Whether that thread has ended; true is final. Three system calls. Where proc(5) tells nothing of it, or of another
  /// PID namespace, a thread is there as long as its number is.
  static bool has_ended(token number) noexcept {
    auto const tid = static_cast<pid_t>(number & tid_mask);
    if ((number & ~tid_mask) == unknown_mark || !known().sees_others) return !os::thread_exists(tid);
    os::task_state const task = os::look_up_task(tid, tid);
    if (task.state == 0) return !os::thread_exists(tid);  // or it is hidden from this user
    return !task.running() || mark_of(task) != (number & ~tid_mask);
  }

 private:
  static constexpr std::uint32_t tid_mask = (1U << 22) - 1;

  struct identity {
    pid_t process;
    token number;
    std::uint16_t space;
    bool sees_others;
  };

  static identity const& known() noexcept {
    pid_t const process = os::process_id();
    if (mine_.process != process) look_up(process);
    return mine_;
  }

  /// Bits 22 to 28, by the start time. The last of them is always set, so that a number is never a TID alone, which the
  /// kernel would take for its own.
  static constexpr std::uint32_t unknown_mark = 64U << 22;
  static std::uint32_t mark_of(os::task_state const& task) noexcept {
    return static_cast<std::uint32_t>(65 + task.start_time % 63) << 22;
  }

  TANDEM_NOINLINE static void look_up(pid_t process) noexcept {
    pid_t const tid = os::thread_id();
    bool const sees = os::proc_is_own();
    os::task_state const task = sees ? os::look_up_task(process, tid) : os::task_state{};
    mine_ = {process, static_cast<std::uint32_t>(tid) | (task.state == 0 ? unknown_mark : mark_of(task)),
             static_cast<std::uint16_t>(os::pid_namespace() % 0xfff0 + 2), sees};
  }

  static inline constinit thread_local identity mine_{0, 0, 0, false};
};

/// Whether `who` is known to have ended, by a look at memory alone; true is final, and what it wrote last is visible
/// then.
inline bool has_ended(token who) noexcept {
  return is_participant(who) && family_region::exists() && participants::has_ended(who);
}

/// The same, and asks proc(5) where memory does not tell.
inline bool prove_ended(token who) noexcept {
  if (is_participant(who)) return family_region::exists() && participants::prove_ended(who);
  return thread_number::is_one(who) && thread_number::has_ended(who);
}

/// Where a thing that can be held lies, hence by what names its owners are known. Zero: not settled yet.
class owner_home {
 public:
  constexpr owner_home() noexcept = default;

  /// The calling thread's name in what lies at `at`.
  /// @throws std::system_error where the thread cannot be enrolled in the family; where others of another PID namespace
  /// use it: their deaths cannot be told from here
  token name(void const* at) {
    std::uint16_t const settled = settle(at);
    if (settled == here) {
      token const me = participants::name();
      return me != 0 ? me : participants::self();
    }
    if (settled != thread_number::space())
      throw_errc(std::errc::operation_not_supported, "lock",
                 "it is used by programs of another PID namespace, whose deaths cannot be seen from this one");
    return thread_number::mine();
  }

  /// As name(), but always the thread's own: for what counts who has it.
  token name_of_thread(void const* at) {
    token const me = name(at);
    return me == somebody ? thread_number::mine() : me;
  }

  /// Whether it was settled that numbers are not needed.
  bool is_here() const noexcept { return home_.load(std::memory_order_relaxed) == here; }

 private:
  static constexpr std::uint16_t unsettled = 0, here = 1;

  std::uint16_t settle(void const* at) noexcept {
    // relaxed: whoever is second comes to the same result
    std::uint16_t known = home_.load(std::memory_order_relaxed);
    if (known != unsettled) return known;
    std::uint16_t const found = is_shared_with_strangers(at) ? thread_number::space() : here;
    return home_.compare_exchange_strong(known, found, std::memory_order_relaxed) ? found : known;
  }

  static bool is_shared_with_strangers(void const* at) noexcept {
    bool const in_family = family_region::exists();
    if (!in_family && !has_mapped_shared.load(std::memory_order_relaxed)) return false;
    if (in_family) {
      region const& all = family();
      auto const* const from = static_cast<std::byte const*>(at);
      if (static_cast<std::size_t>(from - all.heap) < all.heap_bytes) return false;
    }
    return os::is_shared(at);
  }

  std::atomic<std::uint16_t> home_{unsettled};
};

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_OWNER_HPP
