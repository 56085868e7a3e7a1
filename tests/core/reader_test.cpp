// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/reader.hpp"

#include <array>
#include <cstdint>
#include <list>
#include <vector>

#include "core/round_trip.hpp"
#include "support/catch.hpp"

using tandem::reader;
using tandem_test::bytes_by_hand, tandem_test::is_bad_message;

namespace {

enum class answer : bool { no, yes };
struct flags {
  int n;
  bool a;
  answer b;
  bool rest[2];
  std::array<bool, 2> more;
};
struct bits {
  bool a : 1;
  bool b : 1;
  int c;
};

class private_number {
 public:
  explicit private_number(int n) : n_{n} {}
  int get() const { return n_; }

 private:
  int n_;
};

}  // namespace

template <> inline constexpr bool tandem::enable_flat<private_number> = true;

TEST_CASE("reader: nothing is read past the end", "[core][reader]") {
  std::vector<std::byte> const three(3);
  reader from{three};
  CHECK(is_bad_message([&] { from.read_flat<int>(); }));
  CHECK(from.left() == 3);
  char to[3];
  from.read(to, 2);
  CHECK(from.left() == 1);
  CHECK(is_bad_message([&] { from.read(to, 2); }));
  std::size_t volatile const hostile =
      ~std::size_t{0};  // volatile: a compiler that sees it warns of the copy that is never made
  CHECK(is_bad_message([&] { from.read(to, hostile); }));
  from.read(to, 1);
  from.read(to, 0);
  CHECK(is_bad_message([&] { from.read(to, 1); }));
}

TEST_CASE("reader: bytes are taken where they lie, and no more than there are", "[core][reader]") {
  std::vector<std::byte> const bytes(10, std::byte{7});
  tandem::reader from(bytes);
  auto const taken = from.take(4);
  CHECK(taken.data() == bytes.data());
  CHECK(taken.size() == 4);
  CHECK(from.left() == 6);
  CHECK(from.take(0).empty());
  CHECK_THROWS_AS(from.take(7), std::system_error);
  CHECK(from.left() == 6);
  CHECK(from.take(6).data() == bytes.data() + 4);
  from.finish();
}

TEST_CASE("reader: bytes left over are an error where the values should be complete", "[core][reader]") {
  std::vector<std::byte> const one(1);
  reader from{one};
  CHECK(is_bad_message([&] { from.finish(); }));
  from.read_flat<char>();
  from.finish();
}

TEST_CASE("reader: a bool is 0 or 1", "[core][reader]") {
  bytes_by_hand bytes;
  bytes << char{0} << char{1} << char{2} << char{-1};
  reader from{bytes};
  CHECK_FALSE(from.read_flat<bool>());
  CHECK(from.read_flat<bool>());
  CHECK(is_bad_message([&] { from.read_flat<bool>(); }));
  CHECK(is_bad_message([&] { from.read_flat<answer>(); }));
}

TEST_CASE("reader: a bool inside a flat type is 0 or 1", "[core][reader]") {
  flags const good{1, true, answer::yes, {true, false}, {true, false}};
  for (std::size_t at = 0; at != sizeof(flags); ++at) {
    CAPTURE(at);
    std::array<std::byte, sizeof(flags)> bytes;
    std::memcpy(bytes.data(), &good, sizeof good);
    bytes[at] = std::byte{2};
    reader from{bytes};
    bool const matters = at >= 4 && at < 10;
    CHECK(is_bad_message([&] { from.read_flat<flags>(); }) == matters);
  }
}

TEST_CASE("reader: bit-fields are values whatever their bits are", "[core][reader]") {
  bytes_by_hand bytes;
  bytes << -1 << 7;
  reader from{bytes};
  auto const read = from.read_flat<bits>();
  CHECK(read.a);
  CHECK(read.b);
  CHECK(read.c == 7);
}

TEST_CASE("reader: a flat type need not be default constructible", "[core][reader]") {
  bytes_by_hand bytes;
  bytes << 42;
  reader from{bytes};
  CHECK(from.read_flat<private_number>().get() == 42);
}

TEST_CASE("reader: a size is what the bytes can justify", "[core][reader]") {
  bytes_by_hand bytes;
  bytes << std::uint64_t{4} << 1 << 2 << 3 << 4;
  CHECK(reader{bytes}.read_size(1) == 4);
  CHECK(reader{bytes}.read_size(4) == 4);
  CHECK(is_bad_message([&] { reader{bytes}.read_size(5); }));
  bytes_by_hand huge;
  huge << ~std::uint64_t{0} << 1;
  for (auto const least : {std::size_t{1}, std::size_t{8}, ~std::size_t{0}}) {
    CHECK(is_bad_message([&] { reader{huge}.read_size(least); }));
  }
}

TEST_CASE("reader: a descriptor is taken once, and only one that came along", "[core][reader]") {
  bytes_by_hand bytes;
  bytes << std::uint32_t{1} << std::uint32_t{1} << std::uint32_t{0} << std::uint32_t{2} << ~std::uint32_t{0};
  int descriptors[] = {10, 11};
  reader from{bytes, descriptors};
  CHECK(from.read_descriptor() == 11);
  CHECK(descriptors[1] == -1);
  CHECK(is_bad_message([&] { from.read_descriptor(); }));
  CHECK(from.read_descriptor() == 10);
  CHECK(is_bad_message([&] { from.read_descriptor(); }));
  CHECK(is_bad_message([&] { from.read_descriptor(); }));
}

TEST_CASE("reader: 256 levels nest, one more does not", "[core][reader]") {
  reader from{{}};
  std::list<reader::level> levels;
  for (int i = 0; i != 256; ++i) levels.emplace_back(from);
  CHECK(is_bad_message([&] { levels.emplace_back(from); }));
  levels.clear();
  CHECK_NOTHROW(levels.emplace_back(from));
}
