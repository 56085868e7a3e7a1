// SPDX-License-Identifier: BSL-1.0
// What deaths at random moments leave of the heap, while others go on.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "memory/fresh_heap.hpp"
#include "memory/heap_trial.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/place.hpp"
#include "support/random_kill.hpp"
#include "support/seed.hpp"
#include "support/watchdog.hpp"
#include "tandem/memory/commons.hpp"

using tandem::commons;
using tandem_test::map, tandem_test::place, tandem_test::try_out, tandem_test::verdict, tandem_test::with_fresh_heap;
namespace impl = tandem::impl;

namespace {

struct stamp {
  std::uint64_t magic, bytes, seed;
};

bool is_whole(std::byte const* block) {
  stamp is{};
  std::memcpy(&is, block, sizeof is);
  if (is.magic != (reinterpret_cast<std::uintptr_t>(block) ^ 0xabcdef) || is.bytes < sizeof is) return false;
  for (std::size_t i = sizeof is; i<is.bytes; i += is.bytes> 4096 ? 509 : 1)
    if (block[i] != static_cast<std::byte>(is.seed)) return false;
  return true;
}

std::byte* make_block(std::mt19937_64& random) {
  std::uint64_t const chance = random();
  std::size_t const bytes = chance % 64 == 0  ? 33'000 + (chance >> 8) % 300'000
                            : chance % 8 == 0 ? 512 + (chance >> 8) % 20'000
                                              : 24 + (chance >> 8) % 489;
  auto* const block = static_cast<std::byte*>(commons().allocate(bytes));
  stamp const is{reinterpret_cast<std::uintptr_t>(block) ^ 0xabcdef, bytes, chance};
  std::memset(block + sizeof is, static_cast<int>(chance & 0xff), bytes - sizeof is);
  std::memcpy(block, &is, sizeof is);
  return block;
}

constexpr int storm_workers = 3;

struct storm_board {
  std::atomic<std::byte*> own[storm_workers][256];
  std::atomic<std::byte*> mail[64];
  std::atomic<long> operations, corrupt, far_frees;

  void free_whole(std::byte* block) {
    if (!is_whole(block)) ++corrupt;
    std::memset(block, 0, sizeof(stamp));
    commons().deallocate(block);
  }
};

/// At any instant, at most one block is in this worker's hands and nowhere on the board.
void churn(storm_board& all, int worker, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  for (;;) {
    if (random() % 2 == 0) {
      auto& slot = all.own[worker][random() % 256];
      if (auto* const block = slot.load()) {
        slot.store(nullptr);
        all.free_whole(block);
      } else {
        slot.store(make_block(random));
      }
    } else {
      auto& slot = all.mail[random() % 64];
      if (auto* const block = slot.exchange(nullptr)) {
        all.free_whole(block);
        ++all.far_frees;
      } else {
        auto* const fresh = make_block(random);
        std::byte* none = nullptr;
        if (!slot.compare_exchange_strong(none, fresh)) commons().deallocate(fresh);
      }
    }
    ++all.operations;
  }
}

verdict settle(storm_board& all, long kills) {
  if (all.corrupt != 0) return "corrupt blocks: " + std::to_string(all.corrupt);
  if (!impl::heap_audit::is_tiled(map())) return "the units are not tiled";
  impl::slabs::sweep(impl::slabs::enter());
  std::vector<std::byte*> live;
  auto const note = [&live](auto& slots) {
    for (auto& slot : slots)
      if (slot != nullptr) live.push_back(slot);
  };
  for (auto& slots : all.own) note(slots);
  note(all.mail);
  std::sort(live.begin(), live.end());
  for (std::size_t i = 0; i < live.size(); ++i) {
    if (!impl::heap_audit::is_allocated(map(), live[i])) return "a live block is marked free";
    if (!is_whole(live[i])) return "a live block is not whole";
    if (i != 0 && live[i - 1] + reinterpret_cast<stamp*>(live[i - 1])->bytes > live[i]) return "two blocks overlap";
  }
  if (auto words = try_out({}); !words.empty()) return words;
  for (auto* const block : live) {
    if (!is_whole(block)) return "a live block was handed out again";
    commons().deallocate(block);
  }
  auto const left = commons().statistics().live_blocks;
  if (left > static_cast<std::size_t>(kills)) return "more than one block lost in a death: " + std::to_string(left);
  return true;
}

}  // namespace

TEST_CASE("heap: killed at random, nothing is corrupted, handed out twice or stuck", "[memory][heap][kill][random]") {
  long const kills = tandem_test::repetitions(tandem_test::sanitized ? 300 : 800, 100'000);
  tandem_test::watchdog::allow(std::chrono::seconds(60 + kills / 10));
  auto& report = place<std::array<char, 1024>>();
  auto const end = with_fresh_heap([&] {
    auto& all = place<storm_board>();
    std::mt19937_64 random{tandem_test::test_seed()};
    auto const found = tandem_test::random_kill({
        .workers = storm_workers,
        .kills = kills,
        .work = [&](int worker, std::uint64_t seed) { churn(all, worker, seed); },
        .check =
            [&](int) {
              if (random() % 2 == 0) impl::participants::note_death();  // as who reaps through the library does
              return all.corrupt == 0;
            },
        .finally = [&] { return settle(all, kills + storm_workers); },
    });
    auto const now = commons().statistics();
    auto const words = found.to_string() + ", " + std::to_string(all.operations) + " operations, " +
                       std::to_string(all.far_frees) + " far frees, " + std::to_string(now.adopted_slabs) +
                       " adopted, " + std::to_string(now.stolen_locks) + " locks stolen, " +
                       std::to_string(now.live_blocks) + " blocks lost, " + std::to_string(now.reserved >> 20) + " MiB";
    std::strncpy(report.data(), words.c_str(), report.size() - 1);
    CHECK(found.passed());
    CHECK(all.operations > kills);
  });
  INFO(report.data() << ' ' << end.to_string());
  CHECK(end.passed());
}
