// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "execution/kinds.hpp"
#include "execution/waits.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/leak_gate.hpp"
#include "support/place.hpp"
#include "support/seed.hpp"
#include "tandem/execution/borrow.hpp"
#include "tandem/execution/this_unit.hpp"
#include "tandem/os/poll.hpp"
#include "tandem/resource/pipe.hpp"

using namespace std::chrono_literals;
using tandem::ending;
using tandem_test::collected_failures, tandem_test::ContainsSubstring, tandem_test::place, tandem_test::run_in_child,
    tandem_test::read_all, tandem_test::wait_for;

namespace {

/// Stays until it is killed, and says when it is there.
void announce_and_wait(std::atomic<int>& there) {
  there.store(1);
  for (;;) ::pause();
}

}  // namespace

TEST_CASE("process: has its own memory", "[execution][process][isolation]") {
  auto number = std::make_unique<int>(1);
  tandem::process worker{[&] { return ++*number; }};
  CHECK(worker.join().value() == 2);
  CHECK(*number == 1);
}

TEST_CASE("process: dies alone, by every signal that kills", "[execution][process][failure]") {
  int const signal = GENERATE(SIGKILL, SIGSEGV, SIGABRT, SIGTERM, SIGFPE, SIGBUS, SIGILL, SIGPIPE, SIGUSR1);
  tandem::process worker{{.name = "doomed"}, [signal] {
                           ::signal(signal, SIG_DFL);
                           rlimit const no_core{0, 0};
                           ::setrlimit(RLIMIT_CORE, &no_core);
                           ::raise(signal);
                         }};
  auto result = worker.join();
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().how() == ending::signaled);
  CHECK(result.error().signal() == signal);
  CHECK(result.error().unit() == "doomed");
  CHECK_THROWS_AS(result.value(), tandem::unit_died);
}

TEST_CASE("process: std::terminate and an exception in another thread of it are SIGABRT",
          "[execution][process][failure]") {
  auto quiet = [] { std::freopen("/dev/null", "w", stderr); };
  tandem::process terminated{[quiet] {
    quiet();
    std::terminate();
  }};
  tandem::process thrown{[quiet] {
    quiet();
    std::thread([] { throw std::runtime_error("in a thread"); }).join();
  }};
  CHECK(terminated.join().error().signal() == SIGABRT);
  CHECK(thrown.join().error().signal() == SIGABRT);
}

TEST_CASE("process: exit ends it with its code, and runs none of its starter's exit handlers",
          "[execution][process][failure]") {
  tandem::pipe out;
  auto const in_host = run_in_child([&] {
    static int out_descriptor;
    out_descriptor = out.write_end.get();
    std::atexit([] { static_cast<void>(!::write(out_descriptor, "host", 4)); });
    tandem::process worker{[] {
      std::atexit([] { static_cast<void>(!::write(out_descriptor, "child", 5)); });
      std::exit(3);
    }};
    auto result = worker.join();
    CHECK(result.error().how() == ending::exited);
    CHECK(result.error().exit_code() == 3);
    tandem::process silent{[] { ::_exit(0); }};
    CHECK(silent.join().error().how() == ending::exited);
    std::exit(0);
  });
  CHECK(in_host.exit_code == 0);
  out.write_end.reset();
  CHECK(read_all(out.read_end.get()) == "childhost");
}

TEST_CASE("process: writes its own output once, and its starter's never", "[execution][process][stdio]") {
  tandem::pipe out;
  std::FILE* const stream = ::fdopen(out.write_end.dup().release(), "w");
  std::fputs("starter;", stream);  // stays in the buffer over the fork
  tandem::process worker{[stream] { std::fputs("child;", stream); }};
  CHECK(worker.join().has_value());
  tandem::process leaver{[stream] {
    std::fputs("leaver;", stream);
    std::exit(1);
  }};
  CHECK_FALSE(leaver.join().has_value());
  std::fclose(stream);
  out.write_end.reset();
  CHECK(read_all(out.read_end.get()) == "child;leaver;starter;");
}

TEST_CASE("process: runs neither static destructors nor its callers' destructors", "[execution][process]") {
  tandem::shared<std::atomic<int>> destroyed(0);
  struct count {
    std::atomic<int>* in;
    ~count() { ++*in; }
  };
  {
    count const local{destroyed.get()};
    tandem::process worker{[] {}};
    worker.join();
    CHECK(*destroyed == 0);
  }
  CHECK(*destroyed == 1);
}

TEST_CASE("process: kill, suspend and resume", "[execution][process]") {
  auto& there = place<std::atomic<int>>(0);
  tandem::process worker{[&there] { announce_and_wait(there); }};
  wait_for(there);
  CHECK(::kill(worker.pid(), 0) == 0);
  CHECK(worker.suspend());
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(worker.pid()), &info, WSTOPPED) == 0);
  CHECK_FALSE(worker.try_join().has_value());  // stopped is not dead
  CHECK(worker.resume());
  REQUIRE(::waitid(P_PID, static_cast<id_t>(worker.pid()), &info, WCONTINUED) == 0);
  CHECK(worker.kill(SIGKILL));
  CHECK(worker.join().error().signal() == SIGKILL);
}

TEST_CASE("process: a signal to the dead is no error, one that does not exist is", "[execution][process]") {
  tandem::process worker{[] {}};
  CHECK_THROWS_AS(worker.kill(12345), std::system_error);
  REQUIRE(tandem::os::wait_ready(worker.native_handle(), POLLIN) > 0);  // dead, not yet reaped
  CHECK(worker.kill(SIGTERM));
  CHECK(worker.join().has_value());
}

TEST_CASE("process: terminate asks, then asks the system, then kills", "[execution][process][stop]") {
  tandem::process polite{[](tandem::stop_token stop) {
    stop.wait();
    return 1;
  }};
  polite.terminate(1h);
  CHECK(polite.join().value() == 1);

  auto& there = place<std::atomic<int>>(0);
  tandem::process busy{[&there] { announce_and_wait(there); }};
  wait_for(there);
  busy.suspend();
  busy.terminate(20ms);
  CHECK(busy.join().error().signal() == SIGTERM);

  there = 0;
  tandem::process deaf{[&there] {
    ::signal(SIGTERM, SIG_IGN);
    announce_and_wait(there);
  }};
  wait_for(there);
  deaf.terminate(20ms);
  CHECK(deaf.join().error().signal() == SIGKILL);
}

TEST_CASE("process: get_outcome tells of a death without an outcome", "[execution][process][failure]") {
  tandem::process killed{[] { ::raise(SIGKILL); }};
  CHECK(killed.get_outcome().error().signal() == SIGKILL);
  CHECK(killed.join().error().signal() == SIGKILL);

  tandem::process exited{[] { ::_exit(4); }};
  CHECK(exited.get_outcome().error().exit_code() == 4);
  exited.join();
}

TEST_CASE("process: a detached one is collected at a later start, its failure reported", "[execution][process]") {
  collected_failures failures;
  tandem::pipe end;
  {
    tandem::process worker{{.name = "stray"},
                           [end = std::move(end.write_end)] { throw std::runtime_error("nobody looks"); }};
    worker.detach();
    CHECK_FALSE(worker.joinable());
  }
  std::vector<std::string> texts;
  while (texts.empty()) {
    tandem::process([] {}).join();
    texts = failures.take();
  }
  REQUIRE(texts.size() == 1);
  CHECK_THAT(texts[0], ContainsSubstring("stray") && ContainsSubstring("nobody looks"));
}

TEST_CASE("process: a detached one that is known to have ended leaves nothing for later", "[execution][process]") {
  collected_failures failures;
  tandem_test::leak_gate const gate;
  tandem::process worker{{.name = "ended"}, [] { ::_exit(4); }};
  for (pid_t const pid = worker.pid(); ::kill(pid, 0) == 0;) worker.usage();  // which reaps it
  worker.detach();
  CHECK(gate.leaks().empty());
  auto const texts = failures.take();
  REQUIRE(texts.size() == 1);
  CHECK_THAT(texts[0], ContainsSubstring("ended") && ContainsSubstring("code 4"));
}

TEST_CASE("process: leaves the host's signal handling as it was", "[execution][process][host]") {
  struct sigaction before {
  }, after{};
  sigset_t mask_before, mask_after;
  ::sigaction(SIGCHLD, nullptr, &before);
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_before);
  tandem::process([] {}).join();
  ::sigaction(SIGCHLD, nullptr, &after);
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask_after);
  CHECK(before.sa_handler == after.sa_handler);
  for (int signal = 1; signal < SIGRTMAX; ++signal)
    CHECK(sigismember(&mask_before, signal) == sigismember(&mask_after, signal));
}

TEST_CASE("process: a child of the host's own making cannot use its parent's handles", "[execution][process][host]") {
  tandem::process worker{[](tandem::stop_token stop) { stop.wait(); }};
  auto const result = run_in_child([&worker] {
    CHECK_THROWS_AS(worker.join(), std::system_error);
    CHECK_THROWS_AS(worker.kill(SIGKILL), std::system_error);
    auto const own = tandem::process([] { return 3; }).join();
    CHECK(own.value() == 3);
  });
  INFO(result.to_string());
  CHECK(result.passed());
  worker.request_stop();
  CHECK(worker.join().has_value());
}

TEST_CASE("process: what cannot be started throws, and leaves nothing behind", "[execution][process][errors]") {
  auto const result = tandem_test::as_unprivileged([] {
    rlimit const none{1, 1};
    ::setrlimit(RLIMIT_NPROC, &none);
    tandem::shared<int> held(1);
    for (int i = 0; i < 3; ++i) {
      try {
        tandem::process worker{{.name = "too many"}, [held] {}};
        FAIL("started");
      } catch (std::system_error const& error) {
        CHECK(error.code() == std::errc::resource_unavailable_try_again);
        CHECK_THAT(error.what(), ContainsSubstring("too many") && ContainsSubstring("fork"));
      }
      CHECK(held.use_count() == 1);
    }
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("process: without a free descriptor it does not start, and no child is left",
          "[execution][process][errors]") {
  auto const result = run_in_child([] {
    tandem::process([] {}).join();  // what the library opens once
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 32;
    ::setrlimit(RLIMIT_NOFILE, &limit);
    while (::open("/dev/null", O_RDONLY | O_CLOEXEC) >= 0) {}
    try {
      tandem::process worker{[] { ::pause(); }};
      FAIL("started");
    } catch (std::system_error const& error) { CHECK(error.code() == std::errc::too_many_files_open); }
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("process: an exception while its parts are copied leaves nothing behind", "[execution][process][errors]") {
  struct fragile {
    fragile() = default;
    fragile(fragile const&) { throw std::runtime_error("no copy"); }
    void operator()() const {}
  };
  tandem::shared<int> held(1);
  fragile const body;
  CHECK_THROWS_AS(tandem::process([held, body] {}), std::runtime_error);
  CHECK_THROWS_AS(tandem::process(body), std::runtime_error);
  CHECK(held.use_count() == 1);
}

TEST_CASE("process: started from a program whose threads allocate and print, never hangs",
          "[execution][process][threads]") {
  if (tandem_test::thread_sanitized) return;  // forking a threaded program is what it cannot follow
  std::atomic<bool> stop{false};
  std::vector<std::thread> busy;
  std::FILE* const null = std::fopen("/dev/null", "w");
  for (int i = 0; i < 3; ++i) {
    busy.emplace_back([&stop, null] {
      while (!stop.load(std::memory_order_relaxed)) {
        std::string text(static_cast<std::size_t>(std::rand() % 4000), 'x');
        std::fputs(text.c_str(), null);
      }
    });
  }
  for (int i = 0; i < 200; ++i) {
    tandem::process worker{[null] {
      std::string text(3000, 'y');
      std::fputs(text.c_str(), null);
      return text.size();
    }};
    CHECK(worker.join().value() == 3000);
  }
  stop = true;
  for (auto& thread : busy) thread.join();
  std::fclose(null);
}

TEST_CASE("process: killed at any moment, its outcome is right or a failure, never half a value",
          "[execution][process][kill]") {
  long const kills = tandem_test::repetitions(1000, 20000);
  std::mt19937_64 random(tandem_test::test_seed());
  INFO("seed " << tandem_test::test_seed());
  int values = 0;
  int deaths = 0;
  for (long i = 0; i < kills; ++i) {
    std::size_t const bytes = std::size_t{1} << std::uniform_int_distribution<int>(0, 20)(random);
    tandem::process worker{[bytes] {
      std::vector<unsigned char> data(bytes);
      std::iota(data.begin(), data.end(), static_cast<unsigned char>(1));
      return data;
    }};
    auto const pause = std::chrono::microseconds(std::uniform_int_distribution<int>(0, 1500)(random));
    auto const until = std::chrono::steady_clock::now() + pause;
    while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
    worker.kill(SIGKILL);
    auto result = i % 2 == 0 ? worker.join() : (static_cast<void>(worker.get_outcome()), worker.join());
    if (result) {
      ++values;
      REQUIRE(result->size() == bytes);
      bool whole = true;
      for (std::size_t k = 0; k < bytes; ++k) whole &= (*result)[k] == static_cast<unsigned char>(k + 1);
      REQUIRE(whole);
    } else {
      ++deaths;
      REQUIRE(result.error().how() == ending::signaled);
      REQUIRE(result.error().signal() == SIGKILL);
    }
  }
  INFO("values " << values << ", deaths " << deaths);
  CHECK(values > 0);
  CHECK(deaths > 0);
}

TEST_CASE("process: tells what it used", "[execution][process][usage]") {
  tandem::process worker{[] {
    volatile unsigned sum = 0;
    for (unsigned i = 0; i < 30'000'000; ++i) sum = sum + i;
    ::_exit(1);
  }};
  auto const result = worker.join();
  REQUIRE_FALSE(result.has_value());
  auto const& usage = result.error().usage();
  REQUIRE(usage.user.has_value());
  CHECK(usage.user->count() > 0);
  REQUIRE(usage.peak_memory.has_value());
  CHECK(*usage.peak_memory > 0);
}
