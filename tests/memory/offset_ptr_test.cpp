// SPDX-License-Identifier: BSL-1.0
#include "tandem/memory/offset_ptr.hpp"

#include <algorithm>
#include <array>
#include <compare>
#include <cstring>
#include <memory>
#include <numeric>
#include <unordered_set>
#include <vector>

#include "support/catch.hpp"
#include "tandem/core/flat.hpp"

using tandem::offset_ptr;

namespace {

struct base {
  int value = 1;
};
struct derived : base {
  int more = 2;
};

/// What a mapping at two addresses is: bytes that are the same in two places.
struct block {
  offset_ptr<int> to;
  int number = 5;
};

}  // namespace

static_assert(tandem::shareable<offset_ptr<int>> && !tandem::flat<offset_ptr<int>>);
static_assert(sizeof(offset_ptr<int>) == sizeof(void*));
static_assert(std::is_same_v<std::pointer_traits<offset_ptr<int>>::rebind<long>, offset_ptr<long>>);
static_assert(std::is_convertible_v<offset_ptr<derived>, offset_ptr<base>> &&
              !std::is_convertible_v<offset_ptr<base>, offset_ptr<derived>>);

TEST_CASE("offset_ptr: points to the like place wherever its bytes are", "[memory][offset_ptr]") {
  block here;
  here.to = &here.number;
  alignas(block) std::byte copy[sizeof(block)];
  std::memcpy(copy, static_cast<void const*>(&here), sizeof here);
  auto& there = *reinterpret_cast<block*>(copy);
  there.number = 6;
  CHECK(*here.to == 5);
  CHECK(*there.to == 6);
  CHECK(there.to.get() == &there.number);
}

TEST_CASE("offset_ptr: nothing, and something", "[memory][offset_ptr]") {
  offset_ptr<int> none, null = nullptr;
  CHECK_FALSE(none);
  CHECK(none.get() == nullptr);
  CHECK(none == null);
  CHECK(none == nullptr);
  int number = 3;
  offset_ptr<int> some = &number;
  CHECK(some);
  CHECK(some != none);
  offset_ptr<int> const copy = some;
  CHECK(copy == some);
  some = none;
  CHECK(some == nullptr);
  CHECK(*copy == 3);
  offset_ptr<int const> const constant = copy;
  CHECK(*constant == 3);
  CHECK(*offset_ptr<int>::pointer_to(number) == 3);
  CHECK(std::to_address(copy) == &number);
}

TEST_CASE("offset_ptr: converts as raw pointers do", "[memory][offset_ptr]") {
  derived object;
  offset_ptr<derived> const down = &object;
  offset_ptr<base> const up = down;
  CHECK(up->value == 1);
  CHECK(offset_ptr<derived>(up)->more == 2);
  offset_ptr<void> const any = down;
  CHECK(static_cast<offset_ptr<derived>>(any) == down);
}

TEST_CASE("offset_ptr: is an iterator", "[memory][offset_ptr]") {
  std::array<int, 5> numbers = {3, 1, 5, 2, 4};
  offset_ptr<int> const begin = numbers.data(), end = begin + 5;
  std::sort(begin, end);
  CHECK(std::is_sorted(numbers.begin(), numbers.end()));
  CHECK(std::accumulate(begin, end, 0) == 15);
  CHECK(end - begin == 5);
  CHECK(begin[2] == 3);
  CHECK(begin < end);
  CHECK(std::is_lt(begin <=> end));
  auto at = begin;
  CHECK(*at++ == 1);
  CHECK(*++at == 3);
  CHECK(*--at == 2);
  CHECK(*at-- == 2);
  CHECK(at == begin);
  at += 4;
  CHECK(*at == 5);
  at -= 1;
  CHECK(*(at - 1) == 3);
  CHECK(*(1 + at) == 5);
}

TEST_CASE("offset_ptr: hashes by what it points to", "[memory][offset_ptr]") {
  std::array<int, 3> numbers{};
  std::unordered_set<offset_ptr<int>> seen;
  for (auto& one : numbers) seen.insert(&one);
  seen.insert(&numbers[1]);
  CHECK(seen.size() == 3);
}
