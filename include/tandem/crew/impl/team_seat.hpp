// SPDX-License-Identifier: BSL-1.0
// A member's side of the board: steps and letters, and the ways in which waiting for others ends.
#ifndef TANDEM_CREW_IMPL_TEAM_SEAT_HPP
#define TANDEM_CREW_IMPL_TEAM_SEAT_HPP

#include <atomic>        // for memory orders
#include <cstddef>       // for size_t
#include <cstdint>       // for uint32_t, uint64_t
#include <optional>      // for nullopt, optional
#include <stdexcept>     // for logic_error
#include <string>        // for string, to_string
#include <system_error>  // for errc
#include <utility>       // for exchange, move
#include <vector>        // for vector

#include "tandem/core/errors.hpp"             // for throw_errc
#include "tandem/core/failure.hpp"            // for failure
#include "tandem/crew/impl/team_board.hpp"    // for team_ground, team_place, team_sleep, ...
#include "tandem/crew/impl/team_call.hpp"     // for team_call, type_name
#include "tandem/crew/impl/team_letter.hpp"   // for team_letter
#include "tandem/crew/member_lost.hpp"        // for member_lost
#include "tandem/memory/impl/free_block.hpp"  // for free_block_at
#include "tandem/memory/impl/members.hpp"     // for members
#include "tandem/memory/impl/objects.hpp"     // for objects
#include "tandem/memory/impl/token.hpp"       // for token
#include "tandem/os/futex.hpp"                // for no_deadline
#include "tandem/queue/impl/element.hpp"      // for is_in_place
#include "tandem/sync/impl/await.hpp"         // for await
#include "tandem/sync/impl/event_count.hpp"   // for event_count

namespace tandem::impl {

class team_seat {
 public:
  team_seat(team_ground ground, std::size_t rank)
      : ground_(std::move(ground)), rank_(rank), outbound_(size(), nullptr), taken_(size(), 0) {
    mine().process.store(objects::self(), std::memory_order_relaxed);
  }
  team_seat(team_seat const&) = delete;

  std::size_t rank() const noexcept { return rank_; }
  std::size_t size() const noexcept { return ground_.size(); }

  /// Comes to the next step, and returns when all have. Before it does, `deposit` writes what is for the others.
  /// @throws what `deposit` throws: it has not come then; what wait throws; std::logic_error where another one is at
  /// something else
  template <class Deposit> void step(team_call const& call, Deposit deposit) {
    if (!has_come_) {
      refuse_where_they_differ();
      deposit();
      come(call);
    }
    pass(call);
    refuse_where_they_differ();
  }

  // In `deposit`, of the step to come:

  template <class T> void put(T const& value) {
    mine().slots[next_parity()].put(value);
    note<T>();
  }
  template <class T> void put_for(std::size_t rank, T const& value) {
    mine().make_row(next_parity(), size())[rank].put(value);
    note<T>();
  }

  // Behind the step:

  template <class T> T read(std::size_t from) const {
    return of_member(from, [&] { return place(from).slots[parity()].template read<T>(); });
  }
  template <class T> T read_for_me(std::size_t from) const {
    if (auto* const row = place(from).row(parity(), size()))
      return of_member(from, [&] { return row[rank_].template read<T>(); });
    throw_errc(std::errc::bad_message, "team", "somebody has scribbled over the members' memory");
  }

  template <class T> void send(std::size_t to, T const& value) {
    auto& letter = team_letter::write(value);
    auto*& link = outbound_[to];
    if (link == nullptr) link = &ground_.box(rank_, to);
    link->store(letter.offset(), std::memory_order_seq_cst);  // as events asks for
    link = &letter.next();                                    // it stays until that leads to another one
    note<T>();
    place(to).events.notify_all();
  }

  template <class T> T receive(std::size_t from) {
    auto const call = team_call::of<T>(team_step::receive, from);
    std::uint64_t const at = next_from(from, call);
    auto* const letter = team_letter::at(at);
    if (letter == nullptr) throw_errc(std::errc::bad_message, "receive", "somebody has scribbled over the letters");
    if (!letter->template is_of<T>())
      throw std::logic_error("tandem: receive: rank " + std::to_string(from) + " has sent " + letter->type() +
                             " where rank " + std::to_string(rank_) + " asks for " + type_name(call.type));
    struct taken {  // also where its codec throws
      team_letter::link& box;
      std::uint64_t& last;
      std::uint64_t at;
      ~taken() {
        box.store(at, std::memory_order_release);
        free_block_at(std::exchange(last, at));
      }
    } const at_end{ground_.box(from, rank_), taken_[from], at};
    return of_member(from, [&] { return letter->template take<T>(at); });
  }

  /// The member's function has returned. Where others may yet take what only its process keeps for them (a shared
  /// object), it stays until all have returned.
  void leave() {
    mine().state.store(member_state::has_returned, std::memory_order_seq_cst);
    ground_.tell_all();
    if (!is_to_stay_) return;
    auto& board = *ground_.board;
    await(board.events, os::no_deadline, [&] {
      return board.news.load(std::memory_order_seq_cst) >= size() || board.lost.load(std::memory_order_relaxed) != 0;
    });
  }

 private:
  team_place& place(std::size_t rank) const noexcept { return ground_.places[rank]; }
  team_place& mine() const noexcept { return place(rank_); }
  unsigned parity() const noexcept { return step_ % 2; }
  unsigned next_parity() const noexcept { return (step_ + 1) % 2; }

  bool has_returned(std::size_t rank) const noexcept {
    return place(rank).state.load(std::memory_order_acquire) == member_state::has_returned;
  }

  /// What `take` makes of a value from there. Where it cannot, and that member's process has ended, that is why: what
  /// it kept for others (a shared object) has gone with it.
  template <class Take> auto of_member(std::size_t from, Take take) const {
    try {
      return take();
    } catch (...) {
      token const process = place(from).process.load(std::memory_order_relaxed);
      if (members::is_current(process) && !members::is_marked(process)) throw;
    }
    throw_first_lost();
  }

  /// A T was handed on.
  template <class T> void note() noexcept { is_to_stay_ |= !is_in_place<T>; }

  void come(team_call const& call) noexcept {
    mine().says[next_parity()].say(call);
    has_come_ = true;  // until all have come: it does not come to a step twice
    ++step_;
    mine().came.store(step_, std::memory_order_release);
    ground_.board->come(step_, call.tag, size());
  }

  void pass(team_call const& call) {
    wait(
        ground_.board->events, call, [this] { return is_over(step_); }, [this] { return missing_in(step_); },
        [this] { mine().sleep.begin(nullptr, 0); });
    has_come_ = false;
  }

  /// Where the next letter from there is.
  std::uint64_t next_from(std::size_t from, team_call const& call) {
    auto* const last = team_letter::at(taken_[from]);
    auto& link = last == nullptr ? ground_.box(from, rank_) : last->next();
    auto const has_come = [&link] { return link.load(std::memory_order_seq_cst) != 0; };
    if (from == rank_ && !has_come())
      throw std::logic_error("tandem: receive: a member waits for itself: it has sent itself nothing");
    wait(
        mine().events, call, has_come,
        [&] { return has_returned(from) ? std::optional<std::size_t>(from) : std::nullopt; },
        [&] { mine().sleep.begin(&link, from); });
    return link.load(std::memory_order_acquire);
  }

  /// Waits until `is_there()`; `fall_asleep` writes down what for, where it takes long. @throws std::system_error where
  /// all wait for each other; member_lost where a member has failed, or `find_missing()` names one
  template <class There, class Missing, class Sleep>
  void wait(event_count& events, team_call const& call, There is_there, Missing find_missing, Sleep fall_asleep) {
    auto& board = *ground_.board;
    for (;;) {
      std::uint32_t const known = board.news.load(std::memory_order_seq_cst);
      if (is_there()) return;
      if (known != 0) {
        bool const is_stuck = board.is_stuck.load(std::memory_order_acquire);
        std::uint32_t const lost = board.lost.load(std::memory_order_acquire);
        auto const missing = lost != 0 ? std::nullopt : find_missing();
        if (is_there()) return;  // it came before that
        if (is_stuck) throw_stuck(call);
        if (lost != 0) throw_lost(lost - 1);
        if (missing) throw_returned(*missing, call);
      }
      struct asleep {
        team_sleep& mine;
        bool begun = false;
        ~asleep() {
          if (begun) mine.end();
        }
      } sleep{mine().sleep};
      await(
          events, os::no_deadline, [&] { return is_there() || board.news.load(std::memory_order_seq_cst) != known; },
          [&](token*) {
            if (!sleep.begun) {
              fall_asleep();
              sleep.begun = true;
            } else if (nobody_can_go_on()) {
              board.is_stuck.store(true, std::memory_order_release);
              ground_.tell_all();
            }
            return 0U;
          });
    }
  }

  bool is_over(std::uint64_t step) const noexcept {
    return ground_.board->passed.load(std::memory_order_seq_cst) >= step;
  }
  /// Who has returned before it has come to that step.
  std::optional<std::size_t> missing_in(std::uint64_t step) const noexcept {
    for (std::size_t rank = 0; rank < size(); ++rank)
      if (has_returned(rank) && place(rank).came.load(std::memory_order_acquire) < step) return rank;
    return std::nullopt;
  }

  /// Whether all sleep, and none has what it sleeps for. Who sleeps in the first look and still does so in the last one
  /// has slept all the time in between, and what it sleeps for stays where it has come: so at the end of the first look
  /// all slept for nothing, and nobody is there who could change that.
  bool nobody_can_go_on() const {
    std::vector<std::uint64_t> turns(size());
    for (std::size_t rank = 0; rank < size(); ++rank) {
      turns[rank] = place(rank).sleep.turn();
      if (!team_sleep::is_asleep(turns[rank]) && !has_returned(rank)) return false;
    }
    for (std::size_t rank = 0; rank < size(); ++rank)
      if (!has_returned(rank) && can_go_on(place(rank))) return false;
    for (std::size_t rank = 0; rank < size(); ++rank)
      if (place(rank).sleep.turn() != turns[rank]) return false;
    return true;
  }
  /// Who sleeps there has what it sleeps for, or will be told that it does not come.
  bool can_go_on(team_place const& sleeper) const noexcept {
    if (sleeper.sleep.is_for_a_step()) {
      std::uint64_t const step = sleeper.came.load(std::memory_order_acquire);
      return is_over(step) || missing_in(step).has_value();
    }
    return sleeper.sleep.has_letter() || has_returned(sleeper.sleep.from() % size());
  }

  [[noreturn]] void throw_stuck(team_call const& call) const {
    throw_errc(std::errc::resource_deadlock_would_occur, "team",
               "rank " + std::to_string(rank_) + " waits in " + as_text(call) + ", and all others wait as well");
  }
  [[noreturn]] void throw_lost(std::size_t rank) const {
    auto const& why = ground_.board->why;
    auto const how = why.is_empty() ? failure::lost("", "there was no memory to say how") : why.read<failure>();
    throw member_lost(rank, how, "tandem: team: rank " + std::to_string(rank) + " has failed: " + how.to_string());
  }
  /// Who follows the members knows of a death, or will: this waits for it.
  [[noreturn]] void throw_first_lost() const {
    auto& board = *ground_.board;
    auto const is_known = [&] { return board.lost.load(std::memory_order_seq_cst) != 0; };
    await(board.events, os::no_deadline, is_known, [](token*) { return 0U; });
    throw_lost(board.lost.load(std::memory_order_acquire) - 1);
  }
  static std::string as_text(team_call const& call) {
    said_call said;
    said.say(call);
    return said.to_string();
  }
  [[noreturn]] static void throw_returned(std::size_t rank, team_call const& call) {
    throw member_lost(
        rank, std::nullopt,
        "tandem: team: rank " + std::to_string(rank) + " has returned, and others wait for it in " + as_text(call));
  }

  void refuse_where_they_differ() const {
    if (!ground_.board->differs.load(std::memory_order_relaxed)) return;
    auto const said_by = [this](std::size_t rank) -> said_call const& { return place(rank).says[parity()]; };
    std::size_t other = 1;
    while (other + 1 < size() && said_by(other).tag() == said_by(0).tag()) ++other;
    throw std::logic_error("tandem: team: the members are not at the same step: rank 0 is in " +
                           said_by(0).to_string() + ", rank " + std::to_string(other) + " in " +
                           said_by(other).to_string());
  }

  team_ground ground_;
  std::size_t rank_;
  std::uint64_t step_ = 0;
  bool has_come_ = false;                     // to the step, which is not over
  bool is_to_stay_ = false;                   // when it returns
  std::vector<team_letter::link*> outbound_;  // where the next letter to each is linked
  std::vector<std::uint64_t> taken_;          // the last letter of each, by its offset: it stays for its link
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_TEAM_SEAT_HPP
