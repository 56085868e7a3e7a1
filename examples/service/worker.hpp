// SPDX-License-Identifier: BSL-1.0
// What one worker does, be it a thread or a process: nothing in here knows. It serves one connection at a time.
#ifndef TANDEM_EXAMPLES_SERVICE_WORKER_HPP
#define TANDEM_EXAMPLES_SERVICE_WORKER_HPP

#include <poll.h>        // for POLLIN, POLLOUT
#include <sys/socket.h>  // for accept4, recv, send

#include <algorithm>    // for min
#include <cerrno>       // for errno
#include <cstddef>      // for size_t
#include <string>       // for string, to_string
#include <string_view>  // for string_view
#include <utility>      // for move

#include <tandem/tandem.hpp>

#include "../prefork/ready.hpp"
#include "board.hpp"
#include "counters.hpp"
#include "settings.hpp"

namespace service {

/// Waits for the socket, and beats meanwhile. False at a stop, or when the time is up.
inline bool wait_for(tandem::fd const& socket, short what, tandem::deadline until) {
  for (;;) {
    tandem::this_child::beat();
    if (prefork::ready(socket.get(), what, std::min(until, tandem::deadline::after(slice)))) return true;
    if (until.passed() || tandem::this_unit::stop_requested()) return false;
  }
}

/// The connection of one client, to its end.
class visit {
 public:
  visit(tandem::fd client, shared_counters const& values, board const& workers, std::size_t place, settings const& with)
      : client_(std::move(client)), values_(values), workers_(workers), place_(place), with_(with) {}

  void run() {
    for (bool last = false;;) {
      while (auto const end = in_.find('\n') + 1) {
        auto const reply = answer(std::string_view(in_).substr(0, end - 1));
        if (reply.empty() || !send(reply)) return;
        ++workers_[place_].served;
        in_.erase(0, end);
      }
      if (in_.size() > longest_line) return static_cast<void>(send("error: the line is too long\n"));
      if (last) return;
      last = tandem::this_unit::stop_requested();  // what has come by now
      if (!wait_for(client_, POLLIN, tandem::deadline::after(with_.idle)) || !receive()) return;
    }
  }

 private:
  /// Empty: the client wants no more.
  std::string answer(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    auto const blank = line.find(' ');
    auto const what = line.substr(0, blank);
    auto const key = blank == line.npos ? std::string_view() : line.substr(blank + 1);
    if (what == "quit") return {};
    if (what == "status") return to_text(workers_);
    if (what != "add" && what != "get") return "error: add KEY, get KEY, status, or quit\n";
    if (key.empty() || key.size() > longest_key || key.find_first_of(std::string_view(" \0", 2)) != key.npos)
      return "error: a key has 1 to " + std::to_string(longest_key) + " bytes, and no blank\n";
    if (what == "get")
      return std::to_string(tandem::apply([&](counters const& all) { return all.get(key); }, std::as_const(*values_))) +
             "\n";
    auto const value = tandem::apply([&](counters& all) { return all.add(key); }, *values_);
    return value ? std::to_string(*value) + "\n" : "error: no room for another key\n";
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      auto const count = ::send(client_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count >= 0)
        bytes.remove_prefix(static_cast<std::size_t>(count));
      else if (errno != EINTR && (errno != EAGAIN || !wait_for(client_, POLLOUT, tandem::deadline::after(with_.idle))))
        return false;
    }
    return true;
  }

  /// Takes what is there. False at the end of the stream, or where it is broken.
  bool receive() {
    char buffer[4096];
    auto const count = ::recv(client_.get(), buffer, sizeof buffer, 0);
    if (count > 0) in_.append(buffer, static_cast<std::size_t>(count));
    return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN));
  }

  tandem::fd client_;  // non-blocking
  shared_counters const& values_;
  board const& workers_;
  std::size_t place_;
  settings const& with_;
  std::string in_;  // what has come, and was not answered
};

/// A worker: until it is told to stop, and its last client has its replies. `listener` does not block: of several
/// workers that see a client, one gets it.
inline void work(tandem::fd const& listener, shared_counters const& values, board const& workers, std::size_t place,
                 settings const& with) {
  tandem::this_child::ready();
  while (wait_for(listener, POLLIN, tandem::deadline::never())) {
    tandem::fd client(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client)
      visit(std::move(client), values, workers, place, with).run();
    else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
      tandem::this_unit::sleep_for(slice);  // others may give some back
    else if (errno == EINVAL)
      return;  // it listens no more
  }
}

}  // namespace service

#endif  // TANDEM_EXAMPLES_SERVICE_WORKER_HPP
