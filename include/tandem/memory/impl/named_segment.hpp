// SPDX-License-Identifier: BSL-1.0
// One program's view of a named heap: a segment of named shared memory, at an address of its own.
//
//   | header | peers: a token for each slot | roots | heap ... |
//
// A peer is a program that has the heap open (each handle of its own). It has a slot, which it holds by a lock on a
// byte that the file does not have, through an open file that nobody else has: the kernel drops the lock at its death.
// So no number of a process is kept, and programs in other namespaces are told right. A forked child closes that open
// file, as a lock that two hold outlives the first of them, and takes a slot of its own when it uses the heap.
#ifndef TANDEM_MEMORY_IMPL_NAMED_SEGMENT_HPP
#define TANDEM_MEMORY_IMPL_NAMED_SEGMENT_HPP

#include <fcntl.h>      // for O_RDWR
#include <pthread.h>    // for pthread_atfork
#include <sys/types.h>  // for off_t, pid_t

#include <atomic>        // for atomic
#include <cerrno>        // for EAGAIN, ENOMEM
#include <cstddef>       // for byte, size_t
#include <cstdint>       // for INT64_MAX, uint32_t, uint64_t
#include <mutex>         // for mutex, unique_lock
#include <new>           // for placement new
#include <string>        // for string
#include <string_view>   // for string_view
#include <system_error>  // for errc
#include <utility>       // for move

#include "tandem/core/errors.hpp"              // for throw_errc, throw_errno
#include "tandem/memory/impl/heap_cache.hpp"   // for heap_cache
#include "tandem/memory/impl/heap_layout.hpp"  // for heap_map, heap_peers, map_heap
#include "tandem/memory/impl/heap_slabs.hpp"   // for slabs
#include "tandem/memory/impl/token.hpp"        // for token, next_token, slot_of
#include "tandem/memory/mapping.hpp"           // for mapping
#include "tandem/memory/shared_memory.hpp"     // for shared_memory
#include "tandem/os/byte_lock.hpp"             // for lock_byte, is_byte_locked
#include "tandem/os/file_status.hpp"           // for file_status, get_status
#include "tandem/os/process_id.hpp"            // for process_id
#include "tandem/os/scheduling.hpp"            // for yield
#include "tandem/os/unnamed_file.hpp"          // for descriptor_path
#include "tandem/resource/fd.hpp"              // for fd

namespace tandem::impl {

/// Lies at the start of the segment. A format: a new magic when anything moves.
struct segment_header {
  static constexpr std::uint64_t expected = 0x31706165686474ULL;  // "tdheap1"
  static constexpr std::uint32_t slots = 256, roots_in_all = 128;

  struct root {
    static constexpr std::size_t longest_name = 47;
    std::atomic<std::uint64_t> object;  // how far from the segment's start; 0: none. Set last
    std::uint32_t type;                 // fingerprint
    std::uint32_t reserved;
    char name[longest_name + 1];
  };
  static_assert(sizeof(root) == 64);

  std::uint64_t magic;
  std::uint64_t bytes;  // of the segment
  std::atomic<std::uint32_t> deaths;
  alignas(64) std::atomic<token> peers[slots];
  root roots[roots_in_all];
};
inline constexpr std::size_t segment_header_bytes = 12288;
static_assert(sizeof(segment_header) <= segment_header_bytes);

class named_segment final : public heap_peers {
 public:
  static constexpr std::size_t least_bytes = std::size_t{1} << 20;

  static void format(mapping& whole) {
    auto& header = *::new (whole.bytes().data()) segment_header{};
    header.magic = segment_header::expected;
    header.bytes = whole.size();
  }

  /// @throws std::system_error where it is no such segment
  named_segment(shared_memory opened, std::string_view name)
      : file_(std::move(opened)), whole_(file_.map()), start_(whole_.bytes().data()) {
    if (os::get_status(file_.descriptor().get(), status_) != 0) throw_errno("open a named heap", name);
    bytes_ = whole_.size() < least_bytes ? 0 : static_cast<std::uint64_t const volatile&>(header().bytes);
    if (bytes_ < least_bytes || bytes_ > whole_.size() || header().magic != segment_header::expected)
      throw_errc(std::errc::bad_message, "open a named heap",
                 std::string(name) + ": it is no heap of this version of tandem: remove it, or take another name");
    registry::add(*this);
    try {
      enter_process();
    } catch (...) {
      registry::remove(*this);
      throw;
    }
  }
  named_segment(named_segment const&) = delete;
  ~named_segment() {
    registry::remove(*this);
    if (process_.load(std::memory_order_relaxed) != os::process_id()) return;  // a forked child's copy of its parent's
    slabs::leave(cache_);
    header().deaths.fetch_add(1, std::memory_order_relaxed);
  }

  /// The heap, for the calling thread alone as long as the lock is kept.
  /// @throws std::system_error, in a forked child's first call, where it cannot be enrolled
  std::unique_lock<std::mutex> enter() {
    if (process_.load(std::memory_order_acquire) != os::process_id()) enter_process();
    return std::unique_lock(lock_);
  }
  heap_cache& cache() noexcept { return cache_; }

  segment_header& header() const noexcept { return *reinterpret_cast<segment_header*>(start_); }
  std::byte* address(std::uint64_t offset) const noexcept { return start_ + offset; }
  std::uint64_t offset(void const* at) const noexcept {
    return static_cast<std::uint64_t>(static_cast<std::byte const*>(at) - start_);
  }
  std::size_t bytes() const noexcept { return bytes_; }
  heap_map map() const noexcept {
    heap_map all = map_heap(address(segment_header_bytes), bytes_ - segment_header_bytes);
    all.peers = this;
    return all;
  }

  bool has_ended(token who) const noexcept override {
    if (who == cache_.me) return false;  // its own lock is no obstacle to a process, and none to find
    std::uint32_t const slot = slot_of(who);
    if (slot >= segment_header::slots) return true;       // nobody's: a scribbler's
    if (header().peers[slot].load() != who) return true;  // before the look at the lock, which may be the next one's
    return os::is_byte_locked(mark_.get(), byte_of(slot)) == 0;
  }
  std::uint32_t deaths() const noexcept override { return header().deaths.load(std::memory_order_acquire); }

 private:
  /// All segments of the process, for a fork.
  class registry {
   public:
    static void add(named_segment& one) {
      static bool const handled =
          ::pthread_atfork([] { lock_.lock(); }, [] { lock_.unlock(); },
                           [] {
                             for (named_segment* each = first_; each != nullptr; each = each->next_)
                               each->mark_.reset();
                             ::new (&lock_) std::mutex;
                           }) == 0;
      if (!handled) throw_errno(ENOMEM, "open a named heap: pthread_atfork");
      std::lock_guard const hold(lock_);
      one.next_ = first_;
      first_ = &one;
    }
    static void remove(named_segment& one) noexcept {
      std::lock_guard const hold(lock_);
      for (named_segment** at = &first_; *at != nullptr; at = &(*at)->next_) {
        if (*at == &one) {
          *at = one.next_;
          return;
        }
      }
    }

   private:
    static inline constinit std::mutex lock_{};
    static inline constinit named_segment* first_ = nullptr;
  };

  static constexpr off_t byte_of(std::uint32_t slot) noexcept { return INT64_MAX - 2 - static_cast<off_t>(slot); }

  /// Makes the calling process a peer: once, also if several threads ask at once.
  void enter_process() {
    pid_t const me = os::process_id();
    for (pid_t seen = process_.load(std::memory_order_acquire); seen != me;
         seen = process_.load(std::memory_order_acquire)) {
      if (seen == -me) {
        os::yield();  // another thread is at it
      } else if (process_.compare_exchange_strong(seen, -me, std::memory_order_acquire)) {
        try {
          ::new (&lock_) std::mutex;
          ::new (&cache_) heap_cache{};
          take_slot();
        } catch (...) {
          process_.store(0, std::memory_order_release);
          throw;
        }
        process_.store(me, std::memory_order_release);
      }
    }
  }

  void take_slot() {
    fd own = fd::open(os::descriptor_path(file_.descriptor().get()).text, O_RDWR);
    os::file_status opened;
    if (os::get_status(own.get(), opened) != 0 || opened.inode != status_.inode || opened.device != status_.device)
      throw_errc(std::errc::bad_file_descriptor, "use a named heap in a forked process",
                 "its descriptor was closed here: open it by its name");
    mark_ = std::move(own);
    for (std::uint32_t slot = 0; slot < segment_header::slots; ++slot) {
      if (os::lock_byte(mark_.get(), os::byte_lock_kind::exclusive, byte_of(slot)) != 0) continue;
      token const before = header().peers[slot].load();
      token const mine = next_token(slot, before);
      header().peers[slot].store(mine);
      if (before != 0) header().deaths.fetch_add(1, std::memory_order_acq_rel);
      cache_.map = map();
      cache_.me = mine;
      cache_.tag = unit_state::slab_of(0, mine).slab_tag();
      return;
    }
    throw_errno(EAGAIN, "open a named heap", "256 programs have it open: no more can");
  }

  shared_memory file_;
  mapping whole_;
  std::byte* start_ = nullptr;
  os::file_status status_;
  std::size_t bytes_ = 0;
  fd mark_;
  std::atomic<pid_t> process_{0};  // whose mark, lock and cache are; negative: of whom they are being made
  std::mutex lock_;
  heap_cache cache_{};
  named_segment* next_ = nullptr;
};

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_NAMED_SEGMENT_HPP
