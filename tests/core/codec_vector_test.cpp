// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/codec_vector.hpp"

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <string>
#include <vector>

#include "core/round_trip.hpp"
#include "support/catch.hpp"
#include "tandem/core/codec_string.hpp"

using tandem_test::bytes_by_hand, tandem_test::bytes_of, tandem_test::refuses, tandem_test::refuses_other_lengths,
    tandem_test::round_trip;

namespace {

struct marked {
  int value;
  bool mark;
  bool operator==(marked const&) const = default;
};

class no_default {
 public:
  explicit no_default(int n) : n_{n} {}
  bool operator==(no_default const&) const = default;

 private:
  int n_;
};

// Counts what is allocated at once.
inline std::size_t largest = 0;
template <class T> struct measured {
  using value_type = T;
  measured() = default;
  template <class U> measured(measured<U> const&) noexcept {}
  T* allocate(std::size_t n) {
    if (n * sizeof(T) > largest) largest = n * sizeof(T);
    return std::allocator<T>{}.allocate(n);
  }
  void deallocate(T* p, std::size_t n) noexcept { std::allocator<T>{}.deallocate(p, n); }
  bool operator==(measured const&) const = default;
};

}  // namespace

template <> inline constexpr bool tandem::enable_flat<no_default> = true;

TEST_CASE("codec: vectors of flat elements, in one piece", "[core][codec]") {
  std::vector<int> const numbers{1, 2, 3};
  CHECK(bytes_of(numbers).size() == 8 + 12);
  CHECK(round_trip(numbers) == numbers);
  CHECK(round_trip(std::vector<double>{}).empty());
  CHECK(refuses_other_lengths(numbers));
  std::vector<no_default> const objects{no_default{1}, no_default{2}};
  CHECK(round_trip(objects) == objects);
}

TEST_CASE("codec: vectors of flat elements with a bool inside are checked one by one", "[core][codec]") {
  std::vector<marked> const sent{{1, true}, {2, false}};
  CHECK(round_trip(sent) == sent);
  auto bytes = bytes_of(sent);
  bytes[8 + sizeof(marked) + 4] = std::byte{2};
  CHECK(refuses<std::vector<marked>>(bytes));
}

TEST_CASE("codec: vectors of strings, of vectors, with other allocators", "[core][codec]") {
  std::vector<std::string> const words{"a", "", "a word too long to be kept inside of a string"};
  CHECK(round_trip(words) == words);
  CHECK(refuses_other_lengths(words));
  std::vector<std::vector<int>> const nested{{1}, {}, {2, 3}};
  CHECK(round_trip(nested) == nested);
  std::pmr::vector<std::pmr::string> const pmr{"a", "b"};
  CHECK(round_trip(pmr) == pmr);
}

TEST_CASE("codec: vectors of bool, eight to a byte", "[core][codec]") {
  for (std::size_t size = 0; size != 20; ++size) {
    std::vector<bool> sent(size);
    for (std::size_t i = 0; i != size; ++i) sent[i] = i % 3 == 0;
    CHECK(bytes_of(sent).size() == 8 + (size + 7) / 8);
    CHECK(round_trip(sent) == sent);
    CHECK(refuses_other_lengths(sent));
  }
  bytes_by_hand huge;
  huge << ~std::uint64_t{0} << std::uint64_t{0};
  CHECK(refuses<std::vector<bool>>(huge));
}

TEST_CASE("codec: a vector allocates no more than its bytes justify", "[core][codec]") {
  for (auto const size : {std::uint64_t{10}, std::uint64_t{1'000'000}, std::uint64_t{1} << 61, ~std::uint64_t{0}}) {
    CAPTURE(size);
    bytes_by_hand bytes;
    bytes << size << 1 << 2;
    largest = 0;
    CHECK(refuses<std::vector<int, measured<int>>>(bytes));
    CHECK(refuses<std::vector<std::string, measured<std::string>>>(bytes));
    CHECK(largest == 0);
  }
  bytes_by_hand bytes;
  bytes << std::uint64_t{8};
  for (int i = 0; i != 8; ++i) bytes << std::uint64_t{200};  // eight strings that each claim the rest, and more
  largest = 0;
  CHECK(refuses<std::vector<std::string, measured<std::string>>>(bytes));
  CHECK(largest <= 64);
}
