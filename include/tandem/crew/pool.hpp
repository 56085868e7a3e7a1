// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_POOL_HPP
#define TANDEM_CREW_POOL_HPP

#include <concepts>     // for integral, invocable
#include <cstddef>      // for ptrdiff_t, size_t
#include <iterator>     // for make_move_iterator
#include <memory>       // for make_shared, make_unique, shared_ptr, unique_ptr
#include <ranges>       // for input_range, range_value_t
#include <stdexcept>    // for invalid_argument
#include <string>       // for string
#include <type_traits>  // for conditional_t, decay_t, invoke_result_t, is_copy_constructible_v, is_same_v, is_void_v
#include <utility>      // for cmp_greater, forward, move
#include <vector>       // for vector

#include "tandem/core/codec_tuple.hpp"         // for the codec of a chunk's result
#include "tandem/core/codec_vector.hpp"        // for the codec of a chunk
#include "tandem/core/mode.hpp"                // for mode
#include "tandem/crew/future.hpp"              // for future
#include "tandem/crew/impl/chunk_run.hpp"      // for chunk_run, for_each_chunk, map_chunk, reduce_chunk
#include "tandem/crew/impl/pool_board.hpp"     // for pool_board, pool_worker
#include "tandem/crew/impl/pool_core.hpp"      // for plain_starter, pool_core, starter_with, worker_starter
#include "tandem/crew/impl/process_task.hpp"   // for process_task
#include "tandem/crew/impl/task.hpp"           // for task_record
#include "tandem/crew/impl/thread_task.hpp"    // for thread_task, ticket_for
#include "tandem/crew/impl/unit_kind.hpp"      // for is_chosen, mode_of
#include "tandem/crew/pool_options.hpp"        // for map_options, pool_options, task_options
#include "tandem/execution/impl/workload.hpp"  // for process_rules, require_workload, result_of, thread_rules
#include "tandem/execution/process.hpp"        // for process
#include "tandem/execution/thread.hpp"         // for thread
#include "tandem/execution/unit.hpp"           // for unit
#include "tandem/os/modules.hpp"               // for module_table

namespace tandem {

namespace impl {

struct no_progress {
  void operator()(std::size_t, std::size_t) const noexcept {}
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
  explicit pool(pool_options options) requires(!chosen) : pool(impl::mode_of<Unit>, std::move(options), plain()) {}
  explicit pool(tandem::mode how) requires(chosen) : pool(how, pool_options{}) {}
  template <std::integral N> pool(tandem::mode how, N workers) requires(chosen) : pool(how, of(workers)) {}
  /// @throws std::invalid_argument naming the option; what starting a thread or a process throws
  pool(tandem::mode how, pool_options options) requires(chosen) : pool(how, std::move(options), plain()) {}
  /// Each worker, also one that replaces another, first calls a copy of `hook` with its number. Where no worker comes
  /// through it any more, what was submitted fails as the hook did, and the pool takes nothing further.
  template <std::invocable<std::size_t> Hook>
  pool(pool_options options, Hook hook) requires(!chosen) : pool(impl::mode_of<Unit>, std::move(options), with(hook)) {}
  template <std::invocable<std::size_t> Hook>
  pool(tandem::mode how, pool_options options, Hook hook) requires(chosen)
      : pool(how, std::move(options), with(hook)) {}
  pool(pool&&) noexcept = default;
  pool& operator=(pool&&) noexcept = default;
  ~pool() = default;

  tandem::mode mode() const noexcept { return core_->mode(); }
  /// How many workers it has, or will have.
  std::size_t size() const noexcept { return core_->size(); }

  /// From now on as many workers as that: more come at once; those too many end when they have done what they have at
  /// hand, and their this_unit::get_stop_token() says so.
  /// @throws std::invalid_argument where it is not between 1 and 1024; std::system_error (operation_not_permitted)
  /// where the pool is shut down
  template <std::integral N> void resize(N workers) { core_->resize(checked("resize a pool", workers)); }

  /// Has a worker call f(arguments...), with copies, as std::async; `f` may take a stop_token first, which
  /// future::cancel and shutdown_now reach.
  /// @throws std::invalid_argument where the closure cannot travel, a task of threads has a timeout, or what is to be
  /// tried again cannot be copied; std::system_error (operation_not_permitted) where the pool is shut down; what
  /// copying or encoding throws
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
    auto task = make_task(how, std::forward<F>(f), std::forward<A>(arguments)...);
    task->timeout = how.timeout;
    task->priority = how.priority;
    task->record().set(how);
    core_->submit(task);
    return future<result_of<F, A...>>(std::move(task), core_->teller());
  }

  /// f of each of `items`, in their order. Several items make one task. progress(done, of), if given, is called here
  /// after each. May be called in a task of a pool of threads, which then takes part.
  /// @throws what the first item's failed one threw, or unit_died, when all are over; with fail_fast tasks_failed; also
  /// as submit
  template <std::ranges::input_range Items, class F, class Progress = impl::no_progress>
    requires std::invocable < std::decay_t<F>
  &, std::ranges::range_value_t < Items >>
         auto map(Items&& items, F&& f, map_options const& how = {}, Progress progress = {}) {
    using item = std::ranges::range_value_t<Items>;
    using result = std::decay_t<std::invoke_result_t<std::decay_t<F>&, item>>;
    static_assert(!std::is_void_v<result>, "tandem: map: the function gives nothing: use for_each");
    impl::map_chunk<std::decay_t<F>, item> const work{std::decay_t<F>(std::forward<F>(f))};
    std::vector<result> all;
    in_chunks(std::forward<Items>(items), work, how, progress, [&all](std::vector<result> part) {
      all.insert(all.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
    });
    return all;
  }

  /// The same for its effects.
  template <std::ranges::input_range Items, class F, class Progress = impl::no_progress>
    requires std::invocable < std::decay_t<F>
  &, std::ranges::range_value_t < Items >>
         void for_each(Items&& items, F&& f, map_options const& how = {}, Progress progress = {}) {
    impl::for_each_chunk<std::decay_t<F>, std::ranges::range_value_t<Items>> const work{
        std::decay_t<F>(std::forward<F>(f))};
    in_chunks(std::forward<Items>(items), work, how, progress, [](char) {});
  }

  /// `first` and the transformed items, reduced in their order: reduce(reduce(first, transform(a)), transform(b)), but
  /// grouped as chunks fall: so reduce need be associative, not commutative. With `how.chunk`, sums of floating-point
  /// numbers are the same each time.
  /// @throws as map
  template <std::ranges::input_range Items, class T, class Reduce, class Transform, class Progress = impl::no_progress>
    requires std::invocable<Transform&, std::ranges::range_value_t<Items>> T
    transform_reduce(Items&& items, T first, Reduce reduce, Transform transform, map_options const& how = {},
                     Progress progress = {}) {
      impl::reduce_chunk<T, Reduce, Transform, std::ranges::range_value_t<Items>> const work{reduce, transform};
      in_chunks(std::forward<Items>(items), work, how, progress,
                [&](T part) { first = reduce(std::move(first), std::move(part)); });
      return first;
    }

  /// Blocks until all that was submitted before is over.
  /// @throws std::system_error (resource_deadlock_would_occur) in a task of this pool, as shutdown and shutdown_now
  void wait() { core_->wait(); }

  /// Takes nothing more, and ends when all that was submitted is over.
  void shutdown() { core_->shut_down(); }
  /// The same; what no worker has begun fails, and what runs is asked to stop, where it takes a stop_token.
  void shutdown_now() {
    core_->cancel();
    core_->shut_down();
  }

 private:
  using starter = std::unique_ptr<impl::worker_starter>;

  pool(tandem::mode how, pool_options options, starter begin)
      : core_(std::make_unique<impl::pool_core>(how, std::move(options), std::move(begin))) {}

  static starter plain() { return std::make_unique<impl::plain_starter>(); }
  template <class Hook> static starter with(Hook& hook) {
    return std::make_unique<impl::starter_with<Hook>>(std::move(hook));
  }

  template <std::integral N> static std::size_t checked(char const* operation, N workers) {
    if (workers <= 0 || std::cmp_greater(workers, impl::pool_board::most_workers))
      throw std::invalid_argument(std::string("tandem: ") + operation + ": workers is not between 1 and 1024");
    return static_cast<std::size_t>(workers);
  }
  template <std::integral N> static pool_options of(N workers) {
    pool_options options;
    options.workers = checked("make a pool", workers);
    return options;
  }

  template <class F, class... A>
  ticket_of<result_of<F, A...>> make_task(task_options const& how, F&& f, A&&... arguments) {
    using result = result_of<F, A...>;
    if constexpr (impl::mode_of<Unit> == tandem::mode::process || chosen) {
      impl::require_workload<impl::process_rules, F, A...>();
      static_assert(!(impl::is_borrowed<std::decay_t<A>> || ...),
                    "tandem: submit: a borrowed argument: a worker that runs already cannot see it");
      if (mode() == tandem::mode::process) {
        require_copies(how, std::is_copy_constructible_v<std::decay_t<F>>);
        return std::make_shared<impl::process_task<result, F, A...>>(modules_, std::forward<F>(f),
                                                                     std::forward<A>(arguments)...);
      }
    }
    if constexpr (impl::mode_of<Unit> != tandem::mode::process || chosen) {
      impl::require_workload<impl::thread_rules, F, A...>();
      using task = impl::thread_task<result, F, A...>;
      require_copies(how, task::is_copyable);
      return std::make_shared<task>(std::forward<F>(f), std::forward<A>(arguments)...);
    }
    return nullptr;  // not reached
  }

  static void require_copies(task_options const& how, bool there_are) {
    if (how.retries > 0 && !there_are)
      throw std::invalid_argument(
          "tandem: submit: retries: its closure or an argument cannot be copied, and so not be used again");
  }

  /// Divides the items, and gathers what the work on each chunk gives, in order, when all is over.
  template <class Items, class Work, class Progress, class Gather>
  void in_chunks(Items&& items, Work const& work, map_options const& how, Progress& progress, Gather gather) {
    using item = std::ranges::range_value_t<Items>;
    std::vector<item> all;
    for (auto&& one : items) all.push_back(std::forward<decltype(one)>(one));
    impl::chunk_run<decltype(submit(how.task, work, std::vector<item>()))> run(all.size(), size(), how);
    while (!run.is_over()) {
      while (std::size_t const length = run.next_length()) {
        auto const first = all.begin() + static_cast<std::ptrdiff_t>(run.given());
        std::vector<item> part(std::make_move_iterator(first),
                               std::make_move_iterator(first + static_cast<std::ptrdiff_t>(length)));
        run.add(submit(how.task, work, std::move(part)), length);
      }
      run.wait_for_one(core_->board(),
                       [&](impl::task_record& record) { return impl::pool_worker::help(core_->board(), record); });
      while (run.collect_one()) progress(run.done(), all.size());
    }
    run.gather(gather);
  }

  std::unique_ptr<impl::pool_core> core_;
  os::module_table modules_ = os::module_table::current();
};

pool(mode)->pool<unit>;
template <std::integral N> pool(mode, N) -> pool<unit>;
pool(mode, pool_options)->pool<unit>;

}  // namespace tandem

#endif  // TANDEM_CREW_POOL_HPP
