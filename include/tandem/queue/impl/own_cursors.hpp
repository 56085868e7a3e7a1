// SPDX-License-Identifier: BSL-1.0
// The cursors of a thread that uses a queue without an end of it.
#ifndef TANDEM_QUEUE_IMPL_OWN_CURSORS_HPP
#define TANDEM_QUEUE_IMPL_OWN_CURSORS_HPP

#include <cstdint>  // for uint64_t, uintptr_t

#include "tandem/os/clock.hpp"  // for monotonic_ns

namespace tandem::impl {

/// Tells a queue from all others that lie in its place before or after.
class queue_id {
 public:
  explicit queue_id(void const* queue) noexcept
      : bits_(static_cast<std::uint64_t>(os::monotonic_ns()) * 0x9e3779b97f4a7c15U ^
              reinterpret_cast<std::uintptr_t>(queue)) {}

  constexpr std::uint64_t bits() const noexcept { return bits_; }

 private:
  std::uint64_t bits_;
};

template <class Cursor> struct known_cursors {
  std::uint64_t queue = 0;
  Cursor push{}, pop{};
};

/// Those of this thread; begun by `begin()` where it has not used the queue lately. A thread remembers four.
template <class Cursor, class Begin> known_cursors<Cursor>& own_cursors(queue_id queue, Begin begin) noexcept {
  thread_local constinit known_cursors<Cursor> table[4]{};
  known_cursors<Cursor>& mine = table[queue.bits() % 4];
  if (mine.queue != queue.bits()) {
    mine = begin();
    mine.queue = queue.bits();
  }
  return mine;
}

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_OWN_CURSORS_HPP
