// SPDX-License-Identifier: BSL-1.0
#include "tandem/memory/weak.hpp"

#include <atomic>
#include <cstring>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "memory/counted.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "tandem/core/transferable.hpp"
#include "tandem/memory/shared_array.hpp"

using tandem::shared, tandem::weak;
using tandem_test::counted, tandem_test::place;
namespace impl = tandem::impl;

static_assert(tandem::flat<weak<int>> && tandem::shareable<weak<int>> && tandem::transferable<weak<int>> &&
              sizeof(weak<int>) == 8);

TEST_CASE("weak: locks while somebody holds the object, and never again", "[memory][weak]") {
  auto& alive = place<std::atomic<int>>(0);
  weak<counted> last;
  CHECK(last.expired());
  CHECK_FALSE(last.lock());
  {
    shared<counted> const object(alive);
    weak const seen = object;
    CHECK(seen == weak(object));
    CHECK_FALSE(seen == last);
    last = seen;
    CHECK_FALSE(seen.expired());
    auto const again = last.lock();
    REQUIRE(again);
    CHECK(*again == object);
    CHECK(object.use_count() == 2);
  }
  CHECK(alive == 0);
  CHECK(last.expired());
  CHECK_FALSE(last.lock());
}

TEST_CASE("weak: the next object in the same place is another", "[memory][weak]") {
  std::optional<shared<int>> object(std::in_place, 1);
  weak const first = *object;
  for (int i = 0; i < 500; ++i) {
    object.reset();
    object.emplace(2);
    REQUIRE(first.expired());
    REQUIRE_FALSE(first.lock());
    REQUIRE(object->use_count() == 1);
  }
}

TEST_CASE("weak: of a handle that was moved from is nothing", "[memory][weak]") {
  shared<int> from(1);
  auto const to = std::move(from);
  CHECK(weak<int>(from) == weak<int>());
  CHECK(weak<int>(from).expired());
}

TEST_CASE("weak: refers to arrays too, and lies in shared memory", "[memory][weak]") {
  shared<int[]> const numbers(3, 4);
  shared<weak<int[]>> const place_for_it(numbers);
  auto const found = place_for_it->lock();
  REQUIRE(found);
  CHECK(found->size() == 3);
  CHECK((*found)[2] == 4);
}

TEST_CASE("weak: any bytes are one, at worst of nothing", "[memory][weak][codec]") {
  shared<double> const other(1);
  weak<double> const right = other;
  for (std::uint32_t index : {0U, 1U, 77U, 1U << 20, 0xffffffffU}) {
    std::uint32_t const words[2] = {index, 5};
    weak<double> read;
    std::memcpy(&read, words, sizeof read);
    CHECK_FALSE(read.lock());
  }
  weak<int> of_another_type;
  std::memcpy(static_cast<void*>(&of_another_type), &right, sizeof right);
  CHECK_FALSE(of_another_type.lock());
  CHECK(other.use_count() == 1);
}

TEST_CASE("weak: threads lock while the last holders let go", "[memory][weak][threads]") {
  auto& alive = place<std::atomic<int>>(0);
  auto& current = place<std::atomic<std::uint64_t>>(std::uint64_t{0});
  std::atomic<bool> done = false;
  std::atomic<long> locked = 0;
  std::vector<std::thread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      while (!done) {
        weak<counted> seen;
        auto const word = current.load();
        std::memcpy(static_cast<void*>(&seen), &word, sizeof word);
        if (auto const object = seen.lock()) {
          if (object->get()->alive != &alive) std::abort();
          ++locked;
        }
      }
    });
  }
  for (int i = 0; i < 20000 || locked == 0; ++i) {
    shared<counted> const object(alive);
    weak const seen = object;
    std::uint64_t word = 0;
    std::memcpy(&word, &seen, sizeof word);
    current = word;
  }
  done = true;
  for (auto& one : readers) one.join();
  CHECK(alive == 0);
}

TEST_CASE("weak: interrupted at every instruction by the object's end, it gets all of it or nothing",
          "[memory][weak][kill]") {
  if (tandem_test::sanitized) return;
  auto& alive = place<std::atomic<int>>(0);
  auto& member = place<impl::token>(0U);
  auto& got = place<std::atomic<int>>(0);
  auto& to_lock = place<weak<counted>>();
  std::optional<shared<counted>> object;
  int early = 0, late = 0;
  auto const report = tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            object.emplace(alive);
            to_lock = *object;
            got = 0;
            member = impl::members::claim();
          },
      .prepare =
          [&] {
            impl::members::become(member);
            impl::members::self();
            static_cast<void>(tandem::commons().allocate(sizeof(long)));
          },
      .operation =
          [&] {
            if (auto const locked = to_lock.lock()) got = locked->get()->alive == &alive && alive == 1 ? 1 : 2;
          },
      .check = [&]() -> tandem_test::verdict {
        impl::objects::bury(member);
        impl::members::release(member);
        ++(got == 0 ? late : early);
        if (got == 2) return "locked something else";
        if (!to_lock.expired() || to_lock.lock()) return "it lives on";
        if (alive != 0) return "not destroyed, or twice";
        return true;
      },
      .meanwhile = [&] { object.reset(); },
      .stride = 7,
  });
  INFO(report.to_string());
  CHECK(report.passed());
  CHECK(((early > 0 && late > 0) || !report.skipped.empty()));
}

// The lock has just seen the object alive, which ends; in its entry there is another one by now, which ends in turn,
// at each instruction of the lock.
TEST_CASE("weak: interrupted at every instruction by the end of the entry's next object, that one ends once",
          "[memory][weak][kill]") {
  if (tandem_test::sanitized) return;
  auto& alive = place<std::atomic<int>>(0);
  auto& member = place<impl::token>(0U);
  auto& locked = place<std::atomic<bool>>(false);
  bool const same_type = GENERATE(true, false);
  std::optional<shared<counted>> next;
  std::optional<shared<std::pair<int, counted>>> other;
  auto const blocks = tandem::commons().statistics().live_blocks;
  std::uint32_t entry = 0;
  auto const lost = [] { return static_cast<int>(impl::family().header().lost_objects.load()); };
  int lost_before = 0;
  auto const report = tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            if (same_type) {
              next.emplace(alive);
              entry = impl::shared_access::counted_of(*next).held().object;
            } else {
              other.emplace(std::piecewise_construct, std::tuple(1), std::tuple(std::ref(alive)));
              entry = impl::shared_access::counted_of(*other).held().object;
            }
            lost_before = lost();
            member = impl::members::claim();
          },
      .prepare =
          [&] {
            impl::members::become(member);
            impl::members::self();
            tandem::commons().deallocate(tandem::commons().allocate(sizeof(long)));
          },
      .operation = [&] { locked = static_cast<bool>(impl::counted<counted>::lock_if_still_there(entry, 0x12345)); },
      .check = [&]() -> tandem_test::verdict {
        impl::objects::bury(member);
        impl::members::release(member);
        if (locked) return "locked something else";
        if (impl::objects::at(entry).state.load() % 4 != impl::object_entry::free) return "the entry is not free";
        // Of a type that the lock does not know it can free the memory only.
        if (int const gone = lost() - lost_before; same_type ? alive != 0 || gone != 0 : alive != gone || gone > 1)
          return "not destroyed, or twice";
        alive = 0;
        if (tandem::commons().statistics().live_blocks != blocks) return "memory is lost";
        return true;
      },
      .meanwhile = [&] { next.reset(), other.reset(); },
      .stride = 7,
  });
  INFO(report.to_string());
  CHECK(report.passed());
}

TEST_CASE("weak: killed at every instruction of a lock, the count is right afterwards", "[memory][weak][kill]") {
  if (tandem_test::sanitized) return;
  auto& alive = place<std::atomic<int>>(0);
  shared<counted> const object(alive);
  auto& seen = place<weak<counted>>();
  seen = object;
  auto& member = place<impl::token>(0U);
  auto const report = tandem_test::kill_at_each_instruction({
      .reset = [&] { member = impl::members::claim(); },
      .prepare =
          [&] {
            impl::members::become(member);
            impl::members::self();
          },
      .operation = [&] { static_cast<void>(seen.lock()); },
      .check = [&]() -> tandem_test::verdict {
        impl::objects::bury(member);
        impl::members::release(member);
        if (object.use_count() != 1) return "the dead still hold it";
        if (alive != 1) return "destroyed";
        return true;
      },
      .stride = 7,
  });
  INFO(report.to_string());
  CHECK(report.passed());
}
