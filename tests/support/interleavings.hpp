// SPDX-License-Identifier: BSL-1.0
// Shows what an algorithm does in every order in which its threads can take their steps: model checking without a
// model.
//
//     interleavings all({.preemptions = 3, .deaths = 1});
//     all.explore([&] {                                  // anew for each order
//       auto const queue = std::make_shared<...>();
//       return run{.threads = {[=] { queue->push(1); }, [=] { queue->pop(); }}, .check = [=] { return verdict... }};
//     });
//
// The algorithm is the library's own code, compiled with `modelled_atomic` in the place of std::atomic (modelled.hpp).
// Each operation on one is a step. Between two steps the explorer chooses who goes on: a fiber; or the stores that are
// still in a fiber's store buffer and become visible to the others (the order that x86 has, TSO: Owens, Sarkar,
// Sewell 2009); or the death of a fiber, with what its store buffer holds. Every choice is tried, by running the whole
// again; with a bound on how often a fiber that could go on is interrupted (Musuvathi, Qadeer 2007), or a store is
// late, where the number of all orders is too large. What weaker machines may reorder is ThreadSanitizer's matter.
#ifndef TANDEM_TESTS_SUPPORT_INTERLEAVINGS_HPP
#define TANDEM_TESTS_SUPPORT_INTERLEAVINGS_HPP

#include <atomic>      // for memory_order
#include <climits>     // for INT_MAX
#include <cstddef>     // for size_t
#include <cstdint>     // for uint64_t
#include <cstring>     // for memcpy
#include <functional>  // for function
#include <string>      // for string
#include <vector>      // for vector

#include "support/verdict.hpp"

namespace tandem_test {

/// What to explore.
struct exploration_limits {
  int preemptions = INT_MAX;  ///< how often one that could go on is interrupted, in one order; INT_MAX: any number
  int late_stores = INT_MAX;  ///< how often a store buffer begins to fill, in one order
  int deaths = 0;             ///< how many may die in one order, of those that `mortal` names
  unsigned mortal = ~0U;      ///< a bit for each thread
  long runs = 50'000'000;     ///< after so many orders it is given up
};

/// One order's actors.
struct modelled_run {
  std::vector<std::function<void()>> threads;
  std::function<verdict()> check = [] { return verdict(true); };  ///< when nobody goes on: all have ended, or are dead
};

struct exploration_report {
  long runs = 0;               ///< orders tried
  bool complete = false;       ///< all within the limits
  std::string complaint = {};  ///< the first order that was wrong, and how; then no further one is tried
  bool passed() const { return complete && complaint.empty(); }
  std::string to_string() const;
};

exploration_report explore(exploration_limits limits, std::function<modelled_run()> const& make);

// ---- for what is modelled: what a step of the running fiber is. Outside of an exploration all of it is immediate.

namespace model {

/// The fiber that runs, from 0 on; -1: none, this is the set-up or the check.
int self() noexcept;
bool is_dead(int fiber) noexcept;

/// Here others may come in between.
void step();
/// The fiber's view of 8 bytes or fewer.
std::uint64_t load(void const* at, std::size_t size);
/// Into the store buffer.
void store(void* at, std::size_t size, std::uint64_t value);
/// All that is in this fiber's store buffer, or in everybody's, is visible from now on.
void drain();
void drain_all();
/// Sleeps as futex(2) does while the word has that value; woken by wake.
void wait(void const* word, std::uint32_t expected);
int wake(void const* word, int count);

}  // namespace model

/// std::atomic's interface, as far as it is used.
template <class T> class modelled_atomic {
  static_assert(sizeof(T) <= 8);

 public:
  using value_type = T;
  static constexpr bool is_always_lock_free = true;

  constexpr modelled_atomic() noexcept : value_{} {}
  constexpr modelled_atomic(T value) noexcept : value_(value) {}
  modelled_atomic(modelled_atomic const&) = delete;

  T load(std::memory_order = std::memory_order_seq_cst) const {
    model::step();
    return from(model::load(&value_, sizeof(T)));
  }
  void store(T value, std::memory_order order = std::memory_order_seq_cst) {
    model::step();
    if (order == std::memory_order_seq_cst) model::drain();
    model::store(&value_, sizeof(T), to(value));
    if (order == std::memory_order_seq_cst) model::drain();
  }
  operator T() const { return load(); }
  T operator=(T value) {
    store(value);
    return value;
  }

  T exchange(T value, std::memory_order = std::memory_order_seq_cst) {
    return changed([value](T) { return value; });
  }
  bool compare_exchange_strong(T& expected, T wanted, std::memory_order = std::memory_order_seq_cst,
                               std::memory_order = std::memory_order_seq_cst) {
    T const before = changed([&](T now) { return to(now) == to(expected) ? wanted : now; });
    bool const done = to(before) == to(expected);
    expected = before;
    return done;
  }
  bool compare_exchange_weak(T& expected, T wanted, std::memory_order = std::memory_order_seq_cst,
                             std::memory_order = std::memory_order_seq_cst) {
    return compare_exchange_strong(expected, wanted);
  }
  T fetch_add(T more, std::memory_order = std::memory_order_seq_cst) {
    return changed([more](T now) { return static_cast<T>(now + more); });
  }
  T fetch_or(T bits, std::memory_order = std::memory_order_seq_cst) {
    return changed([bits](T now) { return static_cast<T>(now | bits); });
  }

 private:
  static T from(std::uint64_t bits) {
    T value;
    std::memcpy(&value, &bits, sizeof(T));
    return value;
  }
  static std::uint64_t to(T value) {
    std::uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    return bits;
  }

  /// A locked instruction: the store buffer is empty before and after.
  template <class Change> T changed(Change change) {
    model::step();
    model::drain();
    T const before = from(model::load(&value_, sizeof(T)));
    model::store(&value_, sizeof(T), to(change(before)));
    model::drain();
    return before;
  }

  T value_;
};

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_INTERLEAVINGS_HPP
