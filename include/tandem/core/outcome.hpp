// SPDX-License-Identifier: BSL-1.0
// What became of a unit: its value, or its failure.
#ifndef TANDEM_CORE_OUTCOME_HPP
#define TANDEM_CORE_OUTCOME_HPP

#include <concepts>          // for constructible_from, convertible_to, equality_comparable_with
#include <initializer_list>  // for initializer_list
#include <optional>          // for optional, nullopt
#include <type_traits>       // for is_void_v, remove_cvref_t
#include <utility>           // for forward, in_place_t, move

#include "tandem/config.hpp"          // for TANDEM_PRECONDITION
#include "tandem/core/failure.hpp"    // for failure
#include "tandem/core/impl/call.hpp"  // for call, result_of_call

namespace tandem {

template <class R> class outcome;
template <> class outcome<void>;

namespace impl {

template <class T> inline constexpr bool is_outcome = false;
template <class R> inline constexpr bool is_outcome<outcome<R>> = true;

template <class T>
concept comparable = requires(T const& value) {
  { value == value } -> std::convertible_to<bool>;
};

/// A failure that somebody should look at, from now on.
inline failure awaited(failure why) noexcept {
  failure_access::await(why);
  return why;
}

}  // namespace impl

/// What became of a unit: a value, or the failure that came instead. Has the interface of std::expected<R, failure>,
/// but for two things: `value()` throws the failure's own exception (`unit_died` where there was none), and a failure
/// that nobody looked at goes to the unobserved-failure handler, when the last outcome that holds it is destroyed. To
/// look is to call any of `has_value`, `operator bool`, `value`, `value_or`, `error`, `error_or`, `or_else`, or to
/// compare; `and_then` and `transform` hand the failure on unseen.
/// @par Shared memory         No: a failure has memory of its own process.
/// @par Threads and processes Concurrent reads are fine.
/// @par Peer death            It is what tells of one.
template <class R> class outcome {
  static_assert(
      std::is_object_v<R> && !std::is_array_v<R> && !std::is_const_v<R> && !std::is_same_v<R, failure> &&
          !std::is_same_v<R, std::in_place_t>,
      "tandem: the value of an outcome is an object or void: a reference would lead into a unit that has ended");

  template <class U>
  static constexpr bool takes =
      !std::is_same_v<std::remove_cvref_t<U>, outcome> && !std::is_same_v<std::remove_cvref_t<U>, failure> &&
      !std::is_same_v<std::remove_cvref_t<U>, std::in_place_t> && !impl::is_outcome<std::remove_cvref_t<U>> &&
      std::is_constructible_v<R, U>;

 public:
  using value_type = R;
  using error_type = failure;
  template <class U> using rebind = outcome<U>;

  /// A value-initialised R.
  constexpr outcome() requires std::is_default_constructible_v<R> : value_{std::in_place} {}

  /// The value `value`.
  template <class U = R>
    requires takes<U>
  constexpr explicit(!std::is_convertible_v<U, R>) outcome(U&& value) : value_{std::in_place, std::forward<U>(value)} {}

  /// An R made of `arguments`.
  template <class... A>
    requires std::is_constructible_v<R, A...>
  constexpr explicit outcome(std::in_place_t, A&&... arguments)
      : value_{std::in_place, std::forward<A>(arguments)...} {}
  template <class U, class... A>
    requires std::is_constructible_v < R, std::initializer_list<U>
  &, A... > constexpr explicit outcome(std::in_place_t, std::initializer_list<U> list, A&&... arguments)
      : value_{std::in_place, list, std::forward<A>(arguments)...} {}

  /// The failure `why`, which somebody should look at from now on.
  outcome(failure why) noexcept : failure_{impl::awaited(std::move(why))} {}

  /// The value of `other`, converted, or its failure.
  template <class U>
    requires(!std::is_same_v<U, R> && !std::is_void_v<U> && std::is_constructible_v<R, U const&>)
  constexpr explicit(!std::is_convertible_v<U const&, R>) outcome(outcome<U> const& other) : failure_{other.failure_} {
    if (other.value_) value_.emplace(*other.value_);
  }
  template <class U>
    requires(!std::is_same_v<U, R> && !std::is_void_v<U> && std::is_constructible_v<R, U>)
  constexpr explicit(!std::is_convertible_v<U, R>) outcome(outcome<U>&& other) : failure_{std::move(other.failure_)} {
    if (other.value_) value_.emplace(*std::move(other.value_));
  }

  // Copies, moves and assignments are those of the members: a failure is copied without throwing, so nothing is left
  // half done. Moved from, it still has what it had, moved from; a failure that was moved away is nobody's to look at.

  /// Holds `value` from now on.
  template <class U = R>
    requires(takes<U>&& std::is_assignable_v<R&, U>)
  constexpr outcome& operator=(U&& value) {
    value_ = std::forward<U>(value);
    failure_ = impl::failure_access::none();
    return *this;
  }

  /// Holds the failure `why` from now on.
  outcome& operator=(failure why) noexcept {
    value_.reset();
    failure_ = impl::awaited(std::move(why));
    return *this;
  }

  /// Holds an R made of `arguments` from now on. As in std::expected, only where that cannot throw.
  template <class... A>
    requires std::is_nothrow_constructible_v<R, A...>
  constexpr R& emplace(A&&... arguments) noexcept {
    value_.emplace(std::forward<A>(arguments)...);
    failure_ = impl::failure_access::none();
    return *value_;
  }

  constexpr void swap(outcome& other) noexcept(
      std::is_nothrow_swappable_v<std::optional<R>>) requires std::is_swappable_v<R> {
    value_.swap(other.value_);
    std::swap(failure_, other.failure_);
  }
  friend constexpr void swap(outcome& left,
                             outcome& right) noexcept(noexcept(left.swap(right))) requires std::is_swappable_v<R> {
    left.swap(right);
  }

  /// Whether there is a value.
  constexpr bool has_value() const noexcept {
    if (value_) return true;
    observe();
    return false;
  }
  constexpr explicit operator bool() const noexcept { return has_value(); }

  /// The value. @pre `has_value()`.
  constexpr R& operator*() & noexcept { return held(), *value_; }
  constexpr R const& operator*() const& noexcept { return held(), *value_; }
  constexpr R&& operator*() && noexcept { return held(), std::move(*value_); }
  constexpr R const&& operator*() const&& noexcept { return held(), std::move(*value_); }
  constexpr R* operator->() noexcept { return held(), value_.operator->(); }
  constexpr R const* operator->() const noexcept { return held(), value_.operator->(); }

  /// The value.
  /// @throws the failure: the exception that the unit threw (remote_exception where its type is not known here), or
  /// unit_died.
  constexpr R& value() & { return valued(), *value_; }
  constexpr R const& value() const& { return valued(), *value_; }
  constexpr R&& value() && { return valued(), std::move(*value_); }
  constexpr R const&& value() const&& { return valued(), std::move(*value_); }

  /// The failure. @pre `!has_value()`.
  failure& error() & noexcept { return failed(), failure_; }
  failure const& error() const& noexcept { return failed(), failure_; }
  failure&& error() && noexcept { return failed(), std::move(failure_); }

  /// The value, or `instead`.
  template <class U> constexpr R value_or(U&& instead) const& {
    return has_value() ? *value_ : static_cast<R>(std::forward<U>(instead));
  }
  template <class U> constexpr R value_or(U&& instead) && {
    return has_value() ? std::move(*value_) : static_cast<R>(std::forward<U>(instead));
  }

  /// The failure, or `instead` where there is a value.
  failure error_or(failure instead) const noexcept {
    if (has_value()) return instead;
    return failure_;
  }

  /// What `f(value)`, an outcome, says; or the failure.
  template <class F> constexpr auto and_then(F&& f) & { return chain(*this, std::forward<F>(f)); }
  template <class F> constexpr auto and_then(F&& f) const& { return chain(*this, std::forward<F>(f)); }
  template <class F> constexpr auto and_then(F&& f) && { return chain(std::move(*this), std::forward<F>(f)); }

  /// An outcome of what `f(value)` returns; or of the failure.
  template <class F> constexpr auto transform(F&& f) & { return map(*this, std::forward<F>(f)); }
  template <class F> constexpr auto transform(F&& f) const& { return map(*this, std::forward<F>(f)); }
  template <class F> constexpr auto transform(F&& f) && { return map(std::move(*this), std::forward<F>(f)); }

  /// The value; or what `f(failure)`, an outcome of the same R, makes of the failure.
  template <class F> constexpr outcome or_else(F&& f) const& {
    static_assert(std::is_same_v<std::remove_cvref_t<impl::result_of_call<F, failure const&>>, outcome>,
                  "tandem: the function given to or_else returns an outcome of the same type");
    if (has_value()) return *this;
    return impl::call(std::forward<F>(f), failure_);
  }
  template <class F> constexpr outcome or_else(F&& f) && {
    static_assert(std::is_same_v<std::remove_cvref_t<impl::result_of_call<F, failure>>, outcome>,
                  "tandem: the function given to or_else returns an outcome of the same type");
    if (has_value()) return std::move(*this);
    return impl::call(std::forward<F>(f), std::move(failure_));
  }

  /// Equal values, or equal failures.
  template <class U>
    requires(!std::is_void_v<U>)
  friend constexpr bool operator==(outcome const& left, outcome<U> const& right) {
    if (left.has_value() != right.has_value()) return false;
    return left.has_value() ? *left == *right : left.error() == right.error();
  }
  friend constexpr bool operator==(outcome const& left, R const& right) requires impl::comparable<R> {
    return left.has_value() && *left == right;
  }

 private:
  template <class U> friend class outcome;

  constexpr void observe() const noexcept { impl::failure_access::observe(failure_); }
  constexpr void held() const noexcept { TANDEM_PRECONDITION(has_value(), "tandem::outcome: *, or ->, of a failure"); }
  void failed() const noexcept {
    TANDEM_PRECONDITION(!has_value(), "tandem::outcome::error: there is a value"), observe();
  }
  constexpr void valued() const {
    if (!has_value()) failure_.rethrow();
  }

  template <class Self, class F> static constexpr auto chain(Self&& self, F&& f) {
    using next = std::remove_cvref_t<impl::result_of_call<F, decltype(*std::forward<Self>(self).value_)>>;
    static_assert(impl::is_outcome<next>, "tandem: the function given to and_then returns an outcome");
    if (self.value_) return impl::call(std::forward<F>(f), *std::forward<Self>(self).value_);
    return next{std::forward<Self>(self).failure_};
  }

  template <class Self, class F> static constexpr auto map(Self&& self, F&& f) {
    using made = std::remove_cvref_t<impl::result_of_call<F, decltype(*std::forward<Self>(self).value_)>>;
    if (!self.value_) return outcome<made>{std::forward<Self>(self).failure_};
    if constexpr (std::is_void_v<made>) {
      impl::call(std::forward<F>(f), *std::forward<Self>(self).value_);
      return outcome<made>{};
    } else {
      return outcome<made>{std::in_place, impl::call(std::forward<F>(f), *std::forward<Self>(self).value_)};
    }
  }

  // In this order: assigned one after the other, and only the first may throw.
  std::optional<R> value_;
  failure failure_ = impl::failure_access::none();  // of a value, an empty one
};

/// What became of a unit that returns nothing: done, or the failure that came instead. As outcome<R>, without the
/// value.
/// @par Shared memory         No: a failure has memory of its own process.
/// @par Threads and processes Concurrent reads are fine.
/// @par Peer death            It is what tells of one.
template <> class outcome<void> {
 public:
  using value_type = void;
  using error_type = failure;
  template <class U> using rebind = outcome<U>;

  /// Done.
  constexpr outcome() noexcept = default;
  constexpr explicit outcome(std::in_place_t) noexcept {}

  /// The failure `why`, which somebody should look at from now on.
  outcome(failure why) noexcept : done_{false}, failure_{impl::awaited(std::move(why))} {}

  /// Holds the failure `why` from now on.
  outcome& operator=(failure why) noexcept {
    done_ = false;
    failure_ = impl::awaited(std::move(why));
    return *this;
  }

  /// Done from now on.
  void emplace() noexcept {
    done_ = true;
    failure_ = impl::failure_access::none();
  }

  constexpr void swap(outcome& other) noexcept {
    std::swap(done_, other.done_);
    std::swap(failure_, other.failure_);
  }
  friend constexpr void swap(outcome& left, outcome& right) noexcept { left.swap(right); }

  /// Whether it was done.
  constexpr bool has_value() const noexcept {
    if (!done_) impl::failure_access::observe(failure_);
    return done_;
  }
  constexpr explicit operator bool() const noexcept { return has_value(); }

  /// Nothing. @pre `has_value()`.
  constexpr void operator*() const noexcept { TANDEM_PRECONDITION(has_value(), "tandem::outcome: * of a failure"); }

  /// Returns if it was done.
  /// @throws the failure: the exception that the unit threw (remote_exception where its type is not known here), or
  /// unit_died.
  constexpr void value() const {
    if (!has_value()) failure_.rethrow();
  }

  /// The failure. @pre `!has_value()`.
  failure& error() & noexcept { return failed(), failure_; }
  failure const& error() const& noexcept { return failed(), failure_; }
  failure&& error() && noexcept { return failed(), std::move(failure_); }

  /// The failure, or `instead` where it was done.
  failure error_or(failure instead) const noexcept {
    if (has_value()) return instead;
    return failure_;
  }

  /// What `f()`, an outcome, says; or the failure.
  template <class F> constexpr auto and_then(F&& f) const {
    using next = std::remove_cvref_t<impl::result_of_call<F>>;
    static_assert(impl::is_outcome<next>, "tandem: the function given to and_then returns an outcome");
    if (done_) return impl::call(std::forward<F>(f));
    return next{failure_};
  }

  /// An outcome of what `f()` returns; or of the failure.
  template <class F> constexpr auto transform(F&& f) const {
    using made = std::remove_cvref_t<impl::result_of_call<F>>;
    if (!done_) return outcome<made>{failure_};
    if constexpr (std::is_void_v<made>) {
      impl::call(std::forward<F>(f));
      return outcome<made>{};
    } else {
      return outcome<made>{std::in_place, impl::call(std::forward<F>(f))};
    }
  }

  /// Done; or what `f(failure)`, an outcome<void>, makes of the failure.
  template <class F> constexpr outcome or_else(F&& f) const {
    static_assert(std::is_same_v<std::remove_cvref_t<impl::result_of_call<F, failure const&>>, outcome>,
                  "tandem: the function given to or_else returns an outcome of the same type");
    if (has_value()) return *this;
    return impl::call(std::forward<F>(f), failure_);
  }

  /// Both done, or equal failures.
  friend constexpr bool operator==(outcome const& left, outcome const& right) noexcept {
    if (left.has_value() != right.has_value()) return false;
    return left.done_ || left.failure_ == right.failure_;
  }
  friend bool operator==(outcome const& left, failure const& right) noexcept {
    return !left.has_value() && left.failure_ == right;
  }

 private:
  void failed() const noexcept { TANDEM_PRECONDITION(!has_value(), "tandem::outcome::error: there is no failure"); }

  bool done_ = true;
  failure failure_ = impl::failure_access::none();
};

}  // namespace tandem

#endif  // TANDEM_CORE_OUTCOME_HPP
