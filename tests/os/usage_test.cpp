// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/usage.hpp"

#include <fcntl.h>
#include <sys/prctl.h>

#include <atomic>
#include <fstream>
#include <string>
#include <thread>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/temp_dir.hpp"
#include "tandem/os/process_table.hpp"

namespace os = tandem::os;

namespace {

void compute(std::int64_t ns) {
  for (std::int64_t end = *os::cpu_time_of_thread(os::thread_id()) + ns;
       *os::cpu_time_of_thread(os::thread_id()) < end;) {}
}

}  // namespace

TEST_CASE("usage: numbers of a proc text are found by the start of their line", "[os][usage]") {
  tandem_test::temp_dir const folder;
  std::ofstream(folder / "text") << "Key:\t  12 kB\nOther:7\nNotKey: 9\nWord: x\nLast: 18446744073709551615";
  os::proc_text const text((folder / "text").c_str());
  CHECK(text);
  CHECK(text["Key:"] == 12);
  CHECK(text["Other:"] == 7);
  CHECK_FALSE(text["Word:"].has_value());
  CHECK_FALSE(text["None:"].has_value());
  CHECK(text["Last:"] == 18446744073709551615U);
  os::proc_text const none((folder / "none").c_str());
  CHECK_FALSE(none);
  CHECK_FALSE(none["Key:"].has_value());
}

TEST_CASE("usage: counts are read right whatever a thread is called", "[os][usage]") {
  auto const name = GENERATE(as<std::string>{}, ") Z 1 2 3 (", "a b c", "", "x\ny");
  std::thread([&name] {
    ::prctl(PR_SET_NAME, name.c_str());
    auto const task = os::look_up_task(::getpid(), os::thread_id());
    auto const counts = os::counts_of(os::proc_text::of_thread(::getpid(), os::thread_id(), "stat"));
    REQUIRE(counts.has_value());
    CHECK(counts->state == 'R');
    CHECK(counts->start_ticks == task.start_time);
  }).join();
  CHECK_FALSE(os::counts_of(os::proc_text("/nowhere")).has_value());
  CHECK_FALSE(os::counts_of(os::proc_text("/proc/self/comm")).has_value());
}

TEST_CASE("usage: faults, ticks and CPU time are those of the task", "[os][usage]") {
  std::thread([] {
    compute(50'000'000);
    auto const counts = os::counts_of(os::proc_text::of_thread(::getpid(), os::thread_id(), "stat"));
    auto const used = os::usage_of_this_thread();
    REQUIRE(counts.has_value());
    CHECK(counts->minor_faults <= static_cast<std::uint64_t>(used.ru_minflt));
    CHECK((counts->user_ticks + counts->system_ticks) * static_cast<std::uint64_t>(os::tick_ns()) >= 20'000'000);
    CHECK(*os::cpu_time_of_thread(os::thread_id()) >= 50'000'000);
    CHECK(*os::cpu_time_of_process(::getpid()) >= *os::cpu_time_of_thread(os::thread_id()));
  }).join();
  CHECK(os::usage_of_this_process().ru_maxrss > 0);
}

TEST_CASE("usage: a thread's number is known by its handle, and gone with it", "[os][usage]") {
  if (os::thread_id_offset() == 0) {
    WARN("skipped: prctl(2), PR_GET_TID_ADDRESS");
    return;
  }
  CHECK(os::thread_id_of(::pthread_self()) == os::thread_id());
  std::atomic<pid_t> own{0};
  std::atomic<bool> leave{false};
  std::thread other([&] {
    own = os::thread_id();
    own.notify_one();
    leave.wait(false);
  });
  own.wait(0);
  CHECK(os::thread_id_of(other.native_handle()) == own);
  leave = true;
  leave.notify_one();
  while (os::thread_id_of(other.native_handle()) != 0) std::this_thread::yield();
  other.join();
}

TEST_CASE("usage: of a process that is not there nothing is known", "[os][usage]") {
  pid_t const gone = tandem_test::child_process([] {}).id();
  CHECK_FALSE(os::cpu_time_of_process(gone).has_value());
  CHECK_FALSE(os::proc_text::of_process(gone, "stat"));
}
