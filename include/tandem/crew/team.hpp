// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_TEAM_HPP
#define TANDEM_CREW_TEAM_HPP

#include <algorithm>    // for max
#include <concepts>     // for integral
#include <cstddef>      // for size_t
#include <stdexcept>    // for invalid_argument
#include <string>       // for string, to_string
#include <type_traits>  // for conditional_t, decay_t, is_copy_constructible_v, is_invocable_v, is_void_v
#include <utility>      // for cmp_greater, move
#include <vector>       // for vector

#include "tandem/core/codec_vector.hpp"        // for vectors that are handed on
#include "tandem/core/mode.hpp"                // for mode
#include "tandem/core/outcome.hpp"             // for outcome
#include "tandem/crew/impl/team_board.hpp"     // for team_ground
#include "tandem/crew/impl/team_run.hpp"       // for team_run, team_work
#include "tandem/crew/impl/unit_kind.hpp"      // for is_chosen, mode_of
#include "tandem/crew/team_member.hpp"         // for team_member
#include "tandem/crew/team_options.hpp"        // for team_options
#include "tandem/execution/cpu_set.hpp"        // for cpu_set
#include "tandem/execution/impl/workload.hpp"  // for handed_t, process_rules, result_of, thread_rules
#include "tandem/execution/options.hpp"        // for options
#include "tandem/execution/unit.hpp"           // for unit

namespace tandem {

/// Members, threads or processes, that run one function together, and hand values on to each other: MPI's model (SPMD)
/// within one program.
///
///     tandem::team<tandem::process> crew{4};               // or team<thread>; or team{mode, 4}
///     std::vector<double> sums = crew.run([](tandem::team_member& me, std::size_t count) {
///       double const mine = work(me.rank(), me.size(), count);
///       return me.all_reduce(mine);
///     }, 1000);
///
/// The function is called in each of them, with a copy of it and of the arguments, as f(member, arguments...). A member
/// that fails, by an exception or by the death of its process, fails the run, and all the others are told: see
/// team_member. Of threads a crash is the program's, as ever.
///
/// Members are started anew in each run, so a run after a failed one begins with nothing left of it. That costs n
/// starts of the kind that `start` says, one after the other, and some shared memory: a block for each pair of members.
/// @par Shared memory          No: it belongs to the process that made it.
/// @par Threads and processes  run may be called concurrently, and in a member.
/// @par Peer death             A dead member is an outcome. Nobody waits for it, nor for one that has returned.
template <template <class> class Unit> class team {
  static constexpr bool chosen = impl::is_chosen<Unit>;
  static constexpr bool threads_alone = !chosen && impl::mode_of<Unit> == tandem::mode::thread;
  using rules = std::conditional_t<threads_alone, impl::thread_rules, impl::process_rules>;
  template <class F, class... A>
  using result_of = impl::result_of<rules, impl::team_work<std::decay_t<F>>, impl::team_ground, std::size_t, A&...>;

 public:
  /// As many members as the calling thread may use CPUs.
  team() requires(!chosen) : team(team_options{}) {}
  template <std::integral N> explicit team(N members) requires(!chosen) : team(of(members)) {}
  /// @throws std::invalid_argument naming the option
  explicit team(team_options options) requires(!chosen) : mode_(impl::mode_of<Unit>), options_(checked(options)) {}
  explicit team(tandem::mode how) requires(chosen) : team(how, team_options{}) {}
  template <std::integral N> team(tandem::mode how, N members) requires(chosen) : team(how, of(members)) {}
  team(tandem::mode how, team_options options) requires(chosen) : mode_(how), options_(checked(options)) {}

  tandem::mode mode() const noexcept { return mode_; }
  /// How many members.
  std::size_t size() const noexcept { return options_.members; }

  /// Has each member call f(member, arguments...), and returns what they returned, by rank; nothing where that is void.
  /// @throws when all have ended, what the first that failed threw, or unit_died; std::system_error where one cannot be
  /// started: none is left then; std::invalid_argument where the closure cannot travel to a zygote's process
  /// @par Blocks  Until all have ended.
  template <class F, class... A> auto run(F&& f, A&&... arguments) {
    using result = result_of<F, A...>;
    impl::team_run<Unit<result>> all(options_.name, size());
    start(all, f, arguments...);
    if (all.first_failure()) all.first_failure()->rethrow();
    if constexpr (!std::is_void_v<result>) {
      std::vector<result> values;
      values.reserve(size());
      for (auto& one : all.outcomes()) values.push_back(std::move(*one));
      return values;
    }
  }

  /// The same, with what became of each, by rank. @throws as run, but no failure of a member
  template <class F, class... A> auto run_outcomes(F&& f, A&&... arguments) {
    impl::team_run<Unit<result_of<F, A...>>> all(options_.name, size());
    start(all, f, arguments...);
    return all.outcomes();
  }

 private:
  template <std::integral N> static team_options of(N members) {
    if (members <= 0 || std::cmp_greater(members, impl::team_ground::most_members))
      throw std::invalid_argument("tandem: make a team: members is not between 1 and 1024");
    return {.members = static_cast<std::size_t>(members)};
  }

  static team_options checked(team_options options) {
    if (options.members == 0) options.members = std::max<std::size_t>(1, cpu_set::available().size());
    if (options.members > impl::team_ground::most_members)
      throw std::invalid_argument("tandem: make a team: members is " + std::to_string(options.members) +
                                  ", more than 1024");
    return options;
  }

  template <class Run, class F, class... A> void start(Run& all, F& f, A&... arguments) const {
    using work = impl::team_work<std::decay_t<F>>;
    static_assert(
        std::is_invocable_v<std::decay_t<F>&, team_member&, impl::handed_t<typename rules::template kept<A&>>...>,
        "tandem: team: the function is called as f(team_member&, arguments...), with the arguments by value, or as "
        "T const& where borrowed");
    static_assert(
        std::is_copy_constructible_v<std::decay_t<F>> && (std::is_copy_constructible_v<std::decay_t<A>> && ...),
        "tandem: team: each member has a copy of the function and of its arguments: one of them cannot be copied: "
        "lend it, by tandem::borrow");
    for (std::size_t rank = 0; rank < size(); ++rank) {
      options how{.name = all.name_of(rank)};
      if (mode_ == tandem::mode::process) {
        how.start = options_.start;
        how.report_crash = options_.report_crash;
      }
      all.add(make<typename Run::unit>(std::move(how), work{f}, all.ground(), rank, arguments...));
    }
    all.follow();
  }

  template <class U, class... A> U make(options how, A&&... workload) const {
    if constexpr (chosen)
      return U(mode_, std::move(how), std::forward<A>(workload)...);
    else
      return U(std::move(how), std::forward<A>(workload)...);
  }

  tandem::mode mode_;
  team_options options_;
};

team(mode)->team<unit>;
template <std::integral N> team(mode, N) -> team<unit>;
team(mode, team_options)->team<unit>;

}  // namespace tandem

#endif  // TANDEM_CREW_TEAM_HPP
