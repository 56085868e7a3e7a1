// SPDX-License-Identifier: BSL-1.0
// A stage that runs: its units, the queue before it, and what is told of it.
#ifndef TANDEM_CREW_IMPL_STAGE_RUN_HPP
#define TANDEM_CREW_IMPL_STAGE_RUN_HPP

#include <cstddef>      // for size_t
#include <memory>       // for make_unique, unique_ptr
#include <optional>     // for nullopt, optional
#include <string>       // for string, to_string
#include <type_traits>  // for is_same_v, is_void_v
#include <utility>      // for move
#include <vector>       // for vector

#include "tandem/core/failure.hpp"            // for call_unobserved_failure_handler, ending, failure, unit_died
#include "tandem/core/mode.hpp"               // for mode
#include "tandem/crew/impl/stage_helper.hpp"  // for stage_helper
#include "tandem/crew/impl/stage_work.hpp"    // for batches, handed_on, left_out_queue, returned, stage_work
#include "tandem/crew/stage.hpp"              // for no_report, stage, stage_access, stage_options
#include "tandem/execution/options.hpp"       // for options
#include "tandem/execution/thread.hpp"        // for thread
#include "tandem/execution/unit.hpp"          // for unit
#include "tandem/memory/shared.hpp"           // for shared
#include "tandem/queue/bounded_queue.hpp"     // for bounded_queue
#include "tandem/queue/queue_consumer.hpp"    // for queue_consumer
#include "tandem/queue/queue_producer.hpp"    // for queue_producer
#include "tandem/resource/event.hpp"          // for event
#include "tandem/sync/wait_set.hpp"           // for wait_set

namespace tandem::impl {

/// For who follows all of them, whatever their elements are.
class running_stage {
 public:
  virtual ~running_stage() = default;

  virtual stage_options const& options() const noexcept = 0;
  /// Whether it is units that are processes.
  virtual bool has_processes() const noexcept = 0;
  /// Starts what processes help the units of that place.
  virtual void prepare(std::size_t place) = 0;
  /// Starts the unit of that place, and waits for its end as `key`.
  virtual void start(std::size_t place, event const& wake, wait_set<std::size_t>& ends, std::size_t key) = 0;
  /// How it ended: nothing where it returned.
  virtual std::optional<failure> join(std::size_t place) = 0;
  virtual bool is_there(std::size_t place) const noexcept = 0;
  virtual void report() = 0;
  virtual void request_stop() noexcept = 0;
  /// Nothing comes in any more, and nobody is to wait.
  virtual void close() noexcept = 0;
  /// All of its units have ended: who is before it is told, and who is behind it.
  virtual void let_go() noexcept = 0;
};

template <class F, class L, class In, class Kind> class stage_run final : public running_stage {
  using out = handed_on<Kind>;
  using result = returned<Kind>;

  static constexpr bool can_restart = Kind::takes_as == takes::elements;

 public:
  /// `before` is its own queue, `behind` the next one's, which is given batches of up to `batch`.
  stage_run(stage<F, L>& of, std::size_t number, std::optional<shared<batches<In>>> before,
            std::optional<shared<batches<out>>> behind, std::size_t batch)
      : of_(of), number_(number), before_(std::move(before)), behind_(std::move(behind)), batch_(batch) {
    if (before_) in_.emplace((*before_)->consumer());
    if (behind_) out_.emplace((*behind_)->producer());
    units_.resize(options().width);
    helpers_.resize(options().width);
  }

  stage_options const& options() const noexcept override { return of_.options(); }

  bool has_processes() const noexcept override { return options().mode == mode::process && !options().restarts; }

  void prepare(std::size_t place) override {
    if constexpr (can_restart) {
      if (options().mode != mode::process || !options().restarts) return;
      std::size_t const ahead = options().batch == 1 ? 1 : 2;
      helpers_[place] = std::make_unique<helper>(stage_access::function(of_), options(), name(place), ahead);
    }
  }

  void start(std::size_t place, event const& wake, wait_set<std::size_t>& ends, std::size_t key) override {
    auto const& how = options();
    tandem::options with{.name = name(place)};
    if (helpers_[place] != nullptr) {
      if constexpr (can_restart) {
        units_[place] = thread<>(
            std::move(with), [in = *in_, to = out_, batch = batch_, left = left_out_, by = std::move(helpers_[place]),
                              wake = wake.dup()](stop_token const& stop) mutable {
              (*by)(stop, std::move(in), std::move(to), batch, *left, wake);
            });
      }
    } else {
      if (how.mode == mode::process) {
        with.start = how.start;
        with.report_crash = how.report_crash;
      }
      units_[place] = unit<result>(how.mode, std::move(with),
                                   stage_work<F, In, Kind>(stage_access::function(of_), batch_, how.skips), in_, out_,
                                   left_out_, wake.dup());
    }
    ends.add(units_[place], key);
  }

  std::optional<failure> join(std::size_t place) override {
    auto ended = units_[place].join();
    if (!ended) return cause(ended.error());
    if constexpr (!std::is_void_v<result>) result_.emplace(std::move(*ended));
    return std::nullopt;
  }

  bool is_there(std::size_t place) const noexcept override { return units_[place].joinable(); }

  void report() override {
    while (auto const one = left_out_->try_pop()) {
      if constexpr (std::is_same_v<L, no_report>)
        call_unobserved_failure_handler(one->why);
      else
        stage_access::lost(of_)(one->element, one->why);
    }
  }

  void request_stop() noexcept override {
    for (auto& one : units_) one.request_stop();
  }
  void close() noexcept override {
    left_out_->close();
    if (before_) (*before_)->close();
  }
  void let_go() noexcept override {
    if (before_) (*before_)->close();
    if (behind_) (*behind_)->close();
  }

  /// What the last stage returned.
  std::optional<typename or_nothing<result>::type>& get_result() noexcept { return result_; }

 private:
  using helper = stage_helper<F, In, Kind>;

  std::string name(std::size_t place) const {
    auto const& how = options();
    auto name = how.name.empty() ? "stage " + std::to_string(number_) : how.name;
    if (how.width > 1) name += " " + std::to_string(place + 1);
    return name;
  }

  /// That of a helper, which its unit could not replace.
  static failure cause(failure const& why) {
    if (why.how() == ending::threw && why.type() == "tandem::unit_died") {
      try {
        why.rethrow();
      } catch (unit_died const& died) { return died.get_failure(); }
    }
    return why;
  }

  stage<F, L>& of_;
  std::size_t number_;
  std::optional<shared<batches<In>>> before_;
  std::optional<shared<batches<out>>> behind_;
  std::size_t batch_;
  // One end more than the units have: who is slow to start finds the queues open.
  std::optional<queue_consumer<batches<In>>> in_;
  std::optional<queue_producer<batches<out>>> out_;
  shared<left_out_queue<In>> left_out_{16};
  std::vector<std::unique_ptr<helper>> helpers_;
  std::vector<unit<result>> units_;
  std::optional<typename or_nothing<result>::type> result_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_STAGE_RUN_HPP
