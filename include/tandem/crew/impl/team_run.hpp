// SPDX-License-Identifier: BSL-1.0
// Follows the members of a team from their start to the end of the last one, and tells the others of one that fails.
#ifndef TANDEM_CREW_IMPL_TEAM_RUN_HPP
#define TANDEM_CREW_IMPL_TEAM_RUN_HPP

#include <cstddef>      // for size_t
#include <optional>     // for optional
#include <string>       // for string, to_string
#include <tuple>        // for apply, forward_as_tuple
#include <type_traits>  // for invoke_result_t, is_invocable_v
#include <utility>      // for forward, move
#include <vector>       // for vector

#include "tandem/core/failure.hpp"             // for failure
#include "tandem/core/outcome.hpp"             // for outcome
#include "tandem/core/register_exception.hpp"  // for register_exception
#include "tandem/crew/impl/team_board.hpp"     // for team_ground
#include "tandem/crew/impl/team_seat.hpp"      // for team_seat
#include "tandem/crew/member_lost.hpp"         // for member_lost
#include "tandem/crew/team_member.hpp"         // for team_member
#include "tandem/sync/stop_token.hpp"          // for stop_token
#include "tandem/sync/wait_set.hpp"            // for wait_set

namespace tandem::impl {

/// What a member does.
template <class F> struct team_work {
  F f;

  template <class... A>
    requires std::is_invocable_v<F&, team_member&, A...>
  auto operator()(stop_token stop, team_ground ground, std::size_t rank, A&&... arguments) {
    register_exception<member_lost>();
    team_seat seat(std::move(ground), rank);
    team_member me(seat, std::move(stop));
    auto const call = [&] { return std::apply(f, std::forward_as_tuple(me, std::forward<A>(arguments)...)); };
    if constexpr (std::is_void_v<decltype(call())>) {
      call();
      seat.leave();
    } else {
      auto value = call();
      seat.leave();
      return value;
    }
  }
};

/// `U` is what they are: thread<R>, process<R>, unit<R>.
template <class U> class team_run {
 public:
  using unit = U;
  using result = outcome<typename U::result_type>;

  team_run(std::string name, std::size_t size) : name_(std::move(name)), ground_(team_ground::of(size)), ended_(size) {
    register_exception<member_lost>();
    members_.reserve(size);
  }
  team_run(team_run const&) = delete;
  ~team_run() {
    if (left_ != 0) give_up();
    ground_.clear();
  }

  team_ground const& ground() const noexcept { return ground_; }
  std::string name_of(std::size_t rank) const { return name_ + ' ' + std::to_string(rank); }

  /// The next one, which was started on this ground.
  void add(U started) {
    auto& one = members_.emplace_back(std::move(started));
    ++left_;
    ends_.add(one, followed_);
    ++followed_;
  }

  /// Until all have ended.
  void follow() {
    while (left_ != 0) {
      std::size_t const rank = ends_.wait();
      auto& how = ended_[rank].emplace(members_[rank].join());
      --left_;
      if (!how) tell_of(rank, how.error());
    }
  }

  /// How each has ended, by rank.
  std::vector<result> outcomes() {
    std::vector<result> all;
    all.reserve(ended_.size());
    for (auto& one : ended_) all.push_back(std::move(*one));
    return all;
  }

  /// The first that failed.
  std::optional<failure> const& first_failure() const noexcept { return first_failure_; }

 private:
  void tell_of(std::size_t rank, failure const& how) {
    if (!first_failure_) first_failure_ = how;
    ground_.tell_of(rank, how);
    for (auto& one : members_)
      if (one.joinable()) one.request_stop();
  }

  /// One could not be started, or not be followed.
  void give_up() noexcept {
    std::size_t const rank = followed_ < ended_.size() ? followed_ : 0;
    tell_of(rank, failure::lost(name_of(rank), "it could not be started"));
    for (auto& one : members_)
      if (one.joinable()) static_cast<void>(one.join().has_value());  // theirs is not what went wrong
  }

  std::string name_;
  team_ground ground_;
  std::vector<std::optional<result>> ended_;
  std::vector<U> members_;
  wait_set<std::size_t> ends_;
  std::size_t left_ = 0, followed_ = 0;
  std::optional<failure> first_failure_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_TEAM_RUN_HPP
