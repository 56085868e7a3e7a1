// SPDX-License-Identifier: BSL-1.0
// latest in every order of the steps of a writer and its readers.
#include "queue/modelled.hpp"
// behind it, for it replaces what they include
#include "tandem/queue/latest.hpp"
#undef atomic
#undef tandem

#include <memory>
#include <vector>

#include "support/build_kind.hpp"
#include "support/catch.hpp"

using namespace tandem_test;

namespace {

/// Two words, copied one by one.
struct pair_of {
  std::uint64_t number, same;
};

struct scene {
  modelled::latest<pair_of> value;
  std::vector<std::uint64_t> seen{};
  bool torn = false;

  void write(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i <= to; ++i) value.try_push({i, i});
  }
  void read(int times) {
    value.pop_each(times, [this](pair_of const& one) {
      torn |= one.number != one.same;
      seen.push_back(one.number);
    });
  }
  verdict check(std::uint64_t newest, std::uint64_t least) {
    if (torn) return "torn";
    for (std::size_t i = 1; i < seen.size(); ++i)
      if (seen[i] <= seen[i - 1]) return "an older one, or the same again";
    auto const last = value.load();
    return last && last->number <= newest && last->number >= least ? verdict(true) : verdict("it is not the newest");
  }
};

}  // namespace

TEST_CASE("latest: in every order of steps, what is read is whole and newer", "[queue][latest][model]") {
  if (sanitized) return;
  int const deaths = GENERATE(0, 1);
  auto const report = explore({.preemptions = static_cast<int>(brief() ? 1 : repetitions(2, 4)),
                               .late_stores = 1,
                               .deaths = deaths,
                               .mortal = 1},
                              [&] {
                                auto all = std::make_shared<scene>();
                                all->write(1, 1);
                                return modelled_run{.threads = {[=] { all->write(2, 6); }, [=] { all->read(2); }},
                                                    .check = [=] { return all->check(6, deaths == 0 ? 6 : 1); }};
                              });
  INFO(report.to_string());
  CHECK(report.passed());
}
