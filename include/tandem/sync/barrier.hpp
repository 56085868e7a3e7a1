// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_BARRIER_HPP
#define TANDEM_SYNC_BARRIER_HPP

#include <chrono>        // for duration, time_point
#include <cstddef>       // for ptrdiff_t
#include <cstdint>       // for uint32_t
#include <system_error>  // for errc
#include <type_traits>   // for is_empty_v, is_nothrow_invocable_v, is_standard_layout_v
#include <utility>       // for move

#include "tandem/config.hpp"                  // for TANDEM_PRECONDITION
#include "tandem/core/deadline.hpp"           // for deadline
#include "tandem/core/errors.hpp"             // for throw_errc
#include "tandem/core/shareable.hpp"          // for enable_shareable, shareable
#include "tandem/sync/impl/barrier_core.hpp"  // for barrier_core, barrier_state
#include "tandem/sync/participant_died.hpp"   // for on_death, participant_died

namespace tandem {

namespace impl {

struct no_completion {
  void operator()() const noexcept {}
};

}  // namespace impl

/// std::barrier ([thread.barrier]), in threads and across processes; and it knows who arrives, and finds out that one
/// of them will not come again.
///
///     tandem::shared<tandem::barrier<>> step(workers);
///     step->arrive_and_wait();                          // in each of them, once for each step
///
/// A unit that has arrived once, or has enrolled, is expected in every phase, until it drops out. That goes beyond
/// std's, which counts only: a thread that leaves calls arrive_and_drop, also where another one comes for it.
/// @tparam Completion  is called without arguments by one of those who arrived, when all have, before anybody goes on.
///                     In shared memory a shareable type, or one without members: it lies in the barrier, its code in
///                     every program.
/// @par Shared memory          Yes: 552 bytes without a pointer, and Completion's own.
/// @par Threads and processes  Every member may be called concurrently, except the destructor.
/// @par Peer death             A unit that ends while it is expected: everybody who waits, then and later, gets
///                             participant_died (on_death::fail), or it drops out (on_death::drop). So does one that
///                             ends in Completion, which another one calls again then. The first 64 units are known by
///                             name; of more nothing is known, as of std's.
template <class Completion = impl::no_completion> class barrier {
  static_assert(
      std::is_nothrow_invocable_v<Completion&>,
      "tandem: barrier: Completion is called without arguments, and must be noexcept ([thread.barrier.class])");

 public:
  /// A phase that its holder has arrived in. Flat: another unit may wait for it.
  /// @par Shared memory          Yes.
  /// @par Threads and processes  Copies may be used concurrently.
  /// @par Peer death             See barrier.
  class [[nodiscard]] arrival_token {
   private:
    friend class barrier;
    explicit arrival_token(std::uint32_t phase) noexcept : phase_(phase) {}

    std::uint32_t phase_;
  };

  static constexpr std::ptrdiff_t max() noexcept { return impl::barrier_core::most; }

  /// How many are known by name.
  static constexpr unsigned room = impl::barrier_core::room;

  /// Each phase is complete when `expected` have arrived. @pre 0 <= expected <= max()
  constexpr explicit barrier(std::ptrdiff_t expected, Completion completion = Completion(),
                             on_death rule = on_death::fail)
      : core_(static_cast<std::uint32_t>(expected), rule == on_death::drop), completion_(std::move(completion)) {
    TANDEM_PRECONDITION(expected >= 0 && expected <= max(), "tandem: barrier: the count is not between 0 and max()");
  }
  constexpr barrier(std::ptrdiff_t expected, on_death rule) : barrier(expected, Completion(), rule) {}
  barrier(barrier const&) = delete;
  barrier& operator=(barrier const&) = delete;
  /// @pre nobody waits
  ~barrier() = default;

  /// Lets it be known that the calling unit will arrive, before it does so for the first time. Does nothing the second
  /// time.
  /// @throws std::system_error where all 64 places are taken, or the thread cannot enrol in the family
  void enroll() {
    if (!core_.enroll())
      throw_errc(std::errc::no_buffer_space, "enroll at a barrier", "64 units are enrolled already: let fewer enroll");
  }

  /// Arrives, for `count` of those expected. The last one calls Completion here.
  /// @pre 0 < count <= those whom the phase still expects
  /// @throws std::system_error where the thread cannot enrol in the family: it has not arrived then
  /// @par Blocks  Never, but for Completion. @par Cost  An atomic store, and a look at the entries of all; a system
  /// call more where it is the last and somebody sleeps.
  arrival_token arrive(std::ptrdiff_t count = 1) { return arrival_token(come(count, false)); }

  /// Arrives, and is expected no more from the next phase on.
  void arrive_and_drop() { come(1, true); }

  /// Waits until the phase of `arrival` is over: at most one behind the present one.
  /// @throws participant_died where a known unit has ended while it was expected, under on_death::fail;
  /// std::system_error where the thread cannot enrol in the family @par Blocks  Until then.
  void wait(arrival_token&& arrival) const { wait_until(arrival, deadline::never()); }
  /// The same, at most until a deadline; returns whether it is over. The arrival counts either way.
  bool wait_until(arrival_token const& arrival, deadline until) const {
    auto const state = core_.wait(arrival.phase_, until.since_epoch_ns(), completion_);
    if (state == impl::barrier_state::broken)
      throw participant_died("tandem: wait at a barrier: a unit that it knows has ended before it arrived");
    return state == impl::barrier_state::over;
  }
  template <class Clock, class Duration>
  bool wait_until(arrival_token const& arrival, std::chrono::time_point<Clock, Duration> const& until) const {
    return wait_until(arrival, deadline::at(until));
  }
  template <class Rep, class Period>
  bool wait_for(arrival_token const& arrival, std::chrono::duration<Rep, Period> const& time) const {
    return wait_until(arrival, deadline::after(time));
  }

  /// wait(arrive()).
  void arrive_and_wait() { wait(arrive()); }

 private:
  impl::barrier_core::phase_number come(std::ptrdiff_t count, bool drops) {
    TANDEM_PRECONDITION(count > 0 && count <= max(), "tandem: barrier::arrive: the count is not between 1 and max()");
    return core_.arrive(static_cast<std::uint32_t>(count), drops, completion_);
  }

  mutable impl::barrier_core core_;
  [[no_unique_address]] mutable Completion completion_;
};
static_assert(sizeof(barrier<>) == 552 && std::is_standard_layout_v<barrier<>>, "a format in shared memory");

template <class Completion>
inline constexpr bool enable_shareable<barrier<Completion>> = std::is_empty_v<Completion> || shareable<Completion>;

}  // namespace tandem

#endif  // TANDEM_SYNC_BARRIER_HPP
