// SPDX-License-Identifier: BSL-1.0
// Which children a supervisor has, in their order, and what there is to wait for.
#ifndef TANDEM_CREW_IMPL_CHILD_ROSTER_HPP
#define TANDEM_CREW_IMPL_CHILD_ROSTER_HPP

#include <algorithm>  // for clamp, min
#include <cstddef>    // for size_t
#include <cstdint>    // for int64_t, uint64_t
#include <memory>     // for make_unique, unique_ptr
#include <string>     // for string, to_string
#include <utility>    // for move
#include <vector>     // for erase_if, vector

#include "tandem/core/mode.hpp"                   // for mode
#include "tandem/crew/child_options.hpp"          // for child_options
#include "tandem/crew/child_status.hpp"           // for child_state, child_status
#include "tandem/crew/impl/child_work.hpp"        // for child_work
#include "tandem/crew/impl/pulse.hpp"             // for pulse
#include "tandem/crew/impl/supervised_child.hpp"  // for check_child, refuse_child, supervised_child
#include "tandem/memory/shared.hpp"               // for shared

namespace tandem::impl {

/// Those that arrive are known at once, and in the order when the thread that supervises admits them: nobody else
/// changes the order while it runs. Not safe by itself: under the supervisor's lock.
class child_roster {
 public:
  using child = supervised_child;

  /// @throws std::invalid_argument naming the member of `how`; std::bad_alloc: nothing has arrived then
  void add(tandem::mode mode, child_options how, std::unique_ptr<child_work const> work) {
    if (how.name.empty()) {
      do how.name = "child " + std::to_string(++made_);
      while (is_taken(how.name));
    }
    check_child(mode, how);
    if (is_taken(how.name)) refuse_child(how, "name", "another child has it");
    auto added = std::make_unique<child>();
    if (how.heartbeat.count() > 0 || how.ready.count() > 0) added->pulse = shared<pulse>(how.heartbeat.count());
    added->how = std::move(how);
    added->work = std::move(work);
    arrivals_.push_back(std::move(added));
  }

  void admit() {
    for (auto& one : arrivals_) order_.push_back(std::move(one));
    arrivals_.clear();
  }

  /// Of those admitted, by their place.
  std::size_t size() const noexcept { return order_.size(); }
  child& operator[](std::size_t at) const noexcept { return *order_[at]; }
  /// @pre it is there
  std::size_t number(child const& one) const noexcept {
    std::size_t at = 0;
    while (order_[at].get() != &one) ++at;
    return at;
  }
  /// Null where there is none.
  child* find(std::string const& name) const noexcept {
    for (auto const& one : order_)
      if (one->how.name == name) return one.get();
    return nullptr;
  }
  void erase(child const& one) noexcept {
    std::erase_if(order_, [&](auto const& each) { return each.get() == &one; });
  }

  std::vector<child_status> statuses() const {
    std::vector<child_status> all;
    for (auto const* list : {&order_, &arrivals_})
      for (auto const& one : *list) all.push_back({one->how.name, one->state, one->id, one->restarts, one->last});
    return all;
  }

  /// All are to be started, in turn, as if nothing had been.
  void begin() noexcept {
    for (auto const& one : order_) {
      one->state = child_state::waiting;
      one->in_turn = true;
      one->due = 0;
      one->failures = 0;
    }
  }

  /// Whether one runs, or is to run.
  bool has_some_left() const noexcept {
    bool left = !arrivals_.empty();
    for (auto const& one : order_) left = left || one->is_alive() || one->is_to_start();
    return left;
  }
  /// Whether one that starts in turn has not started yet, or is not ready.
  bool awaits_some() const noexcept {
    bool awaits = !arrivals_.empty();
    for (auto const& one : order_) awaits = awaits || one->is_awaited();
    return awaits;
  }

  /// When the next one is to be started, or may be ready or hung: CLOCK_MONOTONIC; INT64_MAX: nothing of the kind.
  std::int64_t next_look(std::int64_t now) const noexcept {
    std::int64_t wake = INT64_MAX;
    bool others_first = false;
    for (auto const& one : order_) {
      if (one->is_to_start() && !(one->in_turn && others_first)) wake = std::min(wake, one->due);
      if (one->pulse.get() != nullptr && one->is_alive() && !one->is_hung()) {
        wake = std::min(wake, one->hung_at());
        if (one->state == child_state::starting)
          wake = std::min(wake, now + std::clamp<std::int64_t>((now - one->started_at) / 8, 500'000, 50'000'000));
      }
      others_first = others_first || one->is_awaited();
    }
    return wake;
  }

 private:
  bool is_taken(std::string const& name) const noexcept {
    for (auto const* list : {&order_, &arrivals_})
      for (auto const& one : *list)
        if (one->how.name == name) return true;
    return false;
  }

  std::vector<std::unique_ptr<child>> order_;
  std::vector<std::unique_ptr<child>> arrivals_;
  std::uint64_t made_ = 0;  // names
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_CHILD_ROSTER_HPP
