// SPDX-License-Identifier: BSL-1.0
// Participants: the threads of the family that can hold something and die holding it.
//
// Each has a slot in shared memory: {liveness word, token} in one 64-bit word, at the very end of a page of its own.
// The liveness word is on the kernel's robust list of that thread, so the kernel flips it, and wakes a sleeper, at the
// thread's end in whatever way: return, exec, SIGKILL. After the flip the thread can no longer touch the memory: the
// flip alone proves the death.
//
// The links of the robust list must stand right behind the word, but not where others could write: glibc follows them.
// So a thread maps its slot's page a second time, directly before a private page:
//
//     window:  [ ...........liveness word ] [ links, token, heap cache ]
//               alias of the shared slot      private, wiped by a fork
//
// A forked child finds its private page zeroed, hence no token, and enrols anew as a participant of its own.
#ifndef TANDEM_MEMORY_IMPL_PARTICIPANTS_HPP
#define TANDEM_MEMORY_IMPL_PARTICIPANTS_HPP

#include <linux/futex.h>  // for FUTEX_WAITERS, FUTEX_OWNER_DIED
#include <pthread.h>      // for pthread_setspecific

#include <atomic>   // for atomic
#include <cerrno>   // for EAGAIN
#include <climits>  // for INT_MAX
#include <cstddef>  // for byte, offsetof, size_t
#include <cstdint>  // for uint32_t, uint64_t
#include <new>      // for placement new

#include "tandem/config.hpp"                  // for TANDEM_NOINLINE
#include "tandem/core/errors.hpp"             // for throw_errno
#include "tandem/memory/impl/heap_cache.hpp"  // for heap_cache
#include "tandem/memory/impl/region.hpp"      // for family, region
#include "tandem/memory/impl/token.hpp"       // for token, next_token, slot_of
#include "tandem/os/clock.hpp"                // for boot_time_ns
#include "tandem/os/futex.hpp"                // for futex_wake
#include "tandem/os/mapping.hpp"              // for alias_page, map_private
#include "tandem/os/process_id.hpp"           // for process_id
#include "tandem/os/process_table.hpp"        // for look_up_task, started_after, thread_id
#include "tandem/os/robust_list.hpp"          // for robust_list, robust_links

namespace tandem::impl {

/// The end of a participant's page.
struct participant_slot {
  std::uint32_t process, thread;  // with the time of the claim: proof of a death that the kernel could not mark
  std::int64_t claimed_at;        // CLOCK_BOOTTIME, nanoseconds
  std::atomic<token> described;   // whose the three above are
  std::uint32_t reserved[9];
  std::atomic<std::uint64_t> life;  // low half: liveness word, tid|FUTEX_WAITERS, flipped by the kernel; high half:
                                    // token. One word, so one claim
};
static_assert(sizeof(participant_slot) == 64 && offsetof(participant_slot, life) == 56, "a format in shared memory");

/// A participant's private page. All zeros means: not enrolled.
struct self_page {
  std::uint64_t reserved[2];
  os::robust_links links;  // 24 and 32 bytes behind the liveness word
  token me;
  std::atomic<token> name;  // `me`, for lock words: atomic as the one that it stands in for is
  bool linked;
  os::robust_list list;                      // of this thread; not usable where it is not linked
  void (*leave_heap)(heap_cache&) noexcept;  // set by the heap at this participant's first allocation
  alignas(64) heap_cache heap;
};
static_assert(offsetof(self_page, links) == os::robust_entry_offset - 16);

constexpr std::uint32_t life_word(std::uint64_t life) noexcept { return static_cast<std::uint32_t>(life); }
constexpr token life_token(std::uint64_t life) noexcept { return static_cast<token>(life >> 32); }
constexpr std::uint64_t make_life(token who, std::uint32_t word) noexcept { return std::uint64_t{who} << 32 | word; }

class participants {
 public:
  /// The calling thread's token. One load and a test, but for its first call, which enrols the thread.
  /// @throws std::system_error where the table or the address space is full.
  static token self() {
    token const me = self_->me;
    return __builtin_expect(me != 0, 1) ? me : enrol();
  }

  /// The calling thread's token, 0 if it has not enrolled (since the last fork).
  static token self_or_none() noexcept { return self_->me; }

  /// What the calling thread writes into a lock's word: its token; `somebody` as long as there is no family; 0 where it
  /// has yet to enrol. Two loads.
  static token name() noexcept { return name_->load(std::memory_order_relaxed); }

  /// Until the next such call: should the calling thread die, and `word` name no owner then, one of its sleepers is
  /// woken. For who may have been given a wake-up that others need. Null: nothing. Does nothing in who has not
  /// enrolled.
  static void pass_on_wake_up(void const* word) noexcept {
    if (self_->list.usable()) self_->list.announce_word(word);
  }

  /// The calling thread's private page; all zeros, and not to be written, as long as self_or_none() is 0.
  static self_page& own() noexcept { return *self_; }

  static participant_slot& at(std::uint32_t slot) noexcept {
    region const& all = family();
    return *reinterpret_cast<participant_slot*>(all.participants + (slot % all.slots) * all.page + all.page -
                                                sizeof(participant_slot));
  }

  /// Whether `who` has ended, by a look at one word. True is final.
  static bool has_ended(token who) noexcept {
    // acquire: pairs with the kernel's flip or leave's exchange; what the dead wrote last is visible then
    return is_end(who, at(slot_of(who)).life.load(std::memory_order_acquire));
  }

  /// As has_ended, and asks /proc where the word says that it lives: for the deaths that the kernel could not mark (a
  /// robust list cut short).
  static bool prove_ended(token who) noexcept {
    participant_slot& slot = at(slot_of(who));
    std::uint64_t life = slot.life.load(std::memory_order_acquire);
    if (is_end(who, life)) return true;
    // acquire: pairs with the release in claim; before that store the slot still describes its former owner
    if (slot.described.load(std::memory_order_acquire) != who) return false;
    auto const task = os::look_up_task(static_cast<pid_t>(slot.process), static_cast<pid_t>(slot.thread));
    if (task.running() && !os::started_after(task, slot.claimed_at)) return false;
    if (slot.life.compare_exchange_strong(life, make_life(who, ended_word), std::memory_order_acq_rel)) wake(slot);
    return true;
  }

  /// The word that changes, with a wake-up, when `who` ends.
  static void const* word_of(token who) noexcept {
    return &at(slot_of(who)).life;
  }  // the low half: both platforms are little-endian

  /// What word_of(who) holds now; meaningful to sleep on as long as has_ended(who) is false.
  static std::uint32_t word(token who) noexcept {
    return life_word(at(slot_of(who)).life.load(std::memory_order_acquire));
  }

  /// How many ends of participants are known. Rises with each; says when to look for what the dead left behind.
  static std::uint32_t deaths() noexcept { return family().header().deaths.load(std::memory_order_acquire); }
  static void note_death() noexcept { family().header().deaths.fetch_add(1, std::memory_order_acq_rel); }

  static void leave(self_page* page) noexcept;

 private:
  static constexpr std::uint32_t turn = 256;  // slots that are taken in turn; the others where these are not enough
  static constexpr std::uint32_t ended_word = FUTEX_WAITERS | FUTEX_OWNER_DIED;

  static bool is_end(token who, std::uint64_t life) noexcept {
    return life_token(life) != who || (life_word(life) & FUTEX_OWNER_DIED) != 0;
  }

  static void wake(participant_slot& slot) noexcept { os::futex_wake(&slot.life); }

  static std::size_t private_bytes(region const& all) noexcept {
    return (sizeof(self_page) + all.page - 1) / all.page * all.page;
  }

  static token enrol();
  static bool claim(region const& all, std::uint32_t index, self_page* page, os::robust_list& list,
                    std::uint32_t thread);

  static inline constinit self_page nobody_{};
  static inline constinit thread_local self_page* self_ = &nobody_;
  static inline constinit thread_local std::atomic<token> const* name_ = &unenrolled_name;
};

TANDEM_NOINLINE inline token participants::enrol() {
  region const& all = family();
  self_page* page = self_;
  if (page == &nobody_) {
    std::byte* const window = os::map_private(all.page + private_bytes(all));
    if (window == nullptr) throw_errno("enrol a thread in the family: mmap");
    page = reinterpret_cast<self_page*>(window + all.page);
    if (!os::wipe_on_fork(page, private_bytes(all)))
      throw_errno("enrol a thread in the family: madvise", "MADV_WIPEONFORK");
  }
  auto list = os::robust_list::of_this_thread();
  auto const thread = static_cast<std::uint32_t>(os::thread_id());
  std::uint32_t const first = all.header().participant_hint.fetch_add(1, std::memory_order_relaxed);
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t i = 0; i < all.slots; ++i) {
      std::uint32_t const index = i < turn ? (first + i) % turn : i;
      if (round == 1) prove_ended(life_token(at(index).life.load(std::memory_order_relaxed)));
      if (!claim(all, index, page, list, thread)) continue;
      self_ = page;
      name_ = &page->name;
      at_thread_end.store([](void* ended) noexcept { leave(static_cast<self_page*>(ended)); },
                          std::memory_order_release);
      ::pthread_setspecific(all.thread_end, page);
      return page->me;
    }
  }
  throw_errno(EAGAIN, "enrol a thread in the family", "the table of participants is full");
}

inline bool participants::claim(region const& all, std::uint32_t index, self_page* page, os::robust_list& list,
                                std::uint32_t thread) {
  participant_slot& slot = at(index);
  std::uint64_t life = slot.life.load(std::memory_order_acquire);
  if (life_word(life) != 0 && (life_word(life) & FUTEX_OWNER_DIED) == 0) return false;

  // In a forked child the window is its parent's, alias and all: the address must stay taken, or something else might
  // be mapped there by now.
  auto* const alias = reinterpret_cast<std::byte*>(page) - all.page;
  bool const linked =
      list.usable() && os::alias_page(reinterpret_cast<std::byte*>(&slot + 1) - all.page, alias, all.page);
  if (linked) {
    list.announce(&page->links);  // killed between the claim and the link: the kernel still flips the word
  }
  token const me = next_token(index, life_token(life));
  // acq_rel: what the former owner's death published is visible here; our claim is visible before anything we write as
  // its owner
  if (!slot.life.compare_exchange_strong(life, make_life(me, thread | FUTEX_WAITERS), std::memory_order_acq_rel)) {
    if (linked) list.announce(nullptr);
    return false;
  }
  slot.process = static_cast<std::uint32_t>(os::process_id());
  slot.thread = thread;
  slot.claimed_at = os::boot_time_ns();
  slot.described.store(me, std::memory_order_release);  // pairs with the acquire in prove_ended
  if (linked) {
    list.link(&page->links);
    list.announce(nullptr);
  }
  if (life_token(life) != 0) wake(slot);  // who still watches the former owner of this slot
  page->linked = linked;
  if (linked) page->list = list;
  page->me = me;
  page->name.store(me, std::memory_order_relaxed);
  return true;
}

/// The calling thread leaves in order: what the kernel would do at its end, and its private pages go back.
inline void participants::leave(self_page* page) noexcept {
  if (page->me == 0) return;  // a forked child's copy of its parent's page
  if (page->leave_heap != nullptr) page->leave_heap(page->heap);
  region const& all = family();
  participant_slot& slot = at(slot_of(page->me));
  if (page->linked)
    os::robust_list::of_this_thread().unlink(
        &page->links);  // before its memory goes: the kernel's walk stops at a hole
  // acq_rel: what this thread did comes before its end as others see it, in has_ended
  slot.life.exchange(make_life(page->me, ended_word), std::memory_order_acq_rel);
  wake(slot);
  note_death();
  self_ = &nobody_;
  name_ = &unenrolled_name;
  os::unmap(reinterpret_cast<std::byte*>(page) - all.page, all.page + private_bytes(all));
}

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_PARTICIPANTS_HPP
