// SPDX-License-Identifier: BSL-1.0
// The table of the example kvcache: what it keeps and forgets, and that whoever dies in it, at whatever instruction,
// has written or has not.
#include "kvcache/table.hpp"

#include <signal.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "support/probes.hpp"
#include "support/random_kill.hpp"
#include "support/seed.hpp"
#include "support/watchdog.hpp"

using kvcache::event, kvcache::never, kvcache::result, kvcache::sabotage, kvcache::shape, kvcache::sum, kvcache::table,
    kvcache::verb;
using tandem_test::processes, tandem_test::threads, tandem_test::verdict;

namespace {

/// One shard of 59 blocks.
constexpr shape small{.memory = 8192, .longest_value = 1500};

std::optional<std::string> read(table const& of, std::string_view key, kvcache::moment now = 1) {
  std::optional<std::string> value;
  of.get(key, now, [&](auto const&, auto append_value_to) { append_value_to(value.emplace()); });
  return value;
}

result set(table const& in, std::string_view key, std::string_view value, kvcache::moment now = 1,
           kvcache::moment expires = never) {
  return in.store(verb::set, {.key = key, .value = value, .expires = expires}, now);
}

std::string text(std::size_t size, unsigned seed = 1) {
  std::string made(size, ' ');
  for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<char>(seed * 31 + i * (i / 128 + 7));
  return made;
}

}  // namespace

TEST_CASE("kvcache table: keeps values of every length, and keys", "[examples][kvcache]") {
  table const all({.memory = 1 << 20, .longest_value = 2000});
  for (std::size_t const key : {1U, 79U, 80U, 81U, 250U}) {
    for (std::size_t size = 0; size <= 600; ++size) {
      auto const name = std::string(key, 'k');
      REQUIRE(set(all, name, text(size)) == result::stored);
      REQUIRE(read(all, name) == text(size));
    }
  }
  CHECK(set(all, "long", text(2000)) == result::stored);
  CHECK(read(all, "long") == text(2000));
  CHECK(set(all, "long", text(2001)) == result::too_large);
  CHECK(read(all, "long") == text(2000));
  CHECK(all.store(verb::append, {.key = "long", .value = "x"}, 1) == result::too_large);
  CHECK(all.counted().items == 6);
  CHECK(all.examine().complaint.empty());
}

TEST_CASE("kvcache table: one that is too small for two values is refused", "[examples][kvcache]") {
  CHECK_THROWS_AS(table({.memory = 1000, .longest_value = 1000}), std::invalid_argument);
  CHECK_THROWS_WITH(table({.memory = 1000, .longest_value = 1000}),
                    "1000 bytes are too few: at least 3014 hold two values of 1000");
  CHECK_NOTHROW(table({.memory = 3014, .longest_value = 1000}));
}

TEST_CASE("kvcache table: does what a map does, in any order", "[examples][kvcache]") {
  // In long chains, and in short ones with long values.
  auto const with = GENERATE(shape{.memory = 20 << 10, .longest_value = 100, .most_shards = 1},
                             shape{.memory = 1 << 20, .longest_value = 3000, .most_shards = 4});
  struct known {
    std::string value;
    std::uint32_t flags;
    kvcache::moment expires;
    std::uint64_t version;
  };
  INFO("TANDEM_TEST_SEED=" << tandem_test::test_seed());
  std::mt19937_64 random(tandem_test::test_seed());
  auto const below = [&](std::uint64_t n) { return random() % n; };
  table const all(with);
  std::map<std::string, known> model;
  for (kvcache::moment now = 1; now < tandem_test::repetitions(40'000, 2'000'000); ++now) {
    auto const key = "key " + std::to_string(below(60));
    auto found = model.find(key);
    if (found != model.end() && found->second.expires <= now) model.erase(found), found = model.end();
    bool const there = found != model.end();
    auto const value = below(8) == 0 ? std::to_string(random())
                                     : text(below(with.longest_value / 4), static_cast<unsigned>(below(100)));
    auto const expires = below(3) == 0 ? now + static_cast<kvcache::moment>(below(200)) : never;
    auto const flags = static_cast<std::uint32_t>(random());
    auto const keep = [&](std::string const& as) { model[key] = {as, flags, expires, 0}; };
    kvcache::entry const what{key, value, flags, expires};
    switch (below(10)) {
      case 0:
        REQUIRE(all.store(verb::set, what, now) == result::stored);
        keep(value);
        break;
      case 1:
        REQUIRE(all.store(verb::add, what, now) == (there ? result::not_stored : result::stored));
        if (!there) keep(value);
        break;
      case 2:
        REQUIRE(all.store(verb::replace, what, now) == (there ? result::stored : result::not_stored));
        if (there) keep(value);
        break;
      case 3: {
        bool const fits = there && found->second.value.size() + value.size() <= with.longest_value;
        REQUIRE(all.store(verb::append, what, now) == (!there  ? result::not_stored
                                                       : !fits ? result::too_large
                                                               : result::stored));
        if (fits) found->second.value += value;
        break;
      }
      case 4: {
        bool const fits = there && found->second.value.size() + value.size() <= with.longest_value;
        REQUIRE(all.store(verb::prepend, what, now) == (!there  ? result::not_stored
                                                        : !fits ? result::too_large
                                                                : result::stored));
        if (fits) found->second.value.insert(0, value);
        break;
      }
      case 5: {
        std::uint64_t version = 0;
        all.get(key, now, [&](auto const& head, auto) { version = head.version; });
        bool const stale = below(2) == 0;
        auto const got = all.store(verb::cas, what, now, version + (stale ? 1 : 0));
        REQUIRE(got == (!there ? result::not_found : stale ? result::exists : result::stored));
        if (got == result::stored) keep(value);
        break;
      }
      case 6:
        REQUIRE(all.remove(key, now) == there);
        if (there) model.erase(found);
        break;
      case 7:
        REQUIRE(all.touch(key, expires, now) == there);
        if (there) found->second.expires = expires;
        break;
      case 8: {
        std::uint64_t const delta = random();
        bool const up = below(2) == 0;
        auto const got = all.add(key, delta, up, now);
        bool const number = there && !found->second.value.empty() && found->second.value.size() <= 20 &&
                            found->second.value.find_first_not_of("0123456789") == std::string::npos;
        REQUIRE(got.what == (!there ? sum::not_found : !number ? sum::not_a_number : sum::done));
        if (number) {
          std::uint64_t const old = std::stoull(found->second.value);
          REQUIRE(got.value == (up ? old + delta : old < delta ? 0 : old - delta));
          found->second.value = std::to_string(got.value);
        }
        break;
      }
      default:
        if (below(200) == 0) {
          all.flush(now, now);
          model.clear();
        }
    }
    found = model.find(key);
    bool const still = found != model.end() && found->second.expires > now;
    bool const seen = all.get(key, now, [&](auto const& head, auto append_value_to) {
      std::string got;
      append_value_to(got);
      REQUIRE(still);
      REQUIRE(got == found->second.value);
      REQUIRE(head.flags == found->second.flags);
    });
    REQUIRE(seen == still);
  }
  CHECK(all.examine().complaint == "");
  CHECK(all.counted()[event::evicted] == 0);
}

TEST_CASE("kvcache table: what has expired, or was flushed, is no more", "[examples][kvcache]") {
  table const all(small);
  set(all, "a", "1", 10, 20);
  CHECK(read(all, "a", 19) == "1");
  CHECK(read(all, "a", 20) == std::nullopt);
  CHECK(all.examine().items == 0);
  CHECK(all.counted()[event::expired] == 1);

  set(all, "b", "1", 30);
  all.flush(100, 31);
  set(all, "c", "1", 40);
  CHECK(read(all, "b", 99) == "1");
  CHECK(read(all, "c", 100) == std::nullopt);
  set(all, "d", "1", 101);
  all.flush(200, 102);  // one more to come does not bring back what the last one took
  CHECK(read(all, "b", 103) == std::nullopt);
  CHECK(read(all, "d", 199) == "1");
  CHECK(read(all, "d", 200) == std::nullopt);
}

TEST_CASE("kvcache table: makes room by what was not used lately", "[examples][kvcache]") {
  table const all(small);
  set(all, "hot", text(200));
  for (int i = 0; i < 300; ++i) {
    REQUIRE(read(all, "hot") == text(200));
    REQUIRE(set(all, "cold " + std::to_string(i), text(200)) == result::stored);
  }
  CHECK(read(all, "cold 299") == text(200));
  CHECK(read(all, "cold 0") == std::nullopt);
  auto const seen = all.counted();
  CHECK(seen[event::evicted] == 301 - seen.items);
  auto const found = all.examine();
  CHECK(found.complaint == "");
  CHECK(found.free <= 5);  // no more goes than must

  for (int i = 0; i < 100; ++i) REQUIRE(set(all, "one", text(1500)) == result::stored);  // each beside its predecessor
  CHECK(all.examine().complaint == "");
}

TEST_CASE("kvcache table: what makes room may be what is replaced", "[examples][kvcache]") {
  table const all(small);
  std::mt19937 random(static_cast<unsigned>(tandem_test::test_seed()));
  for (int i = 0; i < 3000; ++i) {
    auto const key = "key " + std::to_string(random() % 5);
    auto const value = text(random() % 1500);
    REQUIRE(set(all, key, value) == result::stored);
    REQUIRE(read(all, key) == value);
  }
  CHECK(all.examine().complaint == "");
}

TEMPLATE_TEST_CASE("kvcache table: several count, store and read at once", "[examples][kvcache]", threads, processes) {
  table const all({.memory = 64 << 10, .longest_value = 1500});
  set(all, "sum", "0");
  int const each = tandem_test::thread_sanitized ? 500 : 5000;
  TestType::spawn_and_join(4, [&](int me) {
    for (int i = 0; i < each; ++i) {
      tandem_test::require(all.add("sum", 1, true, 1).what == sum::done, "the sum is gone");
      auto const size = static_cast<std::size_t>((i * 7 + me) % 300);
      set(all, "common", std::string(size, static_cast<char>('a' + size % 26)));
      auto const seen = read(all, "common");
      tandem_test::require(seen.has_value(), "the value is gone");
      tandem_test::require(*seen == std::string(seen->size(), static_cast<char>('a' + seen->size() % 26)),
                           "a torn value");
    }
  });
  CHECK(read(all, "sum") == std::to_string(4 * each));
  CHECK(all.examine().complaint == "");
}

// --- Killed at every instruction.

namespace {

struct change {
  std::function<void(table const&)> before = {};  // here
  std::function<void(table const&)> operation = {};
  std::vector<std::optional<std::string>> allowed = {};  // values of "it" afterwards
  bool others_stay = true;
  shape with = small;
  long stride = 5;
};

constexpr int others = 6;
std::string other(int number) { return "other " + std::to_string(number); }

verdict check(table const& all, change const& one) {
  auto const value = read(all, "it");
  if (std::find(one.allowed.begin(), one.allowed.end(), value) == one.allowed.end())
    return value ? "a wrong value of " + std::to_string(value->size()) + " bytes" : std::string("it is gone");
  for (int i = 0; i < others && one.others_stay; ++i)
    if (read(all, other(i)) != text(150, static_cast<unsigned>(i))) return other(i) + " is not what it was";
  auto const found = all.examine();
  if (!found.complaint.empty()) return found.complaint;
  if (set(all, "it", "afterwards") != result::stored || read(all, "it") != "afterwards") return "it cannot be set";
  return true;
}

tandem_test::kill_report try_out(change const& one) {
  std::optional<table> all;
  return tandem_test::kill_at_each_instruction({
      .reset =
          [&] {
            all.emplace(one.with);
            for (int i = 0; i < others; ++i) set(*all, other(i), text(150, static_cast<unsigned>(i)));
            if (one.before) one.before(*all);
          },
      .prepare = [&] { read(*all, "nothing"); },  // now it has enrolled in the family
      .operation = [&] { one.operation(*all); },
      .check = [&] { return check(*all, one); },
      .stride = one.stride,
  });
}

void survives(change const& one) {
  if (tandem_test::sanitized) return;  // their own instructions would be stepped through, a hundred for one of ours
  tandem_test::watchdog::allow(std::chrono::seconds(tandem_test::soaking() ? 3600 : 180));
  auto const report = try_out(one);
  INFO(report.to_string());
  CHECK(report.passed());
}

auto const old = text(300, 5), same_size = text(300, 6), longer = text(700, 7);
auto const set_old = [](table const& all) { set(all, "it", old); };

}  // namespace

TEST_CASE("kvcache table: killed at every instruction of storing a value", "[examples][kvcache][kill]") {
  survives({.operation = [](auto& all) { set(all, "it", old); }, .allowed = {std::nullopt, old}, .stride = 2});
}

TEST_CASE("kvcache table: killed at every instruction of replacing a value", "[examples][kvcache][kill]") {
  survives({.before = set_old, .operation = [](auto& all) { set(all, "it", same_size); }, .allowed = {old, same_size}});
  survives({.before = set_old,
            .operation = [](auto& all) { set(all, "it", longer); },
            .allowed = {old, longer},
            .stride = 11});
}

TEST_CASE("kvcache table: killed at every instruction of appending", "[examples][kvcache][kill]") {
  survives({.before = set_old,
            .operation = [](auto& all) { all.store(verb::append, {.key = "it", .value = "more"}, 1); },
            .allowed = {old, old + "more"},
            .stride = 11});
}

TEST_CASE("kvcache table: killed at every instruction of counting", "[examples][kvcache][kill]") {
  survives({.before = [](auto& all) { set(all, "it", "99"); },
            .operation = [](auto& all) { all.add("it", 1, true, 1); },
            .allowed = {"99", "100"}});
}

TEST_CASE("kvcache table: killed at every instruction of removing", "[examples][kvcache][kill]") {
  survives({.before = set_old, .operation = [](auto& all) { all.remove("it", 1); }, .allowed = {old, std::nullopt}});
}

TEST_CASE("kvcache table: killed at every instruction of reading, touching, and finding it expired",
          "[examples][kvcache][kill]") {
  survives({.before = set_old, .operation = [](auto& all) { read(all, "it"); }, .allowed = {old}});
  survives({.before = set_old, .operation = [](auto& all) { all.touch("it", 1000, 1); }, .allowed = {old}});
  survives({.before = [](auto& all) { set(all, "it", old, 1, 5); },
            .operation = [](auto& all) { read(all, "it", 10); },
            .allowed = {old, std::nullopt}});
}

TEST_CASE("kvcache table: killed at every instruction of storing what others make room for",
          "[examples][kvcache][kill]") {
  survives({.before =
                [](auto& all) {
                  set_old(all);
                  for (int i = 0; i < 40; ++i) set(all, "filler " + std::to_string(i), text(250));
                },
            .operation = [](auto& all) { set(all, "it", longer); },
            .allowed = {std::nullopt, longer},
            .others_stay = false,
            .stride = 11});
}

TEST_CASE("kvcache table: killed at every instruction of a repair", "[examples][kvcache][kill]") {
  survives({.before =
                [](auto& all) {
                  set_old(all);
                  tandem_test::child_process([&] {
                    // Dies inside, between the old value and the new one.
                    all.get("it", 1, [](auto const&, auto) { ::raise(SIGKILL); });
                  }).join();
                },
            .operation = [](auto& all) { set(all, "it", same_size); },
            .allowed = {old, same_size}});
}

TEST_CASE("kvcache table: without its repair, or writing in place, these tests find it out",
          "[examples][kvcache][kill]") {
  if (tandem_test::sanitized) return;
  auto without = small;
  change one{.before = set_old,
             .operation = [](auto& all) { set(all, "it", same_size); },
             .allowed = {old, same_size},
             .with = {}};
  SECTION("no repair: blocks are lost") { without.sabotage = sabotage::no_repair; }
  SECTION("in place: a value is half the old one, half the new one") { without.sabotage = sabotage::in_place; }
  one.with = without;
  tandem_test::no_wider_stride const here;
  auto const report = try_out(one);
  INFO(report.to_string());
  if (report.skipped.empty()) {
    CHECK(report.failures > 0);
    CHECK_THAT(report.complaint,
               tandem_test::ContainsSubstring(without.sabotage == sabotage::in_place ? "a wrong value" : ""));
  }
}

// --- Killed at random.

namespace {

/// What a worker has said of its keys: the number last stored, and one that may have been.
struct diary {
  static constexpr int workers = 4, keys = 8;
  struct page {
    std::atomic<std::uint32_t> sure{0}, maybe{0};
  };
  std::array<std::array<page, keys>, workers> pages;
};

std::string name_of(int worker, int key) { return std::to_string(worker) + "/" + std::to_string(key); }
std::string value_of(int worker, int key, std::uint32_t number) {
  auto const seed = number * 37 + static_cast<unsigned>(worker * diary::keys + key);
  return number == 0 ? "" : std::to_string(number) + " " + text(seed % 900, seed);
}

/// A worker's value of a key is one of two; it is none where that may be.
verdict compare(table const& all, diary& of, int worker, bool may_be_gone) {
  for (int key = 0; key < diary::keys; ++key) {
    auto& page = of.pages[static_cast<std::size_t>(worker)][static_cast<std::size_t>(key)];
    auto const value = read(all, name_of(worker, key));
    std::uint32_t const sure = page.sure, maybe = page.maybe;
    bool const fine = !value ? may_be_gone || sure == 0
                             : *value == value_of(worker, key, sure) || *value == value_of(worker, key, maybe);
    if (!fine) return name_of(worker, key) + (value ? " has a wrong value" : " is lost");
    page.sure = page.maybe = value ? static_cast<std::uint32_t>(std::stoul(*value)) : 0;
  }
  return true;
}

void storm(shape const& with, bool may_be_gone) {
  tandem_test::watchdog::allow(std::chrono::seconds(tandem_test::soaking() ? 3600 : 180));
  table const all(with);
  auto& notes = tandem_test::place<diary>();
  auto const report = tandem_test::random_kill({
      .workers = diary::workers,
      .kills = tandem_test::repetitions(tandem_test::sanitized ? 100 : 200, 20'000),
      .pause = std::chrono::microseconds(2000),
      .work =
          [&](int me, std::uint64_t seed) {
            std::mt19937_64 random(seed);
            for (;;) {
              int const key = static_cast<int>(random() % diary::keys);
              auto& page = notes.pages[static_cast<std::size_t>(me)][static_cast<std::size_t>(key)];
              std::uint32_t const number = std::max(page.sure, page.maybe) + 1;
              page.maybe = number;
              set(all, name_of(me, key), value_of(me, key, number));
              page.sure = number;
              read(all, name_of(static_cast<int>(random() % diary::workers), key));
            }
          },
      .check = [&](int worker) { return compare(all, notes, worker, may_be_gone); },
      .finally =
          [&] {
            for (int worker = 0; worker < diary::workers; ++worker)
              if (auto const found = compare(all, notes, worker, may_be_gone); !found.fine()) return found;
            return verdict(all.examine().complaint);
          },
  });
  INFO(report.to_string() << ", " << all.counted()[event::repair] << " repairs");
  CHECK(report.passed());
  if (!tandem_test::brief()) CHECK(all.counted()[event::repair] > 0);
}

}  // namespace

TEST_CASE("kvcache table: whoever is killed, what was stored is there", "[examples][kvcache][kill]") {
  storm({.memory = 256 << 10, .longest_value = 1500, .most_shards = 2}, false);
}

TEST_CASE("kvcache table: whoever is killed while others make room, what is there is right",
          "[examples][kvcache][kill]") {
  storm(small, true);
}
