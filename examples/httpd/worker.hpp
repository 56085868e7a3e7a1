// SPDX-License-Identifier: BSL-1.0
// What one worker does, be it a thread or a process: nothing in here knows. It serves one connection at a time.
#ifndef TANDEM_EXAMPLES_HTTPD_WORKER_HPP
#define TANDEM_EXAMPLES_HTTPD_WORKER_HPP

#include <sys/socket.h>  // for accept4
#include <unistd.h>      // for STDOUT_FILENO, write

#include <cerrno>        // for errno
#include <chrono>        // for milliseconds, nanoseconds
#include <cstdint>       // for uint64_t
#include <cstdio>        // for snprintf
#include <ctime>         // for time
#include <string>        // for string, to_string
#include <string_view>   // for string_view
#include <system_error>  // for generic_category, system_error
#include <utility>       // for move

#include <tandem/tandem.hpp>

#include "connection.hpp"
#include "request.hpp"
#include "response.hpp"
#include "settings.hpp"

namespace httpd {

/// The handler with a bug (--crash-path).
[[gnu::noinline]] inline void crash() {
  int volatile* volatile nowhere = nullptr;
  *nowhere = 1;
}

/// Waits for the next client; empty when the socket listens no more. The kernel wakes one of those that wait here, the
/// one that has waited longest.
inline tandem::fd accept_next(tandem::fd const& listener) {
  for (;;) {
    tandem::fd client(::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (client) return client;
    switch (errno) {
      case EINVAL:
        return {};
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        tandem::this_unit::sleep_for(std::chrono::milliseconds(100));  // others may give some back
        break;
      case EBADF:
      case ENOTSOCK:
      case EOPNOTSUPP:
        throw std::system_error(errno, std::generic_category(), "accept");
      default:
        break;  // a signal, or the client's network: the next one, please
    }
  }
}

/// A line in the form that is common (NCSA), in one write, so that lines of several workers do not mix.
inline void log_request(std::string const& peer, std::string_view line, int status, std::uint64_t bytes) {
  std::string text = peer + format_time(" - - [%d/%b/%Y:%H:%M:%S +0000] \"", std::time(nullptr));
  for (char const c : line) {
    if (c >= ' ' && c < '\x7f' && c != '"' && c != '\\') {
      text += c;
    } else {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      text += escaped;
    }
  }
  text += "\" " + std::to_string(status) + " " + std::to_string(bytes) + "\n";
  static_cast<void>(::write(STDOUT_FILENO, text.data(), text.size()) < 0);  // nobody to tell
}

/// The connection of one client, to its end.
class visit {
 public:
  visit(tandem::fd client, tandem::fd const& listener, tandem::fd const& root, settings const& with,
        tandem::stop_token const& stop)
      : client_(std::move(client), with), listener_(listener), root_(root), with_(with), stop_(stop) {}

  void run() {
    while (served_ < most_requests && client_.await_request(served_ == 0 ? with_.timeout : with_.idle,
                                                            [this](auto waited) { return leaves(waited); })) {
      switch (client_.read_head()) {
        case connection::arrival::nothing:
          return;
        case connection::arrival::too_late:
          return refuse(408);
        case connection::arrival::too_long:
          return refuse(client_.received().substr(0, longest_line).find('\n') == std::string_view::npos ? 414 : 431);
        case connection::arrival::request:
          break;
      }
      request asked;
      try {
        asked = read_request(client_.head());
      } catch (refusal const& why) { return refuse(why.status); }
      if (!with_.crash_path.empty() && asked.target == with_.crash_path) crash();
      bool const last = ++served_ == most_requests || stop_.stop_requested();
      bool const stays = asked.keep_alive && !last;
      if (!send(respond(asked), asked, stays)) return;
      client_.forget_head();
      if (!stays) return client_.linger();
    }
  }

 private:
  /// Whether a client that asks for nothing is left: when the server stops, and when another one has been waiting while
  /// no worker was free. A new client has a second to begin.
  bool leaves(std::chrono::nanoseconds waited) {
    if (served_ == 0 && waited < std::chrono::milliseconds(1'000)) return false;
    bool const others_waited = others_wait_;
    others_wait_ = ready(listener_.get(), POLLIN, tandem::deadline::after(std::chrono::milliseconds(0)));
    return stop_.stop_requested() || (others_waited && others_wait_);
  }

  response respond(request const& asked) {
    try {
      return answer(asked, root_);
    } catch (refusal const& why) { return plain(why.status); }
  }

  bool send(response made, request const& asked, bool stays) {
    bool const with_body = asked.method != "HEAD" && made.status != 304;
    std::string head = "HTTP/1.1 " + std::to_string(made.status) + " " + std::string(reason(made.status)) +
                       "\r\nDate: " + http_date(std::time(nullptr)) + "\r\n" + made.fields;
    if (made.status != 304) head += "Content-Length: " + std::to_string(made.length) + "\r\n";
    if (!stays)
      head += "Connection: close\r\n";
    else if (asked.http_1_0)
      head += "Connection: keep-alive\r\n";
    head += "\r\n";
    if (with_body) head += made.text;
    bool const file_follows = with_body && made.file && made.length != 0;
    bool const sent =
        client_.send(head, file_follows) && (!file_follows || client_.send(made.file, made.offset, made.length));
    if (with_.log) log_request(client_.peer(), asked.line, made.status, sent && with_body ? made.length : 0);
    return sent;
  }

  /// Of what could not be read as a request. Nobody knows where the next one would begin.
  void refuse(int status) {
    request unknown;
    auto received = client_.received();
    unknown.line = take_until(received, '\n').substr(0, 200);
    if (unknown.line.ends_with('\r')) unknown.line.remove_suffix(1);
    if (send(plain(status), unknown, false)) client_.linger();
  }

  connection client_;
  tandem::fd const& listener_;
  tandem::fd const& root_;
  settings const& with_;
  tandem::stop_token const& stop_;
  unsigned served_ = 0;
  bool others_wait_ = false;
};

/// A worker: until the socket listens no more, and its last client has what it asked for.
inline void work(tandem::stop_token stop, tandem::fd listener, tandem::fd root, settings with) {
  while (auto client = accept_next(listener)) visit(std::move(client), listener, root, with, stop).run();
}

}  // namespace httpd

#endif  // TANDEM_EXAMPLES_HTTPD_WORKER_HPP
