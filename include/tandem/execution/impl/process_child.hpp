// SPDX-License-Identifier: BSL-1.0
// The child's side of a process: from the fork to its end. It never returns into its parent's code.
#ifndef TANDEM_EXECUTION_IMPL_PROCESS_CHILD_HPP
#define TANDEM_EXECUTION_IMPL_PROCESS_CHILD_HPP

#include <cstdint>      // for int64_t
#include <exception>    // for current_exception
#include <optional>     // for optional
#include <string>       // for string
#include <type_traits>  // for is_void_v
#include <vector>       // for vector

#include "tandem/core/codec.hpp"                     // for codec, writer
#include "tandem/core/exception_transport.hpp"       // for encode_exception
#include "tandem/core/mode.hpp"                      // for mode
#include "tandem/execution/impl/child_setup.hpp"     // for may_fail_to_set_up, set_up_child
#include "tandem/execution/impl/crash_record.hpp"    // for crash_record
#include "tandem/execution/impl/crash_reporter.hpp"  // for crash_reporter
#include "tandem/execution/impl/frame_watch.hpp"     // for frame_watch
#include "tandem/execution/impl/lifeline.hpp"        // for lifeline
#include "tandem/execution/impl/outcome_record.hpp"  // for outcome_sink
#include "tandem/execution/impl/unit_context.hpp"    // for unit_context, this_context
#include "tandem/execution/lost_writes.hpp"          // for lost_write, lost_writes
#include "tandem/execution/options.hpp"              // for options
#include "tandem/memory/impl/members.hpp"            // for members
#include "tandem/os/clock.hpp"                       // for monotonic_ns
#include "tandem/os/fork.hpp"         // for begin_quick_exit_with, end_exit_with, leave_process, name_thread
#include "tandem/os/futex.hpp"        // for futex_wake
#include "tandem/os/robust_list.hpp"  // for robust_list
#include "tandem/os/stdio.hpp"        // for flush_output, forget_unwritten_output
#include "tandem/resource/fd.hpp"     // for fd
#include "tandem/resource/impl/descriptor_passing.hpp"  // for send_descriptors

namespace tandem::impl {

/// What the starter hands to its child.
struct child_orders {
  options const* how = nullptr;
  unit_id parent;
  token member = 0;
  int parents_line = -1;                    // the read end of the parent's lifeline
  std::byte const* frames_begin = nullptr;  // the starter's frames: from here
  std::byte const* frames_end = nullptr;    // to here; none are watched in a child that has no copy of them
  os::robust_list list =
      os::robust_list::of_this_thread();  // in a forked child the starter's: it stands at the same address
  fd descriptors;                         // the road for descriptors in the result, if it can have any
  std::vector<int> stay_open;             // where not all do: that road, and the descriptors among the arguments
  std::int64_t started_at = os::monotonic_ns();
};

/// Says what was lost and what to do about it.
inline std::string lost_write_text(std::string const& unit, std::uint64_t offset) {
  return "unit '" + unit + "' wrote to a local variable of its starter, which will never see it (byte " +
         std::to_string(offset) +
         " of the starter's frames): a captured reference or a pointer leads to the process's own copy; use "
         "tandem::shared<T> to write from a process, or return the value";
}

/// Leaves the process as a child must: what it wrote is flushed, and nothing of its parent's is run.
[[noreturn]] inline void leave_child(int code, void* = nullptr) noexcept {
  os::flush_output();
  os::leave_process(code);
}

/// quick_exit(3) in a process that tandem has started runs what was registered there, and not what its starter had
/// registered before it started its first one.
class quick_end {
 public:
  /// In a starter, before the child is made: there it would cost each child a page.
  static void prepare() noexcept {
    static bool const once = os::begin_quick_exit_with([](void*, int code) {
      if (in_child_ == 1) os::leave_process(code);
    });
    static_cast<void>(once);  // without memory for it the child's quick_exit runs the starter's handlers
  }
  static void in_child() noexcept { in_child_ = 1; }

 private:
  static inline constinit int in_child_ = -1;  // not 0, so that it lies beside what a child writes anyway
};

/// Encodes the outcome of a workload into its process's page.
template <class R> class child_outcome {
 public:
  child_outcome(child_orders const& orders) noexcept : orders_(orders), sink_(members::at(orders.member)) {}

  template <class Work> void run(Work& work, stop_token const& stop) {
    if constexpr (std::is_void_v<R>) {
      work->run(stop);
      work.reset();  // before the outcome is known: what the arguments held is free then
    } else {
      R result = work->run(stop);
      work.reset();
      encode(result);
    }
    how_ = member_slot::returned;
  }

  /// Leaves the rest of the page to a report of a crash.
  void leave_room_for_report() noexcept { sink_.use_only(crash_record::outcome_bytes); }

  void fail(std::exception_ptr const& why, std::uint32_t how = member_slot::threw) noexcept {
    sink_.restart();
    bytes_ = encode_exception(sink_, why);
    descriptors_ = 0;
    how_ = how;
  }

  void publish() noexcept { sink_.publish(how_, bytes_, descriptors_); }

 private:
  template <class T> void encode(T& result) {
    writer to(sink_);
    codec<T>::encode(to, result);
    bytes_ = to.size();
    descriptors_ = to.descriptors().size();
    if (descriptors_ != 0) send_descriptors(orders_.descriptors, to.descriptors());
  }

  child_orders const& orders_;
  outcome_sink sink_;
  std::size_t bytes_ = 0;
  std::size_t descriptors_ = 0;
  std::uint32_t how_ = 0;
};

/// Tells the starter that this process, which cannot even find its workload, has not started.
[[noreturn]] inline void refuse_request(token member, std::exception_ptr const& why) noexcept {
  members::become(member);
  child_orders orders;
  orders.member = member;
  child_outcome<void> outcome(orders);
  outcome.fail(why, member_slot::not_started);
  outcome.publish();
  os::leave_process(0);
}

/// Calls the workload, and looks at the starter's frames afterwards.
template <class R, class Work>
TANDEM_NOINLINE void run_workload(child_orders const& orders, std::optional<Work>& work, stop_token const& stop,
                                  child_outcome<R>& outcome) {
  unit_context const context{
      orders.how->name,
      mode::process,
      {static_cast<pid_t>(members::at(orders.member).process.load(std::memory_order_relaxed)), 0},
      orders.parent,
      stop,
      orders.started_at};
  this_context = &context;
  frame_watch const frames(orders.frames_begin, orders.frames_end);
  try {
    outcome.run(work, stop);
  } catch (...) {
    auto const why = std::current_exception();
    work.reset();
    outcome.fail(why);
  }
  if (auto const offset = frames.first_change(); offset >= 0) {
    if (orders.how->lost_writes == lost_writes::fail) {
      outcome.fail(
          std::make_exception_ptr(lost_write(lost_write_text(this_name(), static_cast<std::uint64_t>(offset)))));
    } else {
      members::at(orders.member).lost_write.store(static_cast<std::uint32_t>(offset) + 1, std::memory_order_relaxed);
    }
  }
  this_context = nullptr;
}

/// Runs in the child, right after it was started. `prepare` makes its workload, where a fork has not brought it along.
template <class R, class Work, class Prepare>
[[noreturn]] TANDEM_NOINLINE void run_child(child_orders const& orders, std::optional<Work>& work,
                                            stop_token const& stop, Prepare const& prepare) noexcept {
  members::become(orders.member, orders.list);
  os::forget_unwritten_output();
  os::end_exit_with(&leave_child);
  quick_end::in_child();
  member_slot& slot = members::at(orders.member);
  child_outcome<R> outcome(orders);
  try {
    prepare();
    if (!orders.how->name.empty()) os::name_thread(orders.how->name.c_str());
    lifeline::take(orders.parents_line, orders.parent.process, orders.how->die_with_parent);
    set_up_child(*orders.how, orders.stay_open);
    if (orders.how->report_crash) {
      outcome.leave_room_for_report();
      crash_reporter::begin(orders.member);
    }
    if (may_fail_to_set_up(*orders.how)) {
      slot.started.store(1, std::memory_order_release);  // pairs with wait_started's acquire
      os::futex_wake(&slot.started);
    }
    try {
      run_workload(orders, work, stop, outcome);
    } catch (...) { outcome.fail(std::current_exception()); }
  } catch (...) { outcome.fail(std::current_exception(), member_slot::not_started); }
  os::flush_output();
  outcome.publish();
  os::leave_process(0);
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_PROCESS_CHILD_HPP
