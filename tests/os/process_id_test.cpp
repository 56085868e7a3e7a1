// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/process_id.hpp"

#include <unistd.h>

#include <thread>

#include "support/catch.hpp"
#include "support/child.hpp"

TEST_CASE("process_id: is getpid's, in every thread and in every child", "[os][process_id]") {
  CHECK(tandem::os::process_id() == ::getpid());
  std::thread([] { CHECK(tandem::os::process_id() == ::getpid()); }).join();
  CHECK(tandem_test::run_in_child([] {
          CHECK(tandem::os::process_id() == ::getpid());
          CHECK(tandem_test::run_in_child([] { CHECK(tandem::os::process_id() == ::getpid()); }).passed());
        }).passed());
}
