// SPDX-License-Identifier: BSL-1.0
#include "support/process_tree.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/place.hpp"

namespace {

// A child that starts a child, which says its id and waits.
tandem_test::child_process two_generations(std::atomic<pid_t>& grandchild) {
  return tandem_test::child_process{[&grandchild] {
    if (::fork() == 0) {
      grandchild = ::getpid();
      for (;;) ::pause();
    }
    ::wait(nullptr);
  }};
}

}  // namespace

TEST_CASE("process_tree: children and theirs are found, parents first", "[support][process_tree]") {
  auto& grandchild = tandem_test::place<std::atomic<pid_t>>(0);
  auto child = two_generations(grandchild);
  while (grandchild == 0) ::sched_yield();
  CHECK(tandem_test::children_of(::getpid()) == std::vector<pid_t>{child.id()});
  CHECK(tandem_test::descendants_of(::getpid()) == std::vector<pid_t>{child.id(), grandchild});
  CHECK(tandem_test::descendants_of(::getpid(), child.id()).empty());
  ::kill(grandchild, SIGKILL);
  CHECK(child.join().passed());
}

TEST_CASE("process_tree: killing the descendants leaves nobody but zombies", "[support][process_tree]") {
  auto& grandchild = tandem_test::place<std::atomic<pid_t>>(0);
  auto child = two_generations(grandchild);
  while (grandchild == 0) ::sched_yield();
  tandem_test::kill_descendants_of(::getpid());
  CHECK(tandem_test::state_of(child.id()) == 'Z');
  CHECK(child.join().signal == SIGKILL);
}

TEST_CASE("process_tree: who is not there has no state", "[support][process_tree]") {
  CHECK(tandem_test::state_of(::getpid()) == 'R');
  CHECK(tandem_test::state_of(1 << 30) == '\0');
  CHECK(tandem_test::children_of(1 << 30).empty());
}
