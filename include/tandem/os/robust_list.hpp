// SPDX-License-Identifier: BSL-1.0
// The kernel's robust list of the calling thread, shared with glibc's own robust mutexes (set_robust_list(2),
// get_robust_list(2)).
//
// A word on that list which holds the thread's TID when the thread ends, in whatever way, is set to FUTEX_OWNER_DIED by
// the kernel, and one of its sleepers is woken. glibc registers the list of each thread and fixes its shape: the entry
// stands 32 bytes behind the word, its back link 8 before.
//
//        word            word + 24   word + 32
//        [tid|waiters]   [prev]      [next]  <- entries point here
#ifndef TANDEM_OS_ROBUST_LIST_HPP
#define TANDEM_OS_ROBUST_LIST_HPP

#include <linux/futex.h>  // for robust_list_head
#include <sys/syscall.h>  // for SYS_get_robust_list, SYS_set_robust_list
#include <unistd.h>       // for syscall

#include <atomic>   // for atomic_signal_fence
#include <cstddef>  // for size_t, ptrdiff_t
#include <cstdint>  // for uintptr_t

namespace tandem::os {

/// The two links that stand 24 bytes behind a robust word.
struct robust_links {
  void* previous;
  void* next;
};

/// Distance from a robust word to the entry that the list names.
inline constexpr std::ptrdiff_t robust_entry_offset = 32;

/// The calling thread's list. The kernel reads it only when this thread dies, so compiler order is all the order it
/// needs.
class robust_list {
 public:
  /// The list of the calling thread; `usable()` is false where there is none (a raw clone child, an emulator) or its
  /// shape is another.
  static robust_list of_this_thread() noexcept {
    robust_list_head* head = nullptr;
    std::size_t length = 0;
    bool const known = ::syscall(SYS_get_robust_list, 0, &head, &length) == 0;
    return robust_list{known && head != nullptr && head->futex_offset == -robust_entry_offset ? head : nullptr};
  }

  constexpr robust_list() noexcept = default;  // not usable

  bool usable() const noexcept { return head_ != nullptr; }

  /// Announces a word that is being claimed: should the thread die before `link`, the kernel looks at it all the same.
  void announce(robust_links* links) noexcept {
    order();
    head_->list_op_pending = links == nullptr ? nullptr : reinterpret_cast<::robust_list*>(&links->next);
    order();
  }

  /// Announces a word without any links: should the thread die now, and the word name no TID (the low 30 bits are 0),
  /// one of its sleepers is woken. Null: none.
  void announce_word(void const* word) noexcept {
    order();
    head_->list_op_pending =
        word == nullptr
            ? nullptr
            : reinterpret_cast<::robust_list*>(reinterpret_cast<std::uintptr_t>(word) + robust_entry_offset);
    order();
  }

  void link(robust_links* links) noexcept {
    void** const first = following(head_->list.next);
    links->next = head_->list.next;
    links->previous = head_;
    order();
    first[-1] = &links->next;
    order();
    head_->list.next = reinterpret_cast<::robust_list*>(&links->next);
    order();
  }

  void unlink(robust_links* links) noexcept {
    order();
    following(links->next)[-1] = links->previous;
    order();
    *following(links->previous) = links->next;
    order();
  }

 private:
  explicit robust_list(robust_list_head* head) noexcept : head_(head) {}

  static void order() noexcept { std::atomic_signal_fence(std::memory_order_seq_cst); }

  /// The `next` field that a link names; its lowest bit marks a priority-inheriting mutex.
  static void** following(void* link) noexcept {
    return reinterpret_cast<void**>(reinterpret_cast<std::uintptr_t>(link) & ~std::uintptr_t{1});
  }

  robust_list_head* head_ = nullptr;
};

}  // namespace tandem::os

#endif  // TANDEM_OS_ROBUST_LIST_HPP
