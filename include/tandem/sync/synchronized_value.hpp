// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_SYNCHRONIZED_VALUE_HPP
#define TANDEM_SYNC_SYNCHRONIZED_VALUE_HPP

#include <atomic>       // for atomic
#include <cstdint>      // for int64_t, uint32_t
#include <mutex>        // for lock
#include <tuple>        // for apply, tie, tuple
#include <type_traits>  // for invoke_result_t, is_const_v, is_reference_v, is_void_v, remove_const_t
#include <utility>      // for forward

#include "tandem/core/flat.hpp"                    // for flat
#include "tandem/core/impl/require_shareable.hpp"  // for require_shareable
#include "tandem/core/shareable.hpp"               // for enable_shareable, shareable
#include "tandem/os/futex.hpp"                     // for no_deadline
#include "tandem/sync/impl/lock_errors.hpp"        // for throw_lock_error
#include "tandem/sync/impl/lock_word.hpp"          // for lock_result, lock_word

namespace tandem {

template <class T> class synchronized_value;

namespace impl {

/// A lock as std::lock takes it, which takes abandoned ones over.
class taking_over {
 public:
  explicit taking_over(lock_word& word) noexcept : word_(&word) {}

  void lock() { take(os::no_deadline); }
  bool try_lock() { return take(0); }
  void unlock() noexcept { word_->unlock(); }

 private:
  bool take(std::int64_t until) {
    bool abandoned;
    auto const result = word_->recover(word_->name(), until, abandoned);
    if (result != lock_result::locked && result != lock_result::timed_out) throw_lock_error(result);
    return result == lock_result::locked;
  }

  lock_word* word_;
};

template <class T> inline constexpr bool is_synchronized = false;
template <class T> inline constexpr bool is_synchronized<synchronized_value<T>> = true;

/// The insides of a synchronized_value, for apply.
struct synchronized_access {
  template <class Value> static lock_word& word(Value& value) noexcept { return value.lock_; }
  template <class Value> static auto& draft(Value& value) noexcept { return value.draft(); }
  template <class Value> static void commit(Value& value) noexcept {
    if constexpr (!std::is_const_v<Value>) value.commit();
  }
};

}  // namespace impl

/// A value that is only seen and changed under its lock, by apply (P0290), in threads and across processes.
///
///     tandem::shared<tandem::synchronized_value<account>> a(account{100});
///     tandem::apply([](account& it) { it.balance += 5; }, *a);
///
/// A change is whole or has not happened: the function works on a copy, which becomes the value by the change of one
/// word when it returns. If it throws, or its unit dies inside, the value is what it was.
/// @par Shared memory          Yes, for flat T: twice its size and 12 bytes.
/// @par Threads and processes  apply may be called concurrently.
/// @par Peer death             A unit that dies inside has changed nothing; the next one goes on with the last value.
template <class T> class synchronized_value {
  static_assert((impl::require_shareable<T>(), true));
  static_assert(
      flat<T>,
      "tandem: synchronized_value keeps two copies of its value, so that a death inside changes nothing: T must be "
      "flat. For a container of shared memory: a tandem::mutex beside it");

 public:
  using value_type = T;

  /// T{arguments...}
  template <class... A>
  constexpr explicit synchronized_value(A const&... arguments) : copies_{T{arguments...}, T{arguments...}} {}
  synchronized_value(synchronized_value const&) = delete;
  synchronized_value& operator=(synchronized_value const&) = delete;
  /// @pre nobody is inside apply
  ~synchronized_value() = default;

 private:
  friend struct impl::synchronized_access;

  // relaxed: under the lock
  T& draft() noexcept {
    std::uint32_t const now = which_.load(std::memory_order_relaxed) % 2;
    return copies_[1 - now] = copies_[now];
  }
  T const& draft() const noexcept { return copies_[which_.load(std::memory_order_relaxed) % 2]; }
  // release: whoever takes the lock over from one that died right behind it sees a whole copy
  void commit() noexcept { which_.store(1 - which_.load(std::memory_order_relaxed) % 2, std::memory_order_release); }

  T copies_[2];
  std::atomic<std::uint32_t> which_{0};
  mutable impl::lock_word lock_;
};

template <flat T> inline constexpr bool enable_shareable<synchronized_value<T>> = true;

/// Calls `function` with the values, alone with them, and returns what it returns. Of a const synchronized_value it
/// gets a const reference, and nothing is copied. Several are locked together, without a deadlock in whatever order
/// others do; their changes become the values one after the other, so a death between leaves some of them changed.
/// @throws what `function` throws: nothing is changed then; std::system_error (resource_deadlock_would_occur) where the
/// caller is inside already
/// @par Blocks  Until nobody else is inside. @par Cost  A copy of each value, and what a mutex costs.
template <class F, class... Value>
  requires(sizeof...(Value) > 0 && (impl::is_synchronized<std::remove_const_t<Value>> && ...))
decltype(auto) apply(F&& function, Value&... values) {
  using insides = impl::synchronized_access;
  using result = std::invoke_result_t<F, decltype(insides::draft(values))...>;
  static_assert(!std::is_reference_v<result>,
                "tandem: apply: the function returns a reference, which would outlive the lock: return a value");
  std::tuple locks(impl::taking_over(insides::word(values))...);
  std::apply(
      [](auto& first, auto&... others) {
        if constexpr (sizeof...(others) == 0)
          first.lock();
        else
          std::lock(first, others...);
      },
      locks);
  struct unlocked {
    decltype(locks)& all;
    ~unlocked() {
      std::apply([](auto&... each) { (each.unlock(), ...); }, all);
    }
  } const at_end{locks};
  auto const run = [&]() -> decltype(auto) {
    return std::apply(std::forward<F>(function), std::tie(insides::draft(values)...));  // std::invoke
  };
  if constexpr (std::is_void_v<result>) {
    run();
    (insides::commit(values), ...);
  } else {
    result made = run();
    (insides::commit(values), ...);
    return made;
  }
}

}  // namespace tandem

#endif  // TANDEM_SYNC_SYNCHRONIZED_VALUE_HPP
