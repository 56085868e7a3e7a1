// SPDX-License-Identifier: BSL-1.0
// The zygote's side of a zygote: what it shares with its owner, and the two processes that start others.
//
//   owner --- request, ring ---> zygote --- clone, as the owner's own child ---> worker
//     \                            ^
//      \                           | wakes at its death, and takes over
//       `--- mail -----> spare   standby
//
// A slot is one start. The kernel itself writes the number of the new process there, inside the clone: the child exists
// exactly if its number is in the slot, whoever dies when. So a request that a dead zygote has taken is served once:
// its successor looks at the slot. No reply can be lost, since none is sent.
//
// The standby is a second zygote that sleeps on the first one's robust word. It takes over with nobody's help, and
// makes a new standby as soon as the owner has reaped the dead.
#ifndef TANDEM_EXECUTION_IMPL_ZYGOTE_BOARD_HPP
#define TANDEM_EXECUTION_IMPL_ZYGOTE_BOARD_HPP

#include <linux/futex.h>  // for FUTEX_OWNER_DIED, FUTEX_WAITERS
#include <signal.h>       // for sigset_t, pthread_sigmask
#include <sys/types.h>    // for pid_t

#include <algorithm>  // for copy, find_if, min, sort
#include <array>      // for array
#include <atomic>     // for atomic
#include <cerrno>     // for errno
#include <climits>    // for INT_MAX
#include <cstddef>    // for byte, offsetof, size_t
#include <cstdint>    // for uint32_t, uint64_t
#include <vector>     // for vector

#include "tandem/execution/impl/lifeline.hpp"         // for lifeline
#include "tandem/execution/impl/own_descriptors.hpp"  // for own_descriptors
#include "tandem/execution/impl/process_child.hpp"    // for leave_child
#include "tandem/execution/impl/start_request.hpp"    // for arrival, start_request
#include "tandem/memory/impl/members.hpp"             // for members
#include "tandem/os/bound.hpp"                        // for bound
#include "tandem/os/clock.hpp"                        // for monotonic_ns
#include "tandem/os/clone.hpp"                        // for cloning_thread, clone_process, forget_signal_handlers
#include "tandem/os/close_range.hpp"                  // for close_all_but
#include "tandem/os/fork.hpp"                         // for leave_process, name_thread
#include "tandem/os/futex.hpp"                        // for futex_wait, futex_wake
#include "tandem/os/mapping.hpp"                      // for populate, populate_writable, unmap
#include "tandem/os/modules.hpp"                      // for module_table
#include "tandem/os/process_table.hpp"                // for thread_id
#include "tandem/os/robust_list.hpp"                  // for robust_links, robust_list
#include "tandem/os/socket.hpp"                       // for receive_descriptors

namespace tandem::impl {

struct alignas(64) start_slot {
  enum stage : std::uint32_t {
    empty,
    asked,      // of the zygote
    preparing,  // a zygote that is being made; a spare, until it has mail
    ready,      // the second zygote, which sleeps
    claimed,    // somebody's: nobody else touches it
    task,       // a spare that has mail
  };
  enum reply : std::uint32_t { none, started, refused, lacks_descriptors };

  /// The answer tells whose it is: one that comes late is not the next one's, who may have the slot by then.
  static constexpr std::uint32_t make_answer(std::uint32_t asker, reply what, int error = 0) noexcept {
    return asker << 16 | (static_cast<std::uint32_t>(error) & 0xfff) << 4 | what;
  }
  static constexpr reply reply_of(std::uint32_t answer) noexcept { return static_cast<reply>(answer & 0xf); }
  static constexpr int error_of(std::uint32_t answer) noexcept { return static_cast<int>(answer >> 4 & 0xfff); }

  std::atomic<std::uint32_t> life;    // of a zygote: its TID, on its robust list; FUTEX_OWNER_DIED, by the kernel
  std::atomic<std::uint32_t> phase;   // a stage
  std::atomic<std::uint32_t> pid;     // written by the kernel
  std::atomic<std::uint32_t> answer;  // whose, errno, reply: see make_answer; who has asked sleeps on it
  std::uint32_t asker;                // counts who had this slot
  std::uint32_t descriptors;          // how many come with the request
  os::robust_links links;
  std::atomic<start_request*> request;

  /// Makes it empty. The number last but one: a slot that is `preparing` without one would read as a dead zygote's.
  void release() noexcept {
    phase.store(claimed, std::memory_order_release);
    life.store(0, std::memory_order_release);
    pid.store(0, std::memory_order_release);
    phase.store(empty, std::memory_order_release);
  }
};
static_assert(sizeof(start_slot) == 64 && offsetof(start_slot, links) == os::robust_entry_offset - 8,
              "a format in shared memory");

/// What a spare sleeps on, and is told there. It keeps this page when it has unmapped the board, and so do all that
/// were spares: what one of them scribbles here can harm spares, but no number of a process is here.
struct alignas(64) spare_mail {
  enum stage : std::uint32_t { none, ready, sent, taken };

  std::atomic<std::uint32_t> life;   // the spare's TID, on its robust list; FUTEX_OWNER_DIED, by the kernel
  std::atomic<std::uint32_t> stage;  // it sleeps on this one
  std::atomic<start_request*> request;
  std::uint64_t reserved;
  os::robust_links links;
};
static_assert(sizeof(spare_mail) == 64 && offsetof(spare_mail, links) == os::robust_entry_offset - 8,
              "a format in shared memory");

struct zygote_board {
  static constexpr std::size_t requests = 64, most_spares = 64;

  std::atomic<std::uint32_t> bell;   // 1: the zygote sleeps on it
  std::atomic<std::uint32_t> rings;  // counts them: what came up between a look and the sleep
  std::atomic<std::uint32_t> quit;
  std::atomic<std::uint32_t> wanted;  // spares
  std::atomic<std::uint32_t> takeovers;
  std::atomic<start_request*> recent;            // the last request: the next ones' blocks will be near
  alignas(64) std::atomic<std::uint64_t> asked;  // a hint: which of the slots may hold a request
  start_slot zygotes[2];
  start_slot asks[requests];
  start_slot spares[most_spares];
  alignas(4096) spare_mail mail[most_spares];  // whose is the slot at the same place

  /// Whether the spare of that slot sleeps, and nobody has claimed it.
  bool is_ready(std::size_t spare) const noexcept {
    return spares[spare].phase.load(std::memory_order_acquire) == start_slot::preparing &&
           mail[spare].stage.load(std::memory_order_acquire) == spare_mail::ready;
  }

  /// Takes it out of this process's memory, but for the mail.
  void unmap() noexcept { os::unmap(this, offsetof(zygote_board, mail)); }
  void unmap_mail() noexcept { os::unmap(mail, sizeof mail); }

  /// Wakes the zygote, if it sleeps.
  void ring() noexcept {
    rings.fetch_add(1,
                    std::memory_order_seq_cst);  // before the look at the bell: pairs with the zygote's store and look
    if (bell.load(std::memory_order_seq_cst) == 1 && bell.exchange(0, std::memory_order_seq_cst) == 1)
      os::futex_wake(&bell);
  }
};

/// What a zygote inherits from its owner, besides the board.
struct zygote_birth {
  zygote_board* board = nullptr;
  int control = -1;     // where descriptors arrive; the other end
  int owners_end = -1;  // is the owner's alone
  int line = -1;        // the read end of the owner's lifeline
  pid_t owner = 0;
  sigset_t mask{};  // what its workers get
};

/// The life of a zygote, and of what it clones until a request is served. In a process with one thread.
class zygote_process {
 public:
  /// Never returns. `index` is which of the two it is; `leads`: it need not wait for the other's death. @pre every
  /// signal is blocked
  [[noreturn]] static void run(zygote_birth const& birth, std::uint32_t index, bool leads) noexcept {
    zygote_process self(birth, index);
    self.settle();
    if (!leads) self.wait_for_the_others_death();
    self.serve();
  }

 private:
  zygote_process(zygote_birth const& birth, std::uint32_t index) noexcept
      : birth_(birth), board_(*birth.board), mine_(board_.zygotes[index]), other_(board_.zygotes[1 - index]) {}

  void settle() noexcept {
    thread_ = os::cloning_thread::current();
    enlist(mine_);
    os::name_thread("tandem-zygote");
    os::forget_signal_handlers();
    if (birth_.owners_end >= 0) {  // the first of its line: its successors inherit what it has
      os::close(birth_.owners_end);
      birth_.owners_end = -1;
      int const line = os::duplicate(birth_.line);
      bind(birth_.line);
      birth_.line = line;
      // What the program has open is nothing that its zygote may hold open.
      auto const own = own_descriptors::all();
      std::array<int, 5 + own.size()> open{0, 1, 2, line, birth_.control};
      std::copy(own.begin(), own.end(), open.begin() + 5);
      std::sort(open.begin(), open.end());
      auto const first = std::find_if(open.begin(), open.end(), [](int one) { return one >= 0; });
      os::close_all_but({first, open.end()});
    } else {
      bind(birth_.line);
    }
  }

  /// False where the kernel offers no way; then it is its owner that ends it.
  bool bind(int line) noexcept {
    try {
      lifeline::take(line, birth_.owner, true);
      return true;
    } catch (...) { return false; }
  }

  /// The kernel marks the slot at this thread's death. Linked first: a TID that nobody takes away cannot be seen.
  template <class Place> static void enlist(Place& place) noexcept {
    auto list = os::robust_list::of_this_thread();
    if (list.usable()) list.link(&place.links);
    place.life.store(static_cast<std::uint32_t>(os::thread_id()) | FUTEX_WAITERS, std::memory_order_release);
    os::futex_wake(&place.life);
  }

  void wait_for_the_others_death() noexcept {
    mine_.phase.store(start_slot::ready, std::memory_order_release);
    for (;;) {
      std::uint32_t const life = other_.life.load(std::memory_order_acquire);
      if ((life & FUTEX_OWNER_DIED) != 0) break;
      if (board_.quit.load(std::memory_order_acquire) != 0) os::leave_process(0);
      // Until the other has put its word on its list nobody would wake us: a short sleep then.
      os::futex_wait(&other_.life, life, os::monotonic_ns() + (life == 0 ? 2'000'000 : 1'000'000'000));
      std::uint32_t const pid = other_.pid.load(std::memory_order_acquire);
      if ((other_.life.load(std::memory_order_acquire) & FUTEX_OWNER_DIED) == 0 && pid != 0 &&
          ::kill(static_cast<pid_t>(pid), 0) != 0)
        break;
    }
    board_.takeovers.fetch_add(1, std::memory_order_relaxed);
    // What the dead one took and did not clone is in its slot, asked for and without a number.
    for (std::size_t i = 0; i < zygote_board::requests; ++i) {
      if (is_open(board_.asks[i])) board_.asked.fetch_or(std::uint64_t{1} << i, std::memory_order_relaxed);
    }
    drop_descriptors();
  }

  [[noreturn]] void serve() noexcept {
    for (;;) {
      if (board_.quit.load(std::memory_order_acquire) != 0) os::leave_process(0);
      std::uint32_t const rings = board_.rings.load(std::memory_order_seq_cst);
      bool busy = make_standby();
      busy = serve_asked() || busy;
      busy = refill() || busy;
      if (busy) continue;
      board_.bell.store(1, std::memory_order_seq_cst);
      if (board_.rings.load(std::memory_order_seq_cst) == rings)
        os::futex_wait(&board_.bell, 1, os::monotonic_ns() + 1'000'000'000);
      board_.bell.store(0, std::memory_order_seq_cst);
    }
  }

  /// The other slot is empty only once the owner has reaped the dead, so that a number there is never a stranger's.
  bool make_standby() noexcept {
    if (other_.phase.load(std::memory_order_acquire) != start_slot::empty) return false;
    other_.life.store(0, std::memory_order_relaxed);
    other_.pid.store(0, std::memory_order_relaxed);
    other_.phase.store(start_slot::preparing, std::memory_order_release);
    auto const index = static_cast<std::uint32_t>(&other_ - board_.zygotes);
    pid_t const made = os::clone_process(thread_, &other_.pid, CLONE_PARENT);
    if (made == 0) run(birth_, index, false);
    if (made < 0) {
      other_.phase.store(start_slot::empty, std::memory_order_release);
      return false;
    }
    return true;
  }

  bool serve_asked() noexcept {
    std::uint64_t const hints = board_.asked.load(std::memory_order_acquire);
    for (std::uint64_t left = hints; left != 0; left &= left - 1) {
      auto const i = static_cast<std::size_t>(__builtin_ctzll(left));
      // Cleared before the clone: the process may end and its slot be asked again before this one comes back, and the
      // hint would be the next one's.
      board_.asked.fetch_and(~(std::uint64_t{1} << i), std::memory_order_acq_rel);
      if (is_open(board_.asks[i])) start_worker(board_.asks[i]);
    }
    return hints != 0;
  }

  static bool is_open(start_slot const& slot) noexcept {
    return slot.phase.load(std::memory_order_acquire) == start_slot::asked &&
           slot.pid.load(std::memory_order_acquire) == 0 &&
           start_slot::reply_of(slot.answer.load(std::memory_order_acquire)) == start_slot::none;
  }

  void start_worker(start_slot& slot) noexcept {
    start_request* const request = slot.request.load(std::memory_order_relaxed);
    std::uint32_t const asker = slot.asker;
    std::vector<int> descriptors;
    if (slot.descriptors != 0) {
      try {
        descriptors.resize(slot.descriptors);
      } catch (...) { return reply(slot, asker, start_slot::refused, ENOMEM); }
      if (os::receive_descriptors(birth_.control, descriptors, os::patience::none) != 0) {
        if (errno == EAGAIN) return reply(slot, asker, start_slot::lacks_descriptors);  // a dead zygote had them
        return reply(slot, asker, start_slot::refused, errno);
      }
    }
    pid_t const made = os::clone_process(thread_, &slot.pid, CLONE_PARENT);
    if (made == 0) {
      bool const bound = bind(birth_.line);
      os::close(birth_.line);
      os::name_thread("tandem-worker");
      run_worker(*request, {descriptors, bound});
    }
    int const error = errno;
    os::close_all(descriptors);
    reply(slot, asker, made < 0 ? start_slot::refused : start_slot::started, made < 0 ? error : 0);
  }

  static void reply(start_slot& slot, std::uint32_t asker, start_slot::reply what, int error = 0) noexcept {
    std::uint32_t waiting = start_slot::make_answer(asker, start_slot::none);
    // release: pairs with the owner's acquire
    if (slot.answer.compare_exchange_strong(waiting, start_slot::make_answer(asker, what, error),
                                            std::memory_order_acq_rel))
      os::futex_wake(&slot.answer);
  }

  bool refill() noexcept {
    std::uint32_t const wanted = board_.wanted.load(std::memory_order_relaxed);
    if (wanted == 0) return false;
    std::uint32_t have = 0;
    for (auto const& slot : board_.spares) {
      have += slot.phase.load(std::memory_order_acquire) == start_slot::preparing &&
              slot.pid.load(std::memory_order_acquire) != 0;
    }
    bool busy = false;
    for (std::size_t i = 0; i < zygote_board::most_spares; ++i) {
      if (have >= wanted || board_.asked.load(std::memory_order_relaxed) != 0) break;  // requests overtake
      if (!take_spare_slot(i)) continue;
      start_slot& slot = board_.spares[i];
      pid_t const made = os::clone_process(thread_, &slot.pid, CLONE_PARENT);
      if (made == 0) run_spare(i);
      if (made < 0) {
        slot.phase.store(start_slot::empty, std::memory_order_release);
        break;
      }
      ++have;
      busy = true;
    }
    return busy;
  }

  /// Makes an empty slot `preparing`; or one whose spare has taken its mail, or one that a predecessor has died with.
  bool take_spare_slot(std::size_t i) noexcept {
    start_slot& slot = board_.spares[i];
    spare_mail& mail = board_.mail[i];
    std::uint32_t phase = slot.phase.load(std::memory_order_acquire);
    // Without a number: a predecessor died on the way from here to the clone.
    bool const began = slot.pid.load(std::memory_order_acquire) == 0;
    bool const left =
        phase == start_slot::task && (began || mail.stage.load(std::memory_order_acquire) == spare_mail::taken);
    if (phase != start_slot::empty && !left && !(phase == start_slot::preparing && began)) return false;
    // All of this before it is `preparing`: a number there is then a spare's, which the owner may reap, and a stage of
    // `ready` not the last spare's, which the owner would write to.
    slot.pid.store(0, std::memory_order_release);
    mail.life.store(0, std::memory_order_relaxed);
    mail.stage.store(spare_mail::none, std::memory_order_release);
    // It fails where the owner, who has found the spare dead, is just making the slot empty.
    return slot.phase.compare_exchange_strong(phase, start_slot::preparing, std::memory_order_acq_rel);
  }

  /// A message that the dead zygote had not taken belongs to a request that will be told to send it again.
  void drop_descriptors() noexcept {
    int arrived[os::most_descriptors_per_message];
    for (int count = 0; (count = os::receive_descriptor_message(birth_.control, arrived, os::patience::none)) >= 0 ||
                        errno == EMFILE;) {
      if (count > 0) os::close_all({arrived, static_cast<std::size_t>(count)});
    }
  }

  [[noreturn]] void run_worker(start_request& request, arrival const& how) noexcept {
    os::close(birth_.control);
    board_.unmap_mail();
    board_.unmap();
    work(request, how);
  }

  [[noreturn]] void work(start_request& request, arrival const& how) noexcept {
    os::bound (&::pthread_sigmask)(SIG_SETMASK, &birth_.mask, nullptr);
    request.entry(request, how);
    os::leave_process(127);
  }

  /// Does now what would cost time later: a change of its memory map above all, and each first use of a page.
  [[noreturn]] void run_spare(std::size_t i) noexcept {
    spare_mail& mail = board_.mail[i];
    enlist(mail);
    bool const bound = bind(birth_.line);
    os::close(birth_.line);
    os::close(birth_.control);
    start_request const* const recent = board_.recent.load(std::memory_order_relaxed);
    board_.unmap();  // before the pages are used: it makes them new again
    warm_up(recent);
    std::uint32_t stage = spare_mail::none;
    mail.stage.compare_exchange_strong(stage, spare_mail::ready, std::memory_order_acq_rel);
    while (mail.stage.load(std::memory_order_acquire) != spare_mail::sent)  // pairs with the owner's release
      os::futex_wait(&mail.stage, spare_mail::ready);
    start_request& request = *mail.request.load(std::memory_order_relaxed);
    if (auto list = os::robust_list::of_this_thread(); list.usable()) list.unlink(&mail.links);
    mail.stage.store(spare_mail::taken, std::memory_order_release);  // pairs with take_spare_slot's acquire
    work(request, {{}, bound});
  }

  static void warm_up(start_request const* recent) noexcept {
    static os::module_table const* const modules = [] {
      try {
        return new os::module_table(os::module_table::current());
      } catch (...) { return static_cast<os::module_table*>(nullptr); }
    }();
    if (modules != nullptr && !modules->all().empty()) {
      auto const& program = modules->all().front();
      auto const* const begin = reinterpret_cast<void const*>(program.begin & ~std::uintptr_t{4095});
      std::size_t const bytes = std::min<std::size_t>(program.end - program.begin, std::size_t{1} << 20);
      if (os::populate(begin, bytes)) os::touch(begin, bytes);
    }
    os::end_exit_with(&leave_child);
    os::name_thread("tandem-worker");
    members::warm_up();
    if (recent != nullptr) {
      warm_up_heap(recent);
      warm_up_heap(recent->encoded);
    }
    call_what_is_called_later();
  }

  /// The pages of the heap around `at`.
  static void warm_up_heap(void const* at) noexcept {
    constexpr std::uintptr_t unit = 65536;
    auto* const begin = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(at) & ~(unit - 1));
    if (os::populate_writable(begin, unit)) os::touch(begin, unit);
  }

  /// Calls that change nothing, and the stack that the workload will have.
  static void call_what_is_called_later() noexcept {
    std::byte volatile room[16384];
    for (std::size_t i = 0; i < sizeof room; i += 1024) room[i] = std::byte{1};
    std::atomic<std::uint32_t> nobodys{0};
    os::futex_wake(&nobodys);
    sigset_t mask;
    os::bound (&::pthread_sigmask)(SIG_SETMASK, nullptr, &mask);
    static_cast<void>(os::monotonic_ns());
    os::close(-1);
    ::operator delete(::operator new(sizeof room, std::nothrow));
  }

  zygote_birth birth_;
  zygote_board& board_;
  start_slot& mine_;
  start_slot& other_;
  os::cloning_thread thread_{};
};

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_ZYGOTE_BOARD_HPP
