// SPDX-License-Identifier: BSL-1.0
#include "tandem/memory/commons_allocator.hpp"

#include <cstdint>
#include <forward_list>
#include <limits>
#include <list>
#include <memory>
#include <new>
#include <numeric>
#include <type_traits>
#include <vector>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "tandem/memory/commons.hpp"

using tandem::commons_allocator;

static_assert(std::is_empty_v<commons_allocator<int>>);
static_assert(std::allocator_traits<commons_allocator<int>>::is_always_equal::value);
static_assert(std::is_same_v<std::allocator_traits<commons_allocator<int>>::pointer, int*>);
static_assert(
    std::is_same_v<std::allocator_traits<commons_allocator<int>>::rebind_alloc<long>, commons_allocator<long>>);
static_assert(sizeof(std::vector<int, commons_allocator<int>>) == sizeof(std::vector<int>));

TEST_CASE("commons_allocator: all are equal, of whatever type", "[memory][commons_allocator]") {
  commons_allocator<int> const a;
  commons_allocator<double> const b(a);
  CHECK(a == b);
  CHECK_FALSE(a != b);
}

TEST_CASE("commons_allocator: what it gives lies in the commons, aligned as the type wants",
          "[memory][commons_allocator]") {
  struct alignas(128) wide {
    char bytes[200];
  };
  commons_allocator<wide> allocator;
  wide* const room = allocator.allocate(3);
  CHECK(tandem::commons().owns(room));
  CHECK(reinterpret_cast<std::uintptr_t>(room) % 128 == 0);
  allocator.deallocate(room, 3);
}

TEST_CASE("commons_allocator: counts without a size, and sizes without room, are refused",
          "[memory][commons_allocator][error]") {
  commons_allocator<std::uint64_t> allocator;
  auto const most = std::numeric_limits<std::size_t>::max();
  CHECK_THROWS_AS(allocator.allocate(most / 4), std::bad_array_new_length);
  CHECK_THROWS_AS(allocator.allocate(most / 8), std::bad_alloc);
}

TEST_CASE("commons_allocator: containers move between two of its users without copying",
          "[memory][commons_allocator]") {
  using numbers = std::vector<int, commons_allocator<int>>;
  numbers from(1000, 7);
  int const* const data = from.data();
  numbers to;
  to = std::move(from);
  CHECK(to.data() == data);
}

TEMPLATE_TEST_CASE("commons_allocator: a container made by a process is changed and freed by its parent",
                   "[memory][commons_allocator]", (std::vector<int, commons_allocator<int>>),
                   (std::list<int, commons_allocator<int>>)) {
  auto const before = tandem::commons().statistics().live_blocks;
  auto* const shared = new (tandem::commons().allocate(sizeof(TestType))) TestType;
  CHECK(tandem_test::run_in_child([shared] {
          for (int i = 0; i < 1000; ++i) shared->push_back(i);
        }).passed());
  CHECK(std::accumulate(shared->begin(), shared->end(), 0) == 499'500);
  for (int i = 0; i < 1000; ++i) shared->push_back(i);
  CHECK(shared->size() == 2000);
  std::destroy_at(shared);
  tandem::commons().deallocate(shared);
  CHECK(tandem::commons().statistics().live_blocks == before);
}
