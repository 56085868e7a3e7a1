// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/stack.hpp"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

namespace os = tandem::os;
using namespace tandem_test;

namespace {

[[gnu::always_inline]] inline std::byte const* here() {
  return static_cast<std::byte const*>(__builtin_frame_address(0));
}

// Lies in a caller's frame: below the end, and every byte up to the end can be read.
[[gnu::noinline]] bool end_is_above(void const* caller_frame) {
  auto* const end = os::stack_end(here());
  if (end == nullptr || end <= static_cast<std::byte const*>(caller_frame)) return false;
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) return false;
  bool readable = true;  // write(2), without a sanitizer's eyes, says EFAULT where memory is missing
  auto* at = here();
  for (; at < end && readable; at += 4096 < end - at ? 4096 : end - at) {
    char byte = 0;
    readable = ::syscall(SYS_write, pipe_ends[1], at, 1) == 1 && ::read(pipe_ends[0], &byte, 1) == 1;
  }
  readable = readable && ::syscall(SYS_write, pipe_ends[1], end - 1, 1) == 1;
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
  return readable;
}

thread_local char thread_locals[20'000] = {1};

struct fiber_result {
  bool ran = false;
  std::byte* end = nullptr;
} of_fiber;

// Runs a function on a stack of its own, as a fiber would.
std::byte* end_on_fiber(void* memory, std::size_t bytes) {
  static ucontext_t back;
  ucontext_t fiber;
  REQUIRE(::getcontext(&fiber) == 0);
  fiber.uc_stack.ss_sp = memory;
  fiber.uc_stack.ss_size = bytes;
  fiber.uc_link = &back;
  ::makecontext(
      &fiber,
      [] {
        of_fiber = {true, os::stack_end(here())};
      },
      0);
  of_fiber = {};
  REQUIRE(::swapcontext(&back, &fiber) == 0);
  REQUIRE(of_fiber.ran);
  return of_fiber.end;
}

constexpr std::size_t fiber_bytes = 256 * 1024;

std::byte* end_on_mapped_fiber() {
  void* const memory =
      ::mmap(nullptr, fiber_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  auto* const end = end_on_fiber(memory, fiber_bytes);
  ::munmap(memory, fiber_bytes);
  return end;
}

}  // namespace

TEST_CASE("stack: on the main thread the end lies above every caller's frame", "[os][stack]") {
  CHECK(end_is_above(here()));
  CHECK(os::stack_end(here()) == os::stack_end(here()));
  CHECK(run_in_child([frame = here()] { CHECK(end_is_above(frame)); }).passed());
}

TEST_CASE("stack: in a thread it lies above its frames and below its thread-local variables", "[os][stack]") {
  std::thread{[] {
    auto const* const frame = here();
    CHECK(end_is_above(frame));
    auto const* const locals = reinterpret_cast<std::byte const*>(&thread_locals[0]);
    auto const* const end = os::stack_end(here());
    CHECK((locals >= end || locals < frame));
    CHECK((reinterpret_cast<std::byte const*>(::pthread_self()) >= end));
  }}.join();
}

TEST_CASE("stack: threads have ends of their own", "[os][stack]") {
  std::byte* ends[2] = {};
  std::thread first{[&] {
    ends[0] = os::stack_end(here());
    std::thread{[&] { ends[1] = os::stack_end(here()); }}.join();
  }};
  first.join();
  CHECK(ends[0] != nullptr);
  CHECK(ends[1] != nullptr);
  CHECK(ends[0] != ends[1]);
  CHECK(ends[0] != os::stack_end(here()));
}

TEST_CASE("stack: a thread on memory of the caller's choice has its end there", "[os][stack]") {
  constexpr std::size_t bytes = 1 << 20;
  void* const memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  pthread_attr_t attributes;
  ::pthread_attr_init(&attributes);
  REQUIRE(::pthread_attr_setstack(&attributes, memory, bytes) == 0);
  pthread_t thread;
  void* end = nullptr;
  REQUIRE(::pthread_create(
              &thread, &attributes, [](void*) { return static_cast<void*>(os::stack_end(here())); }, nullptr) == 0);
  ::pthread_join(thread, &end);
  ::pthread_attr_destroy(&attributes);
  if (!sanitized) {  // which put a stack of their own in its place
    CHECK(end > memory);
    CHECK(end < static_cast<std::byte*>(memory) + bytes);
  }
  ::munmap(memory, bytes);
}

TEST_CASE("stack: a child that a thread forked is still on that thread's stack", "[os][stack]") {
  bool const asked_before = GENERATE(true, false);
  CAPTURE(asked_before);
  bool passed = false;
  std::thread{[&] {
    if (asked_before) os::stack_end(here());
    passed = run_in_child([frame = here()] { CHECK(end_is_above(frame)); }).passed();
  }}.join();
  CHECK(passed);
}

TEST_CASE("stack: a fiber's stack has no end that we know", "[os][stack]") {
  CHECK(end_on_mapped_fiber() == nullptr);
  std::thread{[] { CHECK(end_on_mapped_fiber() == nullptr); }}.join();
}

TEST_CASE("stack: a signal's alternate stack has no end that we know", "[os][stack]") {
  static bool told = true;
  CHECK(run_in_child([] {
          auto const memory = std::make_unique<char[]>(fiber_bytes);
          stack_t alternate{};
          alternate.ss_sp = memory.get();
          alternate.ss_size = fiber_bytes;
          REQUIRE(::sigaltstack(&alternate, nullptr) == 0);
          struct sigaction action {};
          action.sa_handler = [](int) { told = os::stack_end(here()) != nullptr; };
          action.sa_flags = SA_ONSTACK;
          ::sigaction(SIGUSR1, &action, nullptr);
          ::raise(SIGUSR1);
          CHECK_FALSE(told);
          alternate.ss_flags = SS_DISABLE;
          ::sigaltstack(&alternate, nullptr);
        }).passed());
}

TEST_CASE("stack: the same where addresses are not randomised", "[os][stack]") {
  if (sanitized) return;  // their shadows may not fit there
  constexpr char const* end_to_tell = "TANDEM_TEST_STACK_TELL";
  if (char const* const told_end =
          std::getenv(end_to_tell)) {  // the program below: mappings begin 128 MiB below the main stack
    CHECK((::personality(0xffffffff) & ADDR_NO_RANDOMIZE) != 0);
    CHECK(end_is_above(here()));
    CHECK(end_on_mapped_fiber() == nullptr);
    std::thread{[] {
      CHECK(end_is_above(here()));
      CHECK(run_in_child([frame = here()] { CHECK(end_is_above(frame)); }).passed());
    }}.join();
    CHECK(::write(std::atoi(told_end), "y", 1) == 1);
    return;
  }
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  auto const child = run_in_child([&] {
    int const current = ::personality(0xffffffff);
    if (current < 0 || ::personality(static_cast<unsigned long>(current) | ADDR_NO_RANDOMIZE) < 0) {
      WARN("skipped: personality(2): " << std::strerror(errno));
      CHECK(::write(ends[1], "s", 1) == 1);
      return;
    }
    ::setenv(end_to_tell, std::to_string(ends[1]).c_str(), 1);
    ::execl("/proc/self/exe", "os_test", "stack: the same where addresses are not randomised",
            static_cast<char*>(nullptr));
    CHECK(std::string("exec") == std::strerror(errno));
  });
  INFO(child.to_string());
  CHECK(child.passed());
  ::close(ends[1]);
  char told = 0;
  CHECK(::read(ends[0], &told, 1) == 1);  // it has run, whatever it was called
  ::close(ends[0]);
}
