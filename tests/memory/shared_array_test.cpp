// SPDX-License-Identifier: BSL-1.0
#include "tandem/memory/shared_array.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <numeric>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include "core/round_trip.hpp"
#include "memory/live.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/place.hpp"
#include "tandem/memory/shm.hpp"

using tandem::shared;
using tandem_test::bytes_of, tandem_test::child_process, tandem_test::place, tandem_test::live_blocks;
namespace impl = tandem::impl;

namespace {

/// The one that is numbered `fails_at` cannot be made.
struct numbered {
  static inline int made = 0, alive = 0, fails_at = -1;
  numbered() {
    if (made == fails_at) throw std::runtime_error("no");
    ++made, ++alive;
  }
  numbered(numbered const&) : numbered() {}
  ~numbered() { --alive; }
  int value = 7;
};

}  // namespace

template <> inline constexpr bool tandem::enable_shareable<numbered> = true;

namespace {}  // namespace

TEST_CASE("shared<T[]>: value-initialised, filled, copied, or left as they are", "[memory][shared_array]") {
  shared<int[]> const zeros(1000);
  CHECK(zeros.size() == 1000);
  CHECK(std::accumulate(zeros.begin(), zeros.end(), 0) == 0);
  shared<double[]> const halves(3, 0.5);
  CHECK(halves[2] == 0.5);
  std::array<short, 4> const source = {1, 2, 3, 4};
  shared<short[]> const copy(std::span<short const>{source});
  CHECK(std::equal(copy.begin(), copy.end(), source.begin(), source.end()));
  shared<std::byte[]> const raw(tandem::for_overwrite, 100'000'000);
  raw[99'999'999] = std::byte{1};
  CHECK(tandem::commons().owns(raw.get()));
  CHECK(std::span<std::byte>(raw).size() == raw.size());
  shared<long[]> const none(0);
  CHECK(none.empty());
  CHECK(none.begin() == none.end());
}

TEST_CASE("shared<T[]>: elements are as aligned as they ask", "[memory][shared_array]") {
  struct alignas(64) line {
    char bytes[64] = {};
  };
  shared<line[]> const lines(5);
  CHECK(reinterpret_cast<std::uintptr_t>(&lines[1]) % 64 == 0);
  struct alignas(32768) block {
    char bytes[32768] = {};
  };
  shared<block[]> const blocks(2);
  CHECK(reinterpret_cast<std::uintptr_t>(blocks.get()) % 32768 == 0);
}

TEST_CASE("shared<T[]>: the last handle destroys all elements", "[memory][shared_array]") {
  auto const blocks = live_blocks();
  numbered::made = numbered::alive = 0;
  {
    shared<numbered[]> first(20);
    shared<numbered[]> second = first;
    CHECK(second.use_count() == 2);
    CHECK(second == first);
    shared<numbered[]> third = std::move(first);
    CHECK(first.size() == 0);
    CHECK(first.get() == nullptr);
    swap(first, second);
    first = std::move(third);
    shared<numbered[]> smaller(2);
    smaller = std::move(first);
    CHECK(smaller.size() == 20);
    CHECK(first.size() <= 20);
    for (auto const& one : first) CHECK(one.value == 7);
    first = smaller;
    CHECK(numbered::alive == 20);
    CHECK(first[19].value == 7);
  }
  CHECK(numbered::alive == 0);
  CHECK(live_blocks() == blocks);
}

TEST_CASE("shared<T[]>: an element that cannot be made leaves nothing", "[memory][shared_array][errors]") {
  auto const blocks = live_blocks();
  numbered::made = numbered::alive = 0;
  numbered::fails_at = 13;
  CHECK_THROWS_AS(shared<numbered[]>(20), std::runtime_error);
  CHECK(numbered::made == 13);
  CHECK(numbered::alive == 0);
  numbered::fails_at = -1;
  CHECK(live_blocks() == blocks);
}

TEST_CASE("shared<T[]>: more than there is room for", "[memory][shared_array][errors]") {
  CHECK_THROWS_AS(shared<long[]>(tandem::for_overwrite, ~std::size_t{0} / 8), std::bad_array_new_length);
  CHECK_THROWS_AS(shared<long[]>(tandem::for_overwrite, std::size_t{1} << 45), std::bad_alloc);
}

TEST_CASE("shared<T[]>: an element by itself keeps the array alive", "[memory][shared_array][part]") {
  numbered::made = numbered::alive = 0;
  {
    auto one = [] {
      shared<numbered[]> all(3);
      return shared<numbered, numbered[]>(all, &all[1]);
    }();
    CHECK(numbered::alive == 3);
    CHECK(one->value == 7);
    auto const received = tandem::decode<shared<numbered, numbered[]>>(bytes_of(one));
    CHECK(received == one);
    impl::objects::drop(impl::shared_access::counted_of(received).held(), impl::members::self(), 0);  // the message's
  }
  CHECK(numbered::alive == 0);
}

TEST_CASE("shared<T[]>: travels as a number, and bytes that name none are refused", "[memory][shared_array][codec]") {
  shared<int[]> const numbers(3, 4);
  auto const bytes = bytes_of(numbers);
  CHECK(bytes.size() == sizeof(std::uint32_t));
  auto const received = tandem::decode<shared<int[]>>(bytes);
  CHECK(received == numbers);
  CHECK(received.size() == 3);
  CHECK_THROWS_AS(tandem::decode<shared<long[]>>(bytes), std::system_error);
  CHECK_THROWS_AS(tandem::decode<shared<int>>(bytes), std::system_error);
}

TEST_CASE("shared<T[]>: a size that a scribbler wrote stays within the block", "[memory][shared_array][codec]") {
  shared<int[]> const numbers(3, 4);
  auto* const count = reinterpret_cast<std::uint64_t*>(impl::shared_access::counted_of(numbers).block());
  *count = ~std::uint64_t{0};
  {
    auto const received = tandem::decode<shared<int[]>>(bytes_of(numbers));
    CHECK(received.size() == (impl::guards_blocks ? 10 : 6));  // a block of 32 bytes, or 48, less the count
  }
  CHECK(numbers.size() == 3);  // who has it already keeps to what it knew
  *count = 3;
}

TEST_CASE("shared<T[]>: a dead holder's is given back", "[memory][shared_array][processes][death]") {
  std::optional<shared<int[]>> numbers(std::in_place, std::size_t{100}, 1), copy;
  impl::token const member = impl::members::claim();
  {
    impl::travel_scope const on_the_way(member);
    copy.emplace(*numbers);
  }
  auto child = child_process([&copy, member] {
    impl::members::become(member);
    (*copy)[99] = 2;
    ::raise(SIGKILL);
  });
  CHECK(child.join().signal == SIGKILL);
  CHECK((*numbers)[99] == 2);
  CHECK(numbers->use_count() == 2);
  impl::objects::bury(member);
  impl::members::release(member);
  CHECK(numbers->use_count() == 1);
  copy.reset();
}

TEST_CASE("shared<T[]>: of containers in the commons", "[memory][shared_array]") {
  auto const blocks = live_blocks();
  {
    shared<tandem::shm::vector<int>[]> const rows(4);
    for (auto& row : rows) row.assign(1000, 5);
    CHECK(rows[3][999] == 5);
  }
  CHECK(live_blocks() == blocks);
}
