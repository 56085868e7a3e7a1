// SPDX-License-Identifier: BSL-1.0
// us from the call that starts a process to the return of the join that has taken how it ended, by each start method,
// in parents of several sizes; and to its outcome, where the exit is not waited for.
#include <spawn.h>     // for posix_spawn
#include <sys/mman.h>  // for mmap
#include <sys/wait.h>  // for waitid
#include <unistd.h>    // for _exit, fork, read, usleep, write

#include <atomic>    // for atomic
#include <chrono>    // for steady_clock
#include <cstddef>   // for size_t
#include <cstdint>   // for int64_t, uint32_t, uint64_t
#include <memory>    // for make_shared
#include <optional>  // for optional
#include <string>    // for string, to_string
#include <thread>    // for thread, yield
#include <utility>   // for move

#include "execution/outside.hpp"
#include "support/balloon.hpp"
#include "support/placement.hpp"
#include "support/question.hpp"
#include "tandem/execution.hpp"
#include "tandem/os/futex.hpp"
#include "tandem/resource/pipe.hpp"

namespace tandem_bench {
namespace {

using clock = std::chrono::steady_clock;

char* program = nullptr;
std::optional<tandem::zygote> lean;   // made when the program was small
std::optional<tandem::zygote> ready;  // with spares
constexpr std::uint32_t spares = 8;

int one() { return 1; }

void start_and_join(tandem::start how) {
  check(tandem::process({.start = how}, &one).join().value() == 1, "the result");
}

/// Waits for the spares to be there again and asleep, which is not in the time.
void settle() {
  while (ready->ready() < spares) ::usleep(100);
  ::usleep(300);
}

/// One at a time, each after the machine has settled.
template <class Body> auto settled(Body body) {
  return [body](std::size_t count) {
    clock::duration total{};
    for (std::size_t i = 0; i < count; ++i) {
      settle();
      total += body();
    }
    return total;
  };
}

clock::duration thread_to_join() {
  auto const begin = clock::now();
  int result = 0;
  std::thread([&result] { result = 1; }).join();
  auto const took = clock::now() - begin;
  check(result == 1, "the result");
  return took;
}

clock::duration spare_to_outcome() {
  auto const begin = clock::now();
  tandem::process unit{{.start = *ready}, &one};
  check(unit.get_outcome().value() == 1, "the outcome");
  auto const took = clock::now() - begin;
  check(unit.join().has_value(), "the join");
  return took;
}

clock::duration spare_to_join() {
  auto const begin = clock::now();
  start_and_join(*ready);
  return clock::now() - begin;
}

/// A process that answers each request by a futex: the least that a request and its reply can cost.
class futex_peer {
 public:
  futex_peer() {
    void* const at = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    check(at != MAP_FAILED, "mmap");
    words_ = static_cast<std::atomic<std::uint32_t>*>(at);
    child_ = ::fork();
    if (child_ == 0) {
      pin_side(1);
      tandem::os::futex_wake(&words_[128]);  // a first use of a page costs more than all the rest
      tandem::os::futex_wait(&words_[128], 1);
      for (std::uint32_t seen = 0;; ++seen) {
        while (words_[0] == seen) tandem::os::futex_wait(&words_[0], seen);
        words_[64] = seen + 1;
        tandem::os::futex_wake(&words_[64]);
      }
    }
    check(child_ > 0, "fork");
  }
  futex_peer(futex_peer const&) = delete;
  ~futex_peer() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    ::munmap(words_, 4096);
  }
  clock::duration round_trip() {
    auto const begin = clock::now();
    std::uint32_t const next = words_[0] + 1;
    words_[0] = next;
    tandem::os::futex_wake(&words_[0]);
    while (words_[64] != next) tandem::os::futex_wait(&words_[64], next - 1);
    return clock::now() - begin;
  }

 private:
  std::atomic<std::uint32_t>* words_ = nullptr;
  pid_t child_ = 0;
};

/// The same by a process that was made for it and sleeps for the first time: what a spare is, with nothing to start.
clock::duration round_trip_of_a_new_peer() {
  futex_peer peer;
  ::usleep(200);  // until it sleeps; if it does not, the wake costs less
  return peer.round_trip();
}

/// Spares on the side of the measurement that is not the starter's.
std::shared_ptr<void> spares_there() {
  std::thread([] {
    pin_side(1);
    ready.emplace(tandem::zygote::options{.spares = spares});
  }).join();
  return {nullptr, [](void*) { ready.reset(); }};
}

/// A process that stays small, and starts processes from a zygote of its own when it is asked to.
class small_parent {
 public:
  small_parent()
      : server_(
            {.start = *lean},
            [](tandem::fd requests, tandem::fd answers) {
              tandem::zygote own;
              for (std::uint64_t count = 0; ::read(requests.get(), &count, sizeof count) == sizeof count;) {
                auto const begin = clock::now();
                for (; count != 0; --count) start_and_join(own);
                std::int64_t const took = (clock::now() - begin).count();
                check(::write(answers.get(), &took, sizeof took) == sizeof took, "an answer");
              }
            },
            std::move(requests_.read_end), std::move(answers_.write_end)) {}
  small_parent(small_parent const&) = delete;
  ~small_parent() { requests_.write_end.reset(); }  // which ends it

  clock::duration starts(std::uint64_t count) {
    check(::write(requests_.write_end.get(), &count, sizeof count) == sizeof count, "a request");
    std::int64_t took = 0;
    check(::read(answers_.read_end.get(), &took, sizeof took) == sizeof took, "an answer");
    return clock::duration(took);
  }

 private:
  tandem::pipe requests_, answers_;
  tandem::process<void> server_;
};

void spawn_itself() {
  char* arguments[] = {program, const_cast<char*>("--exit-at-once"), nullptr};
  pid_t child = 0;
  check(::posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, arguments, environ) == 0, "posix_spawn");
  siginfo_t info{};
  check(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED) == 0 && info.si_status == 0, "the child's exit code");
}

std::string parent_of(std::size_t mb) { return mb == 0 ? "0" : std::to_string(mb) + " MB"; }

}  // namespace

void at_start(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--exit-at-once") ::_exit(0);
  tandem::initialize(argc, argv);
  program = argv[0];
  lean.emplace();
  ready.emplace(tandem::zygote::options{.spares = spares});
}

void questions() {
  for (std::size_t const mb : {0U, 256U, 1024U, 4096U}) {
    std::size_t const touched = (quick() ? mb / 64 : mb) << 20;
    question("process start and join by each method, parent " + parent_of(mb), unit::us)
        .about("Private 4 KB pages, all touched. The zygotes were made before them.")
        .surrounded_by([=] { return balloon(touched); })
        .base("fork + waitid", [] { check(plain_fork_and_wait(), "fork and waitid"); })
        .peer("start::fork", [] { start_and_join(tandem::start::fork); })
        .peer("zygote", [] { start_and_join(*lean); })
        .peer("spare", settled(spare_to_join))
        .peer("posix_spawn of this program", spawn_itself)
        .peer("start::exec", [] { start_and_join(tandem::start::exec); })
        .budget("zygote", at_most(mb == 0      ? 1.2
                                  : mb == 1024 ? 1.0 / 80
                                               : 1.0))
        .budget("start::exec", at_most(1.25), "posix_spawn of this program")
        .budget("spare", at_most(mb == 0 ? 1.1 : 1.0));
  }

  for (std::size_t const mb : {1024U, 4096U}) {
    std::size_t const touched = (quick() ? mb / 64 : mb) << 20;
    question("E3: from a zygote, parent " + parent_of(mb), unit::us)
        .surrounded_by([=] { return balloon(touched); })
        .base("zygote, parent 0",
              [from = std::make_shared<small_parent>()](std::size_t count) { return from->starts(count); })
        .peer("zygote", [] { start_and_join(*lean); })
        .budget("zygote", at_most(1.2));
  }

  for (auto const where : {placement::free, placement::two_cpus, placement::one_cpu}) {
    std::string const place = where == placement::free      ? ""
                              : where == placement::one_cpu ? ", on one CPU"
                                                            : ", on two CPUs";
    question("E4: from a spare to its outcome" + place, unit::us)
        .placed(where)
        .surrounded_by(spares_there)
        .base("std::thread start and join", settled(thread_to_join))
        .peer("spare", settled(spare_to_outcome))
        .peer("futex round trip, a process's first", settled(round_trip_of_a_new_peer))
        .budget("spare", at_most(1.0));
  }
  question("E4: request to reply", unit::us)
      .surrounded_by(spares_there)
      .base("futex round trip", settled([peer = std::make_shared<futex_peer>()] { return peer->round_trip(); }))
      .peer("spare", settled(spare_to_outcome))
      .budget("spare", at_most(1.25));
}

}  // namespace tandem_bench
