// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/stop_on_signal.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "execution/kinds.hpp"
#include "execution/last_holder.hpp"
#include "execution/starts.hpp"
#include "execution/waits.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "support/process_tree.hpp"
#include "support/pty.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/thread.hpp"

using tandem::stop_on_signal;
using tandem_test::by, tandem_test::child_process, tandem_test::last_holder, tandem_test::on_terminal,
    tandem_test::run_in_child, tandem_test::start_method, tandem_test::wait_for;

namespace {

using counter = tandem::shared<std::atomic<int>>;

auto handler_of(int number) noexcept {  // in processes without Catch too
  struct sigaction now {};
  ::sigaction(number, nullptr, &now);
  return now.sa_handler;
}

// A tree of program -> 2 processes -> 2 processes each -> 2 threads each. All its members hold `held`.

enum class worker { listens, is_deaf };

int leaf(worker kind, tandem::stop_token stop, counter there, counter asked, [[maybe_unused]] tandem::fd held) {
  auto const work = [&] {
    ++*there;
    stop.wait();
    ++*asked;
    while (kind == worker::is_deaf) ::pause();
    return handler_of(SIGINT) == SIG_IGN ? 1 : 100;  // the terminal's signals are not its business
  };
  tandem::thread a{work}, b{work};
  return a.join().value() + b.join().value();
}

int middle(by how, worker kind, tandem::stop_token stop, counter there, counter asked, tandem::fd held) {
  start_method start(how);
  tandem::process a{{.name = "a", .start = start}, &leaf, kind, stop, there, asked, held.dup()};
  tandem::process b{{.name = "b", .start = start}, &leaf, kind, stop, there, asked, held.dup()};
  return a.join().value() + b.join().value();
}

constexpr int leaves = 8;

void tree(by how, worker kind, bool catches, last_holder const& holders) {
  tandem_test::collected_failures unseen;
  start_method start(how);
  std::optional<stop_on_signal> ctrl_c;
  if (catches) ctrl_c.emplace(SIGINT, SIGTERM);
  auto const stop = catches ? ctrl_c->get_stop_token() : tandem::stop_source().get_token();
  counter there(0), asked(0);
  auto const held = holders.hold();
  std::vector<tandem::process<int>> started;
  for (char const* name : {"first", "second"})
    started.emplace_back(tandem::options{.name = name, .start = start}, &middle, how, kind, stop, there, asked,
                         held.dup());
  while (there->load() < leaves) {
    for (auto& one : started) {
      if (auto early = one.try_join()) throw std::runtime_error(early->error().to_string());
    }
  }
  std::puts("ready");
  std::fflush(stdout);
  if (kind == worker::is_deaf) {
    wait_for(*asked, leaves);
    std::puts("all asked");
    std::fflush(stdout);
  }
  int finished = 0;
  for (auto& one : started) finished += one.join().value();
  CHECK(unseen.take().empty());
  std::printf("finished %d, signal %d\n", finished, ctrl_c->signal());
  std::fflush(stdout);
}

}  // namespace

TEST_CASE("stop_on_signal: the first signal requests a stop, and callbacks run in a thread without signals",
          "[execution][stop_on_signal]") {
  auto const result = run_in_child([] {
    stop_on_signal const stopping(SIGINT, SIGTERM);
    CHECK_FALSE(stopping.stop_requested());
    CHECK(stopping.signal() == 0);
    std::atomic<int> seen{0};
    tandem::stop_callback const callback(stopping.get_stop_token(), [&seen] {
      sigset_t mask;
      ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
      seen = ::sigismember(&mask, SIGTERM) == 1 && ::sigismember(&mask, SIGUSR1) == 1 ? 1 : 2;
    });
    ::raise(SIGTERM);
    wait_for(seen, 1);
    CHECK(seen == 1);
    CHECK(stopping.stop_requested());
    CHECK(stopping.get_stop_source().stop_requested());
    CHECK(stopping.signal() == SIGTERM);
    ::raise(SIGINT);
    FAIL_CHECK("survived the second signal");
  });
  CHECK(result.signal == SIGINT);
}

TEST_CASE("stop_on_signal: a second signal kills at once, before the first is served too",
          "[execution][stop_on_signal]") {
  auto const result = run_in_child([] {
    stop_on_signal const stopping(SIGINT, SIGTERM);
    tandem::stop_callback const endless(stopping.get_stop_token(), [] {
      for (;;) ::pause();
    });
    ::raise(SIGTERM);
    ::raise(SIGTERM);
  });
  CHECK(result.signal == SIGTERM);
}

TEST_CASE("stop_on_signal: signals, mask and threads are as before when the last object is gone",
          "[execution][stop_on_signal][host]") {
  auto const result = run_in_child([] {
    static std::atomic<int> hosts{0};
    ::signal(SIGUSR1, [](int) { ++hosts; });
    ::signal(SIGUSR2, SIG_IGN);
    auto const threads = tandem_test::threads_of(::getpid()).size();
    sigset_t mask, after;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    for (bool const comes : {false, true, false, true}) {
      std::optional<stop_on_signal> first(std::in_place, SIGUSR1, SIGUSR2, SIGHUP);
      std::optional<stop_on_signal> second(std::in_place, SIGHUP, SIGINT);
      CHECK(tandem_test::threads_of(::getpid()).size() == threads + 1);
      CHECK(handler_of(SIGUSR2) == SIG_IGN);  // stays ignored
      CHECK(handler_of(SIGHUP) != SIG_DFL);
      if (comes) {
        ::raise(SIGUSR1);
        CHECK(first->get_stop_token().wait());
        CHECK(second->get_stop_token().wait());  // a signal for one is for all
        stop_on_signal const late(SIGTERM);
        CHECK(late.stop_requested());
        CHECK(handler_of(SIGTERM) == SIG_DFL);
      }
      CHECK(hosts == 0);
      first.reset();
      if (!comes) CHECK(handler_of(SIGHUP) != SIG_DFL);  // the other one's as well
      ::raise(SIGUSR1);
      CHECK(hosts.exchange(0) == 1);
      second.reset();
      CHECK(handler_of(SIGHUP) == SIG_DFL);
      CHECK(handler_of(SIGINT) == SIG_DFL);
    }
    while (tandem_test::threads_of(::getpid()).size() != threads) std::this_thread::yield();
    ::pthread_sigmask(SIG_SETMASK, nullptr, &after);
    for (int number = 1; number < SIGRTMAX; ++number)
      CHECK(::sigismember(&mask, number) == ::sigismember(&after, number));
    {
      stop_on_signal const stopping(SIGUSR1);
      ::signal(SIGUSR1, SIG_IGN);  // the host's own wish, made meanwhile
    }
    CHECK(handler_of(SIGUSR1) == SIG_IGN);
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("stop_on_signal: may be destroyed from one of its callbacks", "[execution][stop_on_signal]") {
  auto const result = run_in_child([] {
    std::optional<stop_on_signal> stopping(std::in_place, SIGTERM);
    std::atomic<int> done{0};
    tandem::stop_callback const callback(stopping->get_stop_token(), [&] {
      stopping.reset();
      done = 1;
    });
    ::raise(SIGTERM);
    wait_for(done, 1);
    CHECK(handler_of(SIGTERM) == SIG_DFL);
    stop_on_signal const again(SIGTERM);
    CHECK_FALSE(again.stop_requested());
    CHECK(again.signal() == 0);
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("stop_on_signal: what is no signal, or cannot be handled, throws and changes nothing",
          "[execution][stop_on_signal][errors]") {
  int const wrong = GENERATE(0, -1, 1000, SIGKILL, SIGSTOP);
  CHECK(tandem_test::error_of([wrong] { stop_on_signal const stopping(SIGUSR1, wrong); }) == EINVAL);
  CHECK(handler_of(SIGUSR1) == SIG_DFL);
  stop_on_signal const works(SIGUSR1);
  CHECK(handler_of(SIGUSR1) != SIG_DFL);
}

TEST_CASE("stop_on_signal: without a thread it throws and changes nothing", "[execution][stop_on_signal][errors]") {
  auto const result = tandem_test::as_unprivileged([] {
    rlimit const none{1, 1};
    ::setrlimit(RLIMIT_NPROC, &none);
    CHECK(tandem_test::error_of([] { stop_on_signal const stopping(SIGUSR1); }) == EAGAIN);
    CHECK(handler_of(SIGUSR1) == SIG_DFL);
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("stop_on_signal: in every child the signals do what they did before", "[execution][stop_on_signal][start]") {
  TANDEM_TEST_EACH_START(start);
  stop_on_signal const stopping(SIGTERM, SIGUSR1);
  counter there(0);
  tandem::process worker{{.start = start}, [there](tandem::stop_token) {
                           ++*there;
                           while (handler_of(SIGTERM) == SIG_DFL) ::pause();
                         }};
  wait_for(*there, 1);
  worker.kill(SIGTERM);
  CHECK(worker.join().error().signal() == SIGTERM);
  CHECK_FALSE(stopping.stop_requested());
}

TEST_CASE("stop_on_signal: in a child of the host's own making too, however it was made",
          "[execution][stop_on_signal][host]") {
  if (tandem_test::thread_sanitized) return;  // it hands signals on when it likes
  std::optional<stop_on_signal> stopping(std::in_place, SIGTERM);
  child_process const forked([&stopping] {
    CHECK(handler_of(SIGTERM) == SIG_DFL);
    stopping.reset();  // a copy
    stop_on_signal const own(SIGTERM);
    CHECK_FALSE(own.stop_requested());
    ::raise(SIGTERM);
    CHECK(own.get_stop_token().wait());
    ::_exit(3);
  });
  CHECK(const_cast<child_process&>(forked).join().exit_code == 3);

  // Around fork's handlers: the handler itself finds that it is not at home.
  auto const raw = static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (raw == 0) {
    ::kill(static_cast<pid_t>(::syscall(SYS_getpid)), SIGTERM);
    ::_exit(1);
  }
  int status = 0;
  REQUIRE(::waitpid(raw, &status, 0) == raw);
  CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM));
  CHECK_FALSE(stopping->stop_requested());
}

TEST_CASE("stop_on_signal: one Ctrl-C on a terminal stops a whole tree in order", "[execution][stop_on_signal][pty]") {
  auto const how = GENERATE(by::fork, by::zygote, by::exec);
  auto const key = GENERATE(SIGINT, SIGTERM);
  CAPTURE(how, key);
  last_holder holders;
  on_terminal terminal([&] { tree(how, worker::listens, true, holders); });
  REQUIRE(terminal.prints("ready"));
  if (key == SIGINT)
    terminal.type("\x03");
  else
    ::kill(terminal.id(), SIGTERM);
  auto const end = terminal.wait();
  INFO(end.to_string() << '\n' << terminal.text());
  CHECK(end.passed());
  CHECK(terminal.text().find("finished 8, signal " + std::to_string(key)) != std::string::npos);
  CHECK(holders.gone());
}

TEST_CASE("stop_on_signal: a second Ctrl-C kills a tree that does not listen, and nobody is left",
          "[execution][stop_on_signal][pty]") {
  auto const how = GENERATE(by::fork, by::zygote, by::exec);
  CAPTURE(how);
  last_holder holders;
  on_terminal terminal([&] { tree(how, worker::is_deaf, true, holders); });
  REQUIRE(terminal.prints("ready"));
  terminal.type("\x03");
  REQUIRE(terminal.prints("all asked"));
  CHECK(holders.still_there());
  terminal.type("\x03");
  CHECK(terminal.wait().signal == SIGINT);
  CHECK(holders.gone());
}

TEST_CASE("stop_on_signal: without it, Ctrl-C kills the program, and its processes die with it",
          "[execution][stop_on_signal][pty]") {
  auto const how = GENERATE(by::fork, by::zygote, by::exec);
  CAPTURE(how);
  last_holder holders;
  on_terminal terminal([&] { tree(how, worker::listens, false, holders); });
  REQUIRE(terminal.prints("ready"));
  terminal.type("\x03");
  CHECK(terminal.wait().signal == SIGINT);
  CHECK(holders.gone());
}
