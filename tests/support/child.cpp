// SPDX-License-Identifier: BSL-1.0
#include "support/child.hpp"

#include <grp.h>        // for setgroups
#include <sys/mman.h>   // for mmap
#include <sys/prctl.h>  // for prctl
#include <sys/wait.h>   // for waitpid
#include <unistd.h>     // for fork, setresuid

#include <cerrno>        // for errno
#include <csignal>       // for kill
#include <cstdio>        // for fflush
#include <cstring>       // for strsignal
#include <exception>     // for exception
#include <iostream>      // for cout, cerr
#include <system_error>  // for system_error
#include <utility>       // for exchange

namespace tandem_test {
namespace {

constexpr std::size_t message_size = 4096;

int failed_assertions = 0;

void flush_all() {
  std::cout.flush();
  std::cerr.flush();
  std::fflush(nullptr);
}

[[noreturn]] void run_and_leave(std::function<void()> const& body, char* message) {
  auto const say = [&](char const* text) { std::snprintf(message, message_size, "%s", text); };
  for (auto const signal : {SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGTERM, SIGINT})
    std::signal(signal, SIG_DFL);  // Catch2 3's
  int const failed_before = failed_assertions;
  int code = 0;
  try {
    body();
  } catch (std::exception const& error) {
    say(error.what());
    code = 1;
  } catch (...) {  // how a REQUIRE leaves
    say("left by something thrown");
    code = 1;
  }
  if (failed_assertions != failed_before) {
    say("an assertion failed");
    code = 1;
  }
  flush_all();
  ::_exit(code);
}

}  // namespace

void count_failed_assertion() { ++failed_assertions; }

std::string child_result::to_string() const {
  auto text = signal != 0 ? std::string("signal ") + std::to_string(signal) + " (" + ::strsignal(signal) + ")"
                          : "exit code " + std::to_string(exit_code);
  return message.empty() ? text : text + ": " + message;
}

child_process::child_process(std::function<void()> const& body) {
  void* const page = ::mmap(nullptr, message_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  message_ = static_cast<char*>(page);
  flush_all();
  id_ = ::fork();
  if (id_ < 0) {
    int const error = errno;
    ::munmap(message_, message_size);
    throw std::system_error(error, std::generic_category(), "fork");
  }
  if (id_ == 0) run_and_leave(body, message_);
}

child_process::child_process(child_process&& other) noexcept
    : id_(std::exchange(other.id_, 0)), message_(std::exchange(other.message_, nullptr)) {}

child_process& child_process::operator=(child_process&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(message_, other.message_);
  return *this;
}

child_process::~child_process() {
  if (joinable()) kill();
}

child_result child_process::join() {
  child_result result;
  int status = 0;
  pid_t ended = 0;
  do { ended = ::waitpid(id_, &status, 0); } while (ended < 0 && errno == EINTR);
  if (ended < 0) {
    result.message = "reaped by somebody else";
  } else {
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    result.message = message_;
  }
  ::munmap(message_, message_size);
  message_ = nullptr;
  id_ = 0;
  return result;
}

child_result child_process::kill() {
  ::kill(id_, SIGKILL);  // not reaped yet, so the number is still its own
  return join();
}

child_result run_in_child(std::function<void()> const& body) { return child_process(body).join(); }

void give_up_privileges(uid_t user) {
  if (::geteuid() != 0) return;
  if (::setgroups(0, nullptr) != 0 || ::setresgid(user, user, user) != 0 || ::setresuid(user, user, user) != 0) {
    throw std::system_error(errno, std::generic_category(), "becoming an ordinary user");
  }
  ::prctl(PR_SET_DUMPABLE, 1);  // or /proc/self and ptrace would be closed to us, as after a set-user-id exec
}

child_result as_unprivileged(std::function<void()> const& body) {
  return run_in_child([&] {
    give_up_privileges();
    body();
  });
}

}  // namespace tandem_test
