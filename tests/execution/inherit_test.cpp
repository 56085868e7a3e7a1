// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/inherit.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "execution/kinds.hpp"
#include "execution/starts.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/syscall_fault.hpp"
#include "tandem/core/codec_tuple.hpp"
#include "tandem/core/codec_vector.hpp"
#include "tandem/execution/impl/own_descriptors.hpp"
#include "tandem/resource/pipe.hpp"

using tandem::fd, tandem::inherit;
using tandem_test::ContainsSubstring;

namespace {

/// The open descriptors of this process.
std::vector<int> open_descriptors() {
  std::vector<int> open;
  DIR* const listing = ::opendir("/proc/self/fd");
  while (dirent const* const entry = ::readdir(listing)) {
    int const number = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && number != ::dirfd(listing)) open.push_back(number);
  }
  ::closedir(listing);
  std::sort(open.begin(), open.end());
  return open;
}

/// In a child: what is open, and what should be, given what else was handed to it.
struct seen_by_child {
  std::vector<int> open;
  std::vector<int> declared;
};
seen_by_child compare(std::vector<int> others) {
  for (int const own : tandem::impl::own_descriptors::all()) {
    if (own >= 0) others.push_back(own);
  }
  for (int const stream : {0, 1, 2}) others.push_back(stream);
  std::sort(others.begin(), others.end());
  return {open_descriptors(), others};
}

std::vector<fd> many_descriptors() {
  std::vector<fd> many;
  for (int i = 0; i < 200; ++i) many.push_back(fd(::open("/dev/null", i % 2 == 0 ? O_RDONLY : O_RDONLY | O_CLOEXEC)));
  return many;
}

}  // namespace

TEST_CASE("inherit: a process has open what was declared, exactly", "[execution][inherit]") {
  TANDEM_TEST_EACH_START(by);
  auto const extra = many_descriptors();
  tandem::process none{{.start = by, .inherit = inherit::declared}, [] { return compare({}); }};
  auto const [open, declared] = none.join().value();
  CHECK(open == declared);

  tandem::pipe ends;
  std::vector<fd> kept;
  kept.push_back(extra[100].dup());
  kept.push_back(extra[3].dup());
  std::vector<int> numbers{kept[0].get(), kept[1].get()};
  std::vector<fd> listed;
  listed.push_back(extra[7].dup());
  tandem::process some{{.start = by, .inherit = inherit::declared, .keep = std::move(kept)},
                       [](std::vector<int> const& keep, fd const& one, std::vector<fd> const& more) {
                         auto others = keep;
                         others.push_back(one.get());
                         for (auto const& each : more) others.push_back(each.get());
                         return compare(others);
                       },
                       numbers,
                       std::move(ends.write_end),
                       std::move(listed)};
  auto const [open_then, declared_then] = some.join().value();
  CHECK(open_then == declared_then);
}

TEST_CASE("inherit: the road for descriptors in a result stays open too", "[execution][inherit]") {
  TANDEM_TEST_EACH_START(by);
  auto const extra = many_descriptors();
  tandem::process opener{{.start = by, .inherit = inherit::declared}, [] {
                           auto const both = compare({});
                           return std::pair(
                               fd::open("/dev/zero", O_RDONLY),
                               static_cast<int>(both.open.size()) - static_cast<int>(both.declared.size()));
                         }};
  auto const [opened, more] = opener.join().value();
  CHECK(more == 1);
  char byte = 1;
  CHECK(opened.read(std::span(&byte, 1)) == 1);
  CHECK(byte == 0);
}

TEST_CASE("inherit: what is kept has its number in the process, and is closed here", "[execution][inherit]") {
  TANDEM_TEST_EACH_START(by);
  tandem::pipe ends;
  auto const how = GENERATE(inherit::all, inherit::declared);
  // Low numbers, where a process of another origin has something else.
  int const number = ends.write_end.get();
  std::vector<fd> kept;
  kept.push_back(std::move(ends.write_end));
  tandem::process writer{
      {.start = by, .inherit = how, .keep = std::move(kept)}, [](int to) { return ::write(to, "kept", 4); }, number};
  CHECK(writer.join().value() == 4);
  CHECK(ends.read_end.read_all() == "kept");  // nobody else has it open
}

TEST_CASE("inherit: kept numbers may be those of what arrives, and of the library's own", "[execution][inherit]") {
  TANDEM_TEST_EACH_START(by);
  std::vector<fd> kept;
  std::vector<int> numbers;
  for (int number = 5; number < 40; ++number) {  // all that are free among the low ones
    tandem::pipe ends;
    if (::fcntl(number, F_GETFD) >= 0) continue;
    REQUIRE(::dup3(ends.read_end.get(), number, O_CLOEXEC) == number);
    numbers.push_back(number);
    kept.emplace_back(number);
    if (numbers.size() == 12) break;
  }
  tandem::pipe ends;
  tandem::process child{{.start = by, .inherit = inherit::declared, .keep = std::move(kept)},
                        [](std::vector<int> const& expected, fd const& to) {
                          for (int const number : expected) {
                            char byte;
                            if (::read(number, &byte, 1) != 0) return number;  // the end: of a pipe without a writer
                          }
                          to.write("x");
                          return 0;
                        },
                        numbers,
                        std::move(ends.write_end)};
  CHECK(child.join().value() == 0);
  CHECK(ends.read_end.read_all() == "x");
}

TEST_CASE("inherit: a forked closure's own descriptors are among the declared", "[execution][inherit]") {
  tandem::pipe ends;
  auto const extra = many_descriptors();
  tandem::process writer{{.inherit = inherit::declared}, [end = std::move(ends.write_end)] {
                           end.write("owned");
                           auto const [open, declared] = compare({end.get()});
                           return open == declared;
                         }};
  CHECK(writer.join().value());
  CHECK(ends.read_end.read_all() == "owned");
}

TEST_CASE("inherit: a forked closure with more descriptors than are looked for is refused", "[execution][inherit]") {
  struct crowd {
    fd each[65];
  };
  crowd many;
  for (auto& one : many.each) one = fd::open("/dev/null", O_RDONLY);
  auto workload = [held = std::move(many)] { return held.each[64].get(); };
  try {
    tandem::process child{{.name = "crowd", .inherit = inherit::declared}, std::move(workload)};
    FAIL("no exception");
  } catch (std::invalid_argument const& error) {
    CHECK_THAT(error.what(), ContainsSubstring("crowd") && ContainsSubstring("inherit::all"));
  }
}

TEST_CASE("inherit: a fork has all by default, the others what was declared", "[execution][inherit]") {
  TANDEM_TEST_EACH_START(by);
  int const extra = ::open("/dev/null", O_RDONLY);  // NOLINT: open over an exec
  fd const owner(extra);
  tandem::process child{{.start = by}, [](int number) { return ::fcntl(number, F_GETFD) >= 0; }, extra};
  CHECK(child.join().value() == (by_by == tandem_test::by::fork));
}

TEST_CASE("inherit: without close_range the rest is closed all the same", "[execution][inherit][fallback]") {
  auto const result = tandem_test::run_with_fault({{SYS_close_range, ENOSYS}}, [] {
    auto const extra = many_descriptors();
    tandem::process child{{.inherit = inherit::declared}, [] { return compare({}); }};
    auto const [open, declared] = child.join().value();
    CHECK(open == declared);
  });
  INFO(result.to_string());
  CHECK(result.passed());
}
