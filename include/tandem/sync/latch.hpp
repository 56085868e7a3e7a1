// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_LATCH_HPP
#define TANDEM_SYNC_LATCH_HPP

#include <atomic>       // for atomic
#include <chrono>       // for duration, time_point
#include <climits>      // for INT_MAX
#include <cstddef>      // for ptrdiff_t
#include <cstdint>      // for int32_t, uint32_t
#include <type_traits>  // for is_standard_layout_v

#include "tandem/config.hpp"                 // for TANDEM_PRECONDITION
#include "tandem/core/deadline.hpp"          // for deadline
#include "tandem/core/errors.hpp"            // for throw_errc
#include "tandem/core/shareable.hpp"         // for enable_shareable
#include "tandem/sync/impl/await.hpp"        // for await
#include "tandem/sync/impl/event_count.hpp"  // for event_count
#include "tandem/sync/impl/owner.hpp"        // for owner_home, owner_mask
#include "tandem/sync/impl/roll.hpp"         // for entry_has_ended, roll
#include "tandem/sync/participant_died.hpp"  // for on_death, participant_died

namespace tandem {

/// std::latch ([thread.latch]), in threads and across processes; and it knows those who enrol, and finds out that they
/// will not come.
/// @par Shared memory          Yes: 144 bytes without a pointer, as mutex.
/// @par Threads and processes  Every member may be called concurrently, except the destructor.
/// @par Peer death             An enrolled unit that ends before it has counted down: everybody who waits, then and
/// later,
///                             gets participant_died (on_death::fail), or it counts as counted down (on_death::drop).
///                             Of units that did not enrol nothing is known, as of std's.
class latch {
 public:
  static constexpr std::ptrdiff_t max() noexcept { return INT_MAX; }

  /// How many can be enrolled.
  static constexpr unsigned room = 32;

  /// Opens when `expected` were counted down. @pre 0 <= expected <= max()
  constexpr explicit latch(std::ptrdiff_t expected, on_death rule = on_death::fail) noexcept
      : left_(static_cast<std::int32_t>(expected)), drops_(rule == on_death::drop) {
    TANDEM_PRECONDITION(expected >= 0 && expected <= max(), "tandem: latch: the count is not between 0 and max()");
  }
  latch(latch const&) = delete;
  latch& operator=(latch const&) = delete;
  /// @pre nobody waits
  ~latch() = default;

  /// Makes the calling unit one of those that the latch waits for by name: its next count_down takes its own one off.
  /// Does nothing the second time.
  /// @throws std::system_error where all 32 places are taken, or the thread cannot enrol in the family
  void enroll() {
    impl::token const me = home_.name_of_thread(this);
    if (known_.find(me) != nullptr) return;
    if (known_.add(me) == nullptr)
      throw_errc(std::errc::no_buffer_space, "enroll at a latch", "32 units are enrolled already: let fewer enroll");
    events_.notify_all();  // whoever sleeps is to know whom to watch
  }

  /// Takes `n` off the count, and wakes all who wait where it comes to zero.
  /// @pre 0 <= n <= the count
  /// @par Blocks  Never. @par Cost  One or two atomic operations; a system call more where somebody sleeps and it
  /// opens.
  void count_down(std::ptrdiff_t n = 1) {
    auto off = static_cast<std::int32_t>(n);
    if (off > 0 && arrive_enrolled()) --off;
    if (off != 0) {
      // acq_rel: what was done before happens before every wait that returns; seq_cst: as event_count asks for
      [[maybe_unused]] auto const before = left_.fetch_sub(off, std::memory_order_seq_cst);
      TANDEM_PRECONDITION(n >= 0 && before >= off, "tandem: latch::count_down: more than the count");
    }
    if (is_complete()) events_.notify_all();
  }

  /// Whether it is open.
  /// @throws participant_died where an enrolled unit has died before it arrived, under on_death::fail
  bool try_wait() const { return is_complete() || look_at_the_dead(); }

  /// Waits until it is open. @throws participant_died as try_wait; std::system_error where the thread cannot enrol in
  /// the family @par Blocks  Until then.
  void wait() const { wait_until(deadline::never()); }
  /// The same, at most until a deadline; returns whether it is open.
  bool wait_until(deadline until) const {
    return impl::await(
        events_, until.since_epoch_ns(), [this] { return try_wait(); },
        [this](impl::token* owners) { return known_.living(owners, [](std::uint32_t) { return true; }); });
  }
  template <class Clock, class Duration> bool wait_until(std::chrono::time_point<Clock, Duration> const& until) const {
    return wait_until(deadline::at(until));
  }
  template <class Rep, class Period> bool wait_for(std::chrono::duration<Rep, Period> const& time) const {
    return wait_until(deadline::after(time));
  }

  /// count_down(n), then wait().
  void arrive_and_wait(std::ptrdiff_t n = 1) {
    count_down(n);
    wait();
  }

 private:
  static constexpr std::uint32_t arrived = 1U << 31;

  bool arrive_enrolled() {
    if (!has_known()) return false;
    auto* const mine = known_.find(home_.name_of_thread(this));
    if (mine == nullptr) return false;
    std::uint32_t const seen = mine->load(std::memory_order_relaxed);
    if ((seen & arrived) != 0) return false;
    mine->store(seen | arrived, std::memory_order_seq_cst);  // as the count
    return true;
  }

  bool has_known() const noexcept { return known_.begin()->load(std::memory_order_seq_cst) != 0; }

  /// The count, less those who are known to have arrived.
  bool is_complete() const noexcept {
    std::int32_t left = left_.load(std::memory_order_seq_cst);
    if (left == 0 || !has_known()) return left == 0;
    for (auto const& one : known_) left -= (one.load(std::memory_order_seq_cst) & arrived) != 0;
    return left <= 0;
  }

  /// Of the dead, who have not arrived: whether it is open with them counted as dropped.
  bool look_at_the_dead() const {
    if (!has_known()) return false;
    bool changed = false;
    for (auto& one : known_) {
      std::uint32_t seen = one.load(std::memory_order_seq_cst);
      if (seen == 0 || (seen & arrived) != 0 || !impl::entry_has_ended(seen)) continue;
      if (one.load(std::memory_order_seq_cst) != seen) continue;  // it had arrived meanwhile, before it ended
      if (!drops_) throw participant_died("tandem: wait at a latch: an enrolled unit has ended before it counted down");
      changed |= one.compare_exchange_strong(seen, seen | arrived, std::memory_order_seq_cst);
    }
    if (!changed || !is_complete()) return false;
    events_.notify_all();
    return true;
  }

  std::atomic<std::int32_t> left_;
  bool drops_;
  impl::owner_home home_;
  mutable impl::event_count events_;
  mutable impl::roll<room> known_;
};
static_assert(sizeof(latch) == 144 && std::is_standard_layout_v<latch>, "a format in shared memory");

template <> inline constexpr bool enable_shareable<latch> = true;

}  // namespace tandem

#endif  // TANDEM_SYNC_LATCH_HPP
