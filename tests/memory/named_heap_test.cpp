// SPDX-License-Identifier: BSL-1.0
#include "tandem/memory/named_heap.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "memory/shared_memory_probes.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "support/seed.hpp"
#include "tandem/memory/offset_ptr.hpp"

using namespace tandem_test;
using tandem::named_heap, tandem::offset_ptr;
namespace impl = tandem::impl;

namespace {

constexpr std::size_t size = std::size_t{4} << 20, large = std::size_t{64} << 20;

struct node {
  int value = 0;
  offset_ptr<node> next;
};

struct list {
  offset_ptr<node> first;
  std::atomic<int> length = 0;
};

int sum(list const& of) {
  int all = 0;
  for (node const* at = of.first.get(); at != nullptr; at = at->next.get()) all += at->value;
  return all;
}

struct throws_in_heap {
  explicit throws_in_heap(int) { throw std::runtime_error("no"); }
  int unused = 0;
};

}  // namespace

template <> inline constexpr bool tandem::enable_shareable<throws_in_heap> = true;

TEST_CASE("named_heap: what one program builds another finds, at another address", "[memory][named_heap]") {
  name_of_test const name;
  auto heap = tandem::heap::named(name, size);
  auto& numbers = heap.find_or_construct<list>("numbers");
  auto other = child_process([&] {
    auto mine = named_heap::open(name);
    list* const found = mine.find<list>("numbers");
    REQUIRE(found != nullptr);
    CHECK(found != &numbers);
    for (int i = 1; i <= 100; ++i) {
      node* const fresh = mine.construct<node>();
      fresh->value = i;
      fresh->next = found->first;
      found->first = fresh;
      ++found->length;
    }
  });
  CHECK(other.join().passed());
  CHECK(numbers.length == 100);
  CHECK(sum(numbers) == 5050);
  while (node* const gone = numbers.first.get()) {
    numbers.first = gone->next;
    heap.destroy(gone);
  }
  CHECK(heap.erase<list>("numbers"));
  CHECK_FALSE(heap.erase<list>("numbers"));
  CHECK(heap.find<list>("numbers") == nullptr);
  CHECK(heap.statistics().live_blocks == 0);
}

TEST_CASE("named_heap: stays when nobody has it open, until its name is removed", "[memory][named_heap]") {
  name_of_test const name;
  tandem::heap::named(name, size).find_or_construct<int>("answer", 42);
  {
    auto again = tandem::heap::named(name, size);
    CHECK(*again.find<int>("answer") == 42);
    CHECK(again.find_or_construct<int>("answer", 43) == 42);
    CHECK(named_heap::remove(name));
    CHECK_FALSE(named_heap::remove(name));
    CHECK(*again.find<int>("answer") == 42);
  }
  auto const fresh = error_of([&] { named_heap::open(name); });
  CHECK(fresh == ENOENT);
}

TEST_CASE("named_heap: what it refuses, in words", "[memory][named_heap][errors]") {
  name_of_test const name;
  CHECK_THROWS_WITH(tandem::heap::named(name, 4096), Catch::Matchers::Contains("size is 4096"));
  CHECK_THROWS_AS(tandem::heap::named("a/b", size), std::invalid_argument);
  auto heap = tandem::heap::named(name, size);
  CHECK(error_of([&] { tandem::heap::named(name, 2 * size); }) == EEXIST);
  CHECK_THROWS_AS(heap.find<int>(""), std::invalid_argument);
  CHECK_THROWS_AS(heap.find_or_construct<int>(std::string(48, 'x')), std::invalid_argument);
  heap.find_or_construct<int>(std::string(47, 'x'), 1);
  CHECK(error_of([&] { heap.find<double>(std::string(47, 'x')); }) == EBADMSG);
  CHECK(error_of([&] { heap.erase<double>(std::string(47, 'x')); }) == EBADMSG);
  auto const blocks = heap.statistics().live_blocks;
  CHECK_THROWS_AS(heap.find_or_construct<throws_in_heap>("refuses", 1), std::runtime_error);
  CHECK_THROWS_AS(heap.allocate(16, 8192), std::bad_alloc);
  CHECK_THROWS_AS(heap.allocate(size), std::bad_alloc);
  CHECK(heap.statistics().live_blocks == blocks);
  CHECK(reinterpret_cast<std::uintptr_t>(heap.allocate(100, 4096)) % 4096 == 0);
}

TEST_CASE("named_heap: memory of that name that is no heap", "[memory][named_heap][errors]") {
  name_of_test const name;
  SECTION("something else's") {
    auto const other = tandem::shared_memory::create(name, {.size = size});
    CHECK(error_of([&] { tandem::heap::named(name, size); }) == EBADMSG);
  }
  SECTION("cut off") {
    tandem::heap::named(name, size).find_or_construct<int>("answer", 42);
    tandem::shared_memory::open(name).resize(size / 2);
    CHECK(error_of([&] { named_heap::open(name); }) == EBADMSG);
  }
}

TEST_CASE("named_heap: as many roots as there is room for", "[memory][named_heap][errors]") {
  name_of_test const name;
  auto heap = tandem::heap::named(name, size);
  for (int i = 0; i < 128; ++i) heap.find_or_construct<int>("root " + std::to_string(i), i);
  auto const blocks = heap.statistics().live_blocks;
  CHECK_THROWS_AS(heap.find_or_construct<int>("one more", 1), std::bad_alloc);
  CHECK(heap.statistics().live_blocks == blocks);
  CHECK(heap.erase<int>("root 77"));
  CHECK(heap.find_or_construct<int>("one more", 1) == 1);
  for (int i = 0; i < 128; ++i) {
    if (i != 77) REQUIRE(*heap.find<int>("root " + std::to_string(i)) == i);
  }
}

TEST_CASE("named_heap: full is bad_alloc, and what is freed is there again", "[memory][named_heap][errors]") {
  name_of_test const name;
  auto heap = tandem::heap::named(name, size);
  for (int round = 0; round < 3; ++round) {
    std::vector<void*> blocks;
    CHECK_THROWS_AS(
        [&] {
          for (;;) blocks.push_back(heap.allocate(1000));
        }(),
        std::bad_alloc);
    CHECK(blocks.size() > size / 1024 * 8 / 10);
    for (void* const one : blocks) heap.deallocate(one);
    heap.deallocate(nullptr);
    CHECK(heap.statistics().live_blocks == 0);
  }
}

TEST_CASE("named_heap: threads of one program, and programs, at once", "[memory][named_heap][threads]") {
  name_of_test const name;
  auto heap = tandem::heap::named(name, large);
  auto churn = [](named_heap& in, unsigned seed) {
    std::vector<unsigned*> blocks(50);
    for (unsigned i = 0; i < 5000; ++i) {
      auto& one = blocks[(i * 7919 + seed) % blocks.size()];
      if (one != nullptr && *one != (seed ^ 0x5555)) std::abort();
      in.deallocate(one);
      one = static_cast<unsigned*>(in.allocate(4 + (i * 31 + seed) % 700));
      *one = seed ^ 0x5555;
    }
    for (auto* const one : blocks) in.deallocate(one);
  };
  auto other = child_process([&] {
    auto mine = named_heap::open(name);
    churn(mine, 1);
  });
  auto heir = child_process([&] { churn(heap, 2); });  // goes on with its parent's handle, as a peer of its own
  std::thread one([&] { churn(heap, 3); }), two([&] { churn(heap, 4); });
  one.join();
  two.join();
  CHECK(other.join().passed());
  CHECK(heir.join().passed());
  CHECK(heap.statistics().live_blocks == 0);
}

TEST_CASE("named_heap: who dies with the lock of the units blocks nobody, also if a child of its lives on",
          "[memory][named_heap][death]") {
  name_of_test const name;
  auto heap = tandem::heap::named(name, size);
  auto& grandchild = place<std::atomic<pid_t>>(0);
  auto child = child_process([&] {
    impl::named_segment segment(tandem::shared_memory::open(name), name.name);
    impl::page_lock const lock(segment.cache().map, segment.cache().me);
    pid_t const born = ::fork();
    if (born == 0) {
      for (;;) ::pause();
    }
    grandchild = born;
    ::raise(SIGKILL);
  });
  CHECK(child.join().signal == SIGKILL);
  REQUIRE(grandchild > 0);
  heap.deallocate(heap.allocate(100'000));
  CHECK(heap.statistics().stolen_locks == 1);
  ::kill(grandchild, SIGKILL);
}

TEST_CASE("named_heap: a lock that a scribbler wrote one's own name into is not waited for",
          "[memory][named_heap][hostile]") {
  name_of_test const name;
  tandem::heap::named(name, size);
  impl::named_segment segment(tandem::shared_memory::open(name), name.name);
  auto const& map = segment.cache().map;
  map.header->lock = segment.cache().me;
  impl::page_lock const lock(map, segment.cache().me);
  CHECK(map.header->stolen == 1);
}

TEST_CASE("named_heap: a forked child whose descriptors were closed is told so, and takes no other file for it",
          "[memory][named_heap][errors]") {
  name_of_test const name;
  auto heap = tandem::heap::named(name, size);
  auto& number = heap.find_or_construct<int>("number", 5);
  auto child = child_process([&] {
    for (int i = 3; i < 256; ++i) ::close(i);
    for (int i = 3; i < 64; ++i) static_cast<void>(tandem::fd::open("/dev/null", O_RDWR).release());
    CHECK(error_of([&] { heap.allocate(16); }) == EBADF);
    CHECK(error_of([&] { heap.allocate(16); }) == EBADF);  // it is no worse the second time
    auto mine = named_heap::open(name);
    CHECK(*mine.find<int>("number") == 5);
  });
  CHECK(child.join().passed());
  CHECK(number == 5);
  heap.deallocate(heap.allocate(16));
}

TEST_CASE("named_heap: what a dead program's slabs have free is used by others", "[memory][named_heap][death]") {
  name_of_test const name;
  auto heap = tandem::heap::named(name, size);
  auto child = child_process([&] {
    auto mine = named_heap::open(name);
    for (int i = 0; i < 20'000; ++i) static_cast<void>(mine.allocate(64));
    ::raise(SIGKILL);
  });
  CHECK(child.join().signal == SIGKILL);
  CHECK(heap.statistics().live_blocks == 20'000);
  CHECK(heap.statistics().abandoned_slabs > 10);
  std::size_t more = 0;
  CHECK_THROWS_AS(
      [&] {
        for (;; ++more) static_cast<void>(heap.allocate(64));
      }(),
      std::bad_alloc);
  CHECK(heap.statistics().abandoned_slabs == 0);
  CHECK(more > 20'000);
}

TEST_CASE("named_heap: a program that scribbles over all that keeps it in order neither crashes nor stops another",
          "[memory][named_heap][hostile]") {
  std::mt19937_64 random(test_seed());
  for (int round = 0; round < (brief() ? 10 : 60); ++round) {
    name_of_test const name;
    auto heap = tandem::heap::named(name, size);
    heap.find_or_construct<int>("number", 5);
    for (int i = 0; i < 500; ++i) static_cast<void>(heap.allocate(16 + random() % 3000));
    auto victim = run_in_child([&] {
      auto mine = named_heap::open(name);
      auto memory = tandem::shared_memory::open(name).map();
      // The header, the peers and roots, state words and bitmaps; in some rounds densely, in some here and there.
      auto const words = memory.as_array<std::uint64_t>(0, 150'000 / sizeof(std::uint64_t));
      for (auto writes = std::size_t{1} << random() % 16; writes != 0; --writes)
        words[random() % words.size()] = random() % 2 == 0 ? random() : random() % 300;
      std::vector<void*> blocks;
      try {
        for (int i = 0; i < 300; ++i) {
          blocks.push_back(mine.allocate(16 + random() % 100'000));
          *static_cast<int*>(blocks.back()) = i;
        }
      } catch (std::bad_alloc const&) {}
      try {
        if (int const* const found = mine.find<int>("number"))
          static_cast<void>(*static_cast<int const volatile*>(found));
      } catch (std::system_error const&) {}
      static_cast<void>(mine.statistics());
      try {
        static_cast<void>(named_heap::open(name));
      } catch (std::system_error const&) {}
      ::_exit(0);
    });
    INFO(victim.to_string());
    CHECK(victim.exit_code == 0);
  }
}

TEST_CASE("named_heap: killed at every instruction of an allocation and its end, it is whole and others go on",
          "[memory][named_heap][kill]") {
  if (sanitized) return;
  std::size_t const bytes = GENERATE(std::size_t{40}, std::size_t{100'000});
  name_of_test const name;
  auto heap = tandem::heap::named(name, large);
  std::size_t before = 0;
  std::optional<named_heap> theirs;
  auto const report = kill_at_each_instruction({
      .reset = [&] { before = heap.statistics().live_blocks; },
      .prepare = [&] { theirs.emplace(named_heap::open(name)); },
      .operation =
          [&] {
            void* const block = theirs->allocate(bytes);
            theirs->deallocate(block);
          },
      .check = [&]() -> verdict {
        auto const now = heap.statistics();
        if (now.live_blocks > before + 1) return "more than one block is lost";
        heap.deallocate(heap.allocate(bytes));
        heap.deallocate(heap.allocate(200'000));
        return heap.statistics().live_blocks == now.live_blocks ? verdict(true) : verdict("blocks appear or vanish");
      },
      .stride = 13,
  });
  INFO(report.to_string());
  CHECK(report.passed());
}

TEST_CASE("named_heap: killed at every instruction that makes and takes away a root, it is there or not",
          "[memory][named_heap][kill]") {
  if (sanitized) return;
  name_of_test const name;
  auto heap = tandem::heap::named(name, size);
  heap.find_or_construct<int>("always", 5);
  std::optional<named_heap> theirs;
  auto const report = kill_at_each_instruction({
      .reset = [&] { heap.erase<long>("sometimes"); },
      .prepare = [&] { theirs.emplace(named_heap::open(name)); },
      .operation =
          [&] {
            theirs->find_or_construct<long>("sometimes", 7);
            theirs->erase<long>("sometimes");
          },
      .check = [&]() -> verdict {
        if (*heap.find<int>("always") != 5) return "another root is broken";
        long const* const found = heap.find<long>("sometimes");
        if (found != nullptr && *found != 7) return "half a root";
        return heap.find_or_construct<long>("sometimes", 7) == 7 ? verdict(true) : verdict("not what was made");
      },
      .stride = 29,
  });
  INFO(report.to_string());
  CHECK(report.passed());
}
