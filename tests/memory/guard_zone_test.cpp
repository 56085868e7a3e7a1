// SPDX-License-Identifier: BSL-1.0
#include "tandem/memory/impl/guard_zone.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "memory/shared_memory_probes.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/last_words.hpp"
#include "tandem/config.hpp"
#include "tandem/memory/commons.hpp"
#include "tandem/memory/heap.hpp"
#include "tandem/memory/impl/free_block.hpp"
#include "tandem/memory/impl/heap_audit.hpp"
#include "tandem/memory/impl/heap_blocks.hpp"
#include "tandem/memory/impl/region.hpp"
#include "tandem/memory/named_heap.hpp"
#include "tandem/memory/shared_array.hpp"

using tandem::commons;
using tandem_test::ContainsSubstring, tandem_test::last_words, tandem_test::run_in_child;
using tandem_test::name_of_test;

namespace {

constexpr std::size_t sizes_of_blocks[] = {0,   1,      7,      8,      15,     16,     17,     48,     100,
                                           496, 32'752, 32'753, 40'000, 65'519, 65'520, 65'521, 65'536, 1'000'000};

std::byte* full_block(std::size_t bytes, std::size_t alignment = 16) {
  auto* const block = static_cast<std::byte*>(commons().allocate(bytes, alignment));
  std::memset(block, 0xa5, bytes);
  return block;
}

/// Of a block that somebody has written behind.
void free_mended(std::byte* block, std::size_t bytes) {
  auto const size = tandem::impl::heap_audit::block_bytes(tandem::impl::blocks::map(), block);
  tandem::impl::guard_zone::draw(block, bytes, size);
  commons().deallocate(block);
}

auto overrun() {
  return ContainsSubstring("tandem::heap::deallocate: somebody has written behind the end of the block");
}

}  // namespace

TEST_CASE("guard_zone: all bytes of a block are its user's, whoever frees it", "[memory][guard_zone]") {
  auto const before = commons().statistics().live_blocks;
  for (std::size_t const bytes : sizes_of_blocks) {
    for (std::size_t const alignment : {16U, 64U, 4096U, 65536U}) {
      CAPTURE(bytes, alignment);
      std::byte* const block = full_block(bytes, alignment);
      CHECK(reinterpret_cast<std::uintptr_t>(block) % alignment == 0);
      commons().deallocate(block);
    }
    std::byte* const block = full_block(bytes);
    CHECK(run_in_child([&] { commons().deallocate(block); }).passed());
  }
  CHECK(commons().statistics().live_blocks == before);
}

TEST_CASE("guard_zone: blocks of a part of the program that does not guard its own are freed by one that does",
          "[memory][guard_zone]") {
  for (std::size_t const bytes : sizes_of_blocks) {
    auto* const block = static_cast<std::byte*>(tandem::impl::blocks::allocate(bytes));
    std::memset(block, 0xa5, tandem::impl::heap_audit::block_bytes(tandem::impl::blocks::map(), block));
    commons().deallocate(block);
    std::byte* const guarded = full_block(bytes);
    std::byte* const other = static_cast<std::byte*>(tandem::impl::blocks::allocate(bytes));
    std::memset(other, 0, tandem::impl::heap_audit::block_bytes(tandem::impl::blocks::map(), other));
    commons().deallocate(guarded);
    commons().deallocate(other);
  }
}

TEST_CASE("guard_zone: what was written behind a block's end is said when it is freed", "[memory][guard_zone][error]") {
  if (TANDEM_CHECKED == 0) return;
  for (std::size_t const bytes : sizes_of_blocks) {
    for (std::size_t const behind : {0U, 7U, 15U}) {
      CAPTURE(bytes, behind);
      std::byte* const block = full_block(bytes);
      CHECK_THAT(last_words([&] {
                   block[bytes + behind] ^= std::byte{1};
                   commons().deallocate(block);
                 }),
                 overrun());
      free_mended(block, bytes);
    }
  }
}

TEST_CASE("guard_zone: also where it was written over in whole, and by the thread that frees another's block",
          "[memory][guard_zone][error]") {
  if (TANDEM_CHECKED == 0) return;
  std::byte* const block = full_block(100);
  CHECK_THAT(last_words([&] {
               std::memset(block + 100, 0, 28);
               commons().deallocate(block);
             }),
             overrun());
  CHECK_THAT(last_words([&] {
               auto* const mine = full_block(100);
               mine[100] = std::byte{0};
               commons().deallocate(mine);
             }),
             overrun());
  free_mended(block, 100);
}

TEST_CASE("guard_zone: who frees what a dead or hostile process has left behind lives on", "[memory][guard_zone]") {
  auto const before = commons().statistics().live_blocks;
  for (std::size_t const bytes : sizes_of_blocks) {
    std::byte* const block = full_block(bytes);
    CHECK(run_in_child([&] { block[bytes] ^= std::byte{1}; }).passed());
    CHECK(run_in_child([&] { tandem::impl::free_block_at(tandem::impl::family().offset(block)); }).passed());
  }
  CHECK(commons().statistics().live_blocks == before);
}

TEST_CASE("guard_zone: a shared object that somebody has written behind is told of at its end",
          "[memory][guard_zone][shared][error]") {
  if (TANDEM_CHECKED == 0) return;
  CHECK_THAT(last_words([] {
               tandem::shared<int[]> const numbers(4);
               reinterpret_cast<std::byte*>(numbers.data() + 4)[0] ^= std::byte{1};
             }),
             overrun());
}

TEST_CASE("guard_zone: named heaps have them too", "[memory][guard_zone][named_heap][error]") {
  if (TANDEM_CHECKED == 0) return;
  name_of_test const name;
  auto heap = tandem::heap::named(name, std::size_t{4} << 20);
  auto* const block = static_cast<std::byte*>(heap.allocate(100));
  CHECK_THAT(last_words([&] {
               block[100] ^= std::byte{1};
               heap.deallocate(block);
             }),
             overrun());
}
