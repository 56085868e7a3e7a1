// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/codec.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/round_trip.hpp"
#include "support/catch.hpp"
#include "tandem/core/codec_string.hpp"
#include "tandem/core/codec_tuple.hpp"
#include "tandem/core/codec_unique_ptr.hpp"
#include "tandem/core/codec_vector.hpp"

using tandem::byte_buffer, tandem::codec, tandem::decode, tandem::encode, tandem::reader, tandem::writer;
using tandem_test::bytes_by_hand, tandem_test::bytes_of, tandem_test::refuses, tandem_test::refuses_other_lengths,
    tandem_test::round_trip;

namespace {

enum class color : std::uint8_t { red, green };
struct point {
  int x = 0;
  bool marked = false;
  double y = 0;
  bool operator==(point const&) const = default;
};
struct shape {
  std::string name;
  std::vector<point> points;
  color fill;
  bool operator==(shape const&) const = default;
};
struct tree {
  int value;
  std::vector<tree> twigs;
  bool operator==(tree const&) const = default;
};
struct chain {
  int value;
  std::unique_ptr<chain> next;
};
struct with_arrays {
  std::string names[2];
  int numbers[2][3];
  bool operator==(with_arrays const&) const = default;
};
struct sixteen {
  std::string a;
  int b, c, d, e, f, g, h, i, j, k, l, m, n, o;
  std::string p;
  bool operator==(sixteen const&) const = default;
};

// A class of a user's, with a codec that checks.
class percentage {
 public:
  explicit percentage(int value) : value_{value} {}
  int value() const { return value_; }
  bool operator==(percentage const&) const = default;

 private:
  int value_;
};
struct mixture {
  percentage a, b;
  bool operator==(mixture const&) const = default;
};

// Flat by its looks, but with a codec of its own.
struct even {
  int value;
  bool operator==(even const&) const = default;
};
struct evens {
  even a, b[2];
  bool operator==(evens const&) const = default;
};

// Moves out of what it encodes.
struct handed_over {
  std::unique_ptr<int> owned;
};

// Encoded to nothing.
class nothing {
 public:
  nothing() = default;
  explicit nothing(reader const&) {}
  bool operator==(nothing const&) const { return true; }

 private:
  [[maybe_unused]] std::vector<int> cache_;
};

}  // namespace

template <> struct tandem::codec<percentage> {
  static void encode(writer& to, percentage const& value) { tandem::encode(to, value.value()); }
  static percentage decode(reader& from) {
    int const value = tandem::decode<int>(from);
    if (value < 0 || value > 100) throw_errc(std::errc::bad_message, "decode", "a percentage");
    return percentage{value};
  }
};
template <> struct tandem::codec<even> {
  static void encode(writer& to, even const& value) { tandem::encode(to, value.value / 2); }
  static even decode(reader& from) { return {2 * tandem::decode<int>(from)}; }
};
template <> struct tandem::codec<handed_over> {
  static void encode(writer& to, handed_over& value) {
    tandem::encode(to, *value.owned);
    value.owned.reset();
  }
  static handed_over decode(reader& from) { return {std::make_unique<int>(tandem::decode<int>(from))}; }
};
template <> struct tandem::codec<nothing> {
  static void encode(writer&, nothing const&) {}
  static nothing decode(reader& from) { return nothing{from}; }
};

TEST_CASE("codec: flat values come back as their bytes", "[core][codec]") {
  CHECK(round_trip(42) == 42);
  CHECK(round_trip(color::green) == color::green);
  point const sent{1, true, 2.5};
  CHECK(bytes_of(sent).size() == sizeof(point));
  CHECK(round_trip(sent) == sent);
  CHECK(refuses_other_lengths(sent));
}

TEST_CASE("codec: aggregates come back member by member", "[core][codec]") {
  shape const sent{"triangle", {{1, false, 2}, {3, true, 4}, {5, true, 6}}, color::green};
  CHECK(round_trip(sent) == sent);
  CHECK(refuses_other_lengths(sent));
  sixteen const many{"first", 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, "last"};
  CHECK(round_trip(many) == many);
  CHECK(refuses_other_lengths(many));
}

TEST_CASE("codec: arrays inside aggregates", "[core][codec]") {
  with_arrays const sent{{"a", "bb"}, {{1, 2, 3}, {4, 5, 6}}};
  CHECK(round_trip(sent) == sent);
  CHECK(refuses_other_lengths(sent));
}

TEST_CASE("codec: a type may contain itself", "[core][codec]") {
  tree const sent{1, {{2, {{3, {}}, {4, {}}}}, {5, {}}}};
  CHECK(round_trip(sent) == sent);
  CHECK(refuses_other_lengths(sent));

  chain const links{1, std::make_unique<chain>(chain{2, nullptr})};
  auto const arrived = round_trip(links);
  CHECK(arrived.value == 1);
  REQUIRE(arrived.next != nullptr);
  CHECK(arrived.next->value == 2);
  CHECK(arrived.next->next == nullptr);
}

TEST_CASE("codec: values nest 256 deep and no deeper, in both directions", "[core][codec]") {
  auto const deep = [](int levels) {
    tree top{0, {}};
    for (int i = 1; i < levels; ++i) {
      tree above{i, {}};
      above.twigs.push_back(std::move(top));
      top = std::move(above);
    }
    return top;
  };
  auto const fits = deep(256);
  CHECK(round_trip(fits) == fits);
  auto const too_deep = deep(257);
  CHECK_THROWS_AS(bytes_of(too_deep), std::length_error);
  bytes_by_hand hostile;
  for (int i = 0; i != 300; ++i) hostile << i << std::uint64_t{1};
  hostile << 300 << std::uint64_t{0};
  CHECK(refuses<tree>(hostile));
  bytes_by_hand endless;
  for (int i = 0; i != 100'000; ++i) endless << i << true;
  CHECK(refuses<chain>(endless));
}

TEST_CASE("codec: a user's codec encodes, decodes and checks", "[core][codec]") {
  CHECK(round_trip(percentage{70}) == percentage{70});
  CHECK(round_trip(mixture{percentage{70}, percentage{30}}) == mixture{percentage{70}, percentage{30}});
  CHECK(round_trip(std::vector<percentage>(3, percentage{5})) == std::vector<percentage>(3, percentage{5}));
  bytes_by_hand bytes;
  bytes << 101;
  CHECK(refuses<percentage>(bytes));
}

TEST_CASE("codec: a codec for a flat type is used wherever the type stands", "[core][codec]") {
  // An odd value does not survive this codec, but its bytes would.
  CHECK(round_trip(even{7}) == even{6});
  CHECK(round_trip(evens{{7}, {{9}, {11}}}) == evens{{6}, {{8}, {10}}});
  CHECK(round_trip(std::vector<even>{{7}}) == std::vector<even>{{6}});
  CHECK(round_trip(std::vector<evens>{{{7}, {{9}, {11}}}}) == std::vector<evens>{{{6}, {{8}, {10}}}});
  CHECK(round_trip(std::array<even, 1>{{{7}}}) == std::array<even, 1>{{{6}}});
}

TEST_CASE("codec: a codec may change what it encodes", "[core][codec]") {
  auto value = std::make_pair(handed_over{std::make_unique<int>(5)}, 3);
  auto const arrived = decode<std::pair<handed_over, int>>(std::span<std::byte const>{bytes_of(value)});
  CHECK(*arrived.first.owned == 5);
  CHECK(value.first.owned == nullptr);
}

TEST_CASE("codec: elements that are encoded to nothing are counted against the bytes all the same", "[core][codec]") {
  std::vector<nothing> const sent(10);
  CHECK(round_trip(sent) == sent);
  bytes_by_hand bytes;
  bytes << std::uint64_t{1'000'000'000'000};
  CHECK(refuses<std::vector<nothing>>(bytes));
}

TEST_CASE("codec: encode takes temporaries and arrays, decode takes values off one by one", "[core][codec]") {
  byte_buffer buffer;
  writer to{buffer};
  encode(to, 1);
  encode(to, std::string{"text"});
  encode(to, "ab");
  reader from{to.bytes()};
  CHECK(decode<int>(from) == 1);
  CHECK(decode<std::string>(from) == "text");
  CHECK(decode<char>(from) == 'a');
  CHECK(from.left() == 2);
}
