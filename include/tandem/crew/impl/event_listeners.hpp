// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_IMPL_EVENT_LISTENERS_HPP
#define TANDEM_CREW_IMPL_EVENT_LISTENERS_HPP

#include <exception>  // for current_exception
#include <memory>     // for unique_ptr
#include <string>     // for string
#include <utility>    // for move
#include <vector>     // for vector

#include "tandem/core/failure.hpp"             // for failure
#include "tandem/core/unobserved_failure.hpp"  // for report_unobserved
#include "tandem/crew/supervisor_event.hpp"    // for supervisor_event

namespace tandem::impl {

/// Who is told of a supervisor's events.
class event_listener {
 public:
  virtual ~event_listener() = default;
  virtual void tell(supervisor_event const& what) = 0;
};

/// All of them, in their order. What one throws is reported as an unobserved failure, and the next one is told.
class event_listeners {
 public:
  void add(std::unique_ptr<event_listener> one) { all_.push_back(std::move(one)); }
  bool empty() const noexcept { return all_.empty(); }

  /// In the name of the supervisor that is called so.
  void tell(std::string const& supervisor, supervisor_event const& what) const {
    for (auto const& one : all_) {
      try {
        one->tell(what);
      } catch (...) { report_unobserved(failure::threw(supervisor, std::current_exception())); }
    }
  }

 private:
  std::vector<std::unique_ptr<event_listener>> all_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_EVENT_LISTENERS_HPP
