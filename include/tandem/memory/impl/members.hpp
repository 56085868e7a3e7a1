// SPDX-License-Identifier: BSL-1.0
// Members: the processes of the family. Each has a page in shared memory, claimed for it by the process that starts it:
// who it is, and what became of it.
#ifndef TANDEM_MEMORY_IMPL_MEMBERS_HPP
#define TANDEM_MEMORY_IMPL_MEMBERS_HPP

#include <linux/futex.h>  // for FUTEX_OWNER_DIED, FUTEX_WAITERS
#include <unistd.h>       // for getpid

#include <algorithm>  // for min
#include <atomic>     // for atomic
#include <cerrno>     // for EAGAIN
#include <cstddef>    // for byte, offsetof, ptrdiff_t
#include <cstdint>    // for uint32_t, uint64_t

#include "tandem/config.hpp"              // for TANDEM_NOINLINE
#include "tandem/core/errors.hpp"         // for throw_errno
#include "tandem/memory/impl/region.hpp"  // for family, member_bytes
#include "tandem/memory/impl/token.hpp"   // for token, next_token, slot_of
#include "tandem/os/bound.hpp"            // for bound
#include "tandem/os/clock.hpp"            // for boot_time_ns
#include "tandem/os/mapping.hpp"          // for populate_writable, touch
#include "tandem/os/process_id.hpp"       // for process_id
#include "tandem/os/process_table.hpp"    // for look_up_task, started_after
#include "tandem/os/robust_list.hpp"      // for robust_entry_offset, robust_links, robust_list

namespace tandem::impl {

/// One process of the family.
struct member_slot {
  enum stage : std::uint32_t { free, used };

  // What `life` tells, besides the process's TID while it runs: 0 before it got that far, and FUTEX_OWNER_DIED, by the
  // kernel, where it ended without an outcome. None of them can be a TID, which is below 2^22. Who sleeps on the word
  // adds FUTEX_WAITERS.
  static constexpr std::uint32_t returned = 0x3ffffffe;
  static constexpr std::uint32_t threw = 0x3ffffffd;
  static constexpr std::uint32_t not_started = 0x3ffffffc;  // threw before its workload began

  std::atomic<std::uint64_t> identity;  // low half: stage; high half: token. One word, so one claim
  std::atomic<std::uint32_t> process;   // its pid; its token until it runs; 0: nobody's, or being claimed
  std::atomic<std::uint32_t> holds;     // at least as many as the entries of the object table that name it
  std::int64_t claimed_at;          // CLOCK_BOOTTIME, nanoseconds; with the pid: proof of a death that nobody reaped
  std::atomic<std::uint32_t> life;  // on the robust list of its first thread; set last, when the outcome is complete
  std::atomic<std::uint32_t> descriptors;  // how many descriptors come with the outcome
  std::atomic<std::uint64_t> bytes;        // how many bytes encode it
  std::atomic<std::uint64_t> block;        // where they are: an offset into the region, or 0: in small_outcome
  os::robust_links links;                  // the process's own: whoever scribbles here harms that process alone
  std::atomic<std::uint32_t> lost_write;   // 1 + where its starter's frames were changed; 0: nowhere
  std::atomic<std::uint32_t> started;      // 1: set up as asked, the workload begins
  std::atomic<std::uint32_t> crash;        // how far its crash report got, which is in small_outcome then
  std::uint32_t claimer;                   // the pid of the process that starts it
  std::byte small_outcome[member_bytes - 80];
};
static_assert(sizeof(member_slot) == member_bytes &&
                  offsetof(member_slot, links) == offsetof(member_slot, life) + os::robust_entry_offset - 8,
              "a format in shared memory");

class members {
 public:
  /// The calling process's token. One load and a test, but for the first call in a process that tandem has not started.
  /// `bury` as in claim.
  /// @throws std::system_error where the table is full.
  static token self(void (*bury)(token who) noexcept = nullptr) {
    token const me = self_or_none();
    return __builtin_expect(me != 0, 1) ? me : enter(bury);
  }

  /// The same, 0 where the calling process has not asked yet.
  static token self_or_none() { return family().process->member.load(std::memory_order_relaxed); }  // its own alone

  static member_slot& at(token who) noexcept { return page(slot_of(who) % family().slots); }

  /// A page for a process that is about to start. Where all are taken, `bury` is given each, to free those of processes
  /// that nobody reaped.
  /// @throws std::system_error (EAGAIN) where the table is full.
  static token claim(void (*bury)(token who) noexcept = nullptr) {
    region const& all = family();
    for (int round = 0; round < 2; ++round) {
      // Few pages in turn, which stay warm; the others where these are not enough.
      std::uint32_t const first = all.header().member_hint.fetch_add(1, std::memory_order_relaxed);
      for (std::uint32_t i = 0; i < all.slots; ++i) {
        std::uint32_t const index = i < turn ? (first + i) % turn : i;
        token claimed = claim_slot(index);
        if (claimed == 0 && round == 1 && bury != nullptr) {
          bury(token_in(index));
          claimed = claim_slot(index);
        }
        if (claimed == 0) continue;
        raise(all.header().member_top, index + 1);
        return claimed;
      }
    }
    throw_errno(EAGAIN, "start a process", "the table of the family's processes is full");
  }

  /// Tells the calling process, a child that was just forked, who it is; from here on the kernel marks its end in
  /// `life`. `list` is its first thread's.
  static void become(token who, os::robust_list list = os::robust_list::of_this_thread()) noexcept {
    member_slot& slot = at(who);
    // A system call is cheaper here than a fresh page for os::process_id.
    auto const id = static_cast<std::uint32_t>(os::bound(&::getpid)());
    std::uint32_t unborn = who;
    if (!slot.process.compare_exchange_strong(unborn, id, std::memory_order_acq_rel))
      os::bound (&::_exit)(1);  // its starter was dead, and somebody took its page: it came too late
    // In the process's page only when someone asks: a child that never does is spared the copy of it.
    born_ = who;
    if (!list.usable()) {  // its starter looks now and then
      family().process->member.store(who, std::memory_order_relaxed);
      return;
    }
    list.link(&slot.links);
    // Linked first: never a TID that nobody will take away. Whoever sleeps on the word already goes on sleeping, and
    // stays marked.
    std::uint32_t life = slot.life.load(std::memory_order_relaxed);
    while (!slot.life.compare_exchange_weak(life, id | (life & FUTEX_WAITERS), std::memory_order_acq_rel)) {}
  }

  /// Uses the pages that are in turn for the first time, for a process that will get one of them.
  static void warm_up() noexcept {
    std::size_t const bytes = turn * member_bytes;
    void* const begin = family().members_end - bytes;
    if (os::populate_writable(begin, bytes)) os::touch(begin, bytes);
  }

  /// Gives a page back. @pre the process has ended, its outcome was read, and it holds no shared object.
  static void release(token who) noexcept {
    at(who).process.store(0, std::memory_order_relaxed);
    at(who).identity.store(std::uint64_t{who} << 32 | member_slot::free,
                           std::memory_order_release);  // pairs with claim's acquire
  }

  static bool is_current(token who) noexcept {
    return at(who).identity.load(std::memory_order_acquire) == (std::uint64_t{who} << 32 | member_slot::used);
  }

  /// Whether its first thread runs, by a look at memory alone; false says nothing.
  static bool runs(token who) noexcept {
    std::uint32_t const process = at(who).process.load(std::memory_order_acquire);
    std::uint32_t const life = at(who).life.load(std::memory_order_acquire);
    return process != 0 && (life & ~static_cast<std::uint32_t>(FUTEX_WAITERS)) == process;
  }

  /// Whether the kernel has marked the end of its first thread: where the process was killed, it is about to be gone.
  static bool is_marked(token who) noexcept {
    return (at(who).life.load(std::memory_order_acquire) & FUTEX_OWNER_DIED) != 0;
  }

  /// Whether /proc proves that the process of this page has ended, or that it will never run, without anybody giving
  /// its page back. From then on it does not run.
  static bool is_orphaned(token who) noexcept {
    member_slot& slot = at(who);
    std::uint32_t process = slot.process.load(std::memory_order_acquire);  // pairs with the release of claim_slot
    if (process == 0) return false;
    bool const unborn = process == who;
    auto const pid = static_cast<pid_t>(unborn ? slot.claimer : process);
    auto const task = os::look_up_task(pid, pid);
    if (task.running() && !os::started_after(task, slot.claimed_at)) return false;
    return !unborn || slot.process.compare_exchange_strong(process, 0, std::memory_order_acq_rel);
  }

 private:
  static constexpr std::uint32_t turn = 64;

  /// Counted from the end of the table, where the pages are that a child touches at the least cost.
  static member_slot& page(std::uint32_t index) noexcept {
    return reinterpret_cast<member_slot*>(family().members_end)[-1 - static_cast<std::ptrdiff_t>(index)];
  }

  static token token_in(std::uint32_t index) noexcept {
    return static_cast<token>(page(index).identity.load(std::memory_order_acquire) >> 32);
  }

  static token claim_slot(std::uint32_t index) noexcept {
    member_slot& slot = page(index);
    std::uint64_t identity = slot.identity.load(
        std::memory_order_acquire);  // pairs with release(): the former owner's use of the page is over
    if (static_cast<std::uint32_t>(identity) != member_slot::free) return 0;
    token const claimed = next_token(index, static_cast<token>(identity >> 32));
    if (!slot.identity.compare_exchange_strong(identity, std::uint64_t{claimed} << 32 | member_slot::used,
                                               std::memory_order_acq_rel))
      return 0;
    slot.holds.store(0, std::memory_order_relaxed);
    slot.claimed_at = os::boot_time_ns();
    slot.life.store(0, std::memory_order_relaxed);
    slot.bytes.store(0, std::memory_order_relaxed);
    slot.block.store(0, std::memory_order_relaxed);
    slot.descriptors.store(0, std::memory_order_relaxed);
    slot.lost_write.store(0, std::memory_order_relaxed);
    slot.started.store(0, std::memory_order_relaxed);
    slot.crash.store(0, std::memory_order_relaxed);
    slot.claimer = static_cast<std::uint32_t>(os::process_id());
    slot.process.store(claimed, std::memory_order_release);  // pairs with the acquire in is_orphaned
    return claimed;
  }

  static void raise(std::atomic<std::uint32_t>& top, std::uint32_t to) noexcept {
    std::uint32_t known = top.load(std::memory_order_relaxed);
    while (known < to && !top.compare_exchange_weak(known, to, std::memory_order_relaxed)) {}
  }

  TANDEM_NOINLINE static token enter(void (*bury)(token who) noexcept) {
    auto const id = static_cast<std::uint32_t>(os::process_id());
    token mine = find_born(id);
    bool const fresh = mine == 0;
    if (fresh) {
      mine = claim(bury);
      at(mine).process.store(id, std::memory_order_release);
    }
    token nobody = 0;
    if (family().process->member.compare_exchange_strong(nobody, mine, std::memory_order_relaxed)) return mine;
    if (fresh) release(mine);  // another thread of this process was first
    return nobody;
  }

  /// The token that this process was started with; 0 where tandem has not started it. Its first thread remembers, the
  /// others look for it.
  static token find_born(std::uint32_t id) noexcept {
    if (born_ != 0 && is_alive(at(born_), id)) return born_;
    region const& all = family();
    std::uint32_t const top = std::min(all.header().member_top.load(std::memory_order_relaxed), all.slots);
    for (std::uint32_t i = 0; i < top; ++i) {
      token const found = token_in(i);
      if (is_alive(at(found), id)) return found;
    }
    return 0;
  }

  /// Whether this is the page of the living process `id`: a dead one's, whose number came back, has no TID in `life`.
  static bool is_alive(member_slot const& slot, std::uint32_t id) noexcept {
    return static_cast<std::uint32_t>(slot.identity.load(std::memory_order_acquire)) == member_slot::used &&
           slot.process.load(std::memory_order_acquire) == id &&
           (slot.life.load(std::memory_order_acquire) & ~static_cast<std::uint32_t>(FUTEX_WAITERS)) == id;
  }

  static inline constinit thread_local token born_ = 0;
};

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_MEMBERS_HPP
