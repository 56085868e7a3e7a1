// SPDX-License-Identifier: BSL-1.0
// How the outcome of a process gets home: as bytes in the process's page of the family's table, or, where they do not
// fit, in a block of the commons that the page names. Descriptors come along on a socket. `life` of the page is set
// last: a process that dies before has published nothing, whatever it had written.
//
// The reader trusts none of it: it copies each number once, checks it, and decodes what it finds as it would any
// stranger's bytes.
#ifndef TANDEM_EXECUTION_IMPL_OUTCOME_RECORD_HPP
#define TANDEM_EXECUTION_IMPL_OUTCOME_RECORD_HPP

#include <linux/futex.h>  // for FUTEX_WAITERS

#include <algorithm>  // for max
#include <atomic>     // for atomic
#include <climits>    // for INT_MAX
#include <cstddef>    // for byte, size_t
#include <cstring>    // for memcpy
#include <span>       // for span

#include "tandem/core/byte_sink.hpp"          // for byte_sink
#include "tandem/core/errors.hpp"             // for throw_errc
#include "tandem/memory/commons.hpp"          // for commons
#include "tandem/memory/impl/free_block.hpp"  // for block_bytes_at, free_block_at
#include "tandem/memory/impl/members.hpp"     // for member_slot
#include "tandem/memory/impl/region.hpp"      // for family
#include "tandem/os/futex.hpp"                // for futex_wake
#include "tandem/os/mapping.hpp"              // for populate, populate_writable

namespace tandem::impl {

/// From this size on, page faults are taken together: one by one they cost more than the copy.
inline constexpr std::size_t worth_populating = std::size_t{1} << 20;

/// Fills a process's page, and moves to the commons when it is full.
class outcome_sink : public byte_sink {
 public:
  explicit outcome_sink(member_slot& slot) noexcept
      : byte_sink{slot.small_outcome, sizeof slot.small_outcome, &enlarge}, slot_(slot) {}

  /// Keeps to the first `bytes` of the page. Before anything is written.
  void use_only(std::size_t bytes) noexcept { capacity = room_ = bytes; }

  /// Forgets what was written: for another outcome instead.
  void restart() noexcept {
    release(slot_);
    data = slot_.small_outcome;
    capacity = room_;
  }

  /// The outcome is known from here on. Nothing of it may be touched afterwards.
  void publish(std::uint32_t how, std::size_t bytes, std::size_t descriptors) noexcept {
    slot_.bytes.store(bytes, std::memory_order_relaxed);
    slot_.descriptors.store(static_cast<std::uint32_t>(descriptors), std::memory_order_relaxed);
    // acq_rel: pairs with the acquire in wait_outcome and read_outcome; the bytes come before
    if ((slot_.life.exchange(how, std::memory_order_acq_rel) & FUTEX_WAITERS) != 0) os::futex_wake(&slot_.life);
  }

  /// Frees the block that a page names, if any: by its process, or by whoever takes the outcome, whatever became of the
  /// process.
  static void release(member_slot& slot) noexcept { free_block_at(slot.block.exchange(0, std::memory_order_acq_rel)); }

 private:
  static void enlarge(byte_sink& sink, std::size_t used, std::size_t needed) {
    member_slot& slot = static_cast<outcome_sink&>(sink).slot_;
    std::size_t const size = std::max(needed, 2 * sink.capacity);
    auto* const larger = static_cast<std::byte*>(commons().allocate(size));
    if (size >= worth_populating) os::populate_writable(larger, size);
    std::memcpy(larger, sink.data, used);
    release(slot);
    // Named before it is complete: should this process die, its starter frees it.
    slot.block.store(family().offset(larger), std::memory_order_release);
    sink.data = larger;
    sink.capacity = size;
  }

  member_slot& slot_;
  std::size_t room_ = sizeof(member_slot::small_outcome);
};

/// The bytes of a published outcome. @throws std::system_error (bad_message) where the page names what cannot be
inline std::span<std::byte const> outcome_bytes(member_slot const& slot) {
  region const& all = family();
  std::uint64_t const bytes = slot.bytes.load(std::memory_order_relaxed);
  std::uint64_t const offset = slot.block.load(std::memory_order_relaxed);
  if (offset == 0) {
    if (bytes <= sizeof slot.small_outcome) return {slot.small_outcome, bytes};
  } else if (bytes <= block_bytes_at(offset)) {
    if (bytes >= worth_populating) os::populate(all.address(offset), bytes);
    return {all.address(offset), bytes};
  }
  throw_errc(std::errc::bad_message, "take a process's outcome", "its record is not one that tandem writes");
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_OUTCOME_RECORD_HPP
