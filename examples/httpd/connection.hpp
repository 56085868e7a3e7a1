// SPDX-License-Identifier: BSL-1.0
// One client's connection: whatever the client does or leaves undone, each wait has its limit.
#ifndef TANDEM_EXAMPLES_HTTPD_CONNECTION_HPP
#define TANDEM_EXAMPLES_HTTPD_CONNECTION_HPP

#include <netdb.h>         // for getnameinfo, NI_ flags
#include <netinet/in.h>    // for IPPROTO_TCP
#include <netinet/tcp.h>   // for TCP_NODELAY
#include <poll.h>          // for POLLIN, POLLOUT
#include <sys/sendfile.h>  // for sendfile
#include <sys/socket.h>    // for recv, send, setsockopt, shutdown

#include <algorithm>    // for min
#include <cerrno>       // for errno
#include <chrono>       // for milliseconds
#include <cstdint>      // for uint64_t
#include <string>       // for string
#include <string_view>  // for string_view
#include <utility>      // for move

#include <tandem/tandem.hpp>

#include "../prefork/ready.hpp"
#include "response.hpp"
#include "settings.hpp"

namespace httpd {

using prefork::ready;

class connection {
 public:
  enum class arrival { request, nothing, too_late, too_long };

  connection(tandem::fd socket, settings const& with) : socket_(std::move(socket)), with_(with) {
    int const yes = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  }

  /// Waits for a request to begin. `give_up(waited)` is asked now and then.
  template <class F> bool await_request(std::chrono::milliseconds limit, F give_up) {
    auto const begin = std::chrono::steady_clock::now();
    auto const until = tandem::deadline::after(limit);
    for (;;) {
      while (in_.starts_with("\r\n") || in_.starts_with('\n')) in_.erase(0, in_.find('\n') + 1);
      if (!in_.empty() && in_ != "\r") return true;
      if (until.passed()) return false;
      bool const arrived = ready(socket_.get(), POLLIN, std::min(until, tandem::deadline::after(slice)));
      if (arrived ? !receive() : give_up(std::chrono::steady_clock::now() - begin)) return false;
    }
  }

  /// Waits for the rest of a request that has begun; `head()` is it then.
  arrival read_head() {
    auto const until = tandem::deadline::after(with_.timeout);
    for (std::size_t seen = 0;;) {
      // An empty line ends it. The line breaks before may have come in another piece.
      for (auto at = in_.find('\n', seen); at != std::string::npos; at = in_.find('\n', at + 1)) {
        std::size_t const next = at + (in_.compare(at + 1, 1, "\r") == 0 ? 2 : 1);
        if (next < in_.size() && in_[next] == '\n') {
          head_ = next + 1;
          return head_ > longest_head ? arrival::too_long : arrival::request;
        }
      }
      if (in_.size() > longest_head) return arrival::too_long;
      seen = in_.size() < 3 ? 0 : in_.size() - 3;
      if (!ready(socket_.get(), POLLIN, until)) return arrival::too_late;
      if (!receive()) return arrival::nothing;
    }
  }
  std::string_view head() const { return std::string_view(in_).substr(0, head_); }
  /// What has come, whole or not.
  std::string_view received() const { return in_; }

  /// Makes room for the next request. What `head()` gave is gone.
  void forget_head() { in_.erase(0, head_); }

  /// False where the client has gone, or takes nothing.
  bool send(std::string_view bytes, bool more_follows) {
    while (!bytes.empty()) {
      auto const count =
          ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0));
      if (count >= 0)
        bytes.remove_prefix(static_cast<std::size_t>(count));
      else if (!wait_to_send())
        return false;
    }
    return true;
  }

  /// False also where the file has become shorter meanwhile.
  bool send(tandem::fd const& file, off_t offset, std::uint64_t length) {
    while (length != 0) {
      // Not all at once: the client is to take something of it in each `timeout`.
      auto const count = ::sendfile(socket_.get(), file.get(), &offset,
                                    static_cast<std::size_t>(std::min<std::uint64_t>(length, 1U << 20)));
      if (count == 0) return false;
      if (count > 0)
        length -= static_cast<std::uint64_t>(count);
      else if (!wait_to_send())
        return false;
    }
    return true;
  }

  /// Says that no more will be sent, and takes what the client may still be sending: to close at once would make the
  /// kernel reset the connection, and the client lose the response.
  void linger() {
    ::shutdown(socket_.get(), SHUT_WR);
    auto const until = tandem::deadline::after(std::min(with_.timeout, std::chrono::milliseconds(1'000)));
    do in_.clear();
    while (ready(socket_.get(), POLLIN, until) && receive() && !until.passed());
  }

  std::string peer() const {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    char host[NI_MAXHOST];
    auto* const to = reinterpret_cast<sockaddr*>(&address);
    if (::getpeername(socket_.get(), to, &size) != 0 ||
        ::getnameinfo(to, size, host, sizeof host, nullptr, 0, NI_NUMERICHOST) != 0)
      return "-";
    return host;
  }

 private:
  /// Takes what is there. False at the end of the stream, or where it is broken.
  bool receive() {
    char buffer[8192];
    auto const count = ::recv(socket_.get(), buffer, sizeof buffer, 0);
    if (count > 0) in_.append(buffer, static_cast<std::size_t>(count));
    return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN));
  }

  bool wait_to_send() const {
    return errno == EINTR || (errno == EAGAIN && ready(socket_.get(), POLLOUT, tandem::deadline::after(with_.timeout)));
  }

  tandem::fd socket_;  // non-blocking
  settings const& with_;
  std::string in_;        // what has come, and was not answered
  std::size_t head_ = 0;  // how much of it is the request's
};

}  // namespace httpd

#endif  // TANDEM_EXAMPLES_HTTPD_CONNECTION_HPP
