// SPDX-License-Identifier: BSL-1.0
// The main function of every test binary, and the listener that sets watchdog and leak gate around each test case.
#define CATCH_CONFIG_RUNNER
#define CATCH_CONFIG_NO_POSIX_SIGNALS  // tests kill and crash processes: Catch2's handlers would be inherited by all of
                                       // them
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/harness.hpp"

namespace {

class listener : public tandem_test::catch_listener_base {
 public:
  using tandem_test::catch_listener_base::catch_listener_base;

  void testCaseStarting(Catch::TestCaseInfo const& test) override {
    tandem_test::catch_listener_base::testCaseStarting(test);
    name_ = test.name;
    tandem_test::test_begins(name_);
  }

  tandem_test::catch_assertion_ended assertionEnded(Catch::AssertionStats const& assertion) override {
    if (!assertion.assertionResult.isOk()) tandem_test::count_failed_assertion();
    return tandem_test::catch_assertion_ended();
  }

  void testCaseEnded(Catch::TestCaseStats const& test) override {
    tandem_test::catch_listener_base::testCaseEnded(test);
    tandem_test::test_ended(name_);
  }

 private:
  std::string name_;
};
CATCH_REGISTER_LISTENER(listener)

}  // namespace

int main(int argc, char** argv) {
  if (tandem_test::at_start != nullptr) tandem_test::at_start(argc, argv);
  return tandem_test::run_all([&] { return Catch::Session().run(argc, argv); });
}
