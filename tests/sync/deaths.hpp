// SPDX-License-Identifier: BSL-1.0
// What the tests of sync/ share: where a thing may lie, and what is done to those who use it.
#ifndef TANDEM_TESTS_SYNC_DEATHS_HPP
#define TANDEM_TESTS_SYNC_DEATHS_HPP

#include <signal.h>
#include <unistd.h>

#include <atomic>      // for atomic
#include <chrono>      // for seconds
#include <functional>  // for function
#include <memory>      // for construct_at, destroy_at
#include <string>      // for string
#include <thread>      // for this_thread
#include <utility>     // for forward

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "support/watchdog.hpp"
#include "tandem/memory/impl/participants.hpp"
#include "tandem/memory/shared.hpp"

namespace tandem_test {

/// Calls `body` with a T in the commons, where owners are participants, and with one in other shared memory, where they
/// are numbers.
template <class T, class Body, class... A> void in_each_home(Body body, A const&... arguments) {
  tandem::shared<T> in_commons(arguments...);
  body(*in_commons);
  body(place<T>(arguments...));
}

/// Runs `body` in a child that is killed behind it.
inline void die_after(std::function<void()> const& body) {
  CHECK(run_in_child([&] {
          body();
          ::raise(SIGKILL);
        }).signal == SIGKILL);
}

/// A child that is behind `body`, and stays there until it is killed.
inline child_process stay_after(std::function<void()> const& body) {
  auto& there = place<std::atomic<bool>>(false);
  child_process child([&] {
    body();
    there = true;
    for (;;) ::pause();
  });
  while (!there) std::this_thread::yield();
  return child;
}

/// Kills a child at every `stride`-th instruction of `operation` on a T in the commons, made anew of `arguments` each
/// time; `before` comes here, `prepare` in the child.
template <class T, class... A>
void survives_kills_beside(long stride, std::function<void(T&)> const& before, std::function<void(T&)> const& prepare,
                           std::function<void(T&)> const& operation, std::function<verdict(T&)> const& check,
                           A const&... arguments) {
  if (sanitized) return;  // their own instructions would be stepped through, a hundred for one of ours
  watchdog::allow(std::chrono::seconds(soaking() ? 3600 : 180));
  tandem::shared<T> one(arguments...);
  auto const report = kill_at_each_instruction({
      .reset =
          [&] {
            std::destroy_at(one.get());
            std::construct_at(one.get(), arguments...);
            if (before) before(*one);
          },
      .prepare =
          [&] {
            tandem::impl::participants::self();
            if (prepare) prepare(*one);
          },
      .operation = [&] { operation(*one); },
      .check = [&] { return check(*one); },
      .stride = soaking() ? 1 : stride,
  });
  INFO(report.to_string());
  CHECK(report.passed());
}

/// The same where nobody is beside.
template <class T, class... A>
void survives_kills(long stride, std::function<void(T&)> const& prepare, std::function<void(T&)> const& operation,
                    std::function<verdict(T&)> const& check, A const&... arguments) {
  survives_kills_beside<T>(stride, {}, prepare, operation, check, arguments...);
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SYNC_DEATHS_HPP
