// SPDX-License-Identifier: BSL-1.0
// The books that all workers keep together, in memory that all of them see, and how a transfer is made in them so that
// it has happened as a whole or not at all, at whatever instruction its worker dies.
//
// Transfer number n belongs to lane n % lanes; a lane does its transfers in their order, and counts them in `done`.
//
//     hold both accounts
//     from.after = its balance after the transfer       to.after = the same
//     from.unsettled = n                                to.unsettled = n
//     done = ...                   this one word makes the transfer happen, in both accounts at once
//     from.balance = from.after                         to.balance = to.after
//     from.unsettled = none                             to.unsettled = none
//
// Who finds an account unsettled looks at the lane's count: is transfer n done, then `after` is the balance; otherwise
// `balance` still is. What the dead left open is settled by that, one account at a time, whoever comes first, and as
// often as one likes. The lane's next worker goes on behind the last transfer that is done, so that each one happens
// exactly once.
#ifndef TANDEM_EXAMPLES_LEDGER_BOOKS_HPP
#define TANDEM_EXAMPLES_LEDGER_BOOKS_HPP

#include <atomic>   // for atomic
#include <cstdint>  // for uint64_t

#include <tandem/tandem.hpp>

#include "journal.hpp"
#include "money.hpp"

namespace ledger {

/// All of it changes under the lock. The atomics are for the order of the changes: each is a release, so that who dies
/// has made all that come before its last one.
template <class Mutex> struct alignas(64) account {
  static constexpr std::uint64_t none = UINT64_MAX;

  Mutex mutex;
  std::atomic<cents> balance{0};
  std::atomic<cents> after{0};
  std::atomic<std::uint64_t> unsettled{none};  // a transfer's number
};

/// A worker's place: it outlives those who have it, one after the other.
struct alignas(64) lane {
  std::atomic<std::uint64_t> done{0};
  std::atomic<bool> doomed{false};  // a thread cannot be killed: it is asked to throw
};

struct tally {
  std::atomic<std::uint64_t> abandoned{0};  // locks whose holder had died
  std::atomic<std::uint64_t> finished{0};   // unsettled accounts, of transfers that had happened
  std::atomic<std::uint64_t> undone{0};     // unsettled accounts, of transfers that had not
  std::atomic<std::uint64_t> audits{0}, wrong_audits{0};
};

template <class Mutex> struct books {
  tandem::shared<account<Mutex>[]> accounts;
  tandem::shared<lane[]> lanes;  // one for each worker, and one for the auditor
  tandem::shared<tally> counts;

  std::uint64_t workers() const { return lanes.size() - 1; }
};

template <class Mutex> books<Mutex> open_books(journal const& all, unsigned workers) {
  books<Mutex> made{tandem::shared<account<Mutex>[]>(all.names.size()), tandem::shared<lane[]>(workers + 1),
                    tandem::shared<tally>()};
  for (std::size_t i = 0; i < all.balances.size(); ++i) made.accounts[i].balance = all.balances[i];
  return made;
}

/// Puts the account's balance where it belongs. Returns whether there was anything to do; `happened`: what.
/// @pre the caller holds it, or is alone
template <class Mutex> bool settle(books<Mutex> const& all, account<Mutex>& it, bool& happened) {
  auto const number = it.unsettled.load(std::memory_order_relaxed);
  if (number == it.none) return false;
  happened = all.lanes[number % all.workers()].done.load(std::memory_order_acquire) > number / all.workers();
  if (happened) it.balance.store(it.after.load(std::memory_order_relaxed), std::memory_order_release);
  it.unsettled.store(it.none, std::memory_order_release);
  return true;
}

/// Locks an account, whether its last holder lives or not, and settles what it left open. What is returned holds it.
template <class Mutex> auto hold(books<Mutex> const& all, account<Mutex>& it) {
  auto held = it.mutex.recover();  // as lock(), also where that would throw owner_died
  if (held.abandoned()) ++all.counts->abandoned;
  if (bool happened = false; settle(all, it, happened)) ++(happened ? all.counts->finished : all.counts->undone);
  return held;
}

/// Makes transfer `number`. `moment` is called between any two steps: it may throw, and it may be where the worker is
/// killed.
template <class Mutex, class Moment>
void make(books<Mutex> const& all, journal const& what, std::uint64_t number, Moment moment) {
  auto const& [from_index, to_index, amount] = what.transfers[number];
  auto &from = all.accounts[from_index], &to = all.accounts[to_index];
  auto const first = hold(all, from_index < to_index ? from : to);  // in the order of the accounts: no deadlock
  moment();
  auto const second = hold(all, from_index < to_index ? to : from);
  moment();
  from.after.store(from.balance.load(std::memory_order_relaxed) - amount, std::memory_order_release);
  to.after.store(to.balance.load(std::memory_order_relaxed) + amount, std::memory_order_release);
  from.unsettled.store(number, std::memory_order_release);
  moment();
  to.unsettled.store(number, std::memory_order_release);
  moment();
  all.lanes[number % all.workers()].done.store(number / all.workers() + 1, std::memory_order_release);
  moment();
  bool happened;
  settle(all, from, happened);
  moment();
  settle(all, to, happened);
}

/// The same without care: what would do if nobody ever died.
template <class Mutex, class Moment>
void make_carelessly(books<Mutex> const& all, journal const& what, std::uint64_t number, Moment moment) {
  auto const& [from_index, to_index, amount] = what.transfers[number];
  auto &from = all.accounts[from_index], &to = all.accounts[to_index];
  auto const first = hold(all, from_index < to_index ? from : to);
  moment();
  auto const second = hold(all, from_index < to_index ? to : from);
  moment();
  from.balance.store(from.balance.load(std::memory_order_relaxed) - amount, std::memory_order_release);
  moment();
  moment();
  to.balance.store(to.balance.load(std::memory_order_relaxed) + amount, std::memory_order_release);
  moment();
  moment();
  all.lanes[number % all.workers()].done.store(number / all.workers() + 1, std::memory_order_release);
}

}  // namespace ledger

#endif  // TANDEM_EXAMPLES_LEDGER_BOOKS_HPP
