// SPDX-License-Identifier: BSL-1.0
// Names of shared memory and the deaths of those who make, use and replace them.
#include "tandem/memory/impl/named_memory.hpp"

#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "memory/shared_memory_probes.hpp"
#include "os/probes.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "support/random_kill.hpp"
#include "support/syscall_fault.hpp"
#include "support/temp_dir.hpp"

using namespace tandem_test;
using tandem::access, tandem::fd, tandem::if_exists, tandem::mapping, tandem::named_options, tandem::shared_memory;

namespace {

std::size_t const page = tandem::os::page_size();

/// As fill_with_ones to who looks at both ends alone, in few instructions.
void fill_the_ends(mapping& all) { all.bytes().front() = all.bytes().back() = std::byte{1}; }
bool has_filled_ends(mapping const& all) {
  return all.const_bytes().front() == std::byte{1} && all.const_bytes().back() == std::byte{1};
}

/// Names in /dev/shm that the library gives for a moment, where the system has no files without a name.
long passing_names() {
  long count = 0;
  for (auto const& entry : std::filesystem::directory_iterator{"/dev/shm"})
    count += entry.path().filename().string().starts_with(".tandem-new-") ? 1 : 0;
  return count;
}

std::vector<syscall_fault> no_unnamed_files() {
  constexpr std::uint32_t unnamed = 020000000;  // of O_TMPFILE, what is not O_DIRECTORY
  return {{SYS_openat, EOPNOTSUPP, {{.index = 2, .mask = unnamed, .value = unnamed}}}};
}

/// Kills a child before and after each system call of `operation`: between them it changes nothing that others see.
/// How many children that were; -1 where ptrace is denied.
int kill_at_each_system_call(auto const& reset, auto const& prepare, auto const& operation, auto const& check) {
  for (int point = 0;; ++point) {
    reset();
    pid_t const child = ::fork();
    if (child == 0) {
      prepare();
      if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(9);
      ::raise(SIGSTOP);
      operation();
      ::_exit(0);
    }
    REQUIRE(child > 0);
    int status = 0;
    for (int stop = 0; ::waitpid(child, &status, 0) == child && WIFSTOPPED(status) && stop < point; ++stop)
      ::ptrace(PTRACE_SYSCALL, child, nullptr, nullptr);
    if (WIFSTOPPED(status)) {
      ::kill(child, SIGKILL);
      REQUIRE(::waitpid(child, &status, 0) == child);
    }
    if (WIFEXITED(status)) {
      if (WEXITSTATUS(status) != 9) CHECK(WEXITSTATUS(status) == 0);
      return WEXITSTATUS(status) == 9 ? -1 : point;
    }
    INFO("killed at the stop " << point);
    REQUIRE(check() == "");
  }
}

}  // namespace

TEST_CASE("shared_memory: of the dead it is opened as it is, or replaced; of the living it is not",
          "[memory][shared_memory]") {
  name_of_test const name;
  auto const replace = [&](if_exists how) { return shared_memory::create(name, {.size = 2 * page, .if_exists = how}); };
  auto const alive = [&] {
    std::atomic<int>& done = place<std::atomic<int>>(0);
    child_process owner{[&] {
      auto const memory = shared_memory::create(name, {.size = page, .if_exists = if_exists::replace});
      memory.map().as<int>() = 7;
      done = 1;
      for (;;) ::pause();
    }};
    while (done == 0) ::sched_yield();
    return owner;
  };
  child_process owner = alive();
  CHECK(shared_memory::in_use(name));
  CHECK(error_of([&] { replace(if_exists::replace_unused); }) == EEXIST);
  CHECK_THROWS_WITH(replace(if_exists::replace_unused), ContainsSubstring("in use"));
  CHECK(owner.kill().signal == SIGKILL);
  CHECK_FALSE(shared_memory::in_use(name));
  {
    auto const taken_over = shared_memory::open_or_create(name, {.size = page});
    CHECK(taken_over.map().as<int>() == 7);
    CHECK(shared_memory::in_use(name));
    CHECK(error_of([&] { replace(if_exists::replace_unused); }) == EEXIST);
  }
  {
    auto const fresh = replace(if_exists::replace_unused);
    CHECK(fresh.size() == 2 * page);
    CHECK(shared_memory::open(name).size() == 2 * page);
    CHECK(fresh.map().as<int>() == 0);
  }
  owner = alive();
  auto const old = shared_memory::open(name);
  CHECK(replace(if_exists::replace).map().as<int>() == 0);
  CHECK(old.map().as<int>() == 7);
  shared_memory::remove(name);
  CHECK_FALSE(shared_memory::in_use(name));
  CHECK(replace(if_exists::replace_unused).size() == 2 * page);
}

TEST_CASE("shared_memory: who has a mapping alone, a copy, or inherited it, uses it", "[memory][shared_memory]") {
  name_of_test const name;
  {
    mapping const all = shared_memory::create(name, {.size = page}).map(access::read_only);
    CHECK(shared_memory::in_use(name));
  }
  CHECK_FALSE(shared_memory::in_use(name));
  {
    auto const copy = shared_memory::open(name, access::read_only).dup();
    CHECK(copy.access() == access::read_only);
    CHECK(shared_memory::in_use(name));
  }
  CHECK_FALSE(shared_memory::in_use(name));
  child_process heir;
  {
    auto const opened = shared_memory::open(name);
    heir = child_process{[] { ::pause(); }};
  }
  CHECK(shared_memory::in_use(name));
  CHECK(heir.kill().signal == SIGKILL);
  CHECK_FALSE(shared_memory::in_use(name));
}

TEST_CASE("shared_memory: an opener waits for no one for ever", "[memory][shared_memory]") {
  name_of_test const name;
  shared_memory::create(name, {.size = page});
  fd claimer = fd::open(name.path, O_RDWR);
  REQUIRE(tandem::os::claim_unused(claimer.get()) == 0);
  CHECK(error_of([&] { shared_memory::open(name); }) == EBUSY);
  CHECK(error_of([&] { shared_memory::create(name, {.size = 1, .if_exists = if_exists::replace_unused}); }) == EEXIST);
  claimer.reset();
  CHECK(shared_memory::open(name).size() == page);
}

TEST_CASE("shared_memory: where marks of use cannot be made, that is said", "[memory][shared_memory][fallback]") {
  name_of_test const name, other;
  shared_memory::create(name, {.size = page});
  CHECK(run_with_fault({{SYS_fcntl, ENOLCK, {{.index = 1, .value = F_OFD_SETLK}}},
                        {SYS_fcntl, ENOLCK, {{.index = 1, .value = F_OFD_GETLK}}}},
                       [&] {
                         CHECK(error_of([&] { shared_memory::open(name); }) == ENOLCK);
                         CHECK(error_of([&] { shared_memory::create(other, {.size = page}); }) == ENOLCK);
                         CHECK(error_of([&] { shared_memory::in_use(name); }) == ENOLCK);
                       })
            .passed());
}

TEST_CASE("shared_memory: without unnamed files, or without /proc, all is the same",
          "[memory][shared_memory][fallback]") {
  auto const faults = GENERATE(no_unnamed_files(), std::vector<syscall_fault>{{SYS_access, ENOENT}});
  name_of_test const name, other;
  auto const left = "/dev/shm/.tandem-new-" + unique_name("left");
  std::ofstream{left} << "of the dead";
  auto const child = run_with_fault(faults, [&] {
    auto const memory = shared_memory::create(name, {.size = page}, fill_with_ones);
    CHECK(passing_names() == 0);
    CHECK(memory.map().const_bytes()[0] == std::byte{1});
    CHECK(shared_memory::in_use(name));
    CHECK(error_of([&] { shared_memory::create(name, {.size = page}); }) == EEXIST);
    CHECK_THROWS_AS(shared_memory::create(other, {.size = page}, [](mapping&) { throw std::logic_error{"no"}; }),
                    std::logic_error);
    CHECK(shared_memory::open_or_create(name, {.size = page}).size() == page);
    CHECK(passing_names() == 0);
  });
  INFO(child.to_string());
  CHECK(child.passed());
  CHECK_FALSE(std::filesystem::exists(left));
}

TEST_CASE("shared_memory: a death at any moment of its creation leaves nothing, or the whole",
          "[memory][shared_memory][kill]") {
  auto const how = GENERATE(if_exists::fail, if_exists::replace_unused, if_exists::replace);
  bool const fallback = GENERATE(false, true);
  CAPTURE(static_cast<int>(how), fallback);
  name_of_test const name;
  auto const reset = [&] {
    shared_memory::remove(name);
    if (how != if_exists::fail) shared_memory::create(name, {.size = page});
  };
  auto const prepare = [&] {
    if (fallback) inject(no_unnamed_files());
  };
  auto const create = [&] { shared_memory::create(name, {.size = 2 * page, .if_exists = how}, fill_the_ends); };
  auto const check = [&]() -> std::string {
    if (shared_memory::in_use(name)) return "it is in use, by nobody";
    try {
      auto const memory = shared_memory::open(name);
      if (memory.size() == page && how != if_exists::fail) return "";  // the one before
      if (memory.size() != 2 * page || !has_its_space(memory)) return "it is half made";
      if (!has_filled_ends(memory.map())) return "its contents are half made";
    } catch (std::system_error const& error) {
      if (error.code() != std::errc::no_such_file_or_directory) return error.what();
    }
    shared_memory::create(name, {.size = page, .if_exists = if_exists::replace_unused});
    return passing_names() > 1 ? "passing names gather" : "";
  };
  int const points = kill_at_each_system_call(reset, prepare, create, check);
  if (points < 0) WARN("not tried: ptrace is denied");
  CHECK((points < 0 || points > 20));
  if (fallback) {  // the next creation of that kind sweeps
    CHECK(run_with_fault(no_unnamed_files(), [&] {
            shared_memory::create(name, {.size = page, .if_exists = if_exists::replace});
          }).passed());
    CHECK(passing_names() == 0);
    return;
  }
  auto const report = kill_at_each_instruction({.reset = reset, .operation = create, .check = check, .stride = 199});
  INFO(report.to_string());
  CHECK(report.passed());
}

TEST_CASE("shared_memory: whoever opens it gets what nobody can replace as unused, at any instruction",
          "[memory][shared_memory]") {
  name_of_test const name;
  auto& replaced = place<std::atomic<bool>>(false);
  auto& opened = place<std::atomic<std::size_t>>(std::size_t{0});
  std::optional<shared_memory> kept;  // by the child, to its end
  auto const report = kill_at_each_instruction(
      {.reset =
           [&] {
             shared_memory::create(name, {.size = page, .if_exists = if_exists::replace});
             replaced = false;
             opened = 0;
           },
       .operation =
           [&] {
             kept.emplace(shared_memory::open(name));
             opened = kept->size();
           },
       .check = [&]() -> verdict { return !replaced || opened != page; },
       .meanwhile =
           [&] {
             replaced = error_of([&] {
                          shared_memory::create(name, {.size = 2 * page, .if_exists = if_exists::replace_unused});
                        }) == 0;
           },
       .stride = 23});
  INFO(report.to_string());
  CHECK(report.passed());
}

TEST_CASE("shared_memory: workers that are killed while they open, create, replace and remove wedge nobody",
          "[memory][shared_memory][kill]") {
  bool const fallback = GENERATE(false, true);
  CAPTURE(fallback);
  name_of_test const name;
  named_options const options{.size = page, .if_exists = if_exists::replace_unused};
  auto const work_once = [&](int worker) {
    auto const memory = worker == 0 ? shared_memory::create(name, options, fill_the_ends)
                                    : shared_memory::open_or_create(name, {.size = page}, fill_the_ends);
    mapping const all = memory.map();
    if (all.size() != page || !has_filled_ends(all)) ::_exit(99);
    if (worker == 1) shared_memory::remove(name);
  };
  auto const report = random_kill({.workers = 4,
                                   .kills = repetitions(100, 20000),
                                   .work =
                                       [&](int worker, std::uint64_t) {
                                         if (fallback) inject(no_unnamed_files());
                                         for (;;) {
                                           try {
                                             work_once(worker);
                                           } catch (std::system_error const& error) {
                                             if (error.code() != std::errc::file_exists) ::_exit(98);
                                           }
                                         }
                                       },
                                   .finally = [&]() -> verdict {
                                     if (shared_memory::in_use(name)) return "it is in use, by nobody";
                                     shared_memory::create(name, options);
                                     return true;
                                   }});
  INFO(report.to_string());
  CHECK(report.passed());
  CHECK(run_with_fault(no_unnamed_files(), [&] { shared_memory::create(name, options); }).passed());  // sweeps
  CHECK(passing_names() == 0);
}
