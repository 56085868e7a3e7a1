// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_IMPL_THREAD_TASK_HPP
#define TANDEM_CREW_IMPL_THREAD_TASK_HPP

#include <exception>    // for current_exception
#include <optional>     // for optional
#include <type_traits>  // for decay_t, is_copy_constructible_v, is_invocable_v, is_void_v
#include <utility>      // for forward, move

#include "tandem/core/failure.hpp"             // for failure
#include "tandem/core/outcome.hpp"             // for outcome
#include "tandem/crew/impl/task.hpp"           // for task_record, task_ticket
#include "tandem/crew/pool_options.hpp"        // for retry_on
#include "tandem/execution/impl/workload.hpp"  // for thread_rules, workload
#include "tandem/execution/this_unit.hpp"      // for this_unit
#include "tandem/sync/stop_token.hpp"          // for stop_source, stop_token

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
  using work = workload<thread_rules, F, A...>;

 public:
  /// Whether it can be run twice.
  static constexpr bool is_copyable =
      std::is_copy_constructible_v<std::decay_t<F>> && (std::is_copy_constructible_v<std::decay_t<A>> && ...);
  static constexpr bool takes_stop_token = std::is_invocable_v<std::decay_t<F>, stop_token, std::decay_t<A>...>;

  explicit thread_task(F&& f, A&&... arguments)
      : ticket_for<R>(shared_),
        shared_(*this),
        work_(std::in_place, std::forward<F>(f), std::forward<A>(arguments)...) {
    if constexpr (takes_stop_token) this->stop = stop_source();
  }

  outcome<R> take() override { return std::move(*result_); }
  void collect() noexcept override {}
  void forget() noexcept override {}

 private:
  struct served : task_record {
    explicit served(thread_task& task) noexcept : task_record(&serve_it), me(task) {}
    thread_task& me;
  };

  static void serve_it(task_record& its) { static_cast<served&>(its).me.run(); }

  void run() noexcept {
    for (;;) {
      try {
        if constexpr (is_copyable) {
          if (shared_.is_repeatable()) {
            work again(*work_);
            run(again);
            return work_.reset();
          }
        }
        run(*work_);
        return work_.reset();
      } catch (...) {
        auto const why = std::current_exception();
        if (shared_.may_retry(retry_on::exception)) continue;
        work_.reset();
        result_.emplace(failure::threw(this_unit::name(), why));
        return;
      }
    }
  }

  void run(work& it) {
    if constexpr (std::is_void_v<R>) {
      it.run(this->stop.get_token());
      result_.emplace();
    } else {
      result_.emplace(std::in_place, it.run(this->stop.get_token()));
    }
  }

  served shared_;
  std::optional<work> work_;
  std::optional<outcome<R>> result_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_THREAD_TASK_HPP
