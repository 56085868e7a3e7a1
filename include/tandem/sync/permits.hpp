// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_PERMITS_HPP
#define TANDEM_SYNC_PERMITS_HPP

#include <atomic>       // for atomic
#include <chrono>       // for duration, time_point
#include <cstdint>      // for int64_t, uint32_t
#include <optional>     // for nullopt, optional
#include <stdexcept>    // for invalid_argument
#include <type_traits>  // for is_standard_layout_v
#include <utility>      // for exchange, swap

#include "tandem/core/deadline.hpp"          // for deadline
#include "tandem/core/shareable.hpp"         // for enable_shareable
#include "tandem/os/futex.hpp"               // for no_deadline
#include "tandem/os/process_id.hpp"          // for process_id
#include "tandem/sync/impl/await.hpp"        // for await
#include "tandem/sync/impl/event_count.hpp"  // for event_count
#include "tandem/sync/impl/owner.hpp"        // for has_ended, owner_home
#include "tandem/sync/impl/roll.hpp"         // for entry_has_ended, roll

namespace tandem {

/// A semaphore whose permits have owners: what a unit holds when it ends is free again.
///
///     tandem::shared<tandem::permits> slots(4);   // at most four units at once
///     auto const held = slots->acquire();         // to the end of the scope
///
/// @par Shared memory          Yes: 272 bytes without a pointer, as mutex.
/// @par Threads and processes  Every member may be called concurrently, except the destructor. A permit belongs to the
///                             thread that acquired it, whichever gives it back.
/// @par Peer death             The permits of a unit that ends, in whatever way, are taken over by whoever waits:
/// within a
///                             family a sleeper learns of the death by the kernel, within a millisecond.
class permits {
 public:
  /// How many there can be.
  static constexpr unsigned max() noexcept { return room; }

  /// A permit, given back at the end of its scope.
  /// @par Shared memory          No: it belongs to its thread.
  /// @par Threads and processes  A forked child's copy holds nothing.
  /// @par Peer death             See permits.
  class [[nodiscard]] held {
   public:
    held(held&& other) noexcept
        : entry_(std::exchange(other.entry_, nullptr)), from_(other.from_), me_(other.me_), process_(other.process_) {}
    held& operator=(held other) noexcept {
      std::swap(entry_, other.entry_);
      std::swap(from_, other.from_);
      std::swap(me_, other.me_);
      std::swap(process_, other.process_);
      return *this;
    }
    ~held() { release(); }

    /// Gives it back before. Does nothing the second time, and in a forked child.
    void release() noexcept {
      auto* const mine = std::exchange(entry_, nullptr);
      if (mine != nullptr && process_ == os::process_id()) from_->give_back(*mine, me_);
    }

   private:
    friend class permits;
    held(std::atomic<std::uint32_t>& mine, permits& from, impl::token me) noexcept
        : entry_(&mine), from_(&from), me_(me), process_(os::process_id()) {}

    std::atomic<std::uint32_t>* entry_;
    permits* from_;
    impl::token me_;
    pid_t process_;
  };

  /// @throws std::invalid_argument where `count` is above max()
  constexpr explicit permits(unsigned count) : count_(count) {
    if (count > room) throw std::invalid_argument{"tandem: permits: count is above 64, which is all there is room for"};
  }
  permits(permits const&) = delete;
  permits& operator=(permits const&) = delete;
  /// @pre nobody holds one or waits
  ~permits() = default;

  /// A permit, as soon as there is one.
  /// @throws std::system_error where the thread cannot enrol in the family
  /// @par Blocks  Until then. @par Cost  One atomic operation where one is free.
  held acquire() { return *acquire_until(os::no_deadline); }

  /// A permit that is free at once, or whose owner has died.
  std::optional<held> try_acquire() {
    impl::token const me = home_.name(this);
    auto* const mine = take(me);
    if (mine == nullptr) return std::nullopt;
    return held(*mine, *this, me);
  }

  /// A permit, if there is one in time.
  std::optional<held> try_acquire_until(deadline until) { return acquire_until(until.since_epoch_ns()); }
  template <class Clock, class Duration>
  std::optional<held> try_acquire_until(std::chrono::time_point<Clock, Duration> const& until) {
    return try_acquire_until(deadline::at(until));
  }
  template <class Rep, class Period>
  std::optional<held> try_acquire_for(std::chrono::duration<Rep, Period> const& time) {
    return try_acquire_until(deadline::after(time));
  }

  /// How many are not held by the living, at some moment during the call.
  unsigned available() const noexcept {
    unsigned free = 0;
    for (unsigned i = 0; i < count_; ++i) {
      std::uint32_t const seen = owners_.begin()[i].load(std::memory_order_acquire);
      free += seen == 0 || impl::entry_has_ended(seen);
    }
    return free;
  }

 private:
  static constexpr unsigned room = 64;

  std::atomic<std::uint32_t>* take(impl::token me) noexcept {
    for (bool const of_the_dead : {false, true}) {
      for (unsigned i = 0; i < count_; ++i) {
        auto& one = owners_.begin()[i];
        std::uint32_t seen = one.load(std::memory_order_seq_cst);
        if (seen != 0 && !(of_the_dead && impl::entry_has_ended(seen))) continue;
        // acquire: what was done before it was given back, or by the dead, happens before
        if (one.compare_exchange_strong(seen, me, std::memory_order_acquire)) return &one;
      }
    }
    return nullptr;
  }

  std::optional<held> acquire_until(std::int64_t until) {
    impl::token const me = home_.name(this);
    std::atomic<std::uint32_t>* mine = nullptr;
    impl::await(
        events_, until,
        [&] {
          mine = take(me);
          return mine != nullptr;
        },
        [this](impl::token* owners) { return owners_.living(owners, [](std::uint32_t) { return true; }); });
    if (mine == nullptr) return std::nullopt;
    return held(*mine, *this, me);
  }

  void give_back(std::atomic<std::uint32_t>& mine, impl::token me) noexcept {
    std::uint32_t seen = me;
    // seq_cst: as event_count asks for. Another name stands there where the owner's thread has ended before
    if (!mine.compare_exchange_strong(seen, 0, std::memory_order_seq_cst)) return;
    events_.notify(2);  // one takes it; should it die then, the other watches it
  }

  unsigned count_;
  impl::owner_home home_;
  impl::event_count events_;
  impl::roll<room> owners_;
};
static_assert(sizeof(permits) == 272 && std::is_standard_layout_v<permits>, "a format in shared memory");

template <> inline constexpr bool enable_shareable<permits> = true;

}  // namespace tandem

#endif  // TANDEM_SYNC_PERMITS_HPP
