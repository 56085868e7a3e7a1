// SPDX-License-Identifier: BSL-1.0
// The types whose decoding is fuzzed, with a few values of each. Used by the fuzz target, by the program that writes
// its first corpus, and by the test that replays the corpus.
//
// An input is a byte that chooses the type, and the bytes that are decoded. Whatever they are, decoding yields a value
// or std::errc::bad_message; a value that it yields can be encoded, and that decodes again to the same bytes.
#ifndef TANDEM_TESTS_FUZZ_DECODE_TYPES_HPP
#define TANDEM_TESTS_FUZZ_DECODE_TYPES_HPP

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <exception>
#include <filesystem>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <variant>
#include <vector>

#include "tandem/core.hpp"

namespace tandem_test {

using bytes = std::vector<std::byte>;

enum class color : std::uint8_t { red, green };
struct flags {
  int number = 0;
  bool set = false;
  std::array<bool, 3> more{};
  color hue = color::red;
};
struct record {
  std::string name;
  flags bits;
  double weights[3] = {};
  std::vector<flags> history;
};
struct tree {
  int value = 0;
  std::vector<tree> twigs;
};
struct chain {
  int value = 0;
  std::unique_ptr<chain> next;
};
struct document {
  std::variant<std::monostate, bool, double, std::string, std::vector<document>, std::map<std::string, document>> node;
};
struct descriptor {  // as fd, without owning
  explicit descriptor(int n) : number{n} {}
  int number;
};
class nothing {  // encoded to no bytes
 public:
  nothing() {}
};
struct exception {  // what decode_exception yields
  tandem::impl::thrown_record thrown;
};

}  // namespace tandem_test

template <> struct tandem::codec<tandem_test::descriptor> {
  static void encode(writer& to, tandem_test::descriptor const& value) { to.write_descriptor(value.number); }
  static tandem_test::descriptor decode(reader& from) { return tandem_test::descriptor{from.read_descriptor()}; }
};
template <> struct tandem::codec<tandem_test::nothing> {
  static void encode(writer&, tandem_test::nothing const&) {}
  static tandem_test::nothing decode(reader&) { return {}; }
};
template <> struct tandem::codec<tandem_test::exception> {
  static void encode(writer& to, tandem_test::exception const& value) {
    impl::encode_chain(to, value.thrown.exception);
  }
  static tandem_test::exception decode(reader& from) { return {impl::decode_exception(from)}; }
};

namespace tandem_test {

using all_types =
    tandem::impl::types<bool, double, color, flags, std::string, std::u32string, std::vector<int>, std::vector<flags>,
                        std::vector<std::string>, std::vector<bool>, std::vector<nothing>, std::pair<int, std::string>,
                        std::tuple<std::string, bool, std::uint64_t>, std::array<std::string, 2>,
                        std::optional<std::string>, std::variant<std::monostate, int, std::string, flags>,
                        std::map<std::string, int>, std::multimap<int, std::string>, std::set<std::string>,
                        std::multiset<double>, std::unordered_map<std::string, std::vector<int>>,
                        std::unordered_set<int>, std::deque<std::string>, std::list<flags>, std::chrono::year_month_day,
                        std::filesystem::path, std::error_code, std::unique_ptr<std::string>, record, tree, chain,
                        document, std::vector<std::optional<descriptor>>, tandem::resource_usage, tandem::failure,
                        tandem::outcome<std::vector<std::string>>, tandem::outcome<void>, exception>;

template <class... T> consteval std::size_t count_types(tandem::impl::types<T...>) { return sizeof...(T); }

inline void demand(bool condition, char const* sentence) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", sentence);
  std::abort();
}

// What T's encoding is, wherever it lies.
template <class T> bytes encoded(T& value) {
  tandem::byte_buffer buffer;
  tandem::writer to{buffer};
  tandem::encode(to, value);
  return {to.bytes().begin(), to.bytes().end()};
}

// Decodes a T, and returns whether the bytes were one.
template <class T> bool decode_one(std::span<std::byte const> input) {
  std::array<int, 4> descriptors{100, 101, 102, -1};
  bytes first;
  try {
    auto value = tandem::decode<T>(input, descriptors);
    first = encoded(value);
  } catch (std::system_error const& error) {
    demand(error.code() == std::errc::bad_message, "another error than bad_message");
    return false;
  }
  // A second journey of what was a value. Not its bytes: padding, or the order of a hash table, may differ. Exceptions
  // are made again by constructors that may put their words otherwise.
  constexpr bool stable =
      !std::is_same_v<T, exception> && !std::is_same_v<T, tandem::failure> && !tandem::impl::is_outcome<T>;
  std::array<int, 64> again;
  again.fill(100);
  auto value = tandem::decode<T>(std::span<std::byte const>{first}, again);
  bool const same = encoded(value).size() == first.size();
  demand(same || !stable, "a value that changes on its second journey");
  return true;
}

template <class... T> bool decode_type(std::size_t which, std::span<std::byte const> input, tandem::impl::types<T...>) {
  using decoder = bool (*)(std::span<std::byte const>);
  static constexpr decoder decoders[] = {&decode_one<T>...};
  return decoders[which % sizeof...(T)](input);
}

/// Decodes an input, as it is handed to the fuzz target. @return whether it was a value
inline bool decode_input(std::span<std::byte const> input) {
  if (input.empty()) return false;
  return decode_type(static_cast<std::size_t>(input[0]), input.subspan(1), all_types{});
}

class sample_list {
 public:
  template <class T> void add(T value) {
    constexpr auto which = index_of<T>(all_types{});
    static_assert(which < count_types(all_types{}));
    bytes input{static_cast<std::byte>(which)};
    auto const rest = encoded(value);
    input.insert(input.end(), rest.begin(), rest.end());
    inputs.push_back(std::move(input));
  }

  std::vector<bytes> inputs;

 private:
  template <class T, class... U> static consteval std::size_t index_of(tandem::impl::types<U...>) {
    std::size_t index = 0;
    static_cast<void>(((std::is_same_v<T, U> || (++index, false)) || ...));
    return index;
  }
};

/// Valid inputs: at least one of every type.
inline std::vector<bytes> samples() {
  using namespace std::chrono_literals;
  sample_list list;
  list.add(true);
  list.add(2.5);
  list.add(color::green);
  list.add(flags{7, true, {true, false, true}, color::green});
  list.add(std::string{"some text"});
  list.add(std::u32string{U"wide text"});
  list.add(std::vector<int>{1, 2, 3});
  list.add(std::vector<flags>(2));
  list.add(std::vector<std::string>{"a", "", "ccc"});
  list.add(std::vector<bool>{true, false, true, true, false, false, true, false, true});
  list.add(std::vector<nothing>(5));
  list.add(std::pair<int, std::string>{1, "one"});
  list.add(std::tuple<std::string, bool, std::uint64_t>{"a", true, 3});
  list.add(std::array<std::string, 2>{"left", "right"});
  list.add(std::optional<std::string>{"there"});
  list.add(std::optional<std::string>{});
  list.add(std::variant<std::monostate, int, std::string, flags>{"text"});
  list.add(std::variant<std::monostate, int, std::string, flags>{flags{}});
  list.add(std::map<std::string, int>{{"a", 1}, {"b", 2}});
  list.add(std::multimap<int, std::string>{{1, "a"}, {1, "b"}});
  list.add(std::set<std::string>{"x", "y"});
  list.add(std::multiset<double>{1, 1, 2});
  list.add(std::unordered_map<std::string, std::vector<int>>{{"a", {1, 2}}, {"b", {}}});
  list.add(std::unordered_set<int>{1, 2, 3});
  list.add(std::deque<std::string>{"front", "back"});
  list.add(std::list<flags>(2));
  list.add(std::chrono::year_month_day{2024y, std::chrono::February, 29d});
  list.add(std::filesystem::path{"/tmp/file"});
  list.add(std::make_error_code(std::errc::io_error));
  list.add(std::make_unique<std::string>("owned"));
  list.add(std::unique_ptr<std::string>{});
  list.add(record{"name", {}, {1, 2, 3}, {{}, {}}});
  list.add(tree{1, {{2, {{3, {}}}}, {4, {}}}});
  list.add(chain{1, std::make_unique<chain>(chain{2, nullptr})});
  document leaf{std::string{"leaf"}};
  document array{std::vector<document>{document{true}, document{1.5}, leaf, document{}}};
  list.add(document{std::map<std::string, document>{{"array", array}, {"leaf", leaf}}});
  list.add(std::vector<std::optional<descriptor>>{descriptor{100}, std::nullopt, descriptor{101}});
  tandem::resource_usage usage;
  usage.user = 5ms;
  usage.peak_memory = 4096;
  list.add(usage);
  auto const system_error =
      std::make_exception_ptr(std::system_error{std::make_error_code(std::errc::io_error), "reading"});
  list.add(tandem::failure::threw("unit", system_error, usage));
  list.add(
      tandem::failure::signaled("unit", SIGSEGV, true, usage, tandem::crash_report{SIGSEGV, 1, 8, {"main", "start"}}));
  list.add(tandem::failure::exited("unit", 3));
  list.add(tandem::failure::lost("unit"));
  list.add(tandem::outcome<std::vector<std::string>>{std::vector<std::string>{"a", "b"}});
  list.add(tandem::outcome<std::vector<std::string>>{tandem::failure::exited("unit", 3)});
  list.add(tandem::outcome<void>{});
  list.add(tandem::outcome<void>{tandem::failure::exited("unit", 3)});
  try {
    try {
      std::rethrow_exception(system_error);
    } catch (...) { std::throw_with_nested(std::runtime_error{"outer"}); }
  } catch (...) { list.add(exception{{{}, {}, std::current_exception()}}); }
  list.add(exception{{{}, {}, std::make_exception_ptr(std::filesystem::filesystem_error{"words", "/a", "/b", {}})}});
  list.add(exception{
      {{}, {}, std::make_exception_ptr(tandem::unit_died{tandem::failure::signaled("unit", SIGKILL, false)})}});
  list.add(exception{{{}, {}, std::make_exception_ptr(5)}});
  return std::move(list.inputs);
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_FUZZ_DECODE_TYPES_HPP
