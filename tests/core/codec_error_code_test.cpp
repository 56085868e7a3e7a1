// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/codec_error_code.hpp"

#include <cstdint>
#include <future>
#include <ios>
#include <string>
#include <system_error>

#include "core/round_trip.hpp"
#include "support/catch.hpp"

using tandem_test::refuses_other_lengths, tandem_test::round_trip;

namespace {

class named_category : public std::error_category {
 public:
  explicit named_category(char const* name) : name_{name} {}
  char const* name() const noexcept override { return name_; }
  std::string message(int) const override { return "its own words"; }

 private:
  char const* name_;
};

}  // namespace

TEST_CASE("codec: error codes of std's categories arrive in the same category", "[core][codec]") {
  for (auto const& sent : {std::make_error_code(std::errc::io_error), std::error_code(5, std::system_category()),
                           std::make_error_code(std::io_errc::stream), std::error_code{}}) {
    CHECK(round_trip(sent) == sent);
    CHECK(&round_trip(sent).category() == &sent.category());
    CHECK(refuses_other_lengths(sent));
  }
}

TEST_CASE("codec: error codes of a category that is not known keep its name and their value", "[core][codec]") {
  static named_category const stranger{"tandem_test.stranger"};
  std::error_code const sent{7, stranger};
  auto const first = round_trip(sent), second = round_trip(sent);
  CHECK(first.category().name() == std::string{"tandem_test.stranger"});
  CHECK(first.value() == 7);
  CHECK(first.message().find("tandem_test.stranger") != std::string::npos);
  CHECK(first == second);
  CHECK(first != sent);
}

TEST_CASE("codec: error codes of a registered category arrive in it", "[core][codec]") {
  static named_category const mine{"tandem_test.mine"};
  tandem::register_error_category(mine);
  std::error_code const sent{7, mine};
  CHECK(round_trip(sent) == sent);
  CHECK(round_trip(sent).message() == "its own words");
  tandem::register_error_category(std::future_category());
  CHECK(round_trip(std::make_error_code(std::future_errc::no_state)) == std::future_errc::no_state);
}

TEST_CASE("codec: names of categories that others make up are not kept without end", "[core][codec]") {
  for (int i = 0; i != 1000; ++i) {
    std::string const name = "tandem_test.made_up_" + std::to_string(i);
    named_category const category{name.c_str()};
    auto const arrived = round_trip(std::error_code{i, category});
    CHECK(arrived.value() == i);
    if (i == 999) CHECK(arrived.category().name() == std::string{"unknown"});
  }
  named_category const known{"generic"};
  CHECK(round_trip(std::error_code{2, known}).category() == std::generic_category());
}
