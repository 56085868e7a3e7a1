// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/this_child.hpp"

#include <atomic>
#include <chrono>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/supervisor.hpp"
#include "tandem/execution/this_unit.hpp"
#include "tandem/memory/shared.hpp"

using namespace std::chrono_literals;
using tandem::impl::pulse, tandem::impl::pulse_here, tandem::mode, tandem::shared;

TEST_CASE("this_child: where no supervisor asks, it does nothing", "[crew][this_child]") {
  tandem::this_child::beat();
  tandem::this_child::ready();
  CHECK(pulse_here::find() == nullptr);
  tandem::supervisor<tandem::thread> crew;
  std::atomic<int> found{0};
  crew.add({.restart = tandem::restart::temporary}, [&] {
    tandem::this_child::beat();
    tandem::this_child::ready();
    found = pulse_here::find() == nullptr ? 1 : 2;
  });
  crew.run();
  CHECK(found == 1);
}

TEST_CASE("this_child: a process that a child starts is not the child", "[crew][this_child]") {
  auto const how = GENERATE(mode::thread, mode::process);
  if (tandem_test::thread_sanitized && how == mode::process)
    return;  // it has no threads in a fork of a program with threads
  tandem::supervisor crew(how);
  shared<std::atomic<int>> const found(0);
  crew.add({.restart = tandem::restart::temporary, .heartbeat = 1h}, [found] {
    if (pulse_here::find() != nullptr) ++*found;
    tandem::process([found] {
      if (pulse_here::find() == nullptr) ++*found;
    }).join();
    tandem::thread([found] {  // of a process a part, of a thread none
      if ((pulse_here::find() == nullptr) == (tandem::this_unit::parent().number != 0)) ++*found;
    })
        .join();
  });
  crew.run();
  CHECK(*found == 3);
  CHECK(pulse_here::find() == nullptr);
}

TEST_CASE("this_child: a child's child has a pulse of its own, or none", "[crew][this_child]") {
  auto const how = GENERATE(mode::thread, mode::process);
  if (tandem_test::thread_sanitized && how == mode::process)
    return;  // it has no threads in a fork of a program with threads
  auto const inner = GENERATE(mode::thread, mode::process);
  tandem::supervisor crew(how);
  shared<std::atomic<int>> const right(0);
  crew.add({.restart = tandem::restart::temporary, .heartbeat = 1h}, [right, inner] {
    auto* const mine = pulse_here::find();
    tandem::supervisor within(inner);
    within.add({.restart = tandem::restart::temporary}, [right] {
      if (pulse_here::find() == nullptr) ++*right;
    });
    within.add({.restart = tandem::restart::temporary, .heartbeat = 2h}, [right] {
      if (pulse_here::find()->every == std::chrono::nanoseconds(2h).count()) ++*right;
    });
    within.run();
    if (pulse_here::find() == mine && mine != nullptr) ++*right;
  });
  crew.run();
  CHECK(*right == 3);
}
