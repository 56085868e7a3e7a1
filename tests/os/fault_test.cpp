// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/fault.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <vector>

#include "support/build_kind.hpp"
#include "support/catch.hpp"

namespace os = tandem::os;

namespace {

// What the handlers of these tests have seen.
std::atomic<int> calls{0};
int code = 0;
void* tag = nullptr;
void* address = nullptr;
std::uintptr_t at = 0;

struct handled {
  explicit handled(int signal, void (*handler)(int, siginfo_t*, void*)) : signal_(signal) {
    calls = 0;
    struct sigaction ours {};
    ours.sa_flags = SA_SIGINFO;
    ours.sa_sigaction = handler;
    REQUIRE(::sigaction(signal, &ours, &before_) == 0);
  }
  ~handled() { ::sigaction(signal_, &before_, nullptr); }

 private:
  int signal_;
  struct sigaction before_ {};
};

std::vector<std::uintptr_t>* frames = nullptr;

[[gnu::noinline]] void walk(std::size_t most) {
  os::walk_stack([most](std::uintptr_t frame) {
    frames->push_back(frame);
    return frames->size() < most;
  });
  asm("");
}

}  // namespace

TEST_CASE("fault: knows the signals of crashes", "[os][fault]") {
  for (int const signal : os::fault_signals) CHECK(os::is_fault(signal));
  for (int const signal : {0, SIGKILL, SIGTERM, SIGUSR1, SIGPIPE, 64, -1}) CHECK_FALSE(os::is_fault(signal));
}

TEST_CASE("fault: walk_stack visits the callers, until it is enough", "[os][fault]") {
  std::vector<std::uintptr_t> found;
  frames = &found;
  walk(1000);
  CHECK(found.size() > 2);
  std::size_t const all = found.size();
  auto const function = reinterpret_cast<std::uintptr_t>(&walk);
  CHECK(
      std::any_of(found.begin(), found.end(), [&](auto frame) { return frame > function && frame < function + 4096; }));
  found.clear();
  walk(2);
  CHECK(found.size() == 2);
  CHECK(all > 2);
}

TEST_CASE("fault: signal_again brings the same signal once the handler has returned", "[os][fault]") {
  handled const watched(SIGUSR2, [](int signal, siginfo_t* info, void* context) {
    code = info->si_code;
    address = info->si_addr;
    at = os::interrupted_at(context);
    if (calls++ != 0) return;
    siginfo_t made = *info;
    made.si_code = SEGV_ACCERR;
    made.si_addr = &calls;
    os::signal_again(signal, made);
    if (calls != 1) calls = 100;  // not while it runs
  });
  ::raise(SIGUSR2);
  CHECK(calls == 2);
  CHECK(code == SEGV_ACCERR);
  CHECK(address == &calls);
#if defined(__x86_64__) || defined(__aarch64__)
  CHECK(at != 0);
#endif
  sigset_t blocked;
  REQUIRE(::pthread_sigmask(SIG_BLOCK, nullptr, &blocked) == 0);
  CHECK(::sigismember(&blocked, SIGUSR2) == 0);  // the handler's end has undone it
}

TEST_CASE("fault: a thread's timer sends its signal, with its tag, to that thread", "[os][fault]") {
  handled const watched(SIGUSR2, [](int, siginfo_t* info, void*) {
    code = info->si_code;
    tag = info->si_value.sival_ptr;
    ++calls;
  });
  int timer = 0;
  REQUIRE(os::start_thread_timer(SIGUSR2, 1'000'000, &calls, timer) == 0);
  while (calls == 0) {}
  CHECK(code == SI_TIMER);
  CHECK(tag == &calls);
  os::stop_thread_timer(timer);
  CHECK(calls == 1);
}

TEST_CASE("fault: a timer for no signal is refused", "[os][fault]") {
  int timer = 0;
  CHECK(os::start_thread_timer(1000, 1'000'000, nullptr, timer) == -1);
  CHECK(errno == EINVAL);
}
