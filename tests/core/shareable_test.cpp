// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/shareable.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "support/catch.hpp"
#include "tandem/core/codec_variant.hpp"

using tandem::shareable;

namespace {

struct shareable_point {
  double x, y;
};
struct big {
  long numbers[8];
};

class lock_word {  // as a synchronisation type of one's own
 public:
  lock_word() = default;
  lock_word(lock_word const&) = delete;
  void lock() { word_.store(1); }

 private:
  std::atomic<int> word_{0};
};
class opaque {
 public:
  explicit opaque(int n) : n_{n} {}
  int get() const { return n_; }

 private:
  int n_;
};

struct counters {
  std::atomic<int> hits;
  std::atomic<long> misses[4];
  lock_word lock;
  shareable_point where;
};
struct node {
  std::atomic<int> n;
  node* next;
};
struct blessed {
  node* next;
};

}  // namespace

template <> inline constexpr bool tandem::enable_shareable<lock_word> = true;
template <> inline constexpr bool tandem::enable_shareable<blessed> = true;

TEST_CASE("shareable: flat types, and lock-free atomics of them", "[core][shareable]") {
  STATIC_REQUIRE(shareable<int>);
  STATIC_REQUIRE(shareable<shareable_point>);
  STATIC_REQUIRE(shareable<shareable_point const>);
  STATIC_REQUIRE(shareable<int[8]>);
  STATIC_REQUIRE(shareable<std::atomic<int>>);
  STATIC_REQUIRE(shareable<std::atomic<bool>>);
  STATIC_REQUIRE(shareable<std::atomic_flag>);
  STATIC_REQUIRE_FALSE(shareable<std::atomic<big>>);  // takes a lock, and that of one process
  STATIC_REQUIRE_FALSE(shareable<std::atomic<int*>>);
}

TEST_CASE("shareable: aggregates, arrays, tuples and the like of shareables", "[core][shareable]") {
  STATIC_REQUIRE(shareable<counters>);
  STATIC_REQUIRE(shareable<counters[2]>);
  STATIC_REQUIRE(shareable<std::array<std::atomic<int>, 3>>);
  STATIC_REQUIRE(shareable<std::pair<int, shareable_point>>);
  STATIC_REQUIRE(shareable<std::tuple<int, shareable_point, std::atomic<int>>>);
  STATIC_REQUIRE(shareable<std::optional<shareable_point>>);
  STATIC_REQUIRE(shareable<std::variant<int, shareable_point>>);
}

TEST_CASE("shareable: nothing that leads into one process's memory", "[core][shareable]") {
  STATIC_REQUIRE_FALSE(shareable<int*>);
  STATIC_REQUIRE_FALSE(shareable<int&>);
  STATIC_REQUIRE_FALSE(shareable<void>);
  STATIC_REQUIRE_FALSE(shareable<node>);
  STATIC_REQUIRE_FALSE(shareable<std::string>);
  STATIC_REQUIRE_FALSE(shareable<std::vector<int>>);
  STATIC_REQUIRE_FALSE(shareable<std::unique_ptr<int>>);
  STATIC_REQUIRE_FALSE(shareable<std::shared_ptr<int>>);
  STATIC_REQUIRE_FALSE(shareable<std::pair<int, std::string>>);
  STATIC_REQUIRE_FALSE(shareable<std::optional<int*>>);
  STATIC_REQUIRE_FALSE(shareable<std::variant<int, std::string>>);
}

TEST_CASE("shareable: a class that cannot be looked into only if its author says so", "[core][shareable]") {
  STATIC_REQUIRE_FALSE(shareable<opaque>);
  STATIC_REQUIRE(shareable<lock_word>);
  STATIC_REQUIRE(shareable<blessed>);
}
