// SPDX-License-Identifier: BSL-1.0
// What the fuzzer does at random, some of it on every run: its corpus again, and all valid encodings with each end cut
// off and each byte changed. Under ASan and UBSan this also shows that nothing is read, or taken for a value, that is
// none.
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "fuzz/decode_types.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"

using tandem_test::decode_input, tandem_test::run_in_child, tandem_test::samples;

namespace {

// The failures that are decoded are nobody's to look at.
struct unheard {
  unheard() : before{tandem::set_unobserved_failure_handler([](tandem::failure const&) noexcept {})} {}
  ~unheard() { tandem::set_unobserved_failure_handler(before); }
  tandem::unobserved_failure_handler before;
};

std::vector<std::byte> contents(std::filesystem::path const& path) {
  std::ifstream file{path, std::ios::binary};
  std::string const text{std::istreambuf_iterator<char>{file}, {}};
  auto const all = std::as_bytes(std::span{text});
  return {all.begin(), all.end()};
}

}  // namespace

TEST_CASE("decode corpus: what the fuzzer begins with, and what it has found, decodes or is refused",
          "[core][codec][fuzz]") {
  unheard const here;
  auto const folder = std::filesystem::path{__FILE__}.parent_path().parent_path() / "fuzz" / "corpus" / "decode";
  int files = 0;
  for (auto const& entry : std::filesystem::directory_iterator{folder}) {
    CAPTURE(entry.path().string());
    auto const input = contents(entry.path());
    bool const is_value = decode_input(input);
    if (entry.path().filename().string().starts_with("valid_")) CHECK(is_value);
    ++files;
  }
  CHECK(files > 40);
}

TEST_CASE("decode corpus: every type has a valid sample, and the checked-in ones are these", "[core][codec][fuzz]") {
  unheard const here;
  std::vector<bool> seen(tandem_test::count_types(tandem_test::all_types{}));
  for (auto const& input : samples()) {
    CAPTURE(static_cast<int>(input[0]));
    CHECK(decode_input(input));
    seen[static_cast<std::size_t>(input[0])] = true;
  }
  CHECK(seen == std::vector<bool>(seen.size(), true));
}

TEST_CASE("decode corpus: a valid encoding without its end is refused", "[core][codec][fuzz]") {
  unheard const here;
  for (auto const& input : samples()) {
    for (std::size_t size = 1; size != input.size(); ++size) {
      std::vector<std::byte> const part(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size));
      if (decode_input(part))
        FAIL("type " << static_cast<int>(input[0]) << ", " << size << " of " << input.size() << " bytes");
    }
    auto longer = input;
    longer.push_back(std::byte{0});
    CHECK_FALSE(decode_input(longer));
  }
}

TEST_CASE("decode corpus: a valid encoding with a byte changed decodes or is refused", "[core][codec][fuzz]") {
  auto const end = run_in_child([] {  // it makes up as many names of categories as a process keeps
    unheard const here;
    int values = 0, refused = 0;
    for (auto const& input : samples()) {
      for (std::size_t at = 1; at != input.size(); ++at) {
        for (unsigned const flip : {0x01U, 0x02U, 0x7fU, 0x80U, 0xffU}) {
          auto changed = input;
          changed[at] ^= static_cast<std::byte>(flip);
          ++(decode_input(changed) ? values : refused);
        }
      }
    }
    CHECK(values > 0);
    CHECK(refused > 0);
  });
  INFO(end.to_string());
  CHECK(end.passed());
}

TEST_CASE("decode corpus: the bytes of one type are taken for another, or refused", "[core][codec][fuzz]") {
  unheard const here;
  for (auto input : samples()) {
    for (std::size_t type = 0; type != tandem_test::count_types(tandem_test::all_types{}); ++type) {
      input[0] = static_cast<std::byte>(type);
      static_cast<void>(decode_input(input));
    }
  }
}
