// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_STOP_TOKEN_HPP
#define TANDEM_SYNC_STOP_TOKEN_HPP

#include <chrono>       // for duration, time_point
#include <concepts>     // for constructible_from, invocable
#include <type_traits>  // for is_nothrow_constructible_v
#include <utility>      // for exchange, forward, swap

#include "tandem/core/codec.hpp"            // for codec, reader, writer
#include "tandem/core/deadline.hpp"         // for deadline
#include "tandem/memory/impl/travel.hpp"    // for travelling_to
#include "tandem/sync/impl/stop_state.hpp"  // for stop_state, stop_callback_link

namespace tandem {

namespace impl {

/// A counted pointer to a stop_state that follows its owner to another process.
class stop_state_handle {
 public:
  stop_state_handle() = default;
  explicit stop_state_handle(stop_state* state) noexcept
      : state_(state) {}  // takes the count that the state was made with
  stop_state_handle(stop_state_handle const& other) : state_(other.state_), across_(other.for_the_way()) {
    if (state_ != nullptr) state_->add_handle();
  }
  stop_state_handle(stop_state_handle&& other) : across_(other.for_the_way()) {
    state_ = std::exchange(other.state_, nullptr);
    other.across_.reset();
  }
  stop_state_handle& operator=(stop_state_handle other) noexcept {
    swap(other);
    return *this;
  }
  ~stop_state_handle() {
    if (state_ != nullptr) state_->drop_handle();
  }

  void swap(stop_state_handle& other) noexcept {
    std::swap(state_, other.state_);
    std::swap(across_, other.across_);
  }
  stop_state* get() const noexcept { return state_; }
  stop_state* operator->() const noexcept { return state_; }
  explicit operator bool() const noexcept { return state_ != nullptr; }
  friend bool operator==(stop_state_handle const& a, stop_state_handle const& b) noexcept {
    return a.state_ == b.state_;
  }

 private:
  using word = shared<std::atomic<std::uint32_t>>;

  /// The receiver's own hold on the shared word, if this copy is for another process.
  std::optional<word> for_the_way() const {
    if (state_ == nullptr || travelling_to == 0) return across_;
    return state_->share();
  }

  stop_state* state_ = nullptr;
  std::optional<word> across_;
};

}  // namespace impl

/// As std::nostopstate_t: asks for a stop_source without a state.
struct nostopstate_t {
  explicit nostopstate_t() = default;
};
inline constexpr nostopstate_t nostopstate{};

namespace impl {
struct stop_access;
}
class stop_source;

/// Tells whether a stop was requested: std::stop_token (C++20 [stoptoken]), and it works on both sides of the wall. A
/// token, or a source, that is an argument of a process or captured by value in its closure stays connected; one seen
/// through a captured reference is as it was at the fork, unless it was shared before.
/// @par Shared memory          No: it belongs to its process. What it is connected to does cross.
/// @par Threads and processes  Every member may be called concurrently.
/// @par Peer death             Nothing waits for the other side; a request made before a death stands.
class stop_token {
 public:
  stop_token() noexcept = default;

  bool stop_requested() const noexcept { return state_ && state_->stop_requested(); }
  /// Whether a stop was requested, or somebody in this process still can.
  bool stop_possible() const noexcept { return state_ && state_->stop_possible(); }

  /// Blocks until a stop is requested; returns true. @pre stop_possible(), or it waits for ever
  bool wait() const noexcept { return wait_until(deadline::never()); }
  /// Blocks until a stop is requested (true) or `until` has passed (false).
  bool wait_until(deadline until) const noexcept {
    auto const ns = until.since_epoch_ns();
    if (state_) return state_->wait_until(ns);
    std::atomic<std::uint32_t> const nobody_sets{0};
    while (os::futex_wait(&nobody_sets, 0, ns, os::futex_scope::in_process) == 0 || errno != ETIMEDOUT) {}
    return false;
  }
  template <class Rep, class Period> bool wait_for(std::chrono::duration<Rep, Period> time) const noexcept {
    return wait_until(deadline::after(time));
  }

  void swap(stop_token& other) noexcept { state_.swap(other.state_); }
  friend void swap(stop_token& a, stop_token& b) noexcept { a.swap(b); }
  friend bool operator==(stop_token const&, stop_token const&) noexcept = default;

 private:
  friend class stop_source;
  friend struct impl::stop_access;
  friend struct codec<stop_token>;
  template <class> friend class stop_callback;
  explicit stop_token(impl::stop_state_handle state) noexcept : state_(std::move(state)) {}

  impl::stop_state_handle state_;
};

/// Requests a stop, once: std::stop_source (C++20 [stopsource]), on both sides of the wall as stop_token.
/// @par Shared memory          No: it belongs to its process.
/// @par Threads and processes  Every member may be called concurrently, except assignment, swap and the destructor.
/// @par Peer death             A source that dies without a request requests nothing.
class stop_source {
 public:
  stop_source() : state_(new impl::stop_state) { state_->add_source(); }
  explicit stop_source(nostopstate_t) noexcept {}
  stop_source(stop_source const& other) : state_(other.state_) {
    if (state_) state_->add_source();
  }
  stop_source(stop_source&& other) : state_(std::move(other.state_)) {}
  stop_source& operator=(stop_source other) noexcept {
    swap(other);
    return *this;
  }
  ~stop_source() {
    if (state_) state_->drop_source();
  }

  /// Requests a stop, wakes who waits for it and runs the callbacks registered in this process; those in other
  /// processes run there, soon after. Returns whether this call made the request.
  bool request_stop() const noexcept { return state_ && state_->request_stop(); }
  stop_token get_token() const { return stop_token(state_); }
  bool stop_requested() const noexcept { return state_ && state_->stop_requested(); }
  bool stop_possible() const noexcept { return static_cast<bool>(state_); }

  void swap(stop_source& other) noexcept { state_.swap(other.state_); }
  friend void swap(stop_source& a, stop_source& b) noexcept { a.swap(b); }
  friend bool operator==(stop_source const&, stop_source const&) noexcept = default;

 private:
  friend struct impl::stop_access;
  friend struct codec<stop_source>;

  impl::stop_state_handle state_;
};

namespace impl {

/// For processes, whose stop word is in the commons before anybody asks for a source or a token of it.
struct stop_access {
  static stop_source make_source(shared<std::atomic<std::uint32_t>> const& word) {
    stop_source made(nostopstate);
    made.state_ = stop_state_handle(new stop_state(word));
    made.state_->add_source();
    return made;
  }

  /// A token of a state that lies where its owner wants it, and outlives the token and all its copies.
  static stop_token make_token(stop_state& state) noexcept {
    state.add_handle();
    return stop_token(stop_state_handle(&state));
  }

  static void encode(writer& to, stop_state_handle const& state, bool possible) {
    to.write_flat(static_cast<bool>(state));
    if (!state) return;
    to.write_flat(possible);
    codec<shared<std::atomic<std::uint32_t>>>::encode(to, state->share());
  }
  static stop_state_handle decode(reader& from) {
    if (!from.read_flat<bool>()) return {};
    bool const possible = from.read_flat<bool>();
    stop_state_handle arrived(new stop_state(codec<shared<std::atomic<std::uint32_t>>>::decode(from)));
    if (possible) arrived->add_source();  // who can ask for a stop is elsewhere
    return arrived;
  }
};

}  // namespace impl

/// A token, or a source, that arrives in another process is connected to the one that was sent.
template <> struct codec<stop_token> {
  static constexpr std::size_t least_size = 1;
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, stop_token const& value) {
    impl::stop_access::encode(to, value.state_, value.stop_possible());
  }
  static stop_token decode(reader& from) { return stop_token(impl::stop_access::decode(from)); }
};

template <> struct codec<stop_source> {
  static constexpr std::size_t least_size = 1;
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, stop_source const& value) { impl::stop_access::encode(to, value.state_, true); }
  static stop_source decode(reader& from) {
    stop_source arrived(nostopstate);
    arrived.state_ = impl::stop_access::decode(from);
    if (arrived.state_) arrived.state_->add_source();
    return arrived;
  }
};

/// Calls `Callback` when a stop is requested, in the thread that requests it, or at once if it was requested before:
/// std::stop_callback (C++20 [stopcallback]). A request made in another process is taken over by a thread that the
/// library starts for it, and that ends with the token's last handle.
/// @par Shared memory          No.
/// @par Threads and processes  Construct and destroy in one process. The callback must not throw (std::terminate).
/// @par Peer death             See stop_token.
template <class Callback> class stop_callback : private impl::stop_callback_link {
  static_assert(std::invocable<Callback>, "tandem: a stop_callback is called without arguments");

 public:
  using callback_type = Callback;

  /// @throws std::system_error where the thread that watches for other processes' requests cannot be started
  template <class C>
    requires std::constructible_from<Callback, C>
  explicit stop_callback(stop_token token, C&& callback)
      : impl::stop_callback_link{&stop_callback::call},
        callback_(std::forward<C>(callback)),
        state_(std::move(token.state_)) {
    if (!state_) return;
    if (state_->add_callback(*this)) return;
    call(*this);
    state_ = impl::stop_state_handle();
  }
  stop_callback(stop_callback const&) = delete;
  ~stop_callback() {
    if (state_) state_->remove_callback(*this);
  }

 private:
  static void call(impl::stop_callback_link& link) noexcept {
    std::forward<Callback>(static_cast<stop_callback&>(link).callback_)();
  }

  Callback callback_;
  impl::stop_state_handle state_;
};

template <class Callback> stop_callback(stop_token, Callback) -> stop_callback<Callback>;

}  // namespace tandem

#endif  // TANDEM_SYNC_STOP_TOKEN_HPP
