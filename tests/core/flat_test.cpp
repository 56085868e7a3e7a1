// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/flat.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "support/catch.hpp"

using tandem::flat;

namespace {

enum shade { red, green };
enum class size : unsigned char { small, large };
struct empty {};
struct plane_point {
  double x, y;
};
struct line {
  plane_point ends[2];
  size thickness;
  std::array<shade, 3> colors;
  bool dashed;
};
struct bit_fields {
  unsigned a : 3;
  bool b : 1;
};
struct with_default {
  int a = 3;
  int const b = 4;
};
struct leads_away {
  int n;
  char const* text;
};
struct leads_away_deep {
  plane_point p;
  std::array<leads_away, 2> inner;
};
struct has_function {
  int (*f)(int);
};
struct has_member_pointer {
  int plane_point::*m;
};
struct has_reference {
  int const& r;
};
struct derived_point : plane_point {
  int z;
};
struct sixteen_numbers {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p;
};
struct seventeen {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q;
};
struct long_array {
  int n;
  char text[5000];
};
union number {
  int i;
  float f;
};
struct with_anonymous_union {
  union {
    int i;
    float f;
  };
  int kind;
};
struct no_default_constructor {
  explicit no_default_constructor(int);
  no_default_constructor(no_default_constructor const&) = default;
};
struct of_no_default {
  no_default_constructor a;
  int b;
};

class hidden {
 public:
  explicit hidden(int n) : n_{n} {}
  int get() const { return n_; }

 private:
  int n_;
};
class promised {
 public:
  explicit promised(int n) : n_{n} {}
  int get() const { return n_; }

 private:
  int n_;
};
struct holds_promised {
  promised a;
  int b;
};

}  // namespace

template <> inline constexpr bool tandem::enable_flat<promised> = true;
template <> inline constexpr bool tandem::enable_flat<with_anonymous_union> = true;
template <> inline constexpr bool tandem::enable_flat<std::string> = true;  // a lie: it is not trivially copyable

TEST_CASE("flat: numbers, bool, enumerations, and arrays of them", "[core][flat]") {
  STATIC_REQUIRE(flat<int>);
  STATIC_REQUIRE(flat<int const>);
  STATIC_REQUIRE(flat<bool>);
  STATIC_REQUIRE(flat<long double>);
  STATIC_REQUIRE(flat<char32_t>);
  STATIC_REQUIRE(flat<std::byte>);
  STATIC_REQUIRE(flat<shade>);
  STATIC_REQUIRE(flat<size>);
  STATIC_REQUIRE(flat<int[3][4]>);
  STATIC_REQUIRE(flat<std::array<std::array<double, 2>, 3>>);
}

TEST_CASE("flat: aggregates of flat members, up to sixteen", "[core][flat]") {
  STATIC_REQUIRE(flat<empty>);
  STATIC_REQUIRE(flat<plane_point>);
  STATIC_REQUIRE(flat<line>);
  STATIC_REQUIRE(flat<bit_fields>);
  STATIC_REQUIRE(flat<with_default>);
  STATIC_REQUIRE(flat<sixteen_numbers>);
  STATIC_REQUIRE(flat<long_array>);
  STATIC_REQUIRE_FALSE(flat<seventeen>);
}

TEST_CASE("flat: nothing that leads elsewhere, however deep inside", "[core][flat]") {
  STATIC_REQUIRE_FALSE(flat<int*>);
  STATIC_REQUIRE_FALSE(flat<int&>);
  STATIC_REQUIRE_FALSE(flat<void>);
  STATIC_REQUIRE_FALSE(flat<int (*)(int)>);
  STATIC_REQUIRE_FALSE(flat<std::nullptr_t>);
  STATIC_REQUIRE_FALSE(flat<leads_away>);
  STATIC_REQUIRE_FALSE(flat<leads_away_deep>);
  STATIC_REQUIRE_FALSE(flat<has_function>);
  STATIC_REQUIRE_FALSE(flat<has_member_pointer>);
  STATIC_REQUIRE_FALSE(flat<has_reference>);
  STATIC_REQUIRE_FALSE(flat<std::array<int*, 2>>);
  STATIC_REQUIRE_FALSE(flat<std::string_view>);
  STATIC_REQUIRE_FALSE(flat<std::vector<int>>);
}

TEST_CASE("flat: durations and time points of chrono", "[core][flat]") {
  STATIC_REQUIRE(flat<std::chrono::milliseconds>);
  STATIC_REQUIRE(flat<std::chrono::duration<double>>);
  STATIC_REQUIRE(flat<std::chrono::steady_clock::time_point>);
}

TEST_CASE("flat: a class that cannot be looked into only if its author says so", "[core][flat]") {
  STATIC_REQUIRE_FALSE(flat<hidden>);
  STATIC_REQUIRE_FALSE(flat<number>);
  STATIC_REQUIRE_FALSE(flat<derived_point>);
  STATIC_REQUIRE_FALSE(flat<no_default_constructor>);
  STATIC_REQUIRE_FALSE(flat<of_no_default>);
  auto const closure = [n = 1] { return n; };
  STATIC_REQUIRE_FALSE(flat<decltype(closure)>);
  CHECK(closure() == 1);
  STATIC_REQUIRE(flat<promised>);
  STATIC_REQUIRE(flat<holds_promised>);
  STATIC_REQUIRE(flat<with_anonymous_union>);
  STATIC_REQUIRE_FALSE(flat<std::string>);  // whatever its author says
}
