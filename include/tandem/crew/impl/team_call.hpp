// SPDX-License-Identifier: BSL-1.0
// What a member of a team says that it does. Those who do different things in the same step find out by the tags, which
// are hashes, and tell it by the names, which are written down in shared memory: each process has its own addresses of
// text.
#ifndef TANDEM_CREW_IMPL_TEAM_CALL_HPP
#define TANDEM_CREW_IMPL_TEAM_CALL_HPP

#include <cstddef>      // for size_t
#include <cstdint>      // for uint32_t, uint64_t
#include <cstring>      // for memcpy, strnlen
#include <iterator>     // for size
#include <string>       // for string, to_string
#include <string_view>  // for string_view
#include <type_traits>  // for is_same_v, is_void_v
#include <typeinfo>     // for type_info

#include "tandem/core/impl/thrown.hpp"  // for type_name

namespace tandem::impl {

enum class team_step : std::uint32_t {
  barrier,
  broadcast,
  scatter,
  gather,
  all_gather,
  all_to_all,
  reduce,
  all_reduce,
  scan,
  exclusive_scan,
  scratch,
  receive
};

inline constexpr char const* team_step_names[] = {"barrier",    "broadcast",      "scatter", "gather",
                                                  "all_gather", "all_to_all",     "reduce",  "all_reduce",
                                                  "scan",       "exclusive_scan", "scratch", "receive"};

/// Tells lists of types apart: a hash of their names.
template <class... T> consteval std::uint64_t hash_of_types() {
  std::uint64_t hash = 14695981039346656037U;
  for (char const letter : std::string_view(__PRETTY_FUNCTION__))
    hash = (hash ^ static_cast<unsigned char>(letter)) * 1099511628211U;
  return hash;
}

/// How values are put together where nothing else is said.
struct sum {
  template <class T> auto operator()(T const& a, T const& b) const { return a + b; }
};

/// Empty where there is nothing to name.
template <class T> char const* mangled_name() noexcept {
  if constexpr (std::is_void_v<T> || std::is_same_v<T, sum>)
    return "";
  else
    return typeid(T).name();
}

/// The name of a type, cut to what fits.
template <std::size_t Size> class name_field {
 public:
  void set(char const* mangled) noexcept {
    std::size_t const length = ::strnlen(mangled, Size - 1);
    std::memcpy(text_, mangled, length);
    text_[length] = '\0';
  }
  bool empty() const noexcept { return text_[0] == '\0'; }
  std::string readable() const { return type_name(std::string(text_, ::strnlen(text_, Size))); }

 private:
  char text_[Size]{};
};

struct team_call {
  static constexpr std::uint64_t none = UINT64_MAX;
  static constexpr unsigned tag_bits = 43;

  team_step step;
  char const *type, *function;  // mangled, or ""
  std::uint64_t number;         // the root, from whom, or how many
  std::uint64_t tag;            // never 0

  /// Of a step about values of type T that are put together by F.
  template <class T = void, class F = void> static team_call of(team_step step, std::uint64_t number = none) noexcept {
    std::uint64_t mixed = hash_of_types<T, F>() ^ (number + static_cast<std::uint64_t>(step)) * 0x9e3779b97f4a7c15U;
    mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93U;
    return {step, mangled_name<T>(), mangled_name<F>(), number, (mixed >> (64 - tag_bits)) | 1};
  }
};

/// A call as others can read it.
class said_call {
 public:
  void say(team_call const& call) noexcept {
    if (tag_ == call.tag) return;  // the same as last time
    step_ = call.step;
    number_ = call.number;
    type_.set(call.type);
    function_.set(call.function);
    tag_ = call.tag;
  }

  std::uint64_t tag() const noexcept { return tag_; }

  /// "all_reduce of double by std::plus<void>"
  std::string to_string() const {
    auto const step = static_cast<std::size_t>(step_);
    std::string text = step < std::size(team_step_names) ? team_step_names[step] : "something else";
    if (!type_.empty()) text += " of " + type_.readable();
    if (!function_.empty()) text += " by " + function_.readable();
    if (number_ != team_call::none) {
      auto const number = std::to_string(number_);
      if (step_ == team_step::scratch)
        text += ", " + number + " of them";
      else
        text += (step_ == team_step::receive ? " from rank " : ", root ") + number;
    }
    return text;
  }

 private:
  std::uint64_t tag_ = 0, number_ = 0;
  team_step step_ = team_step::barrier;
  name_field<112> type_, function_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_TEAM_CALL_HPP
