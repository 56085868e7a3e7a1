// SPDX-License-Identifier: BSL-1.0
#include "support/kill_at_each_instruction.hpp"

#include <sched.h>       // for sched_setaffinity
#include <sys/mman.h>    // for mmap
#include <sys/ptrace.h>  // for ptrace
#include <sys/wait.h>    // for waitpid
#include <unistd.h>      // for fork

#include <cerrno>        // for errno
#include <csignal>       // for SIGKILL
#include <cstdio>        // for fflush
#include <cstring>       // for strerror
#include <optional>      // for optional
#include <stdexcept>     // for invalid_argument
#include <system_error>  // for system_error

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/process_tree.hpp"
#include "support/seed.hpp"
#include "tandem/sync/impl/spin.hpp"

namespace tandem_test {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

// Keeps this process, and what it forks, on the CPU it is on; the destructor lets it go again.
// As in a program that was started there: nobody spins, which would be one more step for each look.
class one_cpu {
 public:
  one_cpu() {
    spins_ = tandem::impl::several_cpus.exchange(false);
    ::sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET(static_cast<unsigned>(::sched_getcpu()), &here);
    ::sched_setaffinity(0, sizeof here, &here);
  }
  one_cpu(one_cpu const&) = delete;
  one_cpu& operator=(one_cpu const&) = delete;
  ~one_cpu() {
    ::sched_setaffinity(0, sizeof before_, &before_);
    tandem::impl::several_cpus = spins_;
  }

 private:
  cpu_set_t before_;
  bool spins_;
};

// A word that the child writes and we read.
class done_flag {
 public:
  done_flag() {
    void* const page = ::mmap(nullptr, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    word_ = static_cast<int volatile*>(page);
  }
  done_flag(done_flag const&) = delete;
  done_flag& operator=(done_flag const&) = delete;
  ~done_flag() { ::munmap(const_cast<int*>(word_), sizeof(int)); }

  void clear() { *word_ = 0; }
  void set() { *word_ = 1; }
  bool is_set() const { return *word_ != 0; }

 private:
  int volatile* word_;
};

enum class step_end { stopped, gone, stuck };

class victim {
 public:
  victim(kill_experiment const& experiment, done_flag& done) : experiment_(experiment), done_(done) {
    std::fflush(nullptr);
    id_ = ::fork();
    if (id_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (id_ == 0) {
      if (experiment.prepare) experiment.prepare();
      if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(errno);
      ::raise(SIGSTOP);
      experiment.operation();
      done.set();
      for (;;) ::pause();
    }
    int status = 0;
    if (::waitpid(id_, &status, __WALL) != id_ || !WIFSTOPPED(status)) {
      id_ = 0;
      refusal_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
  }
  victim(victim const&) = delete;
  victim& operator=(victim const&) = delete;
  ~victim() { kill(); }

  // 0; or the errno of a ptrace that was denied; or -1 where the child ended before the operation.
  int refusal() const { return refusal_; }

  // One instruction. What the child was about to be told by a signal, it is told with the next step.
  step_end step(long& sleeps) {
    if (::ptrace(PTRACE_SINGLESTEP, id_, nullptr, pending_) != 0) return step_end::gone;
    pending_ = nullptr;
    auto const begin = steady_clock::now();
    bool told = false;
    for (int round = 0;; ++round) {
      int status = 0;
      if (::waitpid(id_, &status, WNOHANG | __WALL) == id_) return after_stop(status);
      if (round < 20) {  // on one CPU this is the quickest way to let the child run
        ::sched_yield();
        continue;
      }
      auto const passed = steady_clock::now() - begin;
      if (!told && passed > 1500us && state_of(id_) == 'S') {
        told = true;
        ++sleeps;
        if (experiment_.asleep) experiment_.asleep();
      }
      if (told && passed > experiment_.patience) return step_end::stuck;
      ::usleep(30);
    }
  }

  // Lets the child run on from where it is; true if it came to the end of the operation.
  bool run_on() {
    ::ptrace(PTRACE_CONT, id_, nullptr, pending_);
    pending_ = nullptr;
    auto const until = steady_clock::now() + experiment_.patience;
    while (!done_.is_set() && steady_clock::now() < until) {
      int status = 0;
      if (::waitpid(id_, &status, WNOHANG | __WALL) == id_) {
        if (after_stop(status) == step_end::gone) return false;
        ::ptrace(PTRACE_CONT, id_, nullptr, pending_);
        pending_ = nullptr;
      }
      ::sched_yield();
    }
    return done_.is_set();
  }

  void kill() {
    if (id_ <= 0) return;
    ::kill(id_, SIGKILL);  // not reaped yet, so the number is still its own
    int status = 0;
    while (::waitpid(id_, &status, __WALL) == id_ && WIFSTOPPED(status)) {}
    id_ = 0;
  }

 private:
  step_end after_stop(int status) {
    if (!WIFSTOPPED(status)) {
      id_ = 0;  // reaped
      return step_end::gone;
    }
    auto const signal = WSTOPSIG(status);
    pending_ = signal == SIGTRAP ? nullptr : reinterpret_cast<void*>(static_cast<long>(signal));
    return step_end::stopped;
  }

  kill_experiment const& experiment_;
  done_flag& done_;
  pid_t id_ = 0;
  int refusal_ = 0;
  void* pending_ = nullptr;
};

}  // namespace

kill_report kill_at_each_instruction(kill_experiment const& experiment) {
  if (!experiment.operation || !experiment.check) {
    throw std::invalid_argument("kill_at_each_instruction: an operation and a check are needed");
  }
  one_cpu const here;
  done_flag done;
  kill_report report;
  auto const complain = [&](long point, std::string const& words) {
    if (report.failures++ == 0) {
      report.first_failure = point;
      report.complaint = words;
    }
  };

  // A sanitizer multiplies the instructions, and proves nothing more at each of them.
  long const wished = experiment.stride * (thread_sanitized            ? 101
                                           : address_sanitized         ? 17
                                           : no_wider_stride::wanted() ? 1
                                           : brief()                   ? 23
                                                                       : 5);
  long const stride = soaking() ? 1 : wished;
  long const start = stride == 1
                         ? experiment.first
                         : experiment.first + static_cast<long>(test_seed() % static_cast<unsigned long>(stride));
  for (long point = start; !report.completed; point += stride) {
    done.clear();
    if (experiment.reset) experiment.reset();
    {
      victim child{experiment, done};
      if (child.refusal() > 0) {
        report.skipped = std::string("ptrace is denied here: ") + std::strerror(child.refusal());
        return report;
      }
      if (child.refusal() < 0) {
        complain(point, "the child ended before the operation");
        return report;
      }
      for (long n = 0; n < point && !report.completed; ++n) {
        auto const end = child.step(report.sleeps);
        if (end == step_end::gone) {
          complain(point, "the child ended by itself at instruction " + std::to_string(n));
          return report;
        }
        if (end == step_end::stuck) {
          complain(point, "nobody woke the child, which sleeps at instruction " + std::to_string(n));
          return report;
        }
        report.completed = done.is_set();
      }
      if (experiment.meanwhile) {
        experiment.meanwhile();
        if (!child.run_on()) complain(point, "the interrupted child did not come to the end of its operation");
      }
      child.kill();
    }
    ++report.points;
    if (auto const found = experiment.check(); !found.fine()) complain(point, found.complaint());
  }
  return report;
}

bool sleeps_until_woken() {
  if (::syscall(449, nullptr, 0, 0, nullptr, 0) >= 0 || errno == EINVAL) return true;
  WARN("SKIP(futex_waitv): " << std::strerror(errno));
  return false;
}

std::string kill_report::to_string() const {
  if (!skipped.empty()) return "skipped: " + skipped;
  auto text = std::to_string(points) + " points, " + std::to_string(failures) + " failures, " + std::to_string(sleeps) +
              " sleeps" + (completed ? "" : ", not completed");
  if (failures != 0) text += "; first at instruction " + std::to_string(first_failure) + ": " + complaint;
  return text + " (TANDEM_TEST_SEED=" + std::to_string(test_seed()) + ")";
}

}  // namespace tandem_test
