// SPDX-License-Identifier: BSL-1.0
// ms from the word "go" to a child that has 100 MB of doubles ready, until its starter has them and has looked into
// each of their pages. Neither the child's start nor its exit is in the time.
#include <sys/mman.h>  // for memfd_create, mmap
#include <sys/uio.h>   // for process_vm_readv
#include <sys/wait.h>  // for waitpid
#include <unistd.h>    // for fork, pipe, read, write

#include <algorithm>  // for copy, equal
#include <atomic>     // for atomic
#include <chrono>     // for steady_clock
#include <cstddef>    // for size_t
#include <cstdint>    // for uint32_t
#include <cstring>    // for memcpy
#include <memory>     // for unique_ptr
#include <span>       // for span
#include <vector>     // for vector

#include "support/question.hpp"
#include "tandem/execution.hpp"
#include "tandem/memory/shared_array.hpp"
#include "tandem/memory/shm.hpp"
#include "tandem/os/futex.hpp"

namespace tandem_bench {
namespace {

using clock = std::chrono::steady_clock;

std::vector<double> const& source() {
  static std::vector<double> const numbers = [] {
    std::vector<double> made((quick() ? std::size_t{1} << 20 : std::size_t{100} << 20) / sizeof(double));
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<double>(i);
    return made;
  }();
  return numbers;
}
std::size_t bytes() { return source().size() * sizeof(double); }

void look_at(double const* numbers) {
  double sum = 0;
  for (std::size_t i = 0; i < source().size(); i += 512) sum += numbers[i] - static_cast<double>(i);
  check(sum == 0 && numbers[source().size() - 1] == source().back(), "the numbers");
}

// Where the two meet.
class gate {
 public:
  gate()
      : stage_(static_cast<std::atomic<std::uint32_t>*>(
            ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {
    check(stage_ != MAP_FAILED, "mmap");
  }
  gate(gate const&) = delete;
  ~gate() { ::munmap(stage_, 4096); }

  void pass(std::uint32_t stage) const {
    stage_->store(stage);
    tandem::os::futex_wake(stage_);
  }
  void wait_for(std::uint32_t stage) const {
    for (std::uint32_t seen = stage_->load(); seen < stage; seen = stage_->load()) tandem::os::futex_wait(stage_, seen);
  }

 private:
  std::atomic<std::uint32_t>* stage_;
};
constexpr std::uint32_t ready = 1, go = 2, there = 3, over = 4;

// A child by fork(2): `prepare` and `hand_over` there, `receive` here.
template <class Prepare, class HandOver, class Receive>
clock::duration by_hand(Prepare prepare, HandOver hand_over, Receive receive) {
  gate const meeting;
  pid_t const child = ::fork();
  if (child == 0) {
    prepare();
    meeting.pass(ready);
    meeting.wait_for(go);
    hand_over();
    meeting.pass(there);
    meeting.wait_for(over);
    ::_exit(0);
  }
  check(child > 0, "fork");
  meeting.wait_for(ready);
  ::usleep(1000);  // until it sleeps
  auto const begin = clock::now();
  meeting.pass(go);
  receive(child, meeting);
  auto const took = clock::now() - begin;
  meeting.pass(over);
  check(::waitpid(child, nullptr, 0) == child, "waitpid");
  return took;
}

clock::duration through_a_pipe() {
  int ends[2];
  check(::pipe(ends) == 0, "pipe");
  auto const took = by_hand([&] { ::close(ends[0]); },
                            [&] {
                              auto const* at = reinterpret_cast<char const*>(source().data());
                              for (std::size_t done = 0; done < bytes();)
                                done += static_cast<std::size_t>(::write(ends[1], at + done, bytes() - done));
                            },
                            [&](pid_t, gate const&) {
                              std::vector<double> numbers(source().size());
                              auto* const at = reinterpret_cast<char*>(numbers.data());
                              for (std::size_t done = 0; done < bytes();)
                                done += static_cast<std::size_t>(::read(ends[0], at + done, bytes() - done));
                              look_at(numbers.data());
                            });
  ::close(ends[0]);
  ::close(ends[1]);
  return took;
}

clock::duration by_a_memory_file(int populate) {
  int const file = ::memfd_create("result", MFD_CLOEXEC);
  check(file >= 0 && ::ftruncate(file, static_cast<off_t>(bytes())) == 0, "memfd_create");
  auto const took = by_hand([] {},
                            [&] {
                              void* const at =
                                  ::mmap(nullptr, bytes(), PROT_READ | PROT_WRITE, MAP_SHARED | populate, file, 0);
                              std::memcpy(at, source().data(), bytes());
                            },
                            [&](pid_t, gate const& meeting) {
                              meeting.wait_for(there);
                              void* const at = ::mmap(nullptr, bytes(), PROT_READ, MAP_SHARED | populate, file, 0);
                              look_at(static_cast<double const*>(at));
                              ::munmap(at, bytes());
                            });
  ::close(file);
  return took;
}

clock::duration read_from_its_memory() {
  return by_hand([] {}, [] {},
                 [](pid_t child, gate const&) {
                   std::vector<double> numbers(source().size());
                   auto* const to = reinterpret_cast<char*>(numbers.data());
                   auto* const from = reinterpret_cast<char*>(const_cast<double*>(source().data()));
                   for (std::size_t done = 0; done < bytes();) {
                     iovec const here{to + done, bytes() - done}, theirs{from + done, bytes() - done};
                     ssize_t const got = ::process_vm_readv(child, &here, 1, &theirs, 1, 0);
                     check(got > 0, "process_vm_readv");
                     done += static_cast<std::size_t>(got);
                   }
                   look_at(numbers.data());
                 });
}

// A tandem::process whose workload returns what `make` makes.
template <class Make, class Data> clock::duration by_tandem(Make make, Data data) {
  gate const meeting;
  tandem::process child([&meeting, make] {
    auto result = make();
    meeting.pass(ready);
    meeting.wait_for(go);
    return result;
  });
  meeting.wait_for(ready);
  ::usleep(1000);
  auto const begin = clock::now();
  meeting.pass(go);
  look_at(data(*child.get_outcome()));
  auto const took = clock::now() - begin;
  check(child.join().has_value(), "the join");
  return took;
}

clock::duration a_vector_by_value() {
  return by_tandem([] { return source(); }, [](auto const& result) { return result.data(); });
}
clock::duration a_shared_array() {
  return by_tandem([] { return tandem::shared<double[]>(std::span<double const>(source())); },
                   [](auto const& result) { return result.data(); });
}
clock::duration a_vector_in_the_commons() {
  return by_tandem([] { return tandem::shm::vector<double>(source().begin(), source().end()); },
                   [](auto const& result) { return result.data(); });
}

template <class Body> auto timed(Body body) {
  return [body](std::size_t count) {
    clock::duration total{};
    for (; count != 0; --count) total += body();
    return total;
  };
}

std::vector<double>& warm() {
  static std::vector<double> numbers(source().size());
  return numbers;
}

}  // namespace

void questions() {
  question("M4: 100 MB that were made in shared memory", unit::ms)
      .base("pipe", timed(through_a_pipe))
      .peer("tandem: shared<double[]>", timed(a_shared_array))
      .peer("tandem: shm::vector<double>", timed(a_vector_in_the_commons))
      .budget("tandem: shared<double[]>", at_most(0.01))
      .budget("tandem: shm::vector<double>", at_most(0.01));

  question("M5: 100 MB, a std::vector by value", unit::ms)
      .about("The memory file is new each time, and no copy is made of it at the receiver's.")
      .base("memory file", timed([] { return by_a_memory_file(0); }))
      .peer("the same, MAP_POPULATE", timed([] { return by_a_memory_file(MAP_POPULATE); }))
      .peer("tandem: std::vector<double>", timed(a_vector_by_value))
      .peer("pipe", timed(through_a_pipe))
      .peer("process_vm_readv", timed(read_from_its_memory))
      .peer("memcpy to a new vector",
            [] {
              auto const copy = source();
              look_at(copy.data());
            })
      .peer("memcpy to where there was something", timed([] {
              auto const copy = [] { std::copy(source().begin(), source().end(), warm().begin()); };
              copy();  // a fork has made its pages copy-on-write
              auto const begin = clock::now();
              copy();
              look_at(warm().data());
              return clock::now() - begin;
            }))
      .budget("tandem: std::vector<double>", at_most(1 / 0.9))
      .budget("tandem: std::vector<double>", at_most(1 / 0.7), "memcpy to where there was something");
}

}  // namespace tandem_bench
