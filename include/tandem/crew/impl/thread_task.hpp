// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_IMPL_THREAD_TASK_HPP
#define TANDEM_CREW_IMPL_THREAD_TASK_HPP

#include <exception>    // for current_exception
#include <optional>     // for optional
#include <type_traits>  // for is_void_v
#include <utility>      // for forward, move

#include "tandem/core/outcome.hpp"             // for outcome
#include "tandem/crew/impl/task.hpp"           // for task_record, task_ticket
#include "tandem/execution/impl/workload.hpp"  // for thread_rules, workload
#include "tandem/execution/this_unit.hpp"      // for this_unit

namespace tandem::impl {

/// Of a task that any ticket can give: its outcome.
template <class R> class ticket_for : public task_ticket {
 public:
  using task_ticket::task_ticket;
  /// Once. @pre it is done
  virtual outcome<R> take() = 0;
};

/// A task of threads: all of it in private memory.
template <class R, class F, class... A> class thread_task final : public ticket_for<R> {
 public:
  explicit thread_task(F&& f, A&&... arguments)
      : ticket_for<R>(shared_),
        shared_(*this),
        work_(std::in_place, std::forward<F>(f), std::forward<A>(arguments)...) {}

  outcome<R> take() override { return std::move(*result_); }
  void collect() noexcept override {}

 private:
  struct record : task_record {
    explicit record(thread_task& task) noexcept : task_record(&serve_it), me(task) {}
    thread_task& me;
  };

  static void serve_it(task_record& its) { static_cast<record&>(its).me.run(); }

  void run() noexcept {
    try {
      if constexpr (std::is_void_v<R>) {
        work_->run(this_unit::get_stop_token());
        work_.reset();
        result_.emplace();
      } else {
        R value = work_->run(this_unit::get_stop_token());
        work_.reset();
        result_.emplace(std::in_place, std::move(value));
      }
    } catch (...) {
      auto const why = std::current_exception();
      work_.reset();
      result_.emplace(failure::threw(this_unit::name(), why));
    }
  }

  record shared_;
  std::optional<workload<thread_rules, F, A...>> work_;
  std::optional<outcome<R>> result_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_THREAD_TASK_HPP
