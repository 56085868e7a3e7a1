// SPDX-License-Identifier: BSL-1.0
// How a unit came to no value.
#ifndef TANDEM_CORE_FAILURE_HPP
#define TANDEM_CORE_FAILURE_HPP

#include <signal.h>  // for SIGKILL

#include <atomic>       // for atomic
#include <cstdint>      // for uint32_t
#include <cstdio>       // for fputs, stderr
#include <exception>    // for exception_ptr, rethrow_exception, make_exception_ptr
#include <iosfwd>       // for basic_ostream
#include <new>          // for bad_alloc
#include <optional>     // for optional
#include <stdexcept>    // for runtime_error
#include <string>       // for string, to_string
#include <string_view>  // for string_view
#include <utility>      // for move, exchange, swap

#include "tandem/config.hpp"                 // for TANDEM_NOINLINE
#include "tandem/core/crash_report.hpp"      // for crash_report
#include "tandem/core/impl/signal_name.hpp"  // for signal_name
#include "tandem/core/impl/thrown.hpp"       // for describe, thrown_record
#include "tandem/core/resource_usage.hpp"    // for resource_usage

namespace tandem {

class failure;

/// The four ways of coming to no value.
enum class ending {
  threw,     ///< an exception left the workload
  exited,    ///< the process ended itself, by exit or _exit, before its workload returned
  signaled,  ///< a signal killed the process
  lost,      ///< nobody here can tell: reaped by someone else, or its host vanished
};

namespace impl {

struct failure_state {
  std::atomic<std::uint32_t> owners{1};
  std::atomic<bool> awaited{false};   // an outcome holds it: somebody should look
  std::atomic<bool> observed{false};  // somebody has looked
  ending how = ending::lost;
  int exit_code = -1;
  int signal = 0;
  bool core_dumped = false;
  std::chrono::nanoseconds timeout{0};  // that it had, if it was killed since that had passed
  std::string unit;
  std::string type;
  std::string what;
  std::optional<crash_report> crash;
  resource_usage usage;
  std::exception_ptr thrown;
};

struct failure_access;

// Null: the line on stderr. Set by set_unobserved_failure_handler.
inline std::atomic<void (*)(failure const&) noexcept> unobserved_failure_handler{nullptr};

inline void call_unobserved_failure_handler(failure const& unseen) noexcept;

}  // namespace impl

/// How a unit came to no value: what it threw, how it exited, what killed it; and what it had used.
/// A value in one pointer: copies are cheap, do not throw, and are the same failure.
/// @par Shared memory         No.
/// @par Threads and processes Concurrent reads are fine, also of copies.
/// @par Peer death            Does not concern it.
class failure {
 public:
  /// An exception of this process.
  /// @throws nothing: where memory is short, it becomes a failure that says so and throws std::bad_alloc.
  static failure threw(std::string unit, std::exception_ptr thrown, resource_usage usage = {}) noexcept {
    try {
      return remote(std::move(unit), impl::describe(thrown), usage);
    } catch (...) { return out_of_memory(); }
  }

  /// An exception of another process, rebuilt by impl::decode_exception.
  static failure remote(std::string unit, impl::thrown_record thrown, resource_usage usage = {}) {
    auto* const state = new_state(ending::threw, std::move(unit), usage);
    state->type = std::move(thrown.type);
    state->what = std::move(thrown.what);
    state->thrown = std::move(thrown.exception);
    return failure{state};
  }

  /// The end of a process by exit, before its workload had returned.
  static failure exited(std::string unit, int code, resource_usage usage = {}) {
    std::string what = "exited with code " + std::to_string(code);
    auto* const state = new_state(ending::exited, std::move(unit), usage);
    state->exit_code = code;
    state->what = std::move(what);
    return failure{state};
  }

  /// The end of a process by a signal; `crash` where the process could still report it.
  static failure signaled(std::string unit, int signal, bool core_dumped, resource_usage usage = {},
                          std::optional<crash_report> crash = {}) {
    std::string what = "killed by " + impl::signal_name(signal);
    if (core_dumped) what += " (core dumped)";
    auto* const state = new_state(ending::signaled, std::move(unit), usage);
    state->signal = signal;
    state->core_dumped = core_dumped;
    state->what = std::move(what);
    state->crash = std::move(crash);
    return failure{state};
  }

  /// The end of a process by SIGKILL since its time was up.
  static failure timed_out(std::string unit, std::chrono::nanoseconds limit, resource_usage usage = {}) {
    auto killed = signaled(std::move(unit), SIGKILL, false, usage);
    killed.state_->timeout = limit;
    killed.state_->what += " after its timeout of " + std::to_string(limit.count() / 1'000'000) + " ms";
    return killed;
  }

  /// An end that cannot be told, and why.
  static failure lost(std::string unit, std::string why = "nobody here can tell how it ended",
                      resource_usage usage = {}) {
    auto* const state = new_state(ending::lost, std::move(unit), usage);
    state->what = std::move(why);
    return failure{state};
  }

  failure(failure const& other) noexcept : state_{other.state_} {
    if (state_ != nullptr)
      state_->owners.fetch_add(1, std::memory_order_relaxed);  // the copied-from one keeps it alive
  }
  constexpr failure(failure&& other) noexcept : state_{std::exchange(other.state_, nullptr)} {}
  failure& operator=(failure other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  constexpr ~failure() {
    if (state_ != nullptr) release(state_);
  }

  /// Which of the four it was.
  ending how() const noexcept { return state().how; }

  /// The code of a process that exited; -1 for all other endings.
  int exit_code() const noexcept { return state().exit_code; }

  /// The signal that killed the process; 0 for all other endings.
  int signal() const noexcept { return state().signal; }

  /// Whether the killed process left a core dump.
  bool core_dumped() const noexcept { return state().core_dumped; }

  /// Whether it was killed since its `options.timeout` had passed.
  bool timed_out() const noexcept { return state().timeout.count() > 0; }

  /// The unit's name.
  std::string const& unit() const noexcept { return state().unit; }

  /// The demangled type of the exception, as it was thrown; empty for all other endings.
  std::string const& type() const noexcept { return state().type; }

  /// What the exception said; for the other endings, how it ended.
  std::string const& what() const noexcept { return state().what; }

  /// What the process reported about its crash, where it was asked to and could.
  std::optional<crash_report> const& crash() const noexcept { return state().crash; }

  /// What the unit had used, as far as is known.
  resource_usage const& usage() const noexcept { return state().usage; }

  /// Throws the exception itself: the very object of a thread, an equal one of another process where its type is known
  /// here, a remote_exception where not; unit_died for what is no exception.
  [[noreturn]] void rethrow() const;

  /// One line: "'parser' threw std::runtime_error: line 7: no such key". Line breaks inside are written as \n.
  std::string to_string() const {
    std::string text = unit().empty() ? "a unit" : "'" + unit() + "'";
    switch (how()) {
      case ending::threw:
        text.append(" threw ").append(type()).append(what().empty() ? "" : ": ").append(what());
        break;
      case ending::exited:
        text.append(" ").append(what()).append(" before its work was done");
        break;
      case ending::signaled:
        text.append(" was ").append(what());
        if (crash().has_value()) {
          if (auto const at = crash()->function(); !at.empty()) text.append(" at ").append(at);
        }
        break;
      case ending::lost:
        text.append(" is lost: ").append(what());
        break;
    }
    return on_one_line(text);
  }

  /// Writes `to_string()`.
  template <class Traits>
  friend std::basic_ostream<char, Traits>& operator<<(std::basic_ostream<char, Traits>& to, failure const& value) {
    return to << value.to_string();
  }

  /// The same failure, or one that looks the same but for what was used.
  friend bool operator==(failure const& left, failure const& right) noexcept {
    if (left.state_ == right.state_) return true;
    auto const &a = left.state(), &b = right.state();
    return a.how == b.how && a.exit_code == b.exit_code && a.signal == b.signal && a.core_dumped == b.core_dumped &&
           a.timeout == b.timeout && a.unit == b.unit && a.type == b.type && a.what == b.what && a.crash == b.crash;
  }

 private:
  friend impl::failure_access;

  constexpr failure() noexcept = default;
  explicit failure(impl::failure_state* state) noexcept : state_{state} {}

  static impl::failure_state* new_state(ending how, std::string&& unit, resource_usage const& usage) {
    auto* const state = new impl::failure_state;
    state->how = how;
    state->unit = std::move(unit);
    state->usage = usage;
    return state;
  }

  // Made once and never destroyed: for when nothing can be allocated.
  TANDEM_NOINLINE static failure out_of_memory() noexcept {
    union immortal {
      immortal() : state{} {
        state.how = ending::threw;
        state.what = "out of memory";  // short enough to need none
        state.type = "std::bad_alloc";
        state.thrown = std::make_exception_ptr(std::bad_alloc{});
      }
      ~immortal() {}
      impl::failure_state state;
    };
    static immortal last_resort;
    last_resort.state.owners.fetch_add(1, std::memory_order_relaxed);  // never reaches zero
    return failure{&last_resort.state};
  }

  // A moved-from failure reads as an empty one.
  impl::failure_state const& state() const noexcept {
    static impl::failure_state const empty;
    return state_ != nullptr ? *state_ : empty;
  }

  TANDEM_NOINLINE static void release(impl::failure_state* state) noexcept {
    // acq_rel: what other owners did comes before the destruction; pairs with their own decrements.
    if (state->owners.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    if (state->awaited.load(std::memory_order_relaxed) && !state->observed.exchange(true, std::memory_order_relaxed)) {
      state->owners.store(1, std::memory_order_relaxed);  // nobody else is there
      failure const unseen{state};                        // the handler may copy it; destroyed, it comes here again
      impl::call_unobserved_failure_handler(unseen);
      return;
    }
    delete state;
  }

  static std::string on_one_line(std::string const& text) {
    std::string line;
    for (char const c : text) {
      if (c == '\n')
        line += "\\n";
      else if (c == '\r')
        line += "\\r";
      else
        line += c;
    }
    return line;
  }

  impl::failure_state* state_ = nullptr;
};

/// Thrown by `outcome::value()` where the unit ended without an exception: it exited, was killed, or is lost.
/// @par Shared memory         No.
/// @par Threads and processes As std::runtime_error: copies do not throw, concurrent reads are fine.
/// @par Peer death            Does not concern it.
class unit_died : public std::runtime_error {
 public:
  /// Says `why.to_string()`.
  explicit unit_died(failure const& why) : std::runtime_error{why.to_string()}, failure_{why} {}

  /// How it ended.
  failure const& get_failure() const noexcept { return failure_; }

 private:
  failure failure_;
};

inline void failure::rethrow() const {
  if (state().thrown != nullptr) std::rethrow_exception(state().thrown);
  throw unit_died{*this};
}

namespace impl {

// What outcome and the rooms above may do with a failure, and users need not.
struct failure_access {
  static constexpr failure none() noexcept { return failure{}; }

  /// The exception, here or made again; null where there was none.
  static std::exception_ptr const& exception(failure const& value) noexcept { return value.state().thrown; }

  static std::chrono::nanoseconds timeout(failure const& value) noexcept { return value.state().timeout; }

  static void await(failure const& value) noexcept {
    if (value.state_ != nullptr) value.state_->awaited.store(true, std::memory_order_relaxed);
  }
  static void observe(failure const& value) noexcept {
    if (value.state_ != nullptr) value.state_->observed.store(true, std::memory_order_relaxed);
  }
};

inline void call_unobserved_failure_handler(failure const& unseen) noexcept {
  // acquire: what the handler uses was set up before it was; pairs with the exchange in set_unobserved_failure_handler.
  if (auto* const handler = unobserved_failure_handler.load(std::memory_order_acquire)) return handler(unseen);
  try {
    std::fputs(("tandem: unobserved failure: " + unseen.to_string() + '\n').c_str(), stderr);
  } catch (...) { std::fputs("tandem: unobserved failure, and no memory to say which\n", stderr); }
}

}  // namespace impl
}  // namespace tandem

#endif  // TANDEM_CORE_FAILURE_HPP
