// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_TEAM_MEMBER_HPP
#define TANDEM_CREW_TEAM_MEMBER_HPP

#include <cstddef>    // for byte, size_t
#include <cstdint>    // for SIZE_MAX
#include <new>        // for bad_array_new_length
#include <optional>   // for optional
#include <span>       // for span
#include <stdexcept>  // for invalid_argument
#include <string>     // for string, to_string
#include <utility>    // for move
#include <vector>     // for vector

#include "tandem/core/codec_string.hpp"        // for text that is handed on
#include "tandem/core/flat.hpp"                // for flat
#include "tandem/core/impl/transfer.hpp"       // for carries_descriptors, is_transferable, require_transferable
#include "tandem/crew/impl/team_call.hpp"      // for sum, team_call, team_step
#include "tandem/crew/impl/team_seat.hpp"      // for team_seat
#include "tandem/execution/impl/workload.hpp"  // for process_rules
#include "tandem/memory/shared_array.hpp"      // for shared<T[]>
#include "tandem/sync/stop_token.hpp"          // for stop_token

namespace tandem {

namespace impl {

/// What is handed on for an argument of type T: a string literal is text.
template <class T> using handed_on_as = process_rules::kept<T const&>;

template <class T> consteval void require_handed_on() {
  require_transferable<T>();
  if constexpr (is_transferable<T>())
    static_assert(!carries_descriptors<T>(),
                  "tandem: team: descriptors do not go from member to member: lend them to run, by tandem::borrow (a "
                  "codec without descriptors says so: static constexpr bool carries_descriptors = false)");
}

struct alignas(64) scratch_line {
  std::byte bytes[64];
};

}  // namespace impl

/// What a member of a team has of it. The operations are MPI's, by their names; values are of any transferable type,
/// and the same in threads and processes.
///
/// All but send and receive are collective: all members call the same ones in the same order, with the same types and
/// roots, and each call returns when all have come to it. Where they do not, all are told, in std::logic_error with
/// both names, from then on.
///
/// Values are put together in the order of ranks, by each who wants the result: ((v0 op v1) op v2) and so on. So
/// floating-point results are the same to the bit, in all members, in each run, and in both modes.
/// @par Shared memory          No: it belongs to the member's function.
/// @par Threads and processes  One thread at a time; the member's own.
/// @par Peer death             When a member fails, by a death or an exception, all who wait get member_lost, and so
///                             does whoever is about to wait afterwards; a stop is requested of all. Of the step that
///                             was under way some may have the result. A letter that was sent before is received. A
///                             member that returns does not fail, but who waits for it gets member_lost. Where all wait
///                             for each other, all get std::system_error (resource_deadlock_would_occur).
class team_member {
 public:
  /// Made by team. @pre `seat` outlives it
  team_member(impl::team_seat& seat, stop_token stop) : seat_(seat), stop_(std::move(stop)) {}
  team_member(team_member const&) = delete;

  /// Which of them it is, from 0.
  std::size_t rank() const noexcept { return seat_.rank(); }
  std::size_t size() const noexcept { return seat_.size(); }

  /// A stop is requested when another one has failed: for who computes long without a look at the others.
  stop_token get_stop_token() const noexcept { return stop_; }
  bool stop_requested() const noexcept { return stop_.stop_requested(); }

  // The collective ones. All throw as said above (member_lost, std::logic_error, resource_deadlock_would_occur);
  // std::invalid_argument for a root that is none; what the codec of a value throws, std::bad_alloc: who throws before
  // it has come to the step may try again, or else fails, as the others are told.

  /// Returns when all have come. What they did before happens before that.
  /// @par Cost  An atomic addition each; a system call for the last one where somebody sleeps.
  void barrier() {
    seat_.step(impl::team_call::of(impl::team_step::barrier), [] {});
  }

  /// The root's value; of the others it is not looked at.
  template <class T> auto broadcast(T const& value, std::size_t root = 0) {
    using handed = handed_on<T>;
    deposit_at_root<handed>(impl::team_step::broadcast, root, [&] { seat_.put<handed>(value); });
    return seat_.read<handed>(root);
  }

  /// Each gets the root's value for it; the others' are not looked at.
  /// @throws std::invalid_argument at the root, where it does not have one for each
  template <class T> T scatter(std::vector<T> const& values, std::size_t root = 0) {
    impl::require_handed_on<T>();
    deposit_at_root<T>(impl::team_step::scatter, root, [&] { deposit_for_each("scatter", values); });
    return seat_.read_for_me<T>(root);
  }

  /// The values of all, by rank; at the root. Nothing elsewhere.
  template <class T> auto gather(T const& value, std::size_t root = 0) {
    using handed = handed_on<T>;
    check_rank("gather", "root", root);
    deposit_all<handed>(impl::team_call::of<handed>(impl::team_step::gather, root), value);
    return rank() == root ? read_all<handed>() : std::vector<handed>();
  }

  /// The values of all, by rank.
  template <class T> auto all_gather(T const& value) {
    using handed = handed_on<T>;
    deposit_all<handed>(impl::team_call::of<handed>(impl::team_step::all_gather), value);
    return read_all<handed>();
  }

  /// What each had for this one, by rank. @throws std::invalid_argument where `values` are not one for each
  template <class T> std::vector<T> all_to_all(std::vector<T> const& values) {
    impl::require_handed_on<T>();
    seat_.step(impl::team_call::of<T>(impl::team_step::all_to_all), [&] { deposit_for_each("all_to_all", values); });
    std::vector<T> all;
    all.reserve(size());
    for (std::size_t from = 0; from < size(); ++from) all.push_back(seat_.read_for_me<T>(from));
    return all;
  }

  /// The values of all put together by `op`, the sum if it is not given; at the root. Nothing elsewhere.
  template <class T, class Op = impl::sum> auto reduce(T const& value, Op op = Op(), std::size_t root = 0) {
    using handed = handed_on<T>;
    check_rank("reduce", "root", root);
    deposit_all<handed>(impl::team_call::of<handed, Op>(impl::team_step::reduce, root), value);
    return rank() == root ? std::optional<handed>(put_together<handed>(op, size())) : std::nullopt;
  }

  /// The same for all.
  template <class T, class Op = impl::sum> auto all_reduce(T const& value, Op op = Op()) {
    using handed = handed_on<T>;
    deposit_all<handed>(impl::team_call::of<handed, Op>(impl::team_step::all_reduce), value);
    return put_together<handed>(op, size());
  }

  /// The values of ranks 0 to one's own put together.
  template <class T, class Op = impl::sum> auto scan(T const& value, Op op = Op()) {
    using handed = handed_on<T>;
    deposit_all<handed>(impl::team_call::of<handed, Op>(impl::team_step::scan), value);
    return put_together<handed>(op, rank() + 1);
  }

  /// `initial` and the values of the ranks before one's own put together.
  template <class T, class Op = impl::sum>
  auto exclusive_scan(T const& value, impl::handed_on_as<T> initial, Op op = Op()) {
    using handed = handed_on<T>;
    deposit_all<handed>(impl::team_call::of<handed, Op>(impl::team_step::exclusive_scan), value);
    for (std::size_t from = 0; from < rank(); ++from) initial = op(std::move(initial), seat_.read<handed>(from));
    return initial;
  }

  /// `count` objects in memory that all members share, zeroed; the same for all, until the run ends. What is written
  /// there is seen by others behind the next barrier, or by std::atomic_ref.
  /// @throws also std::bad_array_new_length
  template <class T> std::span<T> scratch(std::size_t count) {
    static_assert(flat<T>, "tandem: scratch: T is flat: its bytes are its value, and may begin as zeros");
    static_assert(alignof(T) <= alignof(impl::scratch_line));
    using area = shared<impl::scratch_line[]>;
    if (count > SIZE_MAX / sizeof(T) - 1) throw std::bad_array_new_length();
    seat_.step(impl::team_call::of<T>(impl::team_step::scratch, count), [&] {
      if (rank() == 0) seat_.put(area(count * sizeof(T) / sizeof(impl::scratch_line) + 1));
    });
    auto& here = scratches_.emplace_back(seat_.read<area>(0));
    return {reinterpret_cast<T*>(here.data()), count};
  }

  // From one to another.

  /// Sends `value` to the member of that rank; it waits there as long as need be. Letters from one to another are
  /// received in their order. @throws std::invalid_argument for a rank that is none; what the codec throws,
  /// std::bad_alloc: nothing was sent then
  /// @par Blocks  Never: what is not received stays in the commons until the run ends.
  template <class T> void send(std::size_t to, T const& value) {
    using handed = handed_on<T>;
    check_rank("send", "to", to);
    seat_.send<handed>(to, value);
  }

  /// The next value from the member of that rank.
  /// @throws std::logic_error where it is not a T: it stays, for who asks for its type; where a member would wait for
  /// itself. member_lost where none is there and none will come, as above; std::invalid_argument for a rank that is
  /// none; what the codec throws: the value is gone then
  template <class T> T receive(std::size_t from) {
    impl::require_handed_on<T>();
    check_rank("receive", "from", from);
    return seat_.receive<T>(from);
  }

 private:
  template <class T> struct checked {
    static_assert((impl::require_handed_on<T>(), true));
    using type = T;
  };
  template <class T> using handed_on = typename checked<impl::handed_on_as<T>>::type;

  void check_rank(char const* call, char const* argument, std::size_t rank) const {
    if (rank >= size())
      throw std::invalid_argument(std::string("tandem: ") + call + ": " + argument + " is " + std::to_string(rank) +
                                  ", in a team of " + std::to_string(size()));
  }

  template <class T, class Deposit> void deposit_at_root(impl::team_step step, std::size_t root, Deposit deposit) {
    check_rank(impl::team_step_names[static_cast<std::size_t>(step)], "root", root);
    seat_.step(impl::team_call::of<T>(step, root), [&] {
      if (rank() == root) deposit();
    });
  }
  template <class T> void deposit_all(impl::team_call const& call, T const& value) {
    seat_.step(call, [&] { seat_.put(value); });
  }
  template <class T> void deposit_for_each(char const* call, std::vector<T> const& values) {
    if (values.size() != size())
      throw std::invalid_argument(std::string("tandem: ") + call + ": values are " + std::to_string(values.size()) +
                                  ", not one for each of " + std::to_string(size()) + " members");
    for (std::size_t to = 0; to < size(); ++to) seat_.put_for<T>(to, values[to]);
  }

  template <class T> std::vector<T> read_all() const {
    std::vector<T> all;
    all.reserve(size());
    for (std::size_t from = 0; from < size(); ++from) all.push_back(seat_.read<T>(from));
    return all;
  }
  template <class T, class Op> T put_together(Op& op, std::size_t count) const {
    T all = seat_.read<T>(0);
    for (std::size_t from = 1; from < count; ++from) all = op(std::move(all), seat_.read<T>(from));
    return all;
  }

  impl::team_seat& seat_;
  stop_token stop_;
  std::vector<shared<impl::scratch_line[]>> scratches_;
};

}  // namespace tandem

#endif  // TANDEM_CREW_TEAM_MEMBER_HPP
