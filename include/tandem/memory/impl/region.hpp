// SPDX-License-Identifier: BSL-1.0
// The family's shared memory: one sparse mapping, reserved once by the first member that needs it and inherited by all
// it starts.
//
//   | header | participants | members | objects | heap ... |
//
// Where the parts lie is kept in private memory and never read back from the shared one, so that no scribbler can move
// them.
#ifndef TANDEM_MEMORY_IMPL_REGION_HPP
#define TANDEM_MEMORY_IMPL_REGION_HPP

#include <pthread.h>  // for pthread_key_create
#include <unistd.h>   // for close, getpid

#include <algorithm>  // for clamp
#include <atomic>     // for atomic
#include <climits>    // for INT_MAX
#include <cstddef>    // for byte, size_t
#include <cstdint>    // for uint32_t, uint64_t
#include <new>        // for placement new

#include "tandem/config.hpp"             // for TANDEM_NOINLINE
#include "tandem/core/errors.hpp"        // for throw_errno
#include "tandem/memory/impl/token.hpp"  // for token, token_slots
#include "tandem/os/futex.hpp"           // for futex_wait, futex_wake
#include "tandem/os/mapping.hpp"         // for create_memory_file, map_shared, page_size

namespace tandem::impl {

inline constexpr std::uint64_t region_magic = 0x316d65646e6174ULL;  // "tandem1"
inline constexpr std::size_t member_bytes = 4096;
inline constexpr std::size_t object_bytes = 64;
inline constexpr std::size_t header_bytes = 65536;

/// Lies at the start of the region. A format: append only, and a new magic when anything moves.
struct region_header {
  std::uint64_t magic;
  std::uint64_t bytes;
  alignas(64) std::atomic<std::uint32_t> participant_hint;  // where the next claim starts looking: slots are reused as
                                                            // late as possible
  alignas(64) std::atomic<std::uint32_t> member_hint;
  alignas(64) std::atomic<std::uint32_t> object_hint;
  std::atomic<std::uint32_t> object_top;  // entries from here on were never used
  alignas(
      64) std::atomic<std::uint32_t> deaths;  // participants known to have ended; says when to look for what they left
  std::atomic<std::uint32_t>
      lost_objects;  // shared objects whose last holders all died: memory freed, destructor not run
};
static_assert(sizeof(region_header) <= header_bytes);

/// Zero in every process that has not been told who it is: a forked child of the host's own making, above all.
struct process_page {
  std::atomic<token> member;
};

/// Where the parts of the region are, in this process's private memory.
struct region {
  std::byte* base = nullptr;
  std::size_t bytes = 0;
  std::size_t page = 0;
  int descriptor = -1;
  std::uint32_t slots = 0;    // participants, and as many members
  std::uint32_t objects = 0;  // entries of the object table
  std::byte* participants = nullptr;
  std::byte* members = nullptr;
  std::byte* object_table = nullptr;
  std::byte* heap = nullptr;
  std::size_t heap_bytes = 0;
  process_page* process = nullptr;
  pthread_key_t thread_end{};

  region_header& header() const noexcept { return *reinterpret_cast<region_header*>(base); }
  bool contains(void const* at) const noexcept {
    return static_cast<std::size_t>(static_cast<std::byte const*>(at) - base) < bytes;
  }
};

/// What a participant does when its thread ends. Set with the first of them, so that who has none need not know of
/// them.
inline constinit std::atomic<void (*)(void* self_page) noexcept> at_thread_end{nullptr};

inline void end_thread(void* self_page) noexcept {
  if (auto* const leave = at_thread_end.load(std::memory_order_acquire)) leave(self_page);
}

/// Set up once in a process; a forked child inherits it as it is.
class family_region {
 public:
  static region const& get() {
    if (state_.load(std::memory_order_acquire) != ready) set_up();  // pairs with the release in set_up
    return region_;
  }

  static bool exists() noexcept { return state_.load(std::memory_order_acquire) == ready; }

 private:
  static constexpr std::uint32_t none = 0, ready = 1, busy = 1U << 31;  // busy carries the pid of whoever is at it

  TANDEM_NOINLINE static void set_up() {
    std::uint32_t const mine = busy | static_cast<std::uint32_t>(::getpid());
    for (;;) {
      std::uint32_t state = state_.load(std::memory_order_acquire);
      if (state == ready) return;
      // Busy in another process's name: this is a child forked while some other thread of its parent was here. Nobody
      // will finish it but us.
      if (state == none || state != mine) {
        if (state_.compare_exchange_strong(state, mine, std::memory_order_acquire)) break;
      } else {
        os::futex_wait(&state_, state, os::no_deadline, os::futex_scope::in_process);
      }
    }
    try {
      region_ = reserve();
    } catch (...) {
      state_.store(none, std::memory_order_release);
      os::futex_wake(&state_, INT_MAX, os::futex_scope::in_process);
      throw;
    }
    state_.store(ready, std::memory_order_release);  // pairs with the acquire loads above
    os::futex_wake(&state_, INT_MAX, os::futex_scope::in_process);
  }

  static region reserve() {
    region made;
    made.page = os::page_size();
    for (made.bytes = std::size_t{64} << 30; made.base == nullptr; made.bytes /= 2) {
      if (made.bytes < std::size_t{64} << 20) throw_errno("reserve the commons: mmap", "64 MiB of address space");
      made.descriptor = os::create_memory_file("tandem-commons", made.bytes);
      // The preferred address is below where programs are loaded, and in the ranges that AddressSanitizer and
      // ThreadSanitizer leave to programs (the latter ends who asks for another). Any other will do as well.
      made.base = os::map_shared(made.descriptor, made.bytes, reinterpret_cast<void*>(0x550000000000));
      if (made.base != nullptr) break;
      if (made.descriptor >= 0) ::close(made.descriptor);
    }
    os::drop_from_core(made.base, made.bytes);
    made.slots = static_cast<std::uint32_t>(std::clamp<std::size_t>(made.bytes >> 20, 256, token_slots));
    made.objects = static_cast<std::uint32_t>(made.bytes >> 16);
    made.participants = made.base + header_bytes;
    made.members = made.participants + made.slots * made.page;
    made.object_table = made.members + made.slots * member_bytes;
    std::size_t const unit = 65536;
    auto const used = static_cast<std::size_t>(made.object_table - made.base) + made.objects * object_bytes;
    made.heap = made.base + (used + unit - 1) / unit * unit;
    made.heap_bytes = made.bytes - static_cast<std::size_t>(made.heap - made.base);

    std::byte* const own = os::map_private(made.page);
    if (own == nullptr || !os::wipe_on_fork(own, made.page))
      throw_errno("reserve the commons: madvise", "MADV_WIPEONFORK");
    made.process = new (own) process_page;
    if (int const error = ::pthread_key_create(&made.thread_end, &end_thread))
      throw_errno(error, "reserve the commons: pthread_key_create");
    auto& header = *new (made.base) region_header;
    header.magic = region_magic;
    header.bytes = made.bytes;
    return made;
  }

  static inline constinit std::atomic<std::uint32_t> state_{none};
  static inline constinit region region_{};
};

/// The family's region, set up at the first call. @throws std::system_error where the address space has no room for it.
inline region const& family() { return family_region::get(); }

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_REGION_HPP
