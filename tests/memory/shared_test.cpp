// SPDX-License-Identifier: BSL-1.0
#include "tandem/memory/shared.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "core/round_trip.hpp"
#include "memory/counted.hpp"
#include "memory/live.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "support/seed.hpp"

using tandem::shared;
using tandem_test::bytes_of, tandem_test::child_process, tandem_test::counted, tandem_test::place,
    tandem_test::run_in_child, tandem_test::lost_objects;
namespace impl = tandem::impl;

namespace {

struct throws_in_shared {
  explicit throws_in_shared(int) { throw std::runtime_error("no"); }
  int unused = 0;
};

}  // namespace

template <> inline constexpr bool tandem::enable_shareable<throws_in_shared> = true;

namespace {

/// A child that owns copies of what it is given, as a process owns its closure.
template <class T, class F>
child_process fork_with(std::optional<T>& copy, impl::token& member, T const& original, F body) {
  member = impl::members::claim();
  {
    impl::travel_scope const on_the_way(member);
    copy.emplace(original);
  }
  return child_process([&copy, member, body] {
    impl::members::become(member);
    body(*copy);
    copy.reset();
  });
}

void bury(impl::token member) {
  impl::objects::bury(member);
  impl::members::release(member);
}

}  // namespace

TEST_CASE("shared: makes its object in the commons, from any arguments", "[memory][shared]") {
  shared<int> const number(7);
  shared<std::pair<int, double>> const pair(1, 2.5);
  shared<std::atomic<long>> const zero;
  CHECK(*number == 7);
  CHECK(pair->second == 2.5);
  CHECK(*zero == 0);
  CHECK(tandem::commons().owns(number.get()));
  *number = 8;  // a const handle, as a const pointer, to an object that is not const
  CHECK(*number == 8);
}

TEST_CASE("shared: counts its handles, and the last one destroys", "[memory][shared]") {
  auto& alive = place<std::atomic<int>>(0);
  {
    shared<counted> first(alive);
    CHECK(first.use_count() == 1);
    {
      shared<counted> second = first;
      shared<counted> third = std::move(second);
      CHECK(first.use_count() == 2);
      CHECK(first == third);
      CHECK(second.get() == nullptr);
      second = third;
      CHECK(first.use_count() == 3);
      auto& same = second;
      second = same;
      third = std::move(second);
    }
    CHECK(first.use_count() == 1);
    CHECK(alive == 1);
  }
  CHECK(alive == 0);
}

TEST_CASE("shared: a constructor that throws leaves nothing", "[memory][shared][errors]") {
  auto const before = tandem::commons().statistics();
  for (int i = 0; i < 100; ++i) CHECK_THROWS_AS(shared<throws_in_shared>(1), std::runtime_error);
  CHECK(tandem::commons().statistics().live_blocks == before.live_blocks);
}

TEST_CASE("shared: threads copy and destroy handles to one object at once", "[memory][shared][threads]") {
  auto& alive = place<std::atomic<int>>(0);
  {
    shared<counted> const object(alive);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([object] {
        for (int k = 0; k < 5000; ++k) {
          shared<counted> const one = object;
          shared<counted> const two = one;
          if (two->alive == nullptr) std::abort();
        }
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(object.use_count() == 1);
  }
  CHECK(alive == 0);
}

TEST_CASE("shared: a process that was given a handle holds it, and may outlive its giver's",
          "[memory][shared][processes]") {
  auto& alive = place<std::atomic<int>>(0);
  auto& stage = place<std::atomic<int>>(0);
  std::optional<shared<counted>> object(std::in_place, alive), copy;
  impl::token member = 0;
  auto child = fork_with(copy, member, *object, [&stage](shared<counted> const& mine) {
    stage = 1;
    while (stage != 2) std::this_thread::yield();
    CHECK(mine->alive->load() == 1);
    CHECK(mine.use_count() == 1);
  });
  copy.reset();  // the starter's copy of the child's handle: not the starter's to give up
  while (stage != 1) std::this_thread::yield();
  CHECK(object->use_count() == 2);
  object.reset();
  CHECK(alive == 1);
  stage = 2;
  CHECK(child.join().passed());
  CHECK(alive == 0);  // the child was the last
  bury(member);
}

TEST_CASE("shared: more holders than an entry has places", "[memory][shared][processes]") {
  auto& alive = place<std::atomic<int>>(0);
  auto& stage = place<std::atomic<int>>(0);
  constexpr int many = 23;
  {
    shared<counted> object(alive);
    std::vector<child_process> children;
    std::vector<impl::token> members(many);
    std::vector<std::optional<shared<counted>>> copies(many);
    for (int i = 0; i < many; ++i) {
      auto const k = static_cast<std::size_t>(i);
      children.push_back(fork_with(copies[k], members[k], object, [&stage](shared<counted> const& mine) {
        ++stage;
        while (stage < 1000) std::this_thread::yield();
        CHECK(mine->alive->load() == 1);
      }));
    }
    while (stage != many) std::this_thread::yield();
    CHECK(object.use_count() == many + 1);
    for (std::size_t k = 0; k < many; k += 2) {
      children[k].kill();
      bury(members[k]);
    }
    CHECK(object.use_count() == many / 2 + 1);
    stage = 1000;
    for (std::size_t k = 1; k < many; k += 2) {
      CHECK(children[k].join().passed());
      bury(members[k]);
    }
    CHECK(object.use_count() == 1);
  }
  CHECK(alive == 0);
}

TEST_CASE("shared: what a dead process held is given back; its own objects lose their memory, not more",
          "[memory][shared][processes][death]") {
  auto& alive = place<std::atomic<int>>(0);
  auto const blocks = tandem::commons().statistics().live_blocks;
  auto const lost_before = lost_objects();
  {
    shared<counted> object(alive);
    std::optional<shared<counted>> copy;
    impl::token member = 0;
    auto child = fork_with(copy, member, object, [&alive](shared<counted> const& mine) {
      shared<counted> const again = mine;
      shared<counted> const own(alive);
      ::raise(SIGKILL);
    });
    CHECK(child.join().signal == SIGKILL);
    CHECK(object.use_count() == 3);
    bury(member);
    CHECK(object.use_count() == 1);
    CHECK(alive == 2);  // the destructor of the dead process's own object did not run
    CHECK(lost_objects() == lost_before + 1);
  }
  CHECK(alive == 1);
  CHECK(tandem::commons().statistics().live_blocks == blocks);
}

TEST_CASE("shared: a host's own child sees its parent's objects and gives up none of them",
          "[memory][shared][processes]") {
  auto& alive = place<std::atomic<int>>(0);
  {
    std::optional<shared<counted>> object(std::in_place, alive);
    auto const result = run_in_child([&] {
      {
        auto const copy = *object;
        CHECK(copy.use_count() == 2);
      }
      object.reset();
      CHECK(alive == 1);
    });
    CHECK(result.passed());
    CHECK(object->use_count() == 1);
  }
  CHECK(alive == 0);
}

TEST_CASE("shared: travels as a value, and the receiver becomes a holder", "[memory][shared][codec]") {
  shared<int> const number(5);
  tandem::byte_buffer bytes;
  tandem::writer to(bytes);
  tandem::codec<shared<int>>::encode(to, number);
  CHECK(number.use_count() == 2);  // the message's
  tandem::reader from(to.bytes());
  auto const received = tandem::codec<shared<int>>::decode(from);
  CHECK(received == number);
  CHECK(number.use_count() == 3);
  impl::objects::drop({1, 1}, 0, 0);  // nobody's: nothing happens
  CHECK(number.use_count() == 3);
}

TEST_CASE("shared: bytes that name no such object are refused", "[memory][shared][codec]") {
  shared<int> const number(5);
  shared<double> const other(5);
  tandem::byte_buffer bytes;
  tandem::writer to(bytes);
  tandem::codec<shared<double>>::encode(to, other);
  tandem::reader wrong_type(to.bytes());
  CHECK_THROWS_AS(tandem::codec<shared<int>>::decode(wrong_type), std::system_error);
  for (std::uint32_t index : {0U, 1000000U, 0xffffffffU, 4000U}) {
    tandem::reader wrong_index(std::as_bytes(std::span(&index, 1)));
    CHECK_THROWS_AS(tandem::codec<shared<int>>::decode(wrong_index), std::system_error);
  }
}

namespace {

struct pair_of_numbers {
  int first = 1;
  std::array<long, 4> second = {2, 3, 4, 5};
};

}  // namespace

TEST_CASE("shared: a handle to a part keeps the whole alive", "[memory][shared][part]") {
  auto& alive = place<std::atomic<int>>(0);
  auto number = [&alive] {
    shared<std::pair<int, counted>> whole(std::piecewise_construct, std::tuple(4), std::tuple(std::ref(alive)));
    shared<int, std::pair<int, counted>> first(whole, &whole->first);
    shared const again(whole, &std::pair<int, counted>::first);  // the same by the member's name, its type deduced
    CHECK(again == first);
    CHECK(first.use_count() == 3);
    return first;
  }();
  CHECK(alive == 1);
  CHECK(*number == 4);
  auto again = std::move(number);
  CHECK(number.get() == nullptr);
  number = again;
  CHECK(again.use_count() == 2);
  swap(again, number);
  CHECK(number == again);
  shared<std::pair<int, counted>> const other(std::piecewise_construct, std::tuple(5), std::tuple(std::ref(alive)));
  shared<int, std::pair<int, counted>> fives(other, &other->first);
  fives = std::move(number);
  CHECK(*fives == 4);
  if (number.get() != nullptr) CHECK(*number == 5);
  CHECK(alive == 2);
}

TEST_CASE("shared: the last handle to a part destroys the whole", "[memory][shared][part]") {
  auto& alive = place<std::atomic<int>>(0);
  auto const blocks = tandem::commons().statistics().live_blocks;
  {
    auto part = [&alive] {
      shared<std::pair<int, counted>> whole(std::piecewise_construct, std::tuple(4), std::tuple(std::ref(alive)));
      return shared(whole, &std::pair<int, counted>::second);
    }();
    CHECK(part->alive == &alive);
    CHECK(alive == 1);
  }
  CHECK(alive == 0);
  CHECK(tandem::commons().statistics().live_blocks == blocks);
}

TEST_CASE("shared: a part of a part, and a part on its way", "[memory][shared][part][codec]") {
  shared<pair_of_numbers> whole;
  shared numbers(whole, &pair_of_numbers::second);
  shared third(numbers, &(*numbers)[2]);
  static_assert(std::is_same_v<decltype(third), shared<long, pair_of_numbers>>);
  auto const received = tandem::decode<shared<long, pair_of_numbers>>(bytes_of(third));
  CHECK(received == third);
  CHECK(*received == 4);
  CHECK(whole.use_count() == 5);  // with the message's
}

TEST_CASE("shared: a part that lies elsewhere is refused", "[memory][shared][part][codec]") {
  shared<pair_of_numbers> whole;
  shared const numbers(whole, &pair_of_numbers::second);
  auto bytes = bytes_of(numbers);
  for (std::uint64_t const at : {std::uint64_t{9}, sizeof(pair_of_numbers), ~std::uint64_t{7}}) {
    std::memcpy(bytes.data() + sizeof(std::uint32_t), &at, sizeof at);
    CHECK_THROWS_AS((tandem::decode<shared<std::array<long, 4>, pair_of_numbers>>(bytes)), std::system_error);
  }
}

TEST_CASE("shared: killed at every instruction of a copy and its destruction, the count is right afterwards",
          "[memory][shared][kill]") {
  if (tandem_test::sanitized) return;  // the sanitizer's own instructions are not what is asked about
  auto& alive = place<std::atomic<int>>(0);
  shared<counted> const object(alive);
  auto& member = place<impl::token>(0U);
  auto const report = tandem_test::kill_at_each_instruction({
      .reset = [&] { member = impl::members::claim(); },
      .prepare =
          [&] {
            impl::members::become(member);
            impl::members::self();
          },
      .operation = [&] { shared<counted> const copy = object; },
      .check = [&]() -> tandem_test::verdict {
        bury(member);
        if (object.use_count() != 1) return "the dead still hold it";
        if (alive != 1) return "destroyed";
        return true;
      },
      .stride = 3,
  });
  INFO(report.to_string());
  CHECK(report.passed());
}

TEST_CASE("shared: killed at every instruction of the last holder's end, nothing wedges and at most one block is lost",
          "[memory][shared][kill]") {
  if (tandem_test::sanitized) return;
  auto& member = place<impl::token>(0U);
  std::uint64_t before = 0;
  auto const report = tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            member = impl::members::claim();
            before = tandem::commons().statistics().live_blocks;
          },
      .prepare =
          [&] {
            impl::members::become(member);
            impl::members::self();
            static_cast<void>(tandem::commons().allocate(sizeof(long)));  // and this thread is a participant
          },
      .operation = [&] { shared<std::atomic<long>> const own(3); },
      .check = [&]() -> tandem_test::verdict {
        bury(member);
        shared<std::atomic<long>> const next(4);
        if (*next != 4 || next.use_count() != 1) return "the table is broken";
        if (tandem::commons().statistics().live_blocks > before + 3) return "more than one block lost";
        return true;
      },
      .stride = 23,
  });
  INFO(report.to_string());
  CHECK(report.passed());
}
