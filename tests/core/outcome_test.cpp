// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/outcome.hpp"

#include <csignal>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "support/child.hpp"

using tandem::failure, tandem::outcome, tandem::unit_died;

namespace {

struct number_in {
  explicit number_in(int n) : number{n} {}
  int get() const { return number; }
  int number;
};
struct throws_when_copied {
  throws_when_copied() = default;
  throws_when_copied(throws_when_copied const&) { throw std::runtime_error{"copied"}; }
  throws_when_copied& operator=(throws_when_copied const&) = default;
};

failure some_failure() { return failure::exited("worker", 3); }
failure thrown_failure() { return failure::threw("worker", std::make_exception_ptr(std::out_of_range{"far"})); }

constexpr outcome<int> five{5};
static_assert(five.has_value() && *five == 5 && five.value() == 5 && five.value_or(1) == 5);
static_assert(five.transform([](int n) { return n + 1; }).value() == 6 && five == 5 && five == outcome<long>{5L});
static_assert(outcome<void>{}.has_value());

}  // namespace

TEST_CASE("outcome: holds a value", "[core][outcome]") {
  outcome<std::string> value{"text"};
  CHECK(value.has_value());
  CHECK(static_cast<bool>(value));
  CHECK(*value == "text");
  CHECK(value->size() == 4);
  CHECK(value.value() == "text");
  *value += "!";
  CHECK(std::as_const(value).value() == "text!");
  std::string const taken = *std::move(value);
  CHECK(taken == "text!");
  CHECK(outcome<int>{}.value() == 0);
}

TEST_CASE("outcome: holds a failure", "[core][outcome]") {
  outcome<int> value = some_failure();
  CHECK_FALSE(value.has_value());
  CHECK(value.error().exit_code() == 3);
  CHECK(std::as_const(value).error() == some_failure());
  failure const taken = std::move(value).error();
  CHECK(taken.exit_code() == 3);
  CHECK_FALSE(value.has_value());
}

TEST_CASE("outcome: value() throws what the unit threw, or unit_died", "[core][outcome]") {
  CHECK_THROWS_AS(outcome<int>(thrown_failure()).value(), std::out_of_range);
  CHECK_THROWS_AS(outcome<int>(some_failure()).value(), unit_died);
  CHECK_THROWS_AS(outcome<void>(thrown_failure()).value(), std::out_of_range);
  CHECK_THROWS_AS(outcome<void>(failure::signaled("", SIGKILL, false)).value(), unit_died);
  CHECK_NOTHROW(outcome<void>{}.value());
}

TEST_CASE("outcome: of types that only move, or are not made from nothing", "[core][outcome]") {
  STATIC_REQUIRE_FALSE(std::is_default_constructible_v<outcome<number_in>>);
  STATIC_REQUIRE_FALSE(std::is_copy_constructible_v<outcome<std::unique_ptr<int>>>);
  outcome<std::unique_ptr<int>> owner{std::make_unique<int>(5)};
  auto const taken = std::move(owner).value();
  CHECK(*taken == 5);
  outcome<number_in> const made{std::in_place, 4};
  CHECK(made->number == 4);
  outcome<std::vector<int>> const list{std::in_place, {1, 2, 3}};
  CHECK(list->size() == 3);
}

TEST_CASE("outcome: converts where its value does, and says so as its value does", "[core][outcome]") {
  STATIC_REQUIRE(std::is_convertible_v<int, outcome<long>>);
  STATIC_REQUIRE_FALSE(std::is_convertible_v<int, outcome<number_in>>);
  STATIC_REQUIRE(std::is_constructible_v<outcome<number_in>, int>);
  STATIC_REQUIRE_FALSE(std::is_constructible_v<outcome<int>, std::string>);
  STATIC_REQUIRE(std::is_convertible_v<outcome<char const*>, outcome<std::string>>);
  outcome<char const*> const text{"text"};
  outcome<std::string> const same = text;
  CHECK(*same == "text");
  outcome<std::string> const failed = outcome<char const*>{some_failure()};
  CHECK(failed.error() == some_failure());
}

TEST_CASE("outcome: is assigned values and failures", "[core][outcome]") {
  outcome<std::string> value{"a"};
  value = some_failure();
  CHECK_FALSE(value.has_value());
  value = "b";
  CHECK(value == "b");
  outcome<std::string> other{thrown_failure()};
  value = other;
  CHECK(value.error().type() == "std::out_of_range");
  other = outcome<std::string>{"c"};
  value = std::move(other);
  CHECK(*value == "c");
  auto const& itself = value;
  value = itself;
  CHECK(*value == "c");
}

TEST_CASE("outcome: an assignment that throws leaves what was there", "[core][outcome]") {
  throws_when_copied const source;
  outcome<throws_when_copied> value{some_failure()};
  CHECK_THROWS_AS(value = source, std::runtime_error);
  CHECK(value.error() == some_failure());
  outcome<throws_when_copied> const other{std::in_place};
  CHECK_THROWS_AS(value = other, std::runtime_error);
  CHECK(value.error() == some_failure());
}

TEST_CASE("outcome: emplace and swap", "[core][outcome]") {
  outcome<int> left{1}, right{some_failure()};
  CHECK_FALSE(right.has_value());
  swap(left, right);
  CHECK_FALSE(left.has_value());
  CHECK(right == 1);
  CHECK(left.emplace(7) == 7);
  CHECK(left == 7);
  outcome<void> done, failed{some_failure()};
  done.swap(failed);
  CHECK(failed.has_value());
  CHECK_FALSE(done.has_value());
  done.emplace();
  CHECK(done.has_value());
}

TEST_CASE("outcome: value_or and error_or", "[core][outcome]") {
  CHECK(outcome<int>{1}.value_or(2) == 1);
  CHECK(outcome<int>{some_failure()}.value_or(2) == 2);
  CHECK(*outcome<std::unique_ptr<int>>{some_failure()}.value_or(std::make_unique<int>(2)) == 2);
  CHECK(outcome<int>{1}.error_or(failure::lost("x")).unit() == "x");
  CHECK(outcome<int>{some_failure()}.error_or(failure::lost("x")) == some_failure());
  CHECK(outcome<void>{some_failure()}.error_or(failure::lost("x")) == some_failure());
}

TEST_CASE("outcome: and_then goes on with an outcome, or with the failure", "[core][outcome]") {
  auto const half = [](int n) { return n % 2 == 0 ? outcome<int>{n / 2} : outcome<int>{failure::lost("odd")}; };
  CHECK(outcome<int>{8}.and_then(half).and_then(half) == 2);
  CHECK(outcome<int>{6}.and_then(half).and_then(half).error().unit() == "odd");
  CHECK(outcome<int>{some_failure()}.and_then(half) == some_failure());
  CHECK(outcome<void>{}.and_then([] { return outcome<int>{3}; }) == 3);
  CHECK(outcome<void>{some_failure()}.and_then([] { return outcome<int>{3}; }) == some_failure());
  auto const owned = outcome<std::unique_ptr<int>>{std::make_unique<int>(5)}.and_then(
      [](std::unique_ptr<int> p) { return outcome<int>{*p}; });
  CHECK(owned == 5);
}

TEST_CASE("outcome: transform changes the value alone", "[core][outcome]") {
  CHECK(outcome<int>{2}.transform([](int n) { return std::to_string(n); }) == "2");
  CHECK(outcome<int>{some_failure()}.transform([](int n) { return n; }) == some_failure());
  CHECK(outcome<number_in>{5}.transform(&number_in::get) == 5);
  CHECK(outcome<number_in>{5}.transform(&number_in::number) == 5);
  int seen = 0;
  outcome<void> const done = outcome<int>{2}.transform([&](int n) { seen = n; });
  CHECK(done.has_value());
  CHECK(seen == 2);
  CHECK(outcome<void>{}.transform([] { return 4; }) == 4);
  CHECK(outcome<void>{}.transform([] {}).has_value());
}

TEST_CASE("outcome: or_else makes something of the failure alone", "[core][outcome]") {
  auto const repair = [](failure const& why) { return outcome<int>{why.exit_code()}; };
  CHECK(outcome<int>{some_failure()}.or_else(repair) == 3);
  CHECK(outcome<int>{1}.or_else(repair) == 1);
  outcome<int> const kept{some_failure()};
  CHECK(kept.or_else(repair) == 3);
  CHECK(outcome<void>{some_failure()}.or_else([](failure const&) { return outcome<void>{}; }).has_value());
}

TEST_CASE("outcome: is equal to an equal value or an equal failure", "[core][outcome]") {
  CHECK(outcome<int>{1} == outcome<int>{1});
  CHECK(outcome<int>{1} != outcome<int>{2});
  CHECK(outcome<int>{1} == outcome<long>{1L});
  CHECK(outcome<int>{1} != outcome<int>{some_failure()});
  CHECK(outcome<int>{some_failure()} == outcome<int>{some_failure()});
  CHECK(outcome<int>{some_failure()} != outcome<int>{thrown_failure()});
  CHECK(outcome<int>{1} != some_failure());
  CHECK(outcome<void>{} == outcome<void>{});
  CHECK(outcome<void>{} != outcome<void>{some_failure()});
}

TEST_CASE("outcome: moved from, it still has a value or a failure, as std::expected", "[core][outcome]") {
  outcome<std::string> value{"a string that is longer than what fits inside"};
  auto const taken = std::move(value);
  CHECK(value.has_value());
  outcome<std::string> failed{some_failure()};
  auto const other = std::move(failed);
  CHECK_FALSE(failed.has_value());
  CHECK(other.error().exit_code() == 3);
}

TEST_CASE("outcome: to take what is not there stops a checked build", "[core][outcome][death]") {
  if (!TANDEM_CHECKED) return;
  auto const dies = [](auto const& body) { return tandem_test::run_in_child([&body] { body(); }).signal == SIGABRT; };
  outcome<std::string> const failed{some_failure()}, fine{"text"};
  CHECK(dies([&] { static_cast<void>(*failed); }));
  CHECK(dies([&] { static_cast<void>(failed->size()); }));
  CHECK(dies([&] { static_cast<void>(fine.error()); }));
  outcome<void> const undone{some_failure()}, done;
  CHECK_FALSE(undone.has_value());
  CHECK_FALSE(failed.has_value());
  CHECK(dies([&] { *undone; }));
  CHECK(dies([&] { static_cast<void>(done.error()); }));
}
