// SPDX-License-Identifier: BSL-1.0
// The family's shared memory: one sparse mapping, reserved once by the first member that needs it and inherited by all
// it starts.
//
//   | header | participants | objects | members |      | heap ... |
//
// Where the parts lie is kept in private memory and never read back from the shared one, so that no scribbler can move
// them.
#ifndef TANDEM_MEMORY_IMPL_REGION_HPP
#define TANDEM_MEMORY_IMPL_REGION_HPP

#include <pthread.h>  // for pthread_key_create
#include <unistd.h>   // for close, getpid

#include <algorithm>  // for clamp
#include <atomic>     // for atomic
#include <cerrno>     // for errno
#include <climits>    // for INT_MAX
#include <cstddef>    // for byte, size_t
#include <cstdint>    // for uint32_t, uint64_t
#include <new>        // for placement new

#include "tandem/config.hpp"             // for TANDEM_NOINLINE
#include "tandem/core/errors.hpp"        // for throw_errc, throw_errno
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
  std::atomic<std::uint32_t> member_top;  // members' pages from here on were never used
};
static_assert(sizeof(region_header) <= header_bytes);

/// Zero in every process that has not asked yet who it is: a forked child of the host's own making, above all.
struct process_page {
  std::atomic<token> member;
};

/// Where the parts of the region are, in this process's private memory.
struct region {
  std::size_t page = 0;
  int descriptor = -1;
  std::uint32_t slots = 0;    // participants, and as many members
  std::uint32_t objects = 0;  // entries of the object table
  std::byte* tables = nullptr;
  std::size_t table_bytes = 0;
  std::byte* participants = nullptr;
  std::byte* object_table = nullptr;
  std::byte* members_end = nullptr;
  std::byte* heap = nullptr;
  std::size_t heap_bytes = 0;
  process_page* process = nullptr;
  pthread_key_t thread_end{};

  region_header& header() const noexcept { return *reinterpret_cast<region_header*>(tables); }

  /// Where a block of the heap is, as a number that means the same in every process; 0 is no block, for the heap's own
  /// header is there.
  std::uint64_t offset(void const* block) const noexcept {
    return static_cast<std::uint64_t>(static_cast<std::byte const*>(block) - heap);
  }
  std::byte* address(std::uint64_t offset) const noexcept { return heap + offset; }
};

/// What a thread that has not enrolled writes into a lock's word: `somebody`, as long as there is no family; 0 from
/// then on, which no word takes: it must enrol first.
inline constinit std::atomic<token> unenrolled_name{somebody};

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

  /// The memory file has another number now. In a child that has just begun, and has one thread.
  static void move_descriptor(int to) noexcept { region_.descriptor = to; }

  static bool exists() noexcept { return state_.load(std::memory_order_acquire) == ready; }

  /// In a process that was executed afresh: takes over the family's region, `bytes` bytes behind `descriptor`, with its
  /// heap at the address that it has in all members. Before anything else of the library is used.
  /// @throws std::system_error where that address is taken here
  static void adopt(int descriptor, std::size_t bytes, std::byte* heap) {
    region known;
    known.page = os::page_size();
    known.descriptor = descriptor;
    lay_out(known, bytes);
    if (!map(known, heap) || known.heap != heap)
      throw_errc(std::errc::address_in_use, "join the family: map the commons",
                 "their address is taken in this process: start it by a fork or a zygote");
    if (known.slots == 0 || known.tables == nullptr ||
        reinterpret_cast<region_header*>(known.tables)->magic != region_magic)
      throw_errc(std::errc::bad_message, "join the family: map the commons", "they are of another version of tandem");
    set_up_process(known);
    region_ = known;
    state_.store(ready, std::memory_order_release);
  }

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
    std::size_t bytes = std::size_t{64} << 30;
    while (!create(made, bytes)) {
      bytes /= 2;
      if (bytes < std::size_t{64} << 20) throw_errno("reserve the commons: mmap", "64 MiB of address space");
    }
    auto& header = *new (made.tables) region_header;
    header.magic = region_magic;
    header.bytes = made.table_bytes + made.heap_bytes;
    set_up_process(made);
    return made;
  }

  static void set_up_process(region& made) {
    os::drop_from_core(made.tables, made.table_bytes);
    os::drop_from_core(made.heap, made.heap_bytes);
    std::byte* const own = os::map_private(made.page);
    if (own == nullptr || !os::wipe_on_fork(own, made.page))
      throw_errno("reserve the commons: madvise", "MADV_WIPEONFORK");
    made.process = new (own) process_page;
    if (int const error = ::pthread_key_create(&made.thread_end, &end_thread))
      throw_errno(error, "reserve the commons: pthread_key_create");
    // relaxed: who shares memory with others has it from a call that comes after this one
    unenrolled_name.store(0, std::memory_order_relaxed);
  }

  static bool create(region& made, std::size_t bytes) noexcept {
    lay_out(made, bytes);
    made.descriptor = os::create_memory_file("tandem-commons", bytes);
    if (map(made, reinterpret_cast<std::byte*>(0x550000000000))) return true;
    int const why = errno;
    if (made.descriptor >= 0) ::close(made.descriptor);
    errno = why;
    return false;
  }

  /// The sizes of the parts: they follow from the whole.
  static void lay_out(region& made, std::size_t bytes) noexcept {
    constexpr std::size_t unit = 65536;
    made.slots = static_cast<std::uint32_t>(std::clamp<std::size_t>(bytes >> 20, 256, token_slots));
    made.objects = static_cast<std::uint32_t>(bytes >> 16);
    std::size_t const used =
        header_bytes + made.slots * made.page + made.objects * object_bytes + made.slots * member_bytes;
    made.table_bytes = (used + unit - 1) / unit * unit;
    made.heap_bytes = bytes - made.table_bytes;
  }

  /// One memory file, mapped in two parts. The heap goes to an address that is likely to be free in every program of
  /// the family: below where programs are loaded, and in the ranges that AddressSanitizer and ThreadSanitizer leave to
  /// programs (the latter ends who asks for another); any other will do as well. The tables, which nobody points into,
  /// go where the kernel puts libraries: every child touches the last pages of them, and there, below the library
  /// mapped before, it has a page table already.
  static bool map(region& made, std::byte* heap) noexcept {
    made.heap = os::map_shared(made.descriptor, made.table_bytes, made.heap_bytes, heap);
    made.tables = made.heap == nullptr ? nullptr : os::map_shared(made.descriptor, 0, made.table_bytes, nullptr);
    if (made.tables == nullptr) {
      int const why = errno;
      if (made.heap != nullptr) os::unmap(made.heap, made.heap_bytes);
      errno = why;
      return false;
    }
    made.participants = made.tables + header_bytes;
    made.object_table = made.participants + made.slots * made.page;
    made.members_end = made.tables + made.table_bytes;
    return true;
  }

  static inline constinit std::atomic<std::uint32_t> state_{none};
  static inline constinit region region_{};
};

/// The family's region, set up at the first call. @throws std::system_error where the address space has no room for it.
inline region const& family() { return family_region::get(); }

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_REGION_HPP
