// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/unobserved_failure.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "tandem/core/outcome.hpp"

using tandem::failure, tandem::outcome, tandem::set_unobserved_failure_handler;

namespace {

std::vector<failure> told;
void keep(failure const& unseen) noexcept { told.push_back(unseen); }

// Sets the handler for a test, and takes it away again.
struct listening {
  listening() : before{set_unobserved_failure_handler(&keep)} { told.clear(); }
  ~listening() {
    set_unobserved_failure_handler(before);
    told.clear();
  }
  tandem::unobserved_failure_handler before;
};

outcome<int> failed() { return failure::exited("worker", 3); }

}  // namespace

TEST_CASE("unobserved failure: a failure that nobody looked at is told, once", "[core][unobserved_failure]") {
  listening const here;
  failed();
  REQUIRE(told.size() == 1);
  CHECK(told[0].unit() == "worker");
  CHECK(told[0].exit_code() == 3);
  { outcome<void> const done = failure::lost("other"); }
  REQUIRE(told.size() == 2);
  CHECK(told[1].unit() == "other");
}

TEST_CASE("unobserved failure: a value is nobody's business", "[core][unobserved_failure]") {
  listening const here;
  { outcome<int> const fine{1}; }
  { outcome<void> const fine; }
  CHECK(told.empty());
}

TEST_CASE("unobserved failure: to look in any way is enough", "[core][unobserved_failure]") {
  listening const here;
  CHECK_FALSE(failed().has_value());
  CHECK_FALSE(static_cast<bool>(failed()));
  CHECK(failed().error().exit_code() == 3);
  CHECK(failed().value_or(1) == 1);
  CHECK(failed().error_or(failure::lost("")).exit_code() == 3);
  CHECK_FALSE(failed() == 5);
  CHECK(failed() == failure::exited("worker", 3));
  CHECK_THROWS_AS(failed().value(), tandem::unit_died);
  CHECK(failed().or_else([](failure const&) { return outcome<int>{7}; }) == 7);
  CHECK_FALSE(outcome<void>(failure::lost("")).has_value());
  CHECK_THROWS_AS(outcome<void>(failure::lost("")).value(), tandem::unit_died);
  CHECK(told.empty());
}

TEST_CASE("unobserved failure: copies and moves are one failure, told when the last of them goes",
          "[core][unobserved_failure]") {
  listening const here;
  {
    std::optional<outcome<int>> first{failed()};
    auto second = *first;
    auto third = std::move(second);
    first.reset();
    CHECK(told.empty());
  }
  CHECK(told.size() == 1);
  told.clear();
  {
    auto first = failed();
    auto const second = first;
    auto const third = std::move(first);
    CHECK_FALSE(second.has_value());
  }
  CHECK(told.empty());
}

TEST_CASE("unobserved failure: transform and and_then hand it on unseen", "[core][unobserved_failure]") {
  listening const here;
  {
    auto const next = failed().transform([](int n) { return n * 2.0; });
  }
  CHECK(told.size() == 1);
  {
    auto const next = failed().and_then([](int) { return outcome<void>{}; });
  }
  CHECK(told.size() == 2);
  CHECK_FALSE(failed().transform([](int n) { return n * 2.0; }).has_value());
  CHECK(told.size() == 2);
}

TEST_CASE("unobserved failure: one that is assigned over is told", "[core][unobserved_failure]") {
  listening const here;
  auto value = failed();
  value = 5;
  CHECK(told.size() == 1);
  value = failure::lost("a");
  value = failure::lost("b");
  CHECK(told.size() == 2);
  CHECK_FALSE(value.has_value());
}

TEST_CASE("unobserved failure: a failure outside of any outcome is not told", "[core][unobserved_failure]") {
  listening const here;
  { auto const value = failure::exited("", 1); }
  CHECK(told.empty());
}

TEST_CASE("unobserved failure: report_unobserved tells at once", "[core][unobserved_failure]") {
  listening const here;
  tandem::impl::report_unobserved(failure::signaled("detached", SIGSEGV, false));
  REQUIRE(told.size() == 1);
  CHECK(told[0].unit() == "detached");
}

TEST_CASE("unobserved failure: the handler can be replaced, and the one before is told", "[core][unobserved_failure]") {
  auto* const before = set_unobserved_failure_handler(&keep);
  CHECK(set_unobserved_failure_handler(nullptr) == &keep);
  CHECK(set_unobserved_failure_handler(before) == nullptr);
}

TEST_CASE("unobserved failure: by default, one line goes to stderr", "[core][unobserved_failure]") {
  auto const result = tandem_test::run_in_child([] {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    int const before = ::dup(STDERR_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    failed();
    ::dup2(before, STDERR_FILENO);
    ::close(ends[1]);
    std::string text(500, '\0');
    auto const size = ::read(ends[0], text.data(), text.size());
    text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    CHECK(text == "tandem: unobserved failure: 'worker' exited with code 3 before its work was done\n");
  });
  CHECK(result.passed());
}

TEST_CASE("unobserved failure: copies in many threads are told once at most", "[core][unobserved_failure]") {
  static std::atomic<int> times;
  auto* const before = set_unobserved_failure_handler([](failure const&) noexcept { ++times; });
  for (bool const looked : {false, true}) {
    times = 0;
    {
      auto shared = failed();
      std::vector<std::jthread> threads;
      for (int i = 0; i != 4; ++i) {
        threads.emplace_back([copy = shared, looked, i] {
          for (int n = 0; n != 1000; ++n) auto const another = copy;
          if (looked && i == 2) static_cast<void>(copy.has_value());
        });
      }
    }
    CHECK(times == (looked ? 0 : 1));
  }
  set_unobserved_failure_handler(before);
}
