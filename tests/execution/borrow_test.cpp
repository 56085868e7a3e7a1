// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/borrow.hpp"

#include <string>
#include <type_traits>

#include "execution/kinds.hpp"
#include "support/catch.hpp"

TEST_CASE("borrow: leads to the object, read-only", "[execution][borrow]") {
  std::string text = "there";
  auto const lent = tandem::borrow(text);
  CHECK(&lent.get() == &text);
  std::string const& converted = lent;
  CHECK(&converted == &text);
  static_assert(std::is_same_v<decltype(lent.get()), std::string const&>);
}

TEST_CASE("borrow: a process reads a snapshot, a thread the object itself", "[execution][borrow]") {
  struct no_copy {
    int value = 1;
    no_copy() = default;
    no_copy(no_copy const&) = delete;
  };
  no_copy object;
  auto wait_and_read = [](tandem::stop_token stop, no_copy const& lent) {
    stop.wait();
    return lent.value;
  };
  tandem::thread thread{wait_and_read, tandem::borrow(object)};
  tandem::process process{wait_and_read, tandem::borrow(object)};
  object.value = 2;
  thread.request_stop();
  process.request_stop();
  CHECK(thread.join().value() == 2);
  CHECK(process.join().value() == 1);
}
