// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXAMPLES_PREFORK_LISTENER_HPP
#define TANDEM_EXAMPLES_PREFORK_LISTENER_HPP

#include <linux/filter.h>  // for sock_filter, sock_fprog
#include <netdb.h>         // for getaddrinfo, getnameinfo
#include <poll.h>          // for POLLIN
#include <sys/socket.h>    // for bind, listen, setsockopt, shutdown, socket

#include <cerrno>        // for errno
#include <chrono>        // for milliseconds
#include <memory>        // for unique_ptr
#include <stdexcept>     // for runtime_error
#include <string>        // for string, to_string
#include <system_error>  // for generic_category, system_error
#include <utility>       // for move

#include <tandem/tandem.hpp>

#include "ready.hpp"

namespace prefork {

/// Where to connect to.
struct endpoint {
  sockaddr_storage address{};
  socklen_t size = 0;
};

/// The socket at which clients arrive; workers have duplicates of it.
class listener {
 public:
  /// @throws std::runtime_error naming address and port
  listener(std::string const& address, unsigned port) {
    addrinfo wanted{};
    wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    wanted.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (int const error = ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &wanted, &found); error != 0)
      throw std::runtime_error("--address=" + address + ": " + ::gai_strerror(error) + ": a numeric address is wanted");
    std::unique_ptr<addrinfo, void (*)(addrinfo*)> const owner(found, &::freeaddrinfo);

    int const yes = 1;
    socket_ = tandem::fd(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket_ || ::setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
        ::bind(socket_.get(), found->ai_addr, found->ai_addrlen) != 0 || ::listen(socket_.get(), SOMAXCONN) != 0) {
      bool const taken = errno == EADDRINUSE;
      throw std::runtime_error("cannot listen at --address=" + address + " --port=" + std::to_string(port) + ": " +
                               std::generic_category().message(errno) + (taken ? "; --port=0 takes a free one" : ""));
    }
  }

  tandem::fd const& socket() const { return socket_; }

  endpoint where() const {
    endpoint here;
    here.size = sizeof here.address;
    if (::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&here.address), &here.size) != 0)
      throw std::system_error(errno, std::generic_category(), "the address of the socket");
    return here;
  }
  /// 127.0.0.1:8080, [::1]:8080
  std::string address() const {
    auto const [number, size] = where();
    char host[NI_MAXHOST], port[NI_MAXSERV];
    if (::getnameinfo(reinterpret_cast<sockaddr const*>(&number), size, host, sizeof host, port, sizeof port,
                      NI_NUMERICHOST | NI_NUMERICSERV) != 0)
      throw std::system_error(errno, std::generic_category(), "the address of the socket");
    std::string const name = host;
    return (name.find(':') == std::string::npos ? name : "[" + name + "]") + ":" + port;
  }

  /// Lets nobody in any more: what clients send to begin a connection is dropped. Those that the kernel has connected
  /// already are still there to be accepted.
  void shut_door() const {
    sock_filter drop[] = {{BPF_RET | BPF_K, 0, 0, 0}};
    sock_fprog const filter{1, drop};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter);
  }

  /// Waits until all that were connected are accepted, at most `limit`.
  void wait_until_empty(std::chrono::milliseconds limit) const {
    auto const until = tandem::deadline::after(limit);
    while (ready(socket_.get(), POLLIN, tandem::deadline::after(std::chrono::milliseconds(0))) && !until.passed())
      tandem::this_unit::sleep_for(std::chrono::milliseconds(2));
  }

  /// Listens no more, for all who have it: whoever waits in accept is told so.
  void close() const { ::shutdown(socket_.get(), SHUT_RDWR); }

 private:
  tandem::fd socket_;
};

}  // namespace prefork

#endif  // TANDEM_EXAMPLES_PREFORK_LISTENER_HPP
