// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/stage.hpp"

#include <optional>
#include <string>

#include "support/catch.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/impl/stage_kind.hpp"
#include "tandem/crew/inlet.hpp"
#include "tandem/crew/outlet.hpp"

using tandem::inlet, tandem::outlet, tandem::stage;
using tandem::impl::gives, tandem::impl::takes, tandem::impl::stage_kind;

namespace {

std::string function(long) { return {}; }
[[maybe_unused]] void handed_out(long, outlet<int>&) noexcept {}

template <class F> using first = decltype(tandem::impl::kind_of_first<F>());
template <class F> using between = decltype(tandem::impl::kind_between<F, long>());
template <class F> using last = decltype(tandem::impl::kind_of_last<F, long>());

template <class Kind, takes Takes, gives Gives, class Made>
constexpr bool is = std::is_same_v<Kind, stage_kind<Takes, Gives, Made>>;

}  // namespace

TEST_CASE("stage: is a thread of its own, one element at a time, unless told otherwise", "[crew][stage]") {
  stage const one([](long i) { return i; });
  CHECK(one.options().name.empty());
  CHECK(one.options().mode == tandem::mode::thread);
  CHECK(one.options().width == 1);
  CHECK(one.options().capacity == 16);
  CHECK(one.options().batch == 1);
  CHECK_FALSE(one.options().skips);
  CHECK_FALSE(one.options().restarts);
  stage const other({.name = "x", .width = 3}, function, [](std::optional<long> const&, tandem::failure const&) {});
  CHECK(other.options().name == "x");
  CHECK(other.options().width == 3);
}

TEST_CASE("stage: what its function is tells what it takes and makes", "[crew][stage]") {
  auto const generator = []() -> std::optional<int> { return 1; };
  auto const source = [](outlet<std::string>&) {};
  CHECK(is<first<decltype(generator)>, takes::nothing, gives::optional_result, int>);
  CHECK(is<first<decltype(source)>, takes::nothing, gives::into_outlet, std::string>);

  auto const map = [](auto i) { return i + 1; };
  auto const filter = [](long) { return std::optional<char>('x'); };
  auto several = [state = 1](long, outlet<int>&) mutable { ++state; };
  auto const stream = [](inlet<long>&, outlet<int>&) {};
  CHECK(is<between<decltype(map)>, takes::elements, gives::result, long>);
  CHECK(is<between<decltype(&function)>, takes::elements, gives::result, std::string>);
  CHECK(is<between<decltype(filter)>, takes::elements, gives::optional_result, char>);
  CHECK(is<between<decltype(several)>, takes::elements, gives::into_outlet, int>);
  CHECK(is<between<decltype(&handed_out)>, takes::elements, gives::into_outlet, int>);
  CHECK(is<between<decltype(stream)>, takes::stream, gives::into_outlet, int>);

  auto const taker = [](long const&) {};
  auto const fold = [](inlet<long>&) { return 'x'; };
  CHECK(is<last<decltype(taker)>, takes::elements, gives::nothing, void>);
  CHECK(is<last<decltype(fold)>, takes::stream, gives::nothing, char>);
}
