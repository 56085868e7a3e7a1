// SPDX-License-Identifier: BSL-1.0
#include "support/pty.hpp"

#include <fcntl.h>      // for open
#include <poll.h>       // for poll
#include <stdlib.h>     // for posix_openpt, grantpt, unlockpt, ptsname_r
#include <sys/ioctl.h>  // for ioctl, TIOCSCTTY
#include <unistd.h>     // for dup2, read, setsid, write

#include <cerrno>        // for errno
#include <csignal>       // for signal
#include <system_error>  // for system_error

namespace tandem_test {
namespace {

void must(bool done, char const* step) {
  if (!done) throw std::system_error(errno, std::generic_category(), step);
}

struct report {
  int exit_code, signal;
  char message[256];
};

void take_terminal(char const* name) {
  must(::setsid() >= 0, "setsid");
  int const terminal = ::open(name, O_RDWR | O_NOCTTY);
  must(terminal >= 0, "open a terminal");
  must(::ioctl(terminal, TIOCSCTTY, 0) == 0, "TIOCSCTTY");
  for (int stream = 0; stream < 3; ++stream) must(::dup2(terminal, stream) >= 0, "dup2");
  if (terminal > 2) ::close(terminal);
}

}  // namespace

on_terminal::on_terminal(std::function<void()> const& program) {
  master_ = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  must(master_ >= 0, "posix_openpt");
  char name[64];
  must(::grantpt(master_) == 0 && ::unlockpt(master_) == 0 && ::ptsname_r(master_, name, sizeof name) == 0,
       "unlock a terminal");
  int news[2], stay[2];
  must(::pipe2(news, O_CLOEXEC) == 0 && ::pipe2(stay, O_CLOEXEC) == 0, "pipe");
  leader_ = child_process([&] {
    for (int const end : {master_, news[0], stay[1]}) ::close(end);
    take_terminal(name);
    std::signal(SIGTTOU, SIG_IGN);  // it gives the foreground away
    child_process child([&] {
      ::close(news[1]);
      ::close(stay[0]);
      must(::setpgid(0, 0) == 0 && ::tcsetpgrp(0, ::getpid()) == 0, "tcsetpgrp");
      std::signal(SIGTTOU, SIG_DFL);
      program();
    });
    pid_t const id = child.id();
    must(::write(news[1], &id, sizeof id) == sizeof id, "write");
    auto const end = child.join();
    report told{end.exit_code, end.signal, {}};
    end.message.copy(told.message, sizeof told.message - 1);
    must(::write(news[1], &told, sizeof told) == sizeof told, "write");
    char none = 0;
    static_cast<void>(!::read(stay[0], &none, 1));
  });
  ::close(news[1]);
  ::close(stay[0]);
  news_ = news[0];
  stay_ = stay[1];
  must(::read(news_, &id_, sizeof id_) == sizeof id_, "read");
}

on_terminal::~on_terminal() {
  ::close(stay_);
  ::close(news_);
  ::close(master_);  // hangs up: SIGHUP to the leader and the foreground, which end by it
}

void on_terminal::type(std::string const& keys) const {
  must(::write(master_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()), "write to a terminal");
}

bool on_terminal::read_more(int patience_ms) {
  pollfd one{master_, POLLIN, 0};
  if (::poll(&one, 1, patience_ms) <= 0) return false;
  char part[512];
  auto const count = ::read(master_, part, sizeof part);
  if (count <= 0) return false;
  text_.append(part, static_cast<std::size_t>(count));
  return true;
}

bool on_terminal::prints(std::string const& words) {
  while (text_.find(words) == std::string::npos) {
    pollfd both[] = {{master_, POLLIN, 0}, {news_, POLLIN, 0}};
    ::poll(both, 2, -1);
    if (!read_more(0) && both[1].revents != 0) return text_.find(words) != std::string::npos;
  }
  return true;
}

child_result on_terminal::wait() {
  pollfd news{news_, POLLIN, 0};
  while (::poll(&news, 1, 0) == 0) read_more(10);  // or it could not print more than the terminal holds
  report told{};
  must(::read(news_, &told, sizeof told) == sizeof told, "read");
  while (read_more(0)) {}
  child_result result;
  result.exit_code = told.exit_code;
  result.signal = told.signal;
  result.message = told.message;
  return result;
}

}  // namespace tandem_test
