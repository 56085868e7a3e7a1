// SPDX-License-Identifier: BSL-1.0
// The table that all workers share, in which each of them may be killed at any instruction.
//
//     shard   lock | free blocks, clock's hand, counts      each shard has its own buckets and blocks
//             buckets [ * ][   ][ * ] ...
//                       |         '-> item -> item
//                       '-> item
//
// What holds at every instruction is little: each bucket leads to its items, and each item to its blocks. An item is
// written to blocks that nothing leads to. One store puts it into its bucket, in the place of the one with the same key
// if there is one; one store takes it out. All else is derived: which blocks are free, how many items there are. Where
// a worker has died with a shard's lock, the next to lock it is told so, and derives it anew. So a write has happened
// or it has not; and what a dead worker was filling, or had not yet given back, is free again.
#ifndef TANDEM_EXAMPLES_KVCACHE_TABLE_HPP
#define TANDEM_EXAMPLES_KVCACHE_TABLE_HPP

#include <algorithm>     // for clamp, equal, fill_n, min
#include <array>         // for array
#include <atomic>        // for atomic, atomic_signal_fence
#include <bit>           // for bit_floor
#include <charconv>      // for from_chars, to_chars
#include <cstddef>       // for size_t
#include <cstdint>       // for uint32_t, uint64_t, uint8_t
#include <functional>    // for hash
#include <optional>      // for optional
#include <stdexcept>     // for invalid_argument
#include <string>        // for string, to_string
#include <string_view>   // for string_view
#include <system_error>  // for errc
#include <utility>       // for as_const
#include <vector>        // for vector

#include <tandem/tandem.hpp>

#include "items.hpp"

namespace kvcache {

/// What is counted. A worker that is killed may take a count along.
enum class event : std::uint8_t {
  get_hit,
  get_miss,
  set,
  touch_hit,
  touch_miss,
  delete_hit,
  delete_miss,
  incr_hit,
  incr_miss,
  decr_hit,
  decr_miss,
  cas_hit,
  cas_miss,
  cas_badval,
  stored,
  evicted,
  expired,
  repair,
  kinds
};
using counts = std::array<std::uint64_t, static_cast<std::size_t>(event::kinds)>;

struct statistics {
  counts events{};
  std::uint64_t items = 0, bytes = 0;

  std::uint64_t operator[](event what) const { return events[static_cast<std::size_t>(what)]; }
};

/// What is in the table, counted block by block.
struct audit {
  std::uint64_t items = 0, used = 0, free = 0, lost = 0;  // but for the items, blocks
  std::string complaint;                                  // what should not be; empty: nothing
};

/// What may be done wrongly, to show that the tests find it: no repair after a death; values written where the old ones
/// are; or (by the session) an answer before the deed.
enum class sabotage : std::uint8_t { none, no_repair, in_place, early_answer };

struct shape {
  std::size_t memory = std::size_t{64} << 20;
  std::size_t longest_value = std::size_t{1} << 20;
  std::size_t most_shards = 16;
  kvcache::sabotage sabotage = kvcache::sabotage::none;
};

enum class verb : std::uint8_t { set, add, replace, append, prepend, cas };
enum class result : std::uint8_t { stored, not_stored, exists, not_found, too_large };

/// What came of incr and decr.
struct sum {
  enum { done, not_found, not_a_number } what;
  std::uint64_t value = 0;
};

/// What a block is part of. Derived.
enum class part : std::uint8_t { nothing, head, rest };

struct alignas(128) shard {
  tandem::mutex lock;
  place first = 0;            // of its blocks
  std::uint64_t version = 0;  // of the last item that was stored
  // Derived:
  place free = nowhere;  // the first of its free blocks
  std::size_t free_blocks = 0;
  std::uint64_t items = 0, bytes = 0;
  // Where nothing depends on it:
  std::size_t hand = 0;  // of the clock that chooses what makes room
  counts events{};

  void count(event what) { ++events[static_cast<std::size_t>(what)]; }
};

/// When everything was, or is to be, forgotten.
struct flushes {
  std::atomic<moment> last{0}, next{never};
};

/// A handle; a copy, also in another process, is a handle to the same table.
class table {
 public:
  /// @throws std::invalid_argument where there is no room for two of the longest values
  explicit table(shape const& with) : table(with, shards_for(with)) {}

  std::size_t longest_value() const { return longest_value_; }
  kvcache::sabotage sabotaged_by() const { return sabotage_; }
  std::size_t blocks() const { return parts_.size(); }
  std::size_t shards() const { return shards_.size(); }

  /// Calls `see(head, append_value_to)` for the item, if there is one. Returns whether. With `expires`: from now on it
  /// expires then.
  template <class F>
  bool get(std::string_view key, moment now, F see, std::optional<moment> expires = std::nullopt) const {
    visit here(*this, key, now);
    here.count(here.found() ? event::get_hit : event::get_miss);
    if (!here.found()) return false;
    here.head().used = 1;
    if (expires) here.touch(*expires);
    see(std::as_const(here.head()), [&](std::string& to) { items_.append_value(here.at(), to); });
    return true;
  }

  /// `version` is for verb::cas. What is appended to keeps its flags and expiry.
  result store(verb how, entry what, moment now, std::uint64_t version = 0) const {
    visit here(*this, what.key, now);
    here.count(event::set);
    if (how == verb::cas) {
      bool const same = here.found() && here.head().version == version;
      here.count(!here.found() ? event::cas_miss : same ? event::cas_hit : event::cas_badval);
      if (!same) return here.found() ? result::exists : result::not_found;
    }
    if (how == verb::add ? here.found() : how != verb::set && !here.found()) return result::not_stored;
    std::string joined;
    if (how == verb::append || how == verb::prepend) {
      if (how == verb::prepend) joined = what.value;
      items_.append_value(here.at(), joined);
      if (how == verb::append) joined += what.value;
      what = {what.key, joined, here.head().flags, here.head().expires.load(relaxed)};
    }
    if (what.value.size() > longest_value_) return result::too_large;
    here.put(what);
    return result::stored;
  }

  /// Adds to a number in decimal, which wraps; or takes from it, to 0 at most.
  sum add(std::string_view key, std::uint64_t delta, bool up, moment now) const {
    visit here(*this, key, now);
    if (!here.found()) {
      here.count(up ? event::incr_miss : event::decr_miss);
      return {sum::not_found};
    }
    std::string text;
    if (here.head().value_size <= 20) items_.append_value(here.at(), text);
    std::uint64_t value = 0;
    auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return {sum::not_a_number};
    here.count(up ? event::incr_hit : event::decr_hit);
    value = up ? value + delta : value - std::min(value, delta);
    here.put({key, std::to_string(value), here.head().flags, here.head().expires.load(relaxed)});
    return {sum::done, value};
  }

  /// From now on it expires then. Returns whether it is there.
  bool touch(std::string_view key, moment expires, moment now) const {
    visit here(*this, key, now);
    if (here.found())
      here.touch(expires);
    else
      here.count(event::touch_miss);
    return here.found();
  }

  /// Returns whether it was there.
  bool remove(std::string_view key, moment now) const {
    visit here(*this, key, now);
    here.count(here.found() ? event::delete_hit : event::delete_miss);
    return here.found() && (here.take_out(), true);
  }

  /// At `when`, what was stored before is no more. Of several that are still to come, the last one counts.
  void flush(moment when, moment now) const {
    if (auto const past = flushes_->next.load(relaxed); past <= now) flushes_->last.store(past, relaxed);
    flushes_->next.store(when, relaxed);
  }

  statistics counted() const {
    statistics all;
    for (auto& one : shards_) {
      auto const hold = enter(one);
      for (std::size_t i = 0; i < all.events.size(); ++i) all.events[i] += one.events[i];
      all.items += one.items;
      all.bytes += one.bytes;
    }
    return all;
  }

  void forget_counts() const {
    for (auto& one : shards_) {
      auto const hold = enter(one);
      one.events = {};
    }
  }

  /// Looks at everything, and compares it with what is derived.
  audit examine() const {
    audit all;
    for (auto& one : shards_) {
      auto const hold = enter(one);
      std::vector<part> parts(blocks_per_shard(), part::nothing);
      auto const seen = survey(one, parts.data());
      std::vector<bool> listed(parts.size());
      std::size_t free = 0;
      for (place at = one.free; at != nowhere; at = items_.next(at), ++free) {
        std::size_t const index = at - one.first;
        if (index >= parts.size() || parts[index] != part::nothing || listed[index]) break;
        listed[index] = true;
      }
      all.items += seen.items;
      all.used += seen.blocks;
      all.free += free;
      all.lost += parts.size() - seen.blocks - free;
      char const* const words = !seen.whole                                          ? "a link leads to no item"
                                : seen.items != one.items || seen.bytes != one.bytes ? "what is there is not counted"
                                : free != one.free_blocks                            ? "free blocks are not counted"
                                : free + seen.blocks != parts.size()                 ? "blocks are lost"
                                : !std::equal(parts.begin(), parts.end(), parts_.get() + one.first)
                                    ? "blocks are not what they are said to be"
                                    : nullptr;
      if (words != nullptr && all.complaint.empty())
        all.complaint = "shard " + std::to_string(&one - shards_.get()) + ": " + words;
    }
    return all;
  }

 private:
  static constexpr auto relaxed = std::memory_order_relaxed;  // under a lock; and the flushes depend on nothing

  /// One operation on one key, alone with its shard.
  class visit {
   public:
    visit(table const& in, std::string_view key, moment now)
        : in_(in),
          now_(now),
          hash_(std::hash<std::string_view>()(key)),
          shard_(in.shards_[(hash_ >> 32) % in.shards_.size()]),
          hold_(in.enter(shard_)) {
      find(key);
      if (found() && in_.is_over(head(), now_)) {
        count(event::expired);
        take_out();
        find(key);  // the link leads to the next one in its bucket now
      }
    }

    bool found() const { return at() != nowhere; }
    place at() const { return link_->load(relaxed); }
    item_head& head() const { return in_.items_.head(at()); }
    void count(event what) const { shard_.count(what); }
    void touch(moment expires) const {
      count(event::touch_hit);
      head().expires.store(expires, relaxed);
    }
    void take_out() const { in_.take_out(shard_, *link_); }

    /// In place of what has been found, if something was.
    void put(entry const& what) {
      auto const& items = in_.items_;
      std::size_t const size = what.key.size() + what.value.size(), blocks = item_blocks::blocks_for(size);
      std::uint64_t const version = ++shard_.version;
      auto const hash = static_cast<std::uint32_t>(hash_);
      count(event::stored);
      if (in_.sabotage_ == sabotage::in_place && found() && items.size_of(at()) == size) {
        place const next = head().next.load(relaxed);
        items.write(at(), what, hash, version, now_);
        head().next.store(next, relaxed);
        return;
      }
      in_.make_room(shard_, blocks, now_);
      find(what.key);  // again: the old one may have made room
      place const made = in_.take_blocks(shard_, blocks), old = at();
      items.write(made, what, hash, version, now_);
      if (old != nowhere) items.head(made).next.store(items.head(old).next.load(relaxed), relaxed);
      publish(*link_, made);
      shard_.bytes += size;
      ++shard_.items;
      if (old != nowhere) in_.give_back(shard_, old);
    }

   private:
    /// What leads to the item of that key; where there is none, what would.
    void find(std::string_view key) {
      auto const hash = static_cast<std::uint32_t>(hash_);
      link_ = &in_.bucket(shard_, hash);
      while (found() && !(head().hash == hash && in_.items_.has_key(at(), key))) link_ = &head().next;
    }

    table const& in_;
    moment now_;
    std::uint64_t hash_;
    shard& shard_;
    tandem::recovered_lock<tandem::mutex> hold_;
    link* link_ = nullptr;
  };

  struct totals {
    std::uint64_t items = 0, bytes = 0;
    std::size_t blocks = 0;
    bool whole = true;
  };

  static constexpr std::size_t bytes_per_block = item_blocks::bytes_per_block + sizeof(link) + sizeof(part);

  table(shape const& with, std::size_t shards)
      : longest_value_(with.longest_value),
        sabotage_(with.sabotage),
        shards_(shards),
        items_(with.memory / bytes_per_block / shards * shards),
        buckets_(tandem::for_overwrite, std::bit_floor(with.memory / bytes_per_block / shards) * shards),
        parts_(with.memory / bytes_per_block / shards * shards) {
    for (auto& one : buckets_) one.store(nowhere, relaxed);
    for (std::size_t i = 0; i < shards; ++i) {
      shards_[i].first = static_cast<place>(i * blocks_per_shard());
      repair(shards_[i]);
    }
  }

  static std::size_t shards_for(shape const& with) {
    std::size_t const blocks = with.memory / bytes_per_block;
    std::size_t const least = 2 * item_blocks::blocks_for(longest_key + with.longest_value);
    if (blocks < least || blocks >= nowhere)
      throw std::invalid_argument(std::to_string(with.memory) + " bytes are too " + (blocks < least ? "few" : "many") +
                                  ": at least " + std::to_string(least * bytes_per_block) + " hold two values of " +
                                  std::to_string(with.longest_value));
    return std::clamp<std::size_t>(blocks / (2 * least), 1, with.most_shards);  // room for four of the longest in each
  }

  std::size_t blocks_per_shard() const { return parts_.size() / shards_.size(); }
  std::size_t buckets_per_shard() const { return buckets_.size() / shards_.size(); }
  link& bucket(shard const& one, std::uint32_t hash) const {
    auto const index = static_cast<std::size_t>(&one - shards_.get());
    return buckets_[index * buckets_per_shard() + hash % buckets_per_shard()];
  }

  /// Locks. Who finds that a worker has died with the lock repairs; if that one dies too, the next one does.
  tandem::recovered_lock<tandem::mutex> enter(shard& one) const {
    auto hold = one.lock.recover();
    if (hold.abandoned()) [[unlikely]] {
      if (sabotage_ != sabotage::no_repair) repair(one);
      one.count(event::repair);
    }
    return hold;
  }

  /// The store by which an item appears, is replaced, or goes. A death comes between two instructions: what stands
  /// before this one has been written then, and nothing of what stands behind it.
  static void publish(link& at, place to) {
    at.store(to, std::memory_order_release);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }

  bool is_over(item_head const& one, moment now) const {
    auto const flush = flushes_->next.load(relaxed);
    return one.expires.load(relaxed) <= now || one.stored < flushes_->last.load(relaxed) ||
           (flush <= now && one.stored < flush);
  }

  void take_out(shard& one, link& at) const {
    place const item = at.load(relaxed);
    publish(at, items_.head(item).next.load(relaxed));
    give_back(one, item);
  }

  place take_blocks(shard& one, std::size_t count) const {
    place const first = one.free;
    place last = first;
    parts_[first] = part::head;
    for (std::size_t i = 1; i < count; ++i) parts_[last = items_.next(last)] = part::rest;
    one.free = items_.next(last);
    one.free_blocks -= count;
    return first;
  }

  /// An item that nothing leads to any more.
  void give_back(shard& one, place item) const {
    std::size_t const count = items_.blocks_of(item);
    one.bytes -= items_.size_of(item);
    --one.items;
    place last = item;
    parts_[item] = part::nothing;
    for (std::size_t i = 1; i < count; ++i) parts_[last = items_.next(last)] = part::nothing;
    items_.next(last) = one.free;
    one.free = item;
    one.free_blocks += count;
  }

  /// Lets items go, until so many blocks are free: what has expired or was not used since the hand came by.
  void make_room(shard& one, std::size_t blocks, moment now) const {
    while (one.free_blocks < blocks) {
      auto const at = static_cast<place>(one.first + one.hand);
      one.hand = (one.hand + 1) % blocks_per_shard();
      if (parts_[at] != part::head) continue;
      auto& head = items_.head(at);
      bool const over = is_over(head, now);
      if (!over && head.used != 0) {
        head.used = 0;
        continue;
      }
      one.count(over ? event::expired : event::evicted);
      link* to = &bucket(one, head.hash);
      while (to->load(relaxed) != at) to = &items_.head(to->load(relaxed)).next;
      take_out(one, *to);
    }
  }

  /// Follows what leads from the buckets, and notes in `parts` what each block is.
  totals survey(shard const& one, part* parts) const {
    totals all;
    auto const is_unseen = [&](place at) {
      return at - one.first < blocks_per_shard() && parts[at - one.first] == part::nothing;
    };
    link* const begin = &bucket(one, 0);
    for (link* from = begin; from != begin + buckets_per_shard(); ++from) {
      for (place at = from->load(relaxed); at != nowhere; at = items_.head(at).next.load(relaxed)) {
        if (!(all.whole = is_unseen(at))) return all;
        std::size_t const count = items_.blocks_of(at);
        parts[at - one.first] = part::head;
        place last = at;
        for (std::size_t i = 1; i < count; ++i) {
          last = items_.next(last);
          if (!(all.whole = is_unseen(last))) return all;
          parts[last - one.first] = part::rest;
        }
        ++all.items;
        all.bytes += items_.size_of(at);
        all.blocks += count;
      }
    }
    return all;
  }

  /// Derives what is derived. May be begun again at any instruction, by another.
  void repair(shard& one) const {
    std::size_t const count = blocks_per_shard();
    part* const parts = parts_.get() + one.first;
    std::fill_n(parts, count, part::nothing);
    auto all = survey(one, parts);
    if (!all.whole) {  // a stray write has hit it. This is a cache: it may forget
      for (std::size_t i = 0; i < buckets_per_shard(); ++i) (&bucket(one, 0))[i].store(nowhere, relaxed);
      std::fill_n(parts, count, part::nothing);
      all = {};
    }
    one.items = all.items;
    one.bytes = all.bytes;
    one.free = nowhere;
    one.free_blocks = 0;
    for (std::size_t i = count; i-- != 0;) {
      if (parts[i] != part::nothing) continue;
      auto const at = static_cast<place>(one.first + i);
      items_.next(at) = one.free;
      one.free = at;
      ++one.free_blocks;
    }
  }

  std::size_t longest_value_;
  sabotage sabotage_;
  tandem::shared<flushes> flushes_;
  tandem::shared<shard[]> shards_;
  item_blocks items_;
  tandem::shared<link[]> buckets_;
  tandem::shared<part[]> parts_;  // of each block
};

}  // namespace kvcache

#endif  // TANDEM_EXAMPLES_KVCACHE_TABLE_HPP
