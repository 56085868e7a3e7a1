// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_LATEST_HPP
#define TANDEM_QUEUE_LATEST_HPP

#include <atomic>    // for atomic
#include <cstddef>   // for size_t
#include <cstdint>   // for uint64_t
#include <optional>  // for nullopt, optional

#include "tandem/core/shareable.hpp"               // for enable_shareable
#include "tandem/memory/impl/token.hpp"            // for token
#include "tandem/os/futex.hpp"                     // for no_deadline
#include "tandem/queue/impl/blocking_queue.hpp"    // for blocking_queue
#include "tandem/queue/impl/element.hpp"           // for is_in_place
#include "tandem/queue/impl/own_cursors.hpp"       // for known_cursors, own_cursors, queue_id
#include "tandem/queue/impl/racy_copy.hpp"         // for racy_copy
#include "tandem/queue/impl/step.hpp"              // for step
#include "tandem/queue/queue_consumer.hpp"         // for queue_consumer
#include "tandem/queue/queue_producer.hpp"         // for queue_producer
#include "tandem/sync/impl/light_event_count.hpp"  // for light_event_count
#include "tandem/sync/impl/lock_word.hpp"          // for lock_result, lock_word

namespace tandem {

/// The newest value alone: a queue that is never full, for a new value takes the place of the one before. Readers never
/// block a writer, nor each other.
///
///     tandem::shared<tandem::latest<position>> where;
///     where->push(here);                                  // as often as it changes
///     auto const now = where->load();                     // the newest; std::nullopt before the first
///     while (auto next = where->pop()) draw(*next);       // each time another one than this thread has seen
///
/// pop gives a value that is newer than the last one that this consumer (or, without an end, this thread) was given;
/// those in between are never seen.
/// @tparam T  flat
/// @par Shared memory          Yes: make it a shared<latest<T>>, or a member of what you share.
/// @par Threads and processes  Every member may be called concurrently, except the destructor. Writers wait for each
///                             other, for as long as one takes to copy a T.
/// @par Peer death             At any instruction: a value is whole, or was never there. Its ends are as a
///                             bounded_queue's.
template <class T> class latest : public impl::blocking_queue<latest<T>, T> {
  static_assert(impl::is_in_place<T>, "tandem: latest: its values are copied while they may change: T has to be flat");

 public:
  latest() = default;
  latest(latest const&) = delete;
  latest& operator=(latest const&) = delete;
  /// @pre nobody uses it, and no end is left where it is not itself a shared<>'s object
  ~latest() = default;

  /// How many values are seen: one.
  static constexpr std::size_t capacity() noexcept { return 1; }

  /// The newest value; std::nullopt where there has been none. Waits for nobody. @par Cost  Two copies of T, and again
  /// where several writers came by meanwhile.
  std::optional<T> load() const noexcept {
    std::uint64_t newest = version_.load(std::memory_order_acquire);
    if (newest == 0) return std::nullopt;
    return copy(newest);
  }

 private:
  friend class impl::blocking_queue<latest, T>;
  friend class queue_producer<latest>;
  friend class queue_consumer<latest>;

  /// Version v lies in room v % rooms; it is overwritten by version v + rooms, which nobody begins before the one ahead
  /// of that is published.
  static constexpr std::uint64_t rooms = 4;

  using cursor = std::uint64_t;  // the version that was seen last
  cursor push_cursor() const noexcept { return 0; }
  cursor pop_cursor() const noexcept { return 0; }
  cursor& own_push_cursor() noexcept { return own_cursors_of(*this).push; }
  cursor& own_pop_cursor() noexcept { return own_cursors_of(*this).pop; }
  static impl::known_cursors<cursor>& own_cursors_of(latest const& me) noexcept {
    return impl::own_cursors<cursor>(me.id_, [] { return impl::known_cursors<cursor>{}; });
  }

  /// Of version `seen`, or a later one; makes it that.
  T copy(std::uint64_t& seen) const noexcept {
    for (;;) {
      T const value = values_[seen % rooms].load();
      std::uint64_t const newest = version_.load(std::memory_order_acquire);
      if (newest - seen < rooms - 1) return value;
      seen = newest;
    }
  }

  template <class U> impl::step push_once(cursor&, U& value) {
    if (this->core_.refuses()) return impl::step::stopped;
    bool unfinished;  // by one that died: its value was not published, and its room is used again
    if (writers_.recover(writers_.name(), os::no_deadline, unfinished) != impl::lock_result::locked)
      return impl::step::stopped;
    std::uint64_t const next = version_.load(std::memory_order_relaxed) + 1;
    values_[next % rooms].store(value);
    impl::light_event_count::publish(version_, next);
    writers_.unlock();
    this->core_.filled.notify_all();
    return impl::step::done;
  }

  template <class Receive> impl::step pop_once(cursor& seen, Receive receive) {
    std::uint64_t newest = version_.load(std::memory_order_acquire);
    if (newest == seen) return impl::step::not_now;
    T const value = copy(newest);
    seen = newest;
    receive(value);
    return impl::step::done;
  }

  bool has_room(cursor) const noexcept { return true; }
  bool has_next(cursor seen) const noexcept { return may_come(seen); }
  bool may_come(cursor seen) const noexcept { return version_.load(std::memory_order_seq_cst) != seen; }
  impl::token blocked_by(cursor) const noexcept { return 0; }
  bool has_ample_room(cursor) const noexcept { return true; }

  impl::queue_id id_{this};
  impl::lock_word writers_;
  alignas(64) std::atomic<std::uint64_t> version_{0};
  impl::racy_copy<T> values_[rooms];
};

template <class T> inline constexpr bool enable_shareable<latest<T>> = true;

}  // namespace tandem

#endif  // TANDEM_QUEUE_LATEST_HPP
