// SPDX-License-Identifier: BSL-1.0
// The starter's side of a process: its descriptor, its page in the family's table, and what has become of it.
#ifndef TANDEM_EXECUTION_IMPL_PROCESS_STATE_HPP
#define TANDEM_EXECUTION_IMPL_PROCESS_STATE_HPP

#include <linux/futex.h>   // for FUTEX_OWNER_DIED, FUTEX_WAITERS
#include <signal.h>        // for kill, SIGKILL
#include <sys/resource.h>  // for rusage
#include <sys/wait.h>      // for waitpid, WNOHANG

#include <algorithm>     // for min
#include <atomic>        // for atomic
#include <cerrno>        // for errno, ESRCH
#include <climits>       // for INT_MAX
#include <cstdint>       // for int64_t, uint32_t
#include <optional>      // for optional
#include <string>        // for string, to_string
#include <string_view>   // for string_view
#include <system_error>  // for system_error
#include <utility>       // for move, swap
#include <vector>        // for vector

#include "tandem/core/deadline.hpp"                     // for deadline
#include "tandem/core/errors.hpp"                       // for throw_errc, throw_errno
#include "tandem/core/exception_transport.hpp"          // for decode_exception
#include "tandem/core/failure.hpp"                      // for failure
#include "tandem/core/outcome.hpp"                      // for outcome
#include "tandem/core/reader.hpp"                       // for reader
#include "tandem/core/unobserved_failure.hpp"           // for report_unobserved
#include "tandem/execution/impl/child_setup.hpp"        // for may_fail_to_set_up
#include "tandem/execution/impl/crash_reader.hpp"       // for read_crash_report
#include "tandem/execution/impl/measure.hpp"            // for measure_process
#include "tandem/execution/impl/outcome_record.hpp"     // for outcome_bytes, outcome_sink
#include "tandem/execution/impl/process_child.hpp"      // for lost_write_text
#include "tandem/execution/impl/start_error.hpp"        // for rethrow_as_start
#include "tandem/execution/impl/start_request.hpp"      // for commons_sink, request_block
#include "tandem/execution/options.hpp"                 // for options
#include "tandem/memory/impl/members.hpp"               // for members
#include "tandem/memory/impl/objects.hpp"               // for objects
#include "tandem/memory/impl/participants.hpp"          // for participants
#include "tandem/memory/shared.hpp"                     // for shared, shared_access
#include "tandem/os/clock.hpp"                          // for monotonic_ns
#include "tandem/os/eventfd.hpp"                        // for eventfd_add, open_eventfd
#include "tandem/os/futex.hpp"                          // for futex_wait, futex_wake
#include "tandem/os/pidfd.hpp"                          // for pidfd_open, pidfd_signal, wait_process
#include "tandem/os/poll.hpp"                           // for poll_until
#include "tandem/resource/fd.hpp"                       // for fd
#include "tandem/resource/impl/descriptor_passing.hpp"  // for receive_descriptors
#include "tandem/sync/stop_token.hpp"                   // for stop_access, stop_source, stop_state

namespace tandem::impl {

/// One started process, as its starter knows it; or none. It lies in the handle: what is allocated between two forks is
/// a page that the parent has to copy.
class process_state {
 public:
  process_state() noexcept = default;
  process_state(token member, std::string name, fd descriptors)
      : member_(member),
        name_(std::move(name)),
        descriptors_(std::move(descriptors)),
        starter_(objects::self()),
        started_at_(os::monotonic_ns()) {}
  process_state(process_state&& other) noexcept { swap(other); }
  process_state& operator=(process_state&& other) noexcept {
    process_state(std::move(other)).swap(*this);
    return *this;
  }

  /// The page goes back, and all that the process held: @pre it has ended, or was never started
  ~process_state() {
    if (!is_ours()) return;  // none, or a copy in a child that the host has forked
    if (childs_stop_) objects::drop(childs_stop_, member_, 0);
    outcome_sink::release(slot());
    if (request_ != nullptr) commons().deallocate(request_);
    if (encoded_ != nullptr) commons().deallocate(encoded_);
    objects::bury(member_);
    members::release(member_);
  }

  // Not by moves of the members, which would make holds of another process's of them while a handle travels.
  void swap(process_state& other) noexcept {
    std::swap(member_, other.member_);
    name_.swap(other.name_);
    std::swap(pidfd_, other.pidfd_);
    std::swap(descriptors_, other.descriptors_);
    stop_word_.swap(other.stop_word_);
    stop_.swap(other.stop_);
    std::swap(childs_stop_, other.childs_stop_);
    std::swap(pid_, other.pid_);
    std::swap(ours_alone_, other.ours_alone_);
    std::swap(starter_, other.starter_);
    std::swap(ended_, other.ended_);
    std::swap(end_, other.end_);
    std::swap(usage_, other.usage_);
    std::swap(request_, other.request_);
    std::swap(encoded_, other.encoded_);
    std::swap(timeout_, other.timeout_);
    std::swap(reports_crash_, other.reports_crash_);
    std::swap(started_at_, other.started_at_);
    std::swap(ran_for_, other.ran_for_);
    std::swap(killed_here_, other.killed_here_);
  }

  /// Whether there is a process.
  explicit operator bool() const noexcept { return member_ != 0; }

  /// Makes the word that requests a stop, and the child's end of it, whose hold is the child's already. Before its
  /// start.
  shared<std::atomic<std::uint32_t>> make_childs_stop() {
    stop_word_ = shared<std::atomic<std::uint32_t>>(0U);
    auto childs = shared_access::for_process(stop_word_, member_);
    childs_stop_ = shared_access::of(childs);
    return childs;
  }

  /// Takes over what the child was told with: blocks of the commons, freed when it has ended.
  void keep(request_block&& request, commons_sink& encoded) noexcept {
    request_ = request.release();
    encoded_ = encoded.release();
  }

  bool request_stop() noexcept {
    if (stop_.stop_possible()) return stop_.request_stop();
    bool const first = stop_word_->exchange(1, std::memory_order_acq_rel) == 0;
    os::futex_wake(stop_word_.get(), INT_MAX);
    return first;
  }

  /// Made for the first who asks.
  stop_source const& stop() const {
    if (!stop_.stop_possible()) stop_ = stop_access::make_source(stop_word_);
    return stop_;
  }

  /// Takes over the child `pid`, just started as `how` asks, and waits for that where it can fail. @throws
  /// std::system_error where it gets no descriptor, or could not be set up; the child is ended and reaped then
  /// `ours_alone`: nobody else can reap it, so that its descriptor has time until somebody asks for it.
  void adopt(pid_t pid, options const& how, bool ours_alone = false) {
    pid_ = pid;
    timeout_ = how.timeout;
    reports_crash_ = how.report_crash;
    ours_alone_ = ours_alone;
    if (!ours_alone) open_descriptor(pid);
    if (may_fail_to_set_up(how)) wait_started();
  }
  pid_t pid() const noexcept { return pid_; }
  /// Readable when the process is dead: its descriptor, or a stand-in where it had been reaped before somebody asked
  /// for one. -1 where there is none left.
  int pidfd() const noexcept {
    if (pidfd_) return pidfd_.get();
    pidfd_.reset(ended_ ? os::open_eventfd() : os::pidfd_open(pid_));
    if (ended_ && pidfd_) os::eventfd_add(pidfd_.get(), 1);
    return pidfd_.get();
  }
  /// The same. @throws std::system_error where there is none left
  int wait_handle() const {
    if (pidfd() < 0) throw_errno("wait for process '" + name() + "'");
    return pidfd_.get();
  }
  /// The name given, or one made of the pid.
  std::string name() const { return name_.empty() ? "process " + std::to_string(pid_) : name_; }
  token member() const noexcept { return member_; }
  member_slot& slot() const noexcept { return members::at(member_); }
  bool ended() const noexcept { return ended_; }
  /// False in a child that the host has forked: the process is its sibling there.
  bool is_ours() const noexcept { return member_ != 0 && starter_ == objects::self(); }

  /// @throws std::system_error (operation_not_permitted) in a child that the host has forked: there it is nobody's
  /// child
  void require_starter(char const* call) const {
    if (!is_ours())
      throw_errc(std::errc::operation_not_permitted, call,
                 "process '" + name() + "' was started by another process, this one's parent");
  }

  /// Blocks until the process is dead and reaped (true) or `until` has passed. Its death is known by its descriptor,
  /// never by an end-of-file.
  bool wait_until(deadline until) {
    while (!ended_) {
      if (!until.is_never() && (until.passed() || !os::wait_ready(pidfd(), POLLIN, until.since_epoch_ns()))) {
        return reap(WNOHANG);
      }
      if (reap(until.is_never() ? 0 : WNOHANG)) return true;
    }
    return true;
  }

  /// Blocks until the outcome is published or the process has ended without one.
  void wait_outcome() {
    std::int64_t slice = 2'000'000;
    while (!ended_) {
      std::uint32_t life = slot().life.load(std::memory_order_acquire);  // pairs with publish's exchange
      if ((life & FUTEX_OWNER_DIED) != 0) {
        wait_until(deadline::never());  // its first thread has ended; the process is dead as soon as its others are, if
                                        // it has any
        return;
      }
      if (is_over(life)) return;
      if ((life & FUTEX_WAITERS) == 0) {
        if (!slot().life.compare_exchange_strong(life, life | FUTEX_WAITERS, std::memory_order_relaxed)) continue;
        life |= FUTEX_WAITERS;
      }
      // The kernel wakes us at its death, once the process has come to put the word on its robust list; before that,
      // and whatever else may happen, a look now and then.
      os::futex_wait(&slot().life, life, os::monotonic_ns() + (life == FUTEX_WAITERS ? slice : 1'000'000'000));
      slice = std::min<std::int64_t>(2 * slice, 50'000'000);
      reap(WNOHANG);
    }
  }

  /// Sends a signal. False where the process has ended.
  bool signal(int number) {
    if (ended_) return false;
    if (os::pidfd_signal(pidfd(), number) == 0) {
      if (number == SIGKILL) killed_here_ = true;
      return true;
    }
    if (errno == ESRCH) return false;
    throw_errno("send signal " + std::to_string(number), "process '" + name() + "'");
  }

  /// What the process has used: so far, or in all once it has ended.
  resource_usage usage_now() {
    if (!ended_ && !reap(WNOHANG)) {
      auto now = measure_process(pid_);
      now.wall = std::chrono::nanoseconds(os::monotonic_ns() - started_at_);
      // Reaped by the host meanwhile, its number may have been another's.
      if (os::pidfd_signal(pidfd_.get(), 0) == 0 || errno != ESRCH) return now;
      reap(WNOHANG);
    }
    return usage();
  }

  /// Lets the unobserved-failure handler know if it failed: nobody will take its outcome. @pre as read_outcome
  void report_failure() noexcept {
    if (slot().life.load(std::memory_order_acquire) == member_slot::returned)
      report_lost_write();
    else
      static_cast<void>(read_outcome<void>());  // and its destructor tells
  }

  /// What became of it. @pre the outcome is published, or the process has ended
  template <class R> outcome<R> read_outcome() {
    report_lost_write();
    auto const how = slot().life.load(std::memory_order_acquire);  // pairs with publish's release
    try {
      if (how == member_slot::returned) return decode<R>();
      if (how == member_slot::threw || how == member_slot::not_started) {
        reader from(outcome_bytes(slot()));
        return outcome<R>(failure::remote(name(), decode_exception(from), usage()));
      }
    } catch (...) { return outcome<R>(failure::threw(name(), std::current_exception())); }
    if (!end_.has_value()) return outcome<R>(failure::lost(name(), "it was reaped by someone else"));
    if (end_->how == os::process_end::kind::exited) return outcome<R>(failure::exited(name(), end_->code, usage()));
    if (timeout_.count() > 0 && end_->code == SIGKILL && !killed_here_ && ran_for_ >= timeout_)
      return outcome<R>(failure::timed_out(name(), timeout_, usage()));
    return outcome<R>(
        failure::signaled(name(), end_->code, end_->how == os::process_end::kind::dumped, usage(), crash()));
  }

 private:
  void open_descriptor(pid_t pid) {
    pidfd_.reset(os::pidfd_open(pid));
    if (pidfd_) {
      // A host that reaps all children may have taken ours already, and its pid may be another's. A child of ours that
      // can be waited for is the one.
      os::process_end end{};
      if (os::wait_process(pidfd_.get(), WNOHANG | WNOWAIT, end) != os::wait_result::not_ours) return;
      if (auto const known = os::reaped_end(pidfd_.get())) end_ = known;
      ended_ = true;
      return;
    }
    int const why = errno;
    if (why == ESRCH) {  // reaped by the host before we could look
      ended_ = true;
      return;
    }
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR) {}
    throw_errno(why, "start process '" + name() + "'", "pidfd_open");
  }

  /// Blocks until the process has set itself up. @throws what kept it from that, std::system_error above all; it is
  /// dead and reaped then
  void wait_started() {
    std::int64_t slice = 2'000'000;
    for (;;) {
      // Looked at in this order: it may fail, and be dead and reaped, between any two looks.
      bool const over =
          ended_ || slot().started.load(std::memory_order_acquire) != 0;  // pairs with run_child's release
      std::uint32_t life = slot().life.load(std::memory_order_acquire);
      if (life == member_slot::not_started) {
        wait_until(deadline::never());
        reader from(outcome_bytes(slot()));
        auto const why = failure::remote(name(), decode_exception(from));
        try {
          why.rethrow();
        } catch (std::system_error const& error) { rethrow_as_start("process '" + name() + "'", error); }
      }
      if (over || is_over(life)) return;
      if ((life & FUTEX_WAITERS) == 0) {
        if (!slot().life.compare_exchange_strong(life, life | FUTEX_WAITERS, std::memory_order_relaxed)) continue;
        life |= FUTEX_WAITERS;
      }
      os::futex_wait_either(&slot().started, 0, &slot().life, life, os::monotonic_ns() + slice);
      slice = std::min<std::int64_t>(2 * slice, 50'000'000);
      reap(WNOHANG);
    }
  }

  /// Whether nothing more is to be waited for in `life`: an outcome is there, or its first thread has ended.
  static bool is_over(std::uint32_t life) noexcept {
    return life == member_slot::returned || life == member_slot::threw || life == member_slot::not_started ||
           (life & FUTEX_OWNER_DIED) != 0;
  }

  bool reap(int options) {
    os::process_end end{};
    rusage used{};
    auto const seen =
        pidfd_ ? os::wait_process(pidfd_.get(), options, end, &used) : os::wait_child(pid_, options, end, &used);
    switch (seen) {
      case os::wait_result::still_running:
        return false;
      case os::wait_result::ended:
        end_ = end;
        usage_ = used;
        break;
      case os::wait_result::not_ours:  // the host has reaped it; a zombie that nobody waits for is readable too, so
                                       // that is certain
        if (pidfd_) {
          if (!os::wait_ready(pidfd_.get(), POLLIN, options == 0 ? os::no_deadline : 0)) return false;
          end_ = os::reaped_end(pidfd_.get());
        }
        break;
    }
    ended_ = true;
    ran_for_ = std::chrono::nanoseconds(os::monotonic_ns() - started_at_);
    participants::note_death();
    return true;
  }

  template <class R> outcome<R> decode() {
    std::uint32_t const count = slot().descriptors.load(std::memory_order_relaxed);
    if (count > 65536 || (count != 0 && !descriptors_))
      throw_errc(std::errc::bad_message, "take a process's outcome", "descriptors that cannot be");
    std::vector<fd> received;
    if (count != 0) received = receive_descriptors(descriptors_, count, os::patience::none);
    std::vector<int> numbers;
    numbers.reserve(received.size());
    for (auto& descriptor : received) numbers.push_back(descriptor.get());
    reader from(outcome_bytes(slot()), numbers);
    struct keep_taken {  // what the decoder took is owned by the value now
      std::vector<fd>& received;
      std::vector<int>& numbers;
      ~keep_taken() {
        for (std::size_t i = 0; i < numbers.size(); ++i) {
          if (numbers[i] < 0) static_cast<void>(received[i].release());
        }
      }
    } const at_end{received, numbers};
    if constexpr (std::is_void_v<R>) {
      from.finish();
      return outcome<R>();
    } else {
      outcome<R> result(std::in_place, codec<R>::decode(from));
      from.finish();
      return result;
    }
  }

  /// What it reported of the crash that it died of.
  std::optional<crash_report> crash() const noexcept {
    if (!reports_crash_ || !os::is_fault(end_->code)) return {};
    try {
      return read_crash_report(slot());
    } catch (...) { return {}; }  // no memory for it
  }

  void report_lost_write() noexcept {
    std::uint32_t const at = slot().lost_write.exchange(0, std::memory_order_relaxed);
    if (at == 0) return;
    try {
      report_unobserved(failure::threw(name(), std::make_exception_ptr(lost_write(lost_write_text(name(), at - 1)))));
    } catch (...) {  // no memory for the words
    }
  }

  resource_usage usage() const {
    resource_usage known = usage_ ? resource_usage::of_process(*usage_) : resource_usage{};
    if (ended_) known.wall = ran_for_;
    return known;
  }

  token member_ = 0;
  std::string name_;
  mutable fd pidfd_;
  fd descriptors_;
  shared<std::atomic<std::uint32_t>> stop_word_ = shared_access::nothing<std::atomic<std::uint32_t>>();
  mutable stop_source stop_{nostopstate};
  hold childs_stop_;
  pid_t pid_ = 0;
  token starter_ = 0;
  bool ours_alone_ = false;
  bool ended_ = false;
  std::optional<os::process_end> end_;
  std::optional<rusage> usage_;
  std::byte* request_ = nullptr;
  std::byte* encoded_ = nullptr;
  std::chrono::nanoseconds timeout_{0};
  std::int64_t started_at_ = 0;          // CLOCK_MONOTONIC
  std::chrono::nanoseconds ran_for_{0};  // once it has ended
  bool killed_here_ = false;
  bool reports_crash_ = false;
};

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_PROCESS_STATE_HPP
