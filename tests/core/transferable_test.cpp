// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/transferable.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>

#include "support/catch.hpp"
#include "tandem/core.hpp"

using tandem::may_carry_descriptors, tandem::transferable;

namespace {

struct record {
  std::string name;
  std::map<std::string, std::vector<std::optional<double>>> columns;
};
struct tree_of_maps {
  std::vector<tree_of_maps> twigs;
  std::map<std::string, std::unique_ptr<tree_of_maps>> branches;
};
struct dead_end {
  int number;
  std::vector<char const*> names;
};
struct abstract {
  virtual ~abstract() = default;
  virtual void f() = 0;
};
struct not_movable {
  std::atomic<int> count;
};
class without_codec {
 public:
  explicit without_codec(int n) : n_{n} {}
  int get() const { return n_; }

 private:
  int n_;
};
struct handle {  // as fd: its codec does not say that it carries nothing
  explicit handle(int n) : number{n} {}
  int number;
};
struct ring {
  handle end;
  std::vector<ring> more;
};
struct quiet {
  explicit quiet(int n) : number{n} {}
  int number;
};

}  // namespace

template <> struct tandem::codec<handle> {
  static void encode(writer& to, handle const& value) { to.write_descriptor(value.number); }
  static handle decode(reader& from) { return handle{from.read_descriptor()}; }
};
template <> struct tandem::codec<quiet> {
  static void encode(writer& to, quiet const& value) { tandem::encode(to, value.number); }
  static quiet decode(reader& from) { return quiet{tandem::decode<int>(from)}; }
  static constexpr bool carries_descriptors = false;
};

TEST_CASE("transferable: what has a codec all the way down", "[core][transferable]") {
  STATIC_REQUIRE(transferable<int>);
  STATIC_REQUIRE(transferable<int const>);
  STATIC_REQUIRE(transferable<std::string>);
  STATIC_REQUIRE(transferable<record>);
  STATIC_REQUIRE(transferable<tree_of_maps>);
  STATIC_REQUIRE(transferable<ring>);
  STATIC_REQUIRE(transferable<std::variant<std::monostate, record, std::filesystem::path>>);
  STATIC_REQUIRE(transferable<std::tuple<std::error_code, std::chrono::seconds, std::deque<bool>>>);
  STATIC_REQUIRE(transferable<std::unordered_map<std::string, std::array<std::string, 2>>>);
  STATIC_REQUIRE(transferable<tandem::failure>);
  STATIC_REQUIRE(transferable<tandem::outcome<std::vector<int>>>);
  STATIC_REQUIRE(transferable<tandem::outcome<void>>);
  STATIC_REQUIRE(transferable<tandem::resource_usage>);
}

TEST_CASE("transferable: nothing that leads into the sender's memory, however deep inside", "[core][transferable]") {
  STATIC_REQUIRE_FALSE(transferable<int*>);
  STATIC_REQUIRE_FALSE(transferable<int&>);
  STATIC_REQUIRE_FALSE(transferable<void>);
  STATIC_REQUIRE_FALSE(transferable<int(int)>);
  STATIC_REQUIRE_FALSE(transferable<char const*>);
  STATIC_REQUIRE_FALSE(transferable<std::string_view>);
  STATIC_REQUIRE_FALSE(transferable<std::span<int>>);
  STATIC_REQUIRE_FALSE(transferable<std::shared_ptr<int>>);
  STATIC_REQUIRE_FALSE(transferable<std::function<void()>>);
  STATIC_REQUIRE_FALSE(transferable<std::reference_wrapper<int>>);
  STATIC_REQUIRE_FALSE(transferable<std::mutex>);
  STATIC_REQUIRE_FALSE(transferable<dead_end>);
  STATIC_REQUIRE_FALSE(transferable<std::vector<std::optional<dead_end>>>);
  STATIC_REQUIRE_FALSE(transferable<std::tuple<int, int&>>);
  STATIC_REQUIRE_FALSE(transferable<std::unique_ptr<int[]>>);
  STATIC_REQUIRE_FALSE(transferable<std::unique_ptr<abstract>>);
  STATIC_REQUIRE_FALSE(transferable<tandem::outcome<int*>>);
}

TEST_CASE("transferable: no class without a codec, and nothing that cannot be returned", "[core][transferable]") {
  STATIC_REQUIRE_FALSE(transferable<without_codec>);
  STATIC_REQUIRE_FALSE(transferable<abstract>);
  STATIC_REQUIRE_FALSE(transferable<not_movable>);
  STATIC_REQUIRE_FALSE(transferable<int[3]>);
  auto const closure = [n = 1] { return n; };
  STATIC_REQUIRE_FALSE(transferable<decltype(closure)>);
  CHECK(closure() == 1);
}

TEST_CASE("transferable: descriptors are carried only by what has a codec that may", "[core][transferable]") {
  STATIC_REQUIRE_FALSE(may_carry_descriptors<int>);
  STATIC_REQUIRE_FALSE(may_carry_descriptors<std::string>);
  STATIC_REQUIRE_FALSE(may_carry_descriptors<record>);
  STATIC_REQUIRE_FALSE(may_carry_descriptors<tree_of_maps>);
  STATIC_REQUIRE_FALSE(may_carry_descriptors<quiet>);
  STATIC_REQUIRE_FALSE(may_carry_descriptors<std::vector<quiet>>);
  STATIC_REQUIRE(may_carry_descriptors<handle>);
  STATIC_REQUIRE(may_carry_descriptors<ring>);
  STATIC_REQUIRE(may_carry_descriptors<std::optional<std::map<int, handle>>>);
  STATIC_REQUIRE(may_carry_descriptors<tandem::outcome<handle>>);
  STATIC_REQUIRE_FALSE(may_carry_descriptors<tandem::outcome<int>>);
}
