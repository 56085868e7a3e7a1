// SPDX-License-Identifier: BSL-1.0
// What a death leaves of the heap, at every instruction of each of its paths; and what others do meanwhile.
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "memory/fresh_heap.hpp"
#include "memory/heap_trial.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "support/watchdog.hpp"
#include "tandem/memory/commons.hpp"
#include "tandem/memory/heap.hpp"

using tandem::commons;
using tandem_test::map, tandem_test::place, tandem_test::run_in_child, tandem_test::trial_block, tandem_test::try_out,
    tandem_test::verdict, tandem_test::with_fresh_heap;
namespace impl = tandem::impl;

namespace {

/// What both sides know of the blocks, in memory that is not the heap's.
struct board {
  std::atomic<std::size_t> count;  // of `kept`: allocated and not to be freed by the operation
  trial_block kept[4096];
  std::atomic<void*> spent;  // what the operation frees
  std::size_t live;          // statistics().live_blocks when all was prepared

  void clear() {
    count = 0;
    spent = nullptr;
    live = 0;
  }
  void keep(std::size_t bytes) {
    auto* const at = static_cast<unsigned char*>(commons().allocate(bytes));
    std::memset(at, trial_block::pattern, bytes);
    kept[count] = {at, bytes};
    ++count;
  }
  void keep(int blocks, std::size_t bytes) {
    for (int i = 0; i < blocks; ++i) keep(bytes);
  }
  void* take_back(std::size_t index) {
    auto* const at = kept[index].at;
    --count;
    for (std::size_t i = index; i < count; ++i) kept[i] = kept[i + 1];
    return at;
  }
};

/// One path through the heap, and by how much the number of live blocks may have changed after a death inside.
struct path {
  std::function<void(board&)> here = {};  // before the fork
  std::function<void(board&)> prepare = {};
  std::function<void(board&)> operation = {};
  int least = 0, most = 0;
  long stride = 1;
  std::function<void(board&)> meanwhile = {};
};

verdict check(board& all, path const& one) {
  if (!impl::heap_audit::is_tiled(map())) return "the units are not tiled";
  auto const left = commons().statistics().live_blocks;
  auto const change = static_cast<long>(left) - static_cast<long>(all.live);
  if (change < one.least || change > one.most) return "live blocks changed by " + std::to_string(change);
  impl::slabs::sweep(impl::slabs::enter());
  if (commons().statistics().abandoned_slabs != 0) return "a sweep has left slabs to the dead";
  if (auto words = try_out({all.kept, all.kept + all.count}); !words.empty()) return words;
  if (commons().statistics().live_blocks != left) return "live blocks changed after use";
  if (!impl::heap_audit::is_tiled(map())) return "the units are not tiled after use";
  for (std::size_t i = 0; i < all.count; ++i) commons().deallocate(all.kept[i].at);
  if (static_cast<long>(commons().statistics().live_blocks) > static_cast<long>(left - all.count))
    return "live blocks could not be freed";
  return true;
}

tandem_test::kill_report try_path(path const& one) {
  auto& all = place<board>();
  return tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            tandem_test::lay_fresh_heap();
            all.clear();
            if (one.here) one.here(all);
            all.live = commons().statistics().live_blocks;
          },
      .prepare =
          [&] {
            impl::slabs::enter();
            if (one.prepare) one.prepare(all);
            all.live = commons().statistics().live_blocks;
          },
      .operation = [&] { one.operation(all); },
      .check = [&] { return check(all, one); },
      .meanwhile = one.meanwhile ? std::function<void()>{[&] { one.meanwhile(all); }} : std::function<void()>{},
      .stride = one.stride,
  });
}

/// In a child, which has a heap of its own: the other tests keep theirs.
void survives(path const& one) {
  if (tandem_test::sanitized) return;  // their own instructions would be stepped through, a hundred for one of ours
  tandem_test::watchdog::allow(std::chrono::seconds(tandem_test::soaking() ? 3600 : 180));
  auto& report = place<std::array<char, 1024>>();
  auto const end = with_fresh_heap([&] {
    auto const found = try_path(one);
    std::strncpy(report.data(), found.to_string().c_str(), report.size() - 1);
    CHECK(found.passed());
  });
  INFO(report.data() << ' ' << end.to_string());
  CHECK(end.passed());
}

/// In another process, which is dead afterwards.
void elsewhere(std::function<void()> const& body, int signal = 0) {
  auto const end = run_in_child(body);
  if (end.signal != signal) throw std::runtime_error(end.to_string());
}

/// Leaves slabs of a dead participant, whose blocks live on.
void leave_behind(board& all, int blocks, std::size_t bytes) {
  elsewhere([&] { all.keep(blocks, bytes); });
  impl::participants::note_death();
}

/// Leaves units to the pool whose bitmaps were used.
void make_dirty(board&) {
  std::vector<void*> blocks;
  for (int i = 0; i < 700; ++i) blocks.push_back(commons().allocate(64));
  elsewhere([&] {
    for (void* const block : blocks) commons().deallocate(block);
  });
  commons().trim();
}

void allocate(std::size_t bytes) { static_cast<void>(commons().allocate(bytes)); }

auto keep(int blocks, std::size_t bytes) {
  return [=](board& all) { all.keep(blocks, bytes); };
}

void take_for_freeing(board& all, std::size_t index) { all.spent = all.take_back(index); }
void free_it(board& all) { commons().deallocate(all.spent.load(std::memory_order_relaxed)); }

/// Frees 38 of the child's blocks from afar.
void free_from_afar(board& all) {
  for (int i = 0; i < 38; ++i) commons().deallocate(all.take_back(all.count - 1));
}

}  // namespace

TEST_CASE("heap: killed at every instruction of an allocation from the current word", "[memory][heap][kill]") {
  survives({.prepare = keep(5, 64), .operation = [](board&) { allocate(64); }, .most = 1});
}

TEST_CASE("heap: killed at every instruction of an allocation that goes to the next word", "[memory][heap][kill]") {
  survives({.prepare = keep(64, 64), .operation = [](board&) { allocate(64); }, .most = 1});
}

TEST_CASE("heap: killed at every instruction of an allocation that makes a slab", "[memory][heap][kill]") {
  survives({.operation = [](board&) { allocate(64); }, .most = 1, .stride = 5});
}

TEST_CASE("heap: killed at every instruction of an allocation that makes a slab of a dirty one",
          "[memory][heap][kill]") {
  survives({.here = make_dirty, .operation = [](board&) { allocate(64); }, .most = 1, .stride = 5});
}

TEST_CASE("heap: killed at every instruction of a sweep that adopts three slabs", "[memory][heap][kill]") {
  survives({.here = [](board& all) { leave_behind(all, 5, 32'768); },
            .operation = [](board&) { allocate(32'768); },
            .most = 1,
            .stride = 5});
}

TEST_CASE("heap: killed at every instruction of freeing an own block", "[memory][heap][kill]") {
  survives({.prepare =
                [](board& all) {
                  all.keep(5, 64);
                  take_for_freeing(all, 3);
                },
            .operation = free_it,
            .least = -1});
}

TEST_CASE("heap: killed at every instruction of freeing the last block of a slab", "[memory][heap][kill]") {
  survives({.prepare =
                [](board& all) {
                  all.keep(4, 32'768);
                  commons().deallocate(all.take_back(0));
                  take_for_freeing(all, 0);
                },
            .operation = free_it,
            .least = -1});
}

TEST_CASE("heap: killed at every instruction of a free that fills the store of empty slabs", "[memory][heap][kill]") {
  survives({.prepare =
                [](board& all) {
                  all.keep(40, 32'768);  // 20 slabs: 16 empty, one about to be
                  for (int i = 0; i < 33; ++i) commons().deallocate(all.take_back(0));
                  take_for_freeing(all, 0);
                },
            .operation = free_it,
            .least = -1,
            .stride = 3});
}

TEST_CASE("heap: killed at every instruction of freeing somebody else's block", "[memory][heap][kill]") {
  survives({.here =
                [](board& all) {
                  all.keep(5, 64);
                  take_for_freeing(all, 3);
                },
            .operation = free_it,
            .least = -1});
}

TEST_CASE("heap: killed at every instruction of freeing as a thread's first call", "[memory][heap][kill]") {
  survives({.here =
                [](board& all) {
                  all.keep(5, 64);
                  take_for_freeing(all, 3);
                },
            .prepare = [](board&) { impl::participants::own().heap = impl::heap_cache{}; },
            .operation = free_it,
            .least = -1});
}

TEST_CASE("heap: killed at every instruction of a big allocation that splits a free run", "[memory][heap][kill]") {
  survives({.here = [](board&) { commons().deallocate(commons().allocate(1 << 20)); },
            .operation = [](board&) { allocate(200'000); },
            .most = 1});
}

TEST_CASE("heap: killed at every instruction of a big allocation that merges free runs", "[memory][heap][kill]") {
  survives({.here =
                [](board& all) {
                  std::vector<void*> runs;
                  all.keep(100'000);
                  for (int i = 0; i < 6; ++i) runs.push_back(commons().allocate(100'000));
                  all.keep(100'000);
                  for (void* const run : runs) commons().deallocate(run);
                  map().header->cursor = 2;
                },
            .operation = [](board&) { allocate(500'000); },
            .most = 1});
}

TEST_CASE("heap: killed at every instruction of a big allocation that merges what the cursor stands on",
          "[memory][heap][kill]") {
  survives({.here =
                [](board& all) {
                  std::vector<void*> runs;
                  for (int i = 0; i < 3; ++i) runs.push_back(commons().allocate(100'000));
                  all.keep(100'000);
                  for (void* const run : runs) commons().deallocate(run);  // the cursor stands on the last
                },
            .operation = [](board&) { allocate(300'000); },
            .most = 1});
}

TEST_CASE("heap: killed at every instruction of a big allocation from unused units", "[memory][heap][kill]") {
  survives({.operation = [](board&) { allocate(30 << 20); }, .most = 1});
}

TEST_CASE("heap: killed at every instruction of freeing a big block", "[memory][heap][kill]") {
  survives({.prepare =
                [](board& all) {
                  all.keep(2, 300'000);
                  take_for_freeing(all, 1);
                },
            .operation = free_it,
            .least = -1});
}

TEST_CASE("heap: killed at every instruction of taking the lock from the dead", "[memory][heap][kill]") {
  survives({.here =
                [](board&) {
                  elsewhere(
                      [] {
                        impl::page_lock::try_lock(map(), impl::slabs::enter().me);
                        ::raise(SIGKILL);
                      },
                      SIGKILL);
                },
            .operation = [](board&) { allocate(100'000); },
            .most = 1});
}

TEST_CASE("heap: killed at every instruction of trimming", "[memory][heap][kill]") {
  survives({.prepare =
                [](board& all) {
                  all.keep(7, 32'768);
                  for (int i = 0; i < 4; ++i) commons().deallocate(all.take_back(1));
                },
            .operation = [](board&) { commons().trim(); },
            .stride = 3});
}

TEST_CASE("heap: killed at every instruction of a thread's orderly end", "[memory][heap][kill]") {
  survives({.prepare =
                [](board& all) {
                  all.keep(7, 32'768);
                  for (int i = 0; i < 4; ++i) commons().deallocate(all.take_back(1));
                },
            .operation = [](board&) { impl::participants::leave(&impl::participants::own()); },
            .stride = 3});
}

TEST_CASE("heap: killed at every instruction of listing the slab that needs more room for the list",
          "[memory][heap][kill]") {
  survives({.prepare = keep(126, 32'768), .operation = [](board&) { allocate(32'768); }, .most = 1, .stride = 31});
}

// --- interrupted at every instruction, by others that work meanwhile

TEST_CASE("heap: others free in the middle of an allocation, at each of its instructions",
          "[memory][heap][interrupt]") {
  auto const blocks = GENERATE(60, 64);  // of a word of 64: the next allocation is from it, or from the next
  survives({.prepare = keep(blocks, 64),
            .operation = [](board&) { allocate(64); },
            .least = -37,
            .most = -37,
            .meanwhile = free_from_afar});
}

TEST_CASE("heap: others free in the same word in the middle of a free, at each of its instructions",
          "[memory][heap][interrupt]") {
  survives({.prepare =
                [](board& all) {
                  all.keep(60, 64);
                  take_for_freeing(all, 0);
                },
            .operation = free_it,
            .least = -39,
            .most = -39,
            .meanwhile = free_from_afar});
}

TEST_CASE("heap: others empty a slab in the middle of its owner's free, at each of its instructions",
          "[memory][heap][interrupt]") {
  survives({.prepare =
                [](board& all) {
                  all.keep(47, 8192);  // eight to a slab
                  take_for_freeing(all, 20);
                },
            .operation =
                [](board& all) {
                  free_it(all);
                  for (int i = 0; i < 6; ++i) allocate(8192);
                },
            .least = -33,
            .most = -33,
            .stride = 5,
            .meanwhile = free_from_afar});
}

TEST_CASE("heap: the owner uses the same word in the middle of somebody else's free, at each of its instructions",
          "[memory][heap][interrupt]") {
  survives({.here =
                [](board& all) {
                  all.keep(20, 64);
                  take_for_freeing(all, 3);
                },
            .operation = free_it,
            .least = -1,
            .most = -1,
            .meanwhile =
                [](board&) {
                  std::vector<void*> blocks;
                  for (int i = 0; i < 100; ++i) blocks.push_back(commons().allocate(64));
                  for (void* const block : blocks) commons().deallocate(block);
                }});
}

TEST_CASE("heap: two sweep at once, at each instruction of one of them", "[memory][heap][interrupt]") {
  survives({.here = [](board& all) { leave_behind(all, 5, 32'768); },
            .operation =
                [](board&) {
                  impl::slabs::sweep(impl::slabs::enter());
                  for (int i = 0; i < 3; ++i) allocate(32'768);
                },
            .least = 3,
            .most = 3,
            .stride = 11,
            .meanwhile =
                [](board&) {
                  impl::slabs::sweep(impl::slabs::enter());
                  if (map().header->lock != 0) return;  // the stopped one has it, and we may need it
                  for (int i = 0; i < 3; ++i) commons().deallocate(commons().allocate(32'768));
                }});
}

// --- negative controls: the same checks find a heap that takes a wrong step

TEST_CASE("heap: a slab that has its class before its bitmaps are clear is found broken", "[memory][heap][kill]") {
  if (tandem_test::sanitized) return;
  tandem_test::no_wider_stride const here;
  auto const end = with_fresh_heap([] {
    auto const careless = [](board&) {
      auto& cache = impl::slabs::enter();
      auto const all = map();
      std::uint32_t unit = impl::no_unit;
      {
        impl::page_lock const lock{all, cache.me};
        unit = impl::page_pool::take_free(all, impl::unit_state::slab_of(4, cache.me));  // should be raw
      }
      for (std::uint32_t w = 0; w < impl::sizes.words[4]; ++w) {
        all.descriptors[unit].local[w].store(0);
        all.descriptors[unit].remote[w].store(0);
      }
      ++all.descriptors[unit].local[0];
    };
    auto const found = try_path({.here = make_dirty, .operation = careless, .most = 1});
    INFO(found.to_string());
    if (!found.skipped.empty() || tandem_test::brief()) return;
    CHECK(found.failures > 0);
    CHECK(found.failures < found.points);
  });
  CHECK(end.passed());
}

TEST_CASE("heap: a split that writes the shorter head first is found broken", "[memory][heap][kill]") {
  if (tandem_test::sanitized) return;
  tandem_test::no_wider_stride const here;
  auto const end = with_fresh_heap([] {
    auto const careless = [](board&) {
      auto const all = map();
      auto const me = impl::participants::self();
      impl::page_lock const lock{all, me};
      std::uint32_t const at = all.header->cursor, length = all.state(at, std::memory_order_relaxed).length();
      all.states[at].store(impl::unit_state::big_block(me, 4).word);
      all.states[at + 4].store(impl::unit_state::free_run(length - 4).word);
    };
    auto const run = [](board&) { commons().deallocate(commons().allocate(1 << 20)); };
    auto const found = try_path({.here = run, .operation = careless, .most = 1});
    INFO(found.to_string());
    if (!found.skipped.empty() || tandem_test::brief()) return;
    CHECK(found.failures > 0);
    CHECK(found.failures < found.points);
    CHECK(found.complaint == "the units are not tiled");
  });
  CHECK(end.passed());
}
