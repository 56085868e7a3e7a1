// SPDX-License-Identifier: BSL-1.0
// Starting a process by fork(2).
#ifndef TANDEM_EXECUTION_IMPL_START_FORK_HPP
#define TANDEM_EXECUTION_IMPL_START_FORK_HPP

#include <cstddef>      // for size_t
#include <cstdint>      // for uintptr_t
#include <optional>     // for optional
#include <stdexcept>    // for invalid_argument
#include <string>       // for string, to_string
#include <tuple>        // for tuple, apply
#include <type_traits>  // for is_trivially_copyable_v, is_void_v, remove_reference_t
#include <utility>      // for forward, move
#include <vector>       // for vector

#include "tandem/config.hpp"                               // for TANDEM_NOINLINE
#include "tandem/core/errors.hpp"                          // for throw_errno
#include "tandem/core/impl/descriptor_log.hpp"             // for descriptor_log, logging_scope
#include "tandem/core/register_exception.hpp"              // for register_exception
#include "tandem/core/transferable.hpp"                    // for may_carry_descriptors
#include "tandem/execution/impl/argument_descriptors.hpp"  // for descriptors_among
#include "tandem/execution/impl/child_setup.hpp"           // for inherits
#include "tandem/execution/impl/lifeline.hpp"              // for lifeline
#include "tandem/execution/impl/process_child.hpp"         // for child_orders, run_child
#include "tandem/execution/impl/process_state.hpp"         // for process_state
#include "tandem/execution/impl/start_error.hpp"           // for start_of
#include "tandem/execution/impl/unit_context.hpp"          // for current_id
#include "tandem/execution/options.hpp"                    // for options
#include "tandem/memory/impl/members.hpp"                  // for members
#include "tandem/memory/impl/objects.hpp"                  // for objects
#include "tandem/memory/impl/travel.hpp"                   // for given_to_child_scope, travel_scope
#include "tandem/os/fork.hpp"                              // for fork
#include "tandem/os/stack.hpp"                             // for stack_end
#include "tandem/resource/socket_pair.hpp"                 // for socket_pair
#include "tandem/sync/stop_token.hpp"                      // for stop_access, stop_state

namespace tandem::impl {

template <class R> consteval bool result_carries_descriptors() {
  if constexpr (std::is_void_v<R>)
    return false;
  else
    return may_carry_descriptors<R>;
}

/// A place for a process in the family's table, and the road by which descriptors in its result come home.
struct new_process {
  process_state state;
  fd road;  // the child's end, if its result can have any
};

/// @throws std::system_error where the table, or this process's descriptors, are full
template <class R> new_process claim_process(std::string const& name) {
  token const member = members::claim(&objects::bury_orphan);
  try {
    if constexpr (result_carries_descriptors<R>()) {
      socket_pair road;
      return {process_state(member, name, std::move(road.first)), std::move(road.second)};
    } else {
      return {process_state(member, name, fd()), fd()};
    }
  } catch (...) {
    members::release(member);
    throw;
  }
}

/// Adds the descriptors whose owners came to lie in the object at `begin` while it was made.
inline void add_owned(descriptor_log const& owners, void const* begin, std::size_t size, std::string const& name,
                      std::vector<int>& descriptors) {
  if (owners.count() > descriptor_log::most) {
    throw std::invalid_argument("tandem: " + start_of(name) + ": its closure holds more than " +
                                std::to_string(descriptor_log::most) +
                                " descriptors: pass them as an argument, or use options.inherit = inherit::all");
  }
  for (std::size_t i = 0; i < owners.count(); ++i) {
    auto const place = reinterpret_cast<std::uintptr_t>(owners[i]), from = reinterpret_cast<std::uintptr_t>(begin);
    if (place >= from && place < from + size) descriptors.push_back(*owners[i]);  // others were stops on the way
  }
}

/// Starts a child that runs a workload made of `parts`, the callable and its arguments. Never inlined: its frame is the
/// border between what belongs to the child (the workload, here) and the frames of its callers, whose change in the
/// child is a lost write.
/// @throws std::system_error naming the step and the unit; what the copies of the parts throw. No child is left then,
/// and nothing is held.
template <class R, class Work, class... Parts>
TANDEM_NOINLINE process_state start_fork(options const& how, std::tuple<Parts...>& parts) {
  auto [state, road] = claim_process<R>(how.name);
  child_orders orders;
  orders.how = &how;
  orders.member = state.member();
  orders.parent = current_id();
  orders.parents_line = lifeline::read_end();
  orders.descriptors = std::move(road);
  if (how.lost_writes != lost_writes::ignore) {
    register_exception<lost_write>();  // so that it comes back as itself
    orders.frames_begin = static_cast<std::byte const*>(__builtin_dwarf_cfa());
    orders.frames_end = os::stack_end(orders.frames_begin);
  }
  std::optional<Work> work;
  std::optional<descriptor_log> owners;  // of descriptors, where it matters which stay open
  if (inherits(how) == inherit::declared) owners.emplace();
  auto const copy = [&] { std::apply([&](auto&&... part) { work.emplace(std::forward<Parts>(part)...); }, parts); };
  if constexpr ((std::is_trivially_copyable_v<std::remove_reference_t<Parts>> && ...)) {
    copy();  // nothing that counts its holders
  } else {
    travel_scope const on_the_way(orders.member);
    std::optional<logging_scope> logging;
    if (owners) logging.emplace(*owners);
    copy();
  }

  if (owners) {
    travel_scope const on_the_way(orders.member);
    orders.stay_open = descriptors_among(work->arguments());
    orders.stay_open.push_back(orders.descriptors.get());
    add_owned(*owners, &*work, sizeof(Work), how.name, orders.stay_open);
  }

  // The child's end of its stop token, ready in this frame, which the child never leaves.
  stop_state childs_stop(state.make_childs_stop());
  childs_stop.add_source();  // the handle
  stop_token const stop = stop_access::make_token(childs_stop);

  quick_end::prepare();
  pid_t child = 0;
  {
    lifeline::own_fork const ours;
    child = os::fork();
    if (child == 0) run_child<R>(orders, work, stop, [] {});
  }
  if (child < 0) throw_errno(start_of(how.name), "fork");
  state.adopt(child, how);
  given_to_child_scope const its_own;
  work.reset();
  return std::move(state);
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_START_FORK_HPP
