// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_IMPL_PROCESS_TASK_HPP
#define TANDEM_CREW_IMPL_PROCESS_TASK_HPP

#include <algorithm>    // for max
#include <atomic>       // for atomic
#include <cstddef>      // for byte, size_t
#include <exception>    // for current_exception
#include <memory>       // for addressof, destroy_at
#include <mutex>        // for mutex, scoped_lock
#include <new>          // for launder, placement new
#include <optional>     // for optional
#include <stdexcept>    // for invalid_argument
#include <string>       // for to_string
#include <tuple>        // for apply, get, tuple
#include <type_traits>  // for conditional_t, decay_t, is_copy_constructible_v, is_void_v
#include <utility>      // for forward, index_sequence, move

#include "tandem/core/codec_failure.hpp"        // for codec<outcome>
#include "tandem/core/impl/descriptor_log.hpp"  // for descriptor_log, logging_scope
#include "tandem/core/outcome.hpp"              // for outcome
#include "tandem/crew/impl/task.hpp"            // for task_record
#include "tandem/crew/impl/thread_task.hpp"     // for ticket_for
#include "tandem/crew/pool_options.hpp"         // for retry_on
#include "tandem/execution/impl/closure.hpp"    // for closure_words, look_at_closure, place_closure
#include "tandem/execution/impl/workload.hpp"   // for call_workload, handed_t, process_rules
#include "tandem/execution/this_unit.hpp"       // for this_unit
#include "tandem/memory/commons.hpp"            // for commons
#include "tandem/os/modules.hpp"                // for module_table
#include "tandem/queue/impl/element.hpp"        // for element, encoded_block, is_in_place
#include "tandem/sync/stop_token.hpp"           // for stop_source, stop_token

namespace tandem::impl {

/// A task of processes. Its closure lies in the commons, in the name of who submitted it, where the worker makes a
/// copy; its arguments and its result lie there as elements of a queue do.
template <class R, class F, class... A> class process_task final : public ticket_for<R> {
 public:
  using callable = std::decay_t<F>;
  static constexpr bool takes_stop_token =
      std::is_invocable_v<callable, stop_token, handed_t<process_rules::kept<A>>...>;

  /// @throws std::invalid_argument where the closure leads into private memory, or owns a descriptor; what the codecs
  /// throw; std::bad_alloc
  process_task(os::module_table const& known, F&& f, A&&... arguments)
      : ticket_for<R>(*::new (room()) record()), mine_(static_cast<record&>(this->task_ticket::record())) {
    try {
      place(known, std::forward<F>(f));
      fill(std::index_sequence_for<A...>{}, std::forward<A>(arguments)...);
      if constexpr (takes_stop_token) {
        this->stop = stop_source();
        auto asked = this->stop.get_token();
        mine_.stop.put(asked);
      }
    } catch (...) {
      release();
      throw;
    }
  }
  ~process_task() override { release(); }

  outcome<R> take() override {
    collect();
    return std::move(*result_);
  }

  void forget() noexcept override {
    mine_.value.discard();
    mine_.encoded.discard();
    mine_.failed = false;
  }

  void collect() noexcept override {
    std::scoped_lock const hold(lock_);
    if (result_) return;
    if (mine_.is_repeatable()) discard_arguments();
    try {
      if constexpr (std::is_void_v<R>) {
        if (!mine_.failed) return static_cast<void>(result_.emplace());
      } else if constexpr (is_in_place<R>) {
        if (!mine_.failed) return static_cast<void>(result_.emplace(std::in_place, mine_.value.take()));
      }
      result_.emplace(mine_.encoded.template take<outcome<R>>());
    } catch (...) { result_.emplace(failure::threw({}, std::current_exception())); }
  }

 private:
  struct nothing {
    void discard() noexcept {}
  };
  struct record : task_record {
    record() noexcept : task_record(&serve_it) {}
    alignas(callable) std::byte closure[sizeof(callable)];
    std::tuple<element<process_rules::kept<A>>...> arguments;
    [[no_unique_address]] std::conditional_t<takes_stop_token, element<stop_token>, nothing> stop;
    [[no_unique_address]] std::conditional_t<std::is_void_v<R>, nothing,
                                             element<std::conditional_t<std::is_void_v<R>, int, R>>>
        value;
    encoded_block encoded;  // an outcome that is not in `value`
    bool failed = false;

    callable& f() noexcept { return *std::launder(reinterpret_cast<callable*>(closure)); }
  };

  static void* room() { return commons().allocate(sizeof(record), alignof(record)); }

  void discard_arguments() noexcept {
    std::apply([](auto&... each) { (each.discard(), ...); }, mine_.arguments);
  }

  void release() noexcept {
    if (has_closure_) std::destroy_at(&mine_.f());
    discard_arguments();
    mine_.stop.discard();
    mine_.value.discard();
    mine_.encoded.discard();
    std::destroy_at(&mine_);
    commons().deallocate(&mine_);
  }

  template <class G> void place(os::module_table const& known, G&& f) {
    if constexpr (!copied_as_bytes<callable>) require_travels(std::addressof(f), known);
    descriptor_log owners;
    {
      logging_scope const logging(owners);
      place_closure<callable>(mine_.closure, std::forward<G>(f));
    }
    has_closure_ = true;
    if (owners.count() != 0)
      throw std::invalid_argument(
          "tandem: submit: the closure owns a descriptor, which a worker that runs already cannot get");
    require_travels(mine_.closure, known);
  }

  static void require_travels(void const* closure, os::module_table const& known) {
    auto const found = look_at_closure(closure, sizeof(callable), known);
    if (found.refused != closure_words::none)
      throw std::invalid_argument(
          "tandem: submit: the closure cannot travel to a worker: its word at offset " + std::to_string(found.refused) +
          " points into this process's own memory (a captured reference or pointer, a string or container with memory "
          "of its own): pass it as an argument, or use tandem::shared<T>");
    if (found.later_module)
      throw std::invalid_argument(
          "tandem: submit: the closure's code was loaded after the pool was made: its workers do not have it");
  }

  template <std::size_t... I, class... G> void fill(std::index_sequence<I...>, G&&... arguments) {
    (put<I>(process_rules::kept<A>(std::forward<G>(arguments))), ...);
  }
  template <std::size_t I, class T> void put(T&& argument) { std::get<I>(mine_.arguments).put(argument); }

  // ---- in the worker

  static void serve_it(task_record& its) {
    auto& me = static_cast<record&>(its);
    for (;;) {
      try {
        return serve(me);
      } catch (...) {
        if (me.may_retry(retry_on::exception)) continue;
        outcome<R> why = failure::threw(this_unit::name(), std::current_exception());
        me.encoded.fill(why);
        me.failed = true;
        return;
      }
    }
  }

  static void serve(record& me) {
    bool const stay = me.is_repeatable();
    auto arguments = std::apply(
        [stay](auto&... each) { return std::tuple<process_rules::kept<A>...>{stay ? each.read() : each.take()...}; },
        me.arguments);
    if constexpr (std::is_copy_constructible_v<callable>) {
      callable f(me.f());
      run(me, f, arguments);
    } else {
      run(me, me.f(), arguments);
    }
  }

  static void run(record& me, callable& f, std::tuple<process_rules::kept<A>...>& arguments) {
    stop_token stop;
    if constexpr (takes_stop_token) stop = me.stop.read();
    if constexpr (std::is_void_v<R>) {
      call_workload<R>(f, arguments, stop);
    } else if constexpr (is_in_place<R>) {
      me.value.put(call_workload<R>(f, arguments, stop));
    } else {
      outcome<R> result(std::in_place, call_workload<R>(f, arguments, stop));
      me.encoded.fill(result);
    }
  }

  record& mine_;
  bool has_closure_ = false;
  std::mutex lock_;  // the pool collects when the worker ends
  std::optional<outcome<R>> result_;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_PROCESS_TASK_HPP
