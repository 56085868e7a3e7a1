// SPDX-License-Identifier: BSL-1.0
// Items in shared memory: each a chain of blocks, the first of which begins with a head.
//
//     [ head | key, value ] -> [ value ] -> [ value ]       128 bytes each
#ifndef TANDEM_EXAMPLES_KVCACHE_ITEMS_HPP
#define TANDEM_EXAMPLES_KVCACHE_ITEMS_HPP

#include <algorithm>    // for min
#include <atomic>       // for atomic
#include <cstddef>      // for size_t
#include <cstdint>      // for int64_t, uint32_t, uint64_t, uint8_t
#include <cstring>      // for memcmp, memcpy
#include <new>          // for launder, placement new
#include <string>       // for string
#include <string_view>  // for string_view

#include <tandem/tandem.hpp>

namespace kvcache {

/// In nanoseconds, of a clock that does not jump.
using moment = std::int64_t;
inline constexpr moment never = INT64_MAX;

inline constexpr std::size_t longest_key = 250;

/// What is to be stored.
struct entry {
  std::string_view key;
  std::string_view value;
  std::uint32_t flags = 0;
  moment expires = never;
};

/// The number of a block.
using place = std::uint32_t;
inline constexpr place nowhere = UINT32_MAX;
/// What is stored as a whole or not at all, whoever dies.
using link = std::atomic<place>;

struct item_head {
  link next{nowhere};  // in its bucket
  std::uint32_t hash;
  std::uint64_t version;
  moment stored;
  std::atomic<moment> expires;
  std::uint32_t flags;
  std::uint32_t value_size;
  std::uint8_t key_size;
  std::uint8_t used;  // since the clock's hand came by
};
static_assert(sizeof(item_head) == 48, "a format in shared memory");

struct block {
  alignas(item_head) char bytes[128];
};

/// A handle, of which each worker has one. Nothing here knows which blocks are free.
class item_blocks {
 public:
  static constexpr std::size_t bytes_per_block = sizeof(block) + sizeof(place);

  explicit item_blocks(std::size_t blocks)
      : blocks_(tandem::for_overwrite, blocks), next_(tandem::for_overwrite, blocks) {}

  /// For a key and a value of so many bytes together.
  static constexpr std::size_t blocks_for(std::size_t bytes) {
    constexpr std::size_t in_first = sizeof(block) - sizeof(item_head);
    return bytes <= in_first ? 1 : 1 + (bytes - in_first + sizeof(block) - 1) / sizeof(block);
  }
  std::size_t blocks_of(place at) const { return blocks_for(size_of(at)); }
  std::size_t size_of(place at) const { return head(at).key_size + std::size_t{head(at).value_size}; }

  /// What comes after a block: in its item, or in the list of free ones. Behind an item's last block it means nothing.
  place& next(place at) const { return next_[at]; }
  item_head& head(place at) const { return *std::launder(reinterpret_cast<item_head*>(blocks_[at].bytes)); }

  /// Writes an item to a chain of blocks that is long enough.
  void write(place at, entry const& what, std::uint32_t hash, std::uint64_t version, moment now) const {
    new (blocks_[at].bytes) item_head{.hash = hash,
                                      .version = version,
                                      .stored = now,
                                      .expires = what.expires,
                                      .flags = what.flags,
                                      .value_size = static_cast<std::uint32_t>(what.value.size()),
                                      .key_size = static_cast<std::uint8_t>(what.key.size()),
                                      .used = 0};
    copy_to(at, 0, what.key);
    copy_to(at, what.key.size(), what.value);
  }

  bool has_key(place at, std::string_view key) const {
    return head(at).key_size == key.size() && pieces(at, 0, key.size(), [&key](char const* piece, std::size_t size) {
             bool const same = std::memcmp(piece, key.data(), size) == 0;
             key.remove_prefix(size);
             return same;
           });
  }

  void append_value(place at, std::string& to) const {
    pieces(at, head(at).key_size, head(at).value_size, [&to](char const* piece, std::size_t size) {
      to.append(piece, size);
      return true;
    });
  }

 private:
  /// Calls `use(piece, size)` for `count` bytes beginning with `from`, until it returns false.
  template <class F> bool pieces(place at, std::size_t from, std::size_t count, F use) const {
    for (std::size_t begin = sizeof(item_head); count != 0; begin = 0) {
      std::size_t const here = sizeof(block) - begin;
      if (from < here) {
        std::size_t const size = std::min(count, here - from);
        if (!use(blocks_[at].bytes + begin + from, size)) return false;
        count -= size;
        from = 0;
      } else {
        from -= here;
      }
      if (count != 0) at = next_[at];
    }
    return true;
  }

  void copy_to(place at, std::size_t from, std::string_view text) const {
    pieces(at, from, text.size(), [&text](char* piece, std::size_t size) {
      std::memcpy(piece, text.data(), size);
      text.remove_prefix(size);
      return true;
    });
  }

  tandem::shared<block[]> blocks_;
  tandem::shared<place[]> next_;
};

}  // namespace kvcache

#endif  // TANDEM_EXAMPLES_KVCACHE_ITEMS_HPP
