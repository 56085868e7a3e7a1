// SPDX-License-Identifier: BSL-1.0
// The roads by which a process may come to be, and the choice among them.
#ifndef TANDEM_EXECUTION_IMPL_START_PROCESS_HPP
#define TANDEM_EXECUTION_IMPL_START_PROCESS_HPP

#include <cstddef>      // for byte
#include <cstdint>      // for uintptr_t
#include <memory>       // for addressof
#include <stdexcept>    // for invalid_argument
#include <tuple>        // for forward_as_tuple
#include <type_traits>  // for decay_t
#include <utility>      // for forward

#include "tandem/execution/impl/check_options.hpp"  // for check_process_options
#include "tandem/execution/impl/closure.hpp"        // for copied_as_bytes, look_at_closure, place_closure
#include "tandem/execution/impl/make_request.hpp"   // for make_request
#include "tandem/execution/impl/process_state.hpp"  // for process_state
#include "tandem/execution/impl/start_error.hpp"    // for start_of
#include "tandem/execution/impl/start_exec.hpp"     // for encode_exec_prefix, own_program
#include "tandem/execution/impl/start_fork.hpp"     // for start_fork
#include "tandem/execution/impl/workload.hpp"       // for workload, process_rules
#include "tandem/execution/options.hpp"             // for options
#include "tandem/execution/zygote.hpp"              // for zygote, zygote_access

namespace tandem::impl {

/// Whether a closure of type F leads to code that is not among what is `known`.
template <class F, class G> bool leads_to_a_later_module(G const& callable, os::module_table const& known) {
  if constexpr (copied_as_bytes<F>) {
    alignas(F) std::byte copy[sizeof(F)];
    return look_at_closure(place_closure<F>(copy, callable), sizeof copy, known).later_module;
  } else {
    return look_at_closure(std::addressof(callable), sizeof callable, known).later_module;
  }
}

/// @throws std::system_error naming the step and the unit; std::invalid_argument where the closure or an argument
/// cannot travel by the road that was chosen; what the copies throw. No process is left then, and nothing is held.
template <class R, class F, class... A> process_state start_process(options& how, F&& f, A&&... arguments) {
  using callable = std::decay_t<F>;
  check_process_options(how);
  if (!how.start.is_fork()) {
    if constexpr ((can_arrive<process_rules::kept<A>> && ...)) {
      start_entry* const entry = &serve_request<R, callable, A...>;
      if (how.start.is_exec()) {
        own_program::require(how.name);
        auto const known = own_program::modules();
        auto made = make_request<R, callable, A...>(
            how, *known, true,
            [&known](writer& to, start_request const& request, closure_words const& words) {
              encode_exec_prefix(to, request, words, *known);
            },
            std::forward<F>(f), std::forward<A>(arguments)...);
        pid_t const pid = own_program::run(made->request(), made->descriptors,
                                           how.environment ? &*how.environment : nullptr, how.name);
        return made->sent(pid, how, false);
      }
      zygote_owner& from = zygote_access::owner(*how.start.from());
      from.require_owner();
      auto const origin = from.born_with();
      auto const& known = origin->modules;
      bool const is_known = known.find(reinterpret_cast<std::uintptr_t>(entry)) != nullptr &&
                            !leads_to_a_later_module<callable>(f, known);
      if (is_known) {
        origin->surroundings.bring_along(how);
        how.inherit = inherit::all;  // a zygote has nothing open that was not declared
        auto made = make_request<R, callable, A...>(
            how, known, false, [](writer&, start_request const&, closure_words const&) {}, std::forward<F>(f),
            std::forward<A>(arguments)...);
        auto const [pid, ours_alone] = from.start(made->request(), made->descriptors);
        return made->sent(pid, how, ours_alone);
      }
    } else {
      throw std::invalid_argument("tandem: " + start_of(how.name) +
                                  ": a borrowed argument has no codec, so only start::fork can lend it");
    }
  }
  auto parts = std::forward_as_tuple(std::forward<F>(f), std::forward<A>(arguments)...);
  return start_fork<R, workload<process_rules, F, A...>>(how, parts);
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_START_PROCESS_HPP
