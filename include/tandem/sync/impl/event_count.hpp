// SPDX-License-Identifier: BSL-1.0
// Sleeping until something has changed that only the caller knows: the base of condition variables, semaphores and
// barriers. An event count (Reed and Kanodia 1979), made for sleepers and notifiers that die.
//
//     who waits                                          who changes something
//       key = prepare()   announces a sleeper              publishes the change
//       looks once more at what it waits for               notify_one() or notify_all(): no system call where nobody
//       sleep(key, ...)   not if notified since prepare()    is announced
//
// The sequence word cannot be announced to the kernel for the case of a death (lock_word.hpp), for it may look like a
// TID. So each sleeper sleeps on a second word as well, the bell, which is 0 for ever: who dies between its change of
// the sequence and its wake-up, or with a wake-up that others need, has announced the bell, and the kernel rings it.
// What no word can tell is a death after a change, before its notification: sleeps are slices of 100 ms, after which
// the caller looks for itself.
#ifndef TANDEM_SYNC_IMPL_EVENT_COUNT_HPP
#define TANDEM_SYNC_IMPL_EVENT_COUNT_HPP

#include <algorithm>  // for min
#include <atomic>     // for atomic
#include <cerrno>     // for errno, ETIMEDOUT
#include <climits>    // for INT_MAX
#include <cstdint>    // for int64_t, uint32_t

#include "tandem/config.hpp"                    // for TANDEM_NOINLINE
#include "tandem/memory/impl/in_sight.hpp"      // for has_mapped_shared
#include "tandem/memory/impl/participants.hpp"  // for participants
#include "tandem/memory/impl/region.hpp"        // for family_region
#include "tandem/memory/impl/token.hpp"         // for somebody, token
#include "tandem/os/clock.hpp"                  // for monotonic_ns
#include "tandem/os/futex.hpp"                  // for futex_wait_any, futex_wake, most_watched_words, watched_word
#include "tandem/sync/impl/owner.hpp"           // for is_participant

namespace tandem::impl {

/// Whose ends a sleeper wants to be woken by, besides notifications. Those that are no participants are left out.
struct watched_owners {
  token const* first = nullptr;
  unsigned count = 0;
};

/// How an event count waits. The tests have another, to show what is not owed to it.
struct event_policy {
  static constexpr std::int64_t slice = 100'000'000;
};

/// 8 bytes without a pointer, for private and for shared memory.
template <class Policy = event_policy> class basic_event_count {
 public:
  static constexpr unsigned most_owners = os::most_watched_words - 2;

  constexpr basic_event_count() noexcept = default;

  /// Announces a sleeper. @throws std::system_error where the thread cannot enrol in the family that there is
  std::uint32_t prepare() {
    if (participants::name() == 0) participants::self();
    // seq_cst, as notify's load: either that one sees this bit, or the caller's next look sees what was published
    return sequence_.fetch_or(announced, std::memory_order_seq_cst) | announced;
  }

  /// Sleeps unless there was a notification since prepare() gave `key`; at most until `until`, and for 100 ms. False
  /// where `until` was reached.
  bool sleep(std::uint32_t key, std::int64_t until, watched_owners owners = {}) noexcept;

  /// Afterwards, when what was waited for was found and taken, or will not be waited for any longer.
  void finish() noexcept { participants::pass_on_wake_up(nullptr); }

  /// Wakes up to `count` sleepers. @pre what they wait for was published before by an operation that is seq_cst, or
  /// under a lock that they hold when they prepare
  void notify(int count) noexcept {
    if ((sequence_.load(std::memory_order_seq_cst) & announced) != 0) wake(count);  // seq_cst: as in prepare
  }
  void notify_one() noexcept { notify(1); }
  void notify_all() noexcept { notify(INT_MAX); }

 private:
  static constexpr std::uint32_t announced = 1;

  void wake(int count) noexcept;

  std::atomic<std::uint32_t> sequence_{0};  // lowest bit: a sleeper is announced
  std::atomic<std::uint32_t> bell_{0};      // stays 0
};
using event_count = basic_event_count<>;
static_assert(sizeof(event_count) == 8, "a format in shared memory");

template <class Policy>
bool basic_event_count<Policy>::sleep(std::uint32_t key, std::int64_t until, watched_owners owners) noexcept {
  os::watched_word words[os::most_watched_words];
  words[0] = {&sequence_, key};
  words[1] = {&bell_, 0};
  unsigned count = 2;
  token watched[most_owners];
  for (unsigned i = 0; i < owners.count && i < most_owners; ++i) {
    token const owner = owners.first[i];
    if (!is_participant(owner) || !family_region::exists()) continue;
    words[count] = {participants::word_of(owner), participants::word(owner)};
    if (participants::has_ended(owner)) return true;  // after the look at its word: that was the word of a living one
    watched[count++ - 2] = owner;
  }
  // As long as no other process is in sight, nobody dies unseen, unless an owner is no participant. Mapped memory may
  // have strangers, without a family.
  bool const alone = count == owners.count + 2 && participants::name() == somebody &&
                     !has_mapped_shared.load(std::memory_order_relaxed);
  std::int64_t const limit = alone ? until : std::min(until, os::monotonic_ns() + Policy::slice);
  participants::pass_on_wake_up(&bell_);
  int const woken = os::futex_wait_any(words, count, limit);
  bool const in_time = woken >= 0 || errno != ETIMEDOUT || limit < until;
  // The kernel rings for one: that one is to wake all whom the dead would have woken.
  if (woken == 1) os::futex_wake(&sequence_);
  for (unsigned i = 0; i + 2 < count; ++i) {
    if (!participants::has_ended(watched[i])) continue;
    os::futex_wake(participants::word_of(watched[i]));
    os::futex_wake(&sequence_);
  }
  return in_time;
}

template <class Policy> TANDEM_NOINLINE void basic_event_count<Policy>::wake(int count) noexcept {
  participants::pass_on_wake_up(&bell_);
  if (count == INT_MAX) {
    std::uint32_t seen = sequence_.load(std::memory_order_relaxed);
    // release: what was published before is visible to who finds its key outdated
    while (!sequence_.compare_exchange_weak(seen, (seen + 2) & ~announced, std::memory_order_release,
                                            std::memory_order_relaxed)) {}
    os::futex_wake(&sequence_);
  } else {
    std::uint32_t seen = sequence_.fetch_add(2, std::memory_order_release) + 2;
    // Nobody slept: the bit goes. That changes the word, so who is about to sleep looks once more; and so must those
    // who have fallen asleep meanwhile, whom nobody would see any more.
    if (os::futex_wake(&sequence_, count) == 0 &&
        sequence_.compare_exchange_strong(seen, seen & ~announced, std::memory_order_relaxed))
      os::futex_wake(&sequence_);
  }
  participants::pass_on_wake_up(nullptr);
}

}  // namespace tandem::impl

#endif  // TANDEM_SYNC_IMPL_EVENT_COUNT_HPP
