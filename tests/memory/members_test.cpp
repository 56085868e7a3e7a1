// SPDX-License-Identifier: BSL-1.0
#include "tandem/memory/impl/members.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/place.hpp"
#include "tandem/memory/impl/objects.hpp"
#include "tandem/memory/shared.hpp"

namespace impl = tandem::impl;
using impl::members, impl::objects;
using tandem_test::place, tandem_test::run_in_child;

namespace {

/// All pages that are left, taken by a child that ends: the others find them, and the tests that come after free pages.
class full_table {
 public:
  full_table() {
    CHECK(run_in_child([&] {
            std::size_t count = 0;
            try {
              for (;;) taken_[count++] = members::claim();
            } catch (std::system_error const&) {}
          }).passed());
  }
  ~full_table() {
    for (auto const one : taken_) objects::bury_orphan(one);
  }

  impl::token first() const { return taken_[0]; }

 private:
  std::array<impl::token, impl::token_slots>& taken_ = place<std::array<impl::token, impl::token_slots>>();
};

}  // namespace

TEST_CASE("members: a process is one, and a child of the host's own making another", "[memory][members]") {
  auto const me = members::self();
  CHECK(me == members::self());
  CHECK(members::is_current(me));
  auto& theirs = place<std::atomic<impl::token>>(0U);
  CHECK(run_in_child([&] { theirs = members::self(); }).passed());
  CHECK(theirs != me);
  CHECK(members::is_orphaned(theirs));
  CHECK_FALSE(members::is_orphaned(me));
  members::release(theirs);
  CHECK_FALSE(members::is_current(theirs));
}

TEST_CASE("members: a started process is who its starter says, whichever thread asks first; its own forks are not",
          "[memory][members]") {
  enum class asks_first { itself, its_thread, its_fork };
  auto const first = GENERATE(asks_first::itself, asks_first::its_thread, asks_first::its_fork);
  auto const given = members::claim();
  auto const report = run_in_child([&] {
    members::become(given);
    if (first == asks_first::itself) CHECK(members::self() == given);
    if (first == asks_first::its_fork) {
      CHECK(run_in_child([&] {
              auto const own = members::self();
              CHECK(own != given);
              members::release(own);
            }).passed());
    }
    impl::token threads = 0;
    std::thread([&] { threads = members::self(); }).join();
    CHECK(threads == given);
    CHECK(members::self() == given);
  });
  INFO(report.to_string());
  CHECK(report.passed());
  CHECK(members::is_orphaned(given));
  members::release(given);
}

TEST_CASE("members: threads that ask first at once agree", "[memory][members]") {
  CHECK(run_in_child([] {
          std::atomic<int> ready{0};
          std::vector<impl::token> seen(4);
          std::vector<std::thread> threads;
          for (auto& mine : seen) {
            threads.emplace_back([&ready, &mine] {
              ++ready;
              while (ready < 4) std::this_thread::yield();
              mine = members::self();
            });
          }
          for (auto& thread : threads) thread.join();
          for (auto const one : seen) CHECK(one == seen[0]);
        }).passed());
}

TEST_CASE("members: a full table says so", "[memory][members][errors]") {
  impl::family();
  full_table const full;
  CHECK_THROWS_WITH(members::claim(), Catch::Matchers::Contains("the table of the family's processes is full"));
}

TEST_CASE(
    "members: pages that a dead process claimed for others, and those of its dead, are found when they are needed",
    "[memory][members][death]") {
  impl::family();
  full_table const full;
  CHECK(run_in_child([&] { members::become(full.first()); }).passed());
  auto const mine = members::claim(&objects::bury_orphan);  // the first call finds one, not only the second
  CHECK(members::at(mine).process == mine);
  members::release(mine);
}

TEST_CASE("members: a process whose page was taken away, its starter being dead, does not run",
          "[memory][members][death]") {
  impl::family();
  auto& page = place<std::atomic<impl::token>>(0U);
  CHECK(run_in_child([&] { page = members::claim(); }).passed());
  objects::bury_orphan(page);
  CHECK_FALSE(members::is_current(page));
  auto const late = run_in_child([&] {
    members::become(page);
    FAIL("it ran");
  });
  CHECK(late.exit_code == 1);
  CHECK(late.message.empty());
}

TEST_CASE("members: a page is not taken away from whom a living process starts", "[memory][members]") {
  auto const page = members::claim();
  objects::bury_orphan(page);
  CHECK(members::is_current(page));
  CHECK(run_in_child([&] {
          members::become(page);
          CHECK(members::self() == page);
        }).passed());
  objects::bury_orphan(page);  // it has run, and has ended
  CHECK_FALSE(members::is_current(page));
}

TEST_CASE("members: a process of the host's own making finds a page where the dead have all",
          "[memory][members][death]") {
  impl::family();
  full_table const full;
  CHECK(run_in_child([] {
          tandem::shared<int> const held(5);
          CHECK(*held == 5);
          CHECK(members::is_current(members::self()));
        }).passed());
}
