// SPDX-License-Identifier: BSL-1.0
// Reading a report of a crash that may be anything.
#include "tandem/execution/impl/crash_reader.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "execution/crashes.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"
#include "support/temp_dir.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/memory/impl/members.hpp"
#include "tandem/os/stack.hpp"

using namespace tandem_test;
using tandem::ending;
using tandem::impl::crash_record, tandem::impl::member_slot;

TEST_CASE("crash_report: a page full of anything harms nobody", "[execution][crash_report][hostile]") {
  INFO("TANDEM_TEST_SEED=" << test_seed());
  std::mt19937_64 random(test_seed());
  auto const scribble = [&random](std::byte* at, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) at[i] = static_cast<std::byte>(random());
  };
  SECTION("read at once") {
    auto const slot = std::make_unique<member_slot>();
    long const rounds = repetitions(3000, 200000);
    long readable = 0;
    for (long i = 0; i < rounds; ++i) {
      scribble(slot->small_outcome, sizeof slot->small_outcome);
      slot->crash.store(static_cast<std::uint32_t>(random() % 4), std::memory_order_relaxed);
      auto& record = *reinterpret_cast<crash_record*>(crash_record::place(*slot));
      if (random() % 8 != 0) record.signal = SIGSEGV;
      if (random() % 2 != 0) record.frames_known = static_cast<std::uint32_t>(random() % 48);
      if (random() % 2 != 0) record.stack_end = reinterpret_cast<std::uintptr_t>(__libc_stack_end);
      for (auto& frame : record.frames) {  // some that lead somewhere
        if (random() % 2 != 0) frame.module = static_cast<std::uint16_t>(random() % 16);
        if (random() % 2 != 0) frame.name = static_cast<std::uint16_t>(random() % 2000);
        if (random() % 4 == 0) frame.address = reinterpret_cast<std::uintptr_t>(&write_to) + random() % 4096;
      }
      if (random() % 2 != 0) {
        for (auto& module : record.modules) module.path = static_cast<std::uint16_t>(1 + random() % 1800);
        for (auto& letter : record.text) letter = "/._ZSt1\0x"[random() % 9];
      }
      auto const report = tandem::impl::read_crash_report(*slot);
      if (report) {
        ++readable;
        REQUIRE(report->backtrace.size() <= crash_record::most_frames);
        for (auto const& line : report->backtrace) REQUIRE(line.find('\n') == std::string::npos);
      }
    }
    CHECK(readable > rounds / 8);
  }
  SECTION("a pipe, a folder and a device as modules are not opened") {
    temp_dir const dir;
    REQUIRE(::mkfifo((dir / "pipe").c_str(), 0600) == 0);
    for (auto const& path : {(dir / "pipe").string(), dir.path().string(), std::string("/dev/zero")}) {
      auto const slot = std::make_unique<member_slot>();
      auto& record = *reinterpret_cast<crash_record*>(crash_record::place(*slot));
      record.signal = SIGBUS;
      record.frames_known = 1;
      record.frames[0] = {0x1010, 0, 1, 0, 0};
      record.modules[0] = {0x1000, 1, {}};
      std::strcpy(record.text, path.c_str());
      slot->crash.store(crash_record::complete, std::memory_order_relaxed);
      auto const report = tandem::impl::read_crash_report(*slot);
      REQUIRE(report);
      CHECK(report->backtrace == std::vector<std::string>{path + "+0x10"});
    }
  }
  SECTION("by the process itself") {
    long const rounds = repetitions(60, 3000);
    for (long i = 0; i < rounds; ++i) {
      auto const seed = random();
      tandem::process worker{{.report_crash = true}, [seed] {
                               no_core();
                               std::mt19937_64 own(seed);
                               auto& slot = tandem::impl::members::at(tandem::impl::members::self());
                               for (auto& byte : slot.small_outcome) byte = static_cast<std::byte>(own());
                               slot.crash.store(static_cast<std::uint32_t>(own() % 5));
                               ::signal(SIGSEGV, SIG_DFL);
                               ::kill(::getpid(), SIGSEGV);
                             }};
      auto const result = worker.join();
      REQUIRE_FALSE(result.has_value());
      REQUIRE(result.error().how() == ending::signaled);
    }
  }
}

TEST_CASE("crash_report: names that would grow without end stay as they are", "[execution][crash_report][hostile]") {
  std::string bomb = "_Z1fSt4pairIS_S_E";
  for (int i = 0; i < 60; ++i) bomb += "S" + std::to_string(i % 10) + "_S_";
  CHECK(tandem::impl::function_text(bomb) == bomb);
  CHECK(tandem::impl::function_text("_Z1fi") == "f(int)");
  CHECK(tandem::impl::function_text("main") == "main");
}
