// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_POOL_HPP
#define TANDEM_CREW_POOL_HPP

#include <algorithm>    // for max, min
#include <concepts>     // for integral, invocable
#include <cstddef>      // for size_t
#include <iterator>     // for make_move_iterator
#include <memory>       // for make_shared, make_unique, unique_ptr
#include <ranges>       // for input_range, range_value_t
#include <stdexcept>    // for invalid_argument
#include <type_traits>  // for decay_t, invoke_result_t, is_void_v
#include <utility>      // for cmp_greater, forward, move
#include <vector>       // for vector

#include "tandem/core/codec_vector.hpp"        // for the codec of a chunk
#include "tandem/core/mode.hpp"                // for mode
#include "tandem/crew/future.hpp"              // for future
#include "tandem/crew/impl/pool_core.hpp"      // for pool_core
#include "tandem/crew/impl/process_task.hpp"   // for process_task
#include "tandem/crew/impl/thread_task.hpp"    // for thread_task, ticket_for
#include "tandem/crew/pool_options.hpp"        // for pool_options, task_options
#include "tandem/execution/impl/workload.hpp"  // for process_rules, require_workload, result_of, thread_rules
#include "tandem/execution/process.hpp"        // for process
#include "tandem/execution/thread.hpp"         // for thread
#include "tandem/execution/unit.hpp"           // for unit
#include "tandem/os/modules.hpp"               // for module_table

namespace tandem {

namespace impl {

/// Which mode a kind of unit is; that of unit itself is chosen at run time.
template <template <class> class Unit> inline constexpr bool is_chosen = false;
template <> inline constexpr bool is_chosen<unit> = true;
template <template <class> class Unit> inline constexpr tandem::mode mode_of = tandem::mode::thread;
template <> inline constexpr tandem::mode mode_of<process> = tandem::mode::process;

template <class F, class T> struct map_chunk {
  using result = std::decay_t<std::invoke_result_t<F&, T>>;
  F f;
  auto operator()(std::vector<T> items) {
    if constexpr (std::is_void_v<result>) {
      for (auto& one : items) f(std::move(one));
    } else {
      std::vector<result> results;
      results.reserve(items.size());
      for (auto& one : items) results.push_back(f(std::move(one)));
      return results;
    }
  }
};

}  // namespace impl

/// Workers, threads or processes, that run what is submitted: Python's ProcessPoolExecutor, or a thread pool, in one
/// interface.
///
///     tandem::pool<tandem::process> pool{8};              // or pool<thread>; or pool{mode, 8}
///     tandem::future<int> answer = pool.submit(f, 42);
///     auto outcome = answer.get_outcome();                 // an int, or the failure: what it threw, or what killed it
///     std::vector<double> roots = pool.map(numbers, [](double x) { return std::sqrt(x); });
///
/// A task that crashes its process fails alone: another worker takes the dead one's place. Of threads a crash is the
/// program's, as ever. The destructor waits until all that was submitted is over.
///
/// Where workers are processes, arguments and results are transferable, and a closure is copied by its bytes: it may
/// hold values and handles such as shared<T>, and what points into private memory is refused. A worker that is forked
/// has the program's memory as it was at its start.
/// @par Shared memory          No: it belongs to the process that made it.
/// @par Threads and processes  submit, map, for_each and wait may be called concurrently; from tasks of threads too,
/// but
///                             a task that waits for another of its pool keeps a worker from it.
/// @par Peer death             A dead worker's task fails with its outcome; all others go on.
template <template <class> class Unit> class pool {
  static constexpr bool chosen = impl::is_chosen<Unit>;
  template <class R> using ticket_of = std::shared_ptr<impl::ticket_for<R>>;
  template <class F, class... A>
  using result_of = impl::result_of<std::conditional_t<impl::mode_of<Unit> == tandem::mode::process || chosen,
                                                       impl::process_rules, impl::thread_rules>,
                                    F, A...>;

 public:
  /// As many workers as the calling thread may use CPUs.
  /// @throws as the one with options
  pool() requires(!chosen) : pool(pool_options{}) {}
  template <std::integral N> explicit pool(N workers) requires(!chosen) : pool(of(workers)) {}
  explicit pool(pool_options options) requires(!chosen) : core_(make(impl::mode_of<Unit>, std::move(options))) {}
  explicit pool(tandem::mode how) requires(chosen) : pool(how, pool_options{}) {}
  template <std::integral N> pool(tandem::mode how, N workers) requires(chosen) : pool(how, of(workers)) {}
  /// @throws std::invalid_argument naming the option; what starting a thread or a process throws
  pool(tandem::mode how, pool_options options) requires(chosen) : core_(make(how, std::move(options))) {}
  pool(pool&&) noexcept = default;
  pool& operator=(pool&&) noexcept = default;
  ~pool() = default;

  tandem::mode mode() const noexcept { return core_->mode(); }
  /// How many workers it has.
  std::size_t size() const noexcept { return core_->size(); }

  /// Has a worker call f(arguments...), with copies, as std::async; `f` may take a stop_token first.
  /// @throws std::invalid_argument where the closure cannot travel, or a task of threads has a timeout;
  /// std::system_error (operation_not_permitted) where the pool is shut down; what copying or encoding throws
  /// @par Blocks  Never: what the workers have no room for waits here.
  template <class F, class... A>
    requires(!std::is_same_v<std::remove_cvref_t<F>, task_options>)
  future<result_of<F, A...>> submit(F&& f, A&&... arguments) {
    return submit(task_options{}, std::forward<F>(f), std::forward<A>(arguments)...);
  }
  template <class F, class... A> future<result_of<F, A...>> submit(task_options how, F&& f, A&&... arguments) {
    if (how.timeout.count() < 0) throw std::invalid_argument("tandem: submit: timeout is negative");
    if (how.timeout.count() > 0 && mode() == tandem::mode::thread)
      throw std::invalid_argument("tandem: submit: timeout: a thread cannot be ended: use a stop_token, or processes");
    auto task = make_task(std::forward<F>(f), std::forward<A>(arguments)...);
    task->timeout = how.timeout;
    core_->submit(task);
    return future<result_of<F, A...>>(std::move(task), core_->teller());
  }

  /// f of each of `items`, in their order. Several items make one task.
  /// @throws what the first failed one threw, or unit_died, when all are over; also as submit
  template <std::ranges::input_range Items, class F>
    requires std::invocable < std::decay_t<F>
  &, std::ranges::range_value_t < Items >> auto map(Items&& items, F&& f) {
    using item = std::ranges::range_value_t<Items>;
    using result = std::decay_t<std::invoke_result_t<std::decay_t<F>&, item>>;
    static_assert(!std::is_void_v<result>, "tandem: map: the function gives nothing: use for_each");
    std::vector<result> all;
    for (auto& chunk : in_chunks(std::forward<Items>(items), std::forward<F>(f))) {
      auto part = std::move(chunk.value());
      all.insert(all.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
    }
    return all;
  }

  /// The same for its effects.
  template <std::ranges::input_range Items, class F>
    requires std::invocable < std::decay_t<F>
  &, std::ranges::range_value_t < Items >> void for_each(Items&& items, F&& f) {
    auto const discard = [f = std::decay_t<F>(std::forward<F>(f))](std::ranges::range_value_t<Items> one) mutable {
      f(std::move(one));
    };
    for (auto& chunk : in_chunks(std::forward<Items>(items), discard)) chunk.value();
  }

  /// Blocks until all that was submitted before is over.
  void wait() { core_->wait(); }

  /// Takes nothing more, and ends when all that was submitted is over.
  void shutdown() { core_->shut_down(); }
  /// The same; what no worker has begun fails.
  void shutdown_now() {
    core_->cancel();
    core_->shut_down();
  }

 private:
  template <std::integral N> static pool_options of(N workers) {
    if (workers <= 0 || std::cmp_greater(workers, impl::pool_board::most_workers))
      throw std::invalid_argument("tandem: make a pool: workers is not between 1 and 1024");
    pool_options options;
    options.workers = static_cast<std::size_t>(workers);
    return options;
  }

  static std::unique_ptr<impl::pool_core> make(tandem::mode how, pool_options options) {
    return std::make_unique<impl::pool_core>(how, std::move(options));
  }

  template <class F, class... A> ticket_of<result_of<F, A...>> make_task(F&& f, A&&... arguments) {
    using result = result_of<F, A...>;
    if constexpr (impl::mode_of<Unit> == tandem::mode::process || chosen) {
      impl::require_workload<impl::process_rules, F, A...>();
      static_assert(!(impl::is_borrowed<std::decay_t<A>> || ...),
                    "tandem: submit: a borrowed argument: a worker that runs already cannot see it");
      if (mode() == tandem::mode::process)
        return std::make_shared<impl::process_task<result, F, A...>>(modules_, std::forward<F>(f),
                                                                     std::forward<A>(arguments)...);
    }
    if constexpr (impl::mode_of<Unit> != tandem::mode::process || chosen) {
      impl::require_workload<impl::thread_rules, F, A...>();
      return std::make_shared<impl::thread_task<result, F, A...>>(std::forward<F>(f), std::forward<A>(arguments)...);
    }
    return nullptr;  // not reached
  }

  /// The outcomes of all chunks, when all are over.
  template <class Items, class F> auto in_chunks(Items&& items, F&& f) {
    using item = std::ranges::range_value_t<Items>;
    using chunk = impl::map_chunk<std::decay_t<F>, item>;
    std::vector<item> all;
    for (auto&& one : items) all.push_back(std::forward<decltype(one)>(one));
    std::size_t const length = std::max<std::size_t>(1, all.size() / (size() * chunks_per_worker));
    chunk const each{std::decay_t<F>(std::forward<F>(f))};
    std::vector<decltype(submit(each, std::vector<item>()))> tasks;
    for (std::size_t at = 0; at < all.size(); at += length) {
      auto const first = all.begin() + static_cast<std::ptrdiff_t>(at);
      auto const last = first + static_cast<std::ptrdiff_t>(std::min(length, all.size() - at));
      tasks.push_back(submit(each, std::vector<item>(std::make_move_iterator(first), std::make_move_iterator(last))));
    }
    std::vector<decltype(tasks[0].get_outcome())> outcomes;
    for (auto& one : tasks) outcomes.push_back(one.get_outcome());
    return outcomes;
  }

  static constexpr std::size_t chunks_per_worker = 8;

  std::unique_ptr<impl::pool_core> core_;
  os::module_table modules_ = os::module_table::current();
};

pool(mode)->pool<unit>;
template <std::integral N> pool(mode, N) -> pool<unit>;
pool(mode, pool_options)->pool<unit>;

}  // namespace tandem

#endif  // TANDEM_CREW_POOL_HPP
