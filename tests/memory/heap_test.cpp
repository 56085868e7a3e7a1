// SPDX-License-Identifier: BSL-1.0
#include "tandem/memory/heap.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <limits>
#include <list>
#include <map>
#include <memory_resource>
#include <new>
#include <random>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "memory/fresh_heap.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/last_words.hpp"
#include "support/probes.hpp"
#include "support/seed.hpp"
#include "tandem/memory/commons.hpp"

using tandem::commons;
using tandem_test::child_process, tandem_test::place, tandem_test::processes, tandem_test::require,
    tandem_test::run_in_child, tandem_test::threads, tandem_test::with_fresh_heap, tandem_test::last_words;
namespace impl = tandem::impl;

namespace {

/// A block that knows what must be in it.
struct filled {
  unsigned char* at = nullptr;
  std::size_t bytes = 0;
  unsigned char with = 0;

  filled() = default;
  filled(std::size_t size, std::size_t alignment, unsigned char pattern)
      : at(static_cast<unsigned char*>(commons().allocate(size, alignment))), bytes(size), with(pattern) {
    require(reinterpret_cast<std::uintptr_t>(at) % alignment == 0, "a block is not aligned");
    std::memset(at, with, bytes);
  }
  void check() const {
    for (std::size_t i = 0; i < bytes; ++i) require(at[i] == with, "somebody else has written to this block");
  }
  void free() {
    check();
    commons().deallocate(at);
    at = nullptr;
  }
};

std::size_t some_size(std::mt19937_64& random) {
  switch (random() % 16) {
    case 0:
      return random() % 200'000;
    case 1:
      return random() % 33'000;
    case 2:
      return random() % 3;
    default:
      return random() % 600;
  }
}

/// What a block has more than it was asked for, where that is a size.
constexpr std::size_t zone = impl::guards_blocks ? impl::guard_zone::least : 0;

std::size_t live() { return commons().statistics().live_blocks; }

}  // namespace

TEST_CASE("heap: every size class holds what it says, wastes a fifth at most, and divides without dividing",
          "[memory][heap]") {
  for (std::uint32_t bytes = 0; bytes <= impl::largest_small_block; ++bytes) {
    auto const c = impl::size_classes::of(bytes);
    REQUIRE(c >= 1);
    REQUIRE(c < impl::size_classes::count);
    REQUIRE(impl::sizes.size[c] >= bytes);
    REQUIRE((c == 1 || impl::sizes.size[c - 1] < bytes));
    if (bytes > 128) REQUIRE(impl::sizes.size[c] <= bytes + bytes / 4);
  }
  for (std::uint32_t c = 1; c < impl::size_classes::count; ++c) {
    REQUIRE(impl::sizes.size[impl::unit_state::guarded + c] == impl::sizes.size[c]);
    for (std::uint32_t offset = 0; offset < impl::unit_bytes; ++offset)
      REQUIRE(impl::sizes.index(c, offset) == offset / impl::sizes.size[c]);
  }
}

TEST_CASE("heap: its parts lie inside the region and do not overlap, in regions of any size", "[memory][heap]") {
  for (std::size_t const bytes : {std::size_t{1} << 20, std::size_t{40} << 20, std::size_t{63} << 30}) {
    auto* const at = reinterpret_cast<std::byte*>(std::uintptr_t{0x550000000000});
    auto const map = impl::map_heap(at, bytes);
    CHECK(map.count() >= bytes / impl::unit_bytes * 9 / 10);
    CHECK(reinterpret_cast<std::byte*>(map.header + 1) <= reinterpret_cast<std::byte*>(map.states));
    CHECK(reinterpret_cast<std::byte*>(map.states + map.count()) <= reinterpret_cast<std::byte*>(map.descriptors));
    CHECK(reinterpret_cast<std::byte*>(map.descriptors + map.count()) <= map.units);
    CHECK(reinterpret_cast<std::uintptr_t>(map.units) % impl::unit_bytes == 0);
    CHECK(map.units + map.bytes <= at + bytes);
  }
}

TEST_CASE("heap: a region that is larger than a length can say is used up to that", "[memory][heap]") {
  auto* const at = reinterpret_cast<std::byte*>(std::uintptr_t{0x550000000000});
  CHECK(impl::map_heap(at, std::size_t{600} << 30).count() == impl::unit_state::most_units);
  auto const whole = impl::unit_state::free_run(impl::unit_state::most_units);
  CHECK(whole.length() == impl::unit_state::most_units);
}

TEMPLATE_TEST_CASE("heap: no block is anybody else's, whatever its size and alignment", "[memory][heap]", threads,
                   processes) {
  INFO("TANDEM_TEST_SEED=" << tandem_test::test_seed());
  auto const before = live();
  TestType::spawn_and_join(3, [](int number) {
    std::mt19937_64 random{tandem_test::test_seed() + static_cast<unsigned>(number)};
    std::vector<filled> mine(200);
    for (long i = 0; i < tandem_test::repetitions(20'000, 2'000'000); ++i) {
      auto& one = mine[random() % mine.size()];
      if (one.at != nullptr) one.free();
      std::size_t const alignment = random() % 4 == 0 ? std::size_t{1} << random() % 17 : 16;
      one = filled(some_size(random), alignment, static_cast<unsigned char>(random()));
    }
    for (auto& one : mine)
      if (one.at != nullptr) one.free();
  });
  CHECK(live() == before);
}

TEMPLATE_TEST_CASE("heap: what one allocates, another may free, and the memory comes back", "[memory][heap]", threads,
                   processes) {
  struct mailbox {
    std::atomic<std::uint64_t*> slots[64];
    std::atomic<bool> over;
  };
  auto& mail = TestType::template place<mailbox>();
  auto const before = live();
  auto const reserved = commons().statistics().reserved;
  long const letters = tandem_test::repetitions(200'000, 20'000'000);
  TestType::spawn_and_join(2, [&mail, letters](int number) {
    if (number == 0) {
      for (long i = 0; i < letters; ++i) {
        auto* const letter = static_cast<std::uint64_t*>(commons().allocate(264));
        letter[0] = static_cast<std::uint64_t>(i);
        letter[32] = ~static_cast<std::uint64_t>(i);
        while (mail.slots[i % 64].load(std::memory_order_relaxed) != nullptr) std::this_thread::yield();
        mail.slots[i % 64].store(letter, std::memory_order_release);
      }
    } else {
      for (long i = 0; i < letters; ++i) {
        auto& slot = mail.slots[i % 64];
        std::uint64_t* letter = nullptr;
        while ((letter = slot.load(std::memory_order_acquire)) == nullptr) std::this_thread::yield();
        require(letter[0] == static_cast<std::uint64_t>(i) && letter[32] == ~static_cast<std::uint64_t>(i),
                "a letter was overwritten");
        commons().deallocate(letter);
        slot.store(nullptr, std::memory_order_relaxed);
      }
    }
  });
  CHECK(live() == before);
  CHECK(commons().statistics().reserved <= reserved + (std::size_t{4} << 20));
}

TEST_CASE("heap: alignments up to 64 KiB are kept, larger ones refused", "[memory][heap][error]") {
  for (std::size_t alignment = 1; alignment <= 65536; alignment *= 2) {
    for (std::size_t const bytes : {0U, 1U, 24U, 96U, 100U, 700U, 5000U, 33'000U, 70'000U}) {
      void* const block = commons().allocate(bytes, alignment);
      CHECK(reinterpret_cast<std::uintptr_t>(block) % std::max<std::size_t>(alignment, 16) == 0);
      std::memset(block, 1, bytes);
      commons().deallocate(block);
    }
  }
  CHECK_THROWS_AS(commons().allocate(1, 131'072), std::bad_alloc);
}

TEST_CASE("heap: a block of no bytes is a block, and no block is none", "[memory][heap][edge]") {
  void* const one = commons().allocate(0);
  void* const other = commons().allocate(0);
  CHECK(one != other);
  commons().deallocate(one);
  commons().deallocate(other);
  commons().deallocate(nullptr);
}

TEST_CASE("heap: sizes that overflow are refused", "[memory][heap][error]") {
  auto const most = std::numeric_limits<std::size_t>::max();
  for (std::size_t const bytes : {most, most - 15, most - 65'535, most / 2, commons().statistics().capacity + 1}) {
    CHECK_THROWS_AS(commons().allocate(bytes), std::bad_alloc);
    CHECK_THROWS_AS(commons().allocate(bytes, 4096), std::bad_alloc);
  }
}

TEST_CASE("heap: full, it says so, and is usable again when something is given back", "[memory][heap][error]") {
  auto const end = with_fresh_heap([] {
    auto const capacity = commons().statistics().capacity;
    void* const small = commons().allocate(64);
    std::vector<void*> all;
    for (std::size_t bytes = capacity; bytes >= impl::unit_bytes; bytes /= 2) {
      try {
        for (;;) all.push_back(commons().allocate(bytes - zone));
      } catch (std::bad_alloc const&) {}
    }
    CHECK(commons().statistics().live_bytes == capacity - impl::unit_bytes + 64 + zone);
    CHECK_THROWS_AS(commons().allocate(20'000), std::bad_alloc);  // a size that has no slab yet
    CHECK_NOTHROW(commons().deallocate(commons().allocate(64)));  // one that has
    commons().deallocate(all.back());
    all.pop_back();
    CHECK_NOTHROW(commons().deallocate(commons().allocate(20'000)));
    commons().deallocate(small);
    for (void* const block : all) commons().deallocate(block);
    commons().trim();
    CHECK(commons().statistics().live_blocks == 0);
    CHECK_NOTHROW(commons().deallocate(commons().allocate(capacity - zone)));  // all in one piece again
  });
  INFO(end.to_string());
  CHECK(end.passed());
}

TEST_CASE("heap: a big block that is given back is handed out again, with its pages", "[memory][heap]") {
  void* const first = commons().allocate(3'000'000);
  commons().deallocate(first);
  void* const second = commons().allocate(3'000'000);
  CHECK(first == second);
  commons().deallocate(second);
}

TEST_CASE("heap: many threads, one after the other, leave nothing behind", "[memory][heap]") {
  auto const before = commons().statistics();
  for (int i = 0; i < 200; ++i) {
    std::thread([] {
      std::vector<void*> blocks;
      for (std::size_t n = 1; n < 100; ++n) blocks.push_back(commons().allocate(n * 300));
      for (void* const block : blocks) commons().deallocate(block);
    }).join();
  }
  auto const after = commons().statistics();
  CHECK(after.live_blocks == before.live_blocks);
  CHECK(after.reserved <= before.reserved + (std::size_t{16} << 20));
  CHECK(after.abandoned_slabs <= before.abandoned_slabs);
}

TEST_CASE("heap: what threads leave with blocks in it is adopted and used up", "[memory][heap]") {
  auto const end = with_fresh_heap([] {
    std::vector<void*> blocks(300);
    for (auto& block : blocks) std::thread([&block] { block = commons().allocate(100); }).join();
    CHECK(commons().statistics().slabs < 10);
    CHECK(commons().statistics().adopted_slabs > 100);
    for (void* const block : blocks) commons().deallocate(block);
    CHECK(live() == 0);
  });
  INFO(end.to_string());
  CHECK(end.passed());
}

TEST_CASE("heap: the slabs of killed processes are found again, though nobody has counted the deaths",
          "[memory][heap][death]") {
  auto const end = with_fresh_heap([] {
    for (int i = 0; i < 150; ++i) {
      CHECK(run_in_child([] {
              for (int n = 0; n < 40; ++n) static_cast<void>(commons().allocate(8000));
              ::raise(SIGKILL);
            }).signal == SIGKILL);
    }
    auto const held = commons().statistics();
    CHECK(held.live_blocks == 6000);  // nobody can know that they were not handed over
    CHECK(held.reserved < held.live_bytes * 3 / 2);
  });
  INFO(end.to_string());
  CHECK(end.passed());
}

TEST_CASE("heap: a living participant keeps its slabs, though it has the slot of a dead one", "[memory][heap][death]") {
  auto const end = with_fresh_heap([] {
    impl::token dead = 0;
    void* left = nullptr;
    std::thread([&] {
      dead = impl::participants::self();
      left = commons().allocate(64);
    }).join();
    std::atomic<bool> found{false}, over{false};
    void* kept = nullptr;
    std::thread heir;
    while (!found) {  // slots are taken in turn
      std::atomic<bool> tried{false};
      std::thread next([&] {
        if (impl::slot_of(impl::participants::self()) == impl::slot_of(dead)) {
          kept = commons().allocate(4000);
          found = true;
          tried = true;
          over.wait(false);
        } else {
          tried = true;
        }
      });
      while (!tried) std::this_thread::yield();
      if (found)
        heir = std::move(next);
      else
        next.join();
    }
    impl::slabs::sweep(impl::slabs::enter());
    auto const map = impl::blocks::map();
    auto const owner_of = [&map](void* block) {
      return map.state(static_cast<std::uint32_t>(map.offset(block) >> impl::unit_bits), std::memory_order_acquire)
          .owner();
    };
    CHECK(owner_of(left) != dead);  // adopted: here, or by a thread before
    CHECK(owner_of(kept) != impl::participants::self());
    CHECK(impl::slot_of(owner_of(kept)) == impl::slot_of(dead));
    over = true;
    over.notify_all();
    heir.join();
  });
  INFO(end.to_string());
  CHECK(end.passed());
}

TEST_CASE("heap: processes forked while threads allocate have it at once, as participants of their own",
          "[memory][heap][fork]") {
  auto const before = live();
  std::atomic<bool> over{false};
  std::vector<std::thread> team;
  for (int t = 0; t < 2; ++t) {
    team.emplace_back([&over, t] {
      std::mt19937_64 random(static_cast<unsigned>(t));
      std::vector<filled> mine(50);
      while (!over) {
        auto& one = mine[random() % mine.size()];
        if (one.at != nullptr) one.free();
        one = filled(some_size(random), 16, static_cast<unsigned char>(random()));
      }
      for (auto& one : mine)
        if (one.at != nullptr) one.free();
    });
  }
  filled ours(100, 16, 77);
  for (long i = 0; i < tandem_test::repetitions(40, 1000); ++i) {
    auto const end = run_in_child([&ours] {
      std::vector<filled> mine;
      for (std::size_t n = 0; n < 300; ++n) mine.emplace_back(n * 7, 16, static_cast<unsigned char>(n));
      ours.check();
      for (auto& one : mine) one.free();
    });
    if (!end.passed()) FAIL_CHECK(end.to_string());
  }
  over = true;
  for (auto& thread : team) thread.join();
  ours.free();
  CHECK(live() == before);
}

TEST_CASE("heap: std::pmr containers work on its resource on both sides of a fork", "[memory][heap][pmr]") {
  auto* const resource = commons().resource();
  CHECK(resource->is_equal(*commons().resource()));
  CHECK_FALSE(resource->is_equal(*std::pmr::new_delete_resource()));
  auto const before = live();
  using table = std::pmr::map<int, std::pmr::string>;
  auto* const shared = new (commons().allocate(sizeof(table))) table(resource);
  (*shared)[1] = "the parent's, too long for the string object itself";
  CHECK(run_in_child([shared] {
          for (int i = 2; i < 500; ++i) (*shared)[i] = "the child's, too long for the string object itself";
          shared->erase(1);
        }).passed());
  CHECK(shared->size() == 498);
  CHECK((*shared)[77] == "the child's, too long for the string object itself");
  CHECK(commons().owns((*shared)[77].data()));
  shared->~table();
  commons().deallocate(shared);
  CHECK(live() == before);
}

TEST_CASE("heap: owns its blocks, and nothing else", "[memory][heap]") {
  void* const block = commons().allocate(100);
  int local = 0;
  CHECK(commons().owns(block));
  CHECK_FALSE(commons().owns(&local));
  CHECK_FALSE(commons().owns(nullptr));
  CHECK_FALSE(commons().owns(impl::family().tables));
  commons().deallocate(block);
}

TEST_CASE("heap: statistics count what is there", "[memory][heap]") {
  auto const end = with_fresh_heap([] {
    CHECK(commons().statistics().live_blocks == 0);
    CHECK(commons().statistics().reserved == 0);
    void* const small = commons().allocate(100);
    void* const big = commons().allocate(100'000);
    auto const now = commons().statistics();
    CHECK(now.live_blocks == 2);
    CHECK(now.live_bytes == 112 + zone + 131'072);
    CHECK(now.big_blocks == 1);
    CHECK(now.big_bytes == 131'072);
    CHECK(now.slabs == 1);
    CHECK(now.reserved == 3 * 65'536);
    CHECK(now.inherited_blocks == 0);
    commons().deallocate(small);
    commons().deallocate(big);
    CHECK(commons().statistics().live_blocks == 0);

    CHECK(run_in_child([] { static_cast<void>(commons().allocate(100'000)); }).passed());
    CHECK(commons().statistics().inherited_blocks == 1);
    CHECK(commons().statistics().inherited_bytes == 131'072);
  });
  INFO(end.to_string());
  CHECK(end.passed());
}

TEST_CASE("heap: trim gives the slabs that others have emptied to whoever needs units", "[memory][heap]") {
  auto const end = with_fresh_heap([] {
    std::vector<void*> blocks;
    for (int i = 0; i < 10'000; ++i) blocks.push_back(commons().allocate(500));
    std::size_t const slabs = commons().statistics().slabs;
    CHECK(slabs > 70);
    std::thread([&blocks] {
      for (void* const block : blocks) commons().deallocate(block);
    }).join();
    CHECK(commons().statistics().slabs == slabs);
    commons().trim();
    CHECK(commons().statistics().slabs == 0);
    CHECK_NOTHROW(commons().deallocate(commons().allocate(500)));
  });
  INFO(end.to_string());
  CHECK(end.passed());
}

TEST_CASE("heap: deallocate says in words what is wrong, in checked builds", "[memory][heap][error]") {
#if TANDEM_CHECKED
  using tandem_test::ContainsSubstring;
  auto const free_already = ContainsSubstring("tandem::heap::deallocate: the block is free already");
  auto const no_start = ContainsSubstring("tandem::heap::deallocate: the pointer is not the start of a block");
  auto const not_ours = ContainsSubstring("tandem::heap::deallocate: the pointer is not of this heap");

  auto* const block = static_cast<std::byte*>(commons().allocate(100));
  auto* const big = static_cast<std::byte*>(commons().allocate(100'000));
  int local = 0;
  CHECK_THAT(last_words([&] { commons().deallocate(&local); }), not_ours);
  CHECK_THAT(last_words([&] { commons().deallocate(block + 16); }), no_start);
  CHECK_THAT(last_words([&] { commons().deallocate(big + 32); }), no_start);
  CHECK_THAT(last_words([&] {
               void* const mine = commons().allocate(100);
               commons().deallocate(mine);
               commons().deallocate(mine);
             }),
             free_already);
  CHECK_THAT(last_words([&] {
               auto* const mine = static_cast<std::byte*>(commons().allocate(100));
               commons().deallocate(mine + 8);
             }),
             no_start);

  CHECK(run_in_child([&] { commons().deallocate(block); }).passed());
  CHECK_THAT(last_words([&] { commons().deallocate(block); }), free_already);
  commons().deallocate(big);
  CHECK_THAT(last_words([&] { commons().deallocate(big); }), free_already);
  CHECK_THAT(last_words([] { static_cast<void>(commons().allocate(8, 24)); }),
             ContainsSubstring("tandem::heap::allocate: the alignment is not a power of two"));
#endif
}
