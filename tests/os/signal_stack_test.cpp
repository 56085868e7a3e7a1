// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/signal_stack.hpp"

#include <signal.h>

#include <cerrno>
#include <memory>
#include <thread>

#include "support/build_kind.hpp"
#include "support/catch.hpp"

namespace os = tandem::os;

TEST_CASE("signal_stack: is where handlers that ask for it run, in that thread, until it is taken away",
          "[os][signal_stack]") {
  std::size_t const before = os::signal_stack();
  std::thread([] {
    if (tandem_test::sanitized) return;  // a sanitizer gives threads one, which it takes away itself
    CHECK(os::signal_stack() == 0);
    auto const memory = std::make_unique<std::byte[]>(os::signal_stack_bytes);
    REQUIRE(os::set_signal_stack(memory.get(), os::signal_stack_bytes) == 0);
    CHECK(os::signal_stack() == os::signal_stack_bytes);
    static std::byte* ran_at;
    struct sigaction there {};
    struct sigaction old {};
    there.sa_flags = SA_ONSTACK;
    there.sa_handler = [](int) { ran_at = static_cast<std::byte*>(__builtin_frame_address(0)); };
    REQUIRE(::sigaction(SIGUSR1, &there, &old) == 0);
    ::raise(SIGUSR1);
    CHECK(ran_at > memory.get());
    CHECK(ran_at < memory.get() + os::signal_stack_bytes);
    REQUIRE(os::drop_signal_stack() == 0);
    CHECK(os::signal_stack() == 0);
    ::raise(SIGUSR1);
    CHECK((ran_at < memory.get() || ran_at > memory.get() + os::signal_stack_bytes));
    ::sigaction(SIGUSR1, &old, nullptr);
  }).join();
  CHECK(os::signal_stack() == before);
}

TEST_CASE("signal_stack: one that is too small is refused", "[os][signal_stack]") {
  std::byte small[16];
  std::size_t const before = os::signal_stack();
  CHECK(os::set_signal_stack(small, sizeof small) == -1);
  CHECK(errno == ENOMEM);
  CHECK(os::signal_stack() == before);
}
