// SPDX-License-Identifier: BSL-1.0
// Handing an open file to another process, related or not, through a Unix socket.
#ifndef TANDEM_RESOURCE_SEND_FD_HPP
#define TANDEM_RESOURCE_SEND_FD_HPP

#include <poll.h>  // for POLLIN

#include <cerrno>     // for errno, EAGAIN, ECONNRESET
#include <optional>   // for optional
#include <span>       // for span
#include <stdexcept>  // for invalid_argument

#include "tandem/core/deadline.hpp"  // for deadline
#include "tandem/core/errors.hpp"    // for throw_errno
#include "tandem/os/poll.hpp"        // for wait_ready
#include "tandem/os/socket.hpp"      // for send_descriptors, receive_descriptors
#include "tandem/resource/fd.hpp"    // for fd

namespace tandem {

/// Sends a duplicate of `sent` through a Unix socket, `socket_pair`'s or any other. Both stay the caller's. One byte
/// goes with it, which `receive_fd` takes.
/// @throws std::invalid_argument if `sent` is empty; std::system_error: EPIPE or ECONNRESET: nobody receives any more;
/// ETOOMANYREFS: more are on their way than an unprivileged user may have open.
/// @par Blocks  While the socket is full.  @par Cost  One system call.
inline void send_fd(fd const& socket, fd const& sent) {
  if (!sent) throw std::invalid_argument{"tandem: send_fd: the fd to send is empty"};
  int const number = sent.get();
  if (os::send_descriptors(socket.get(), {&number, 1}) != 0) throw_errno("send_fd");
}

namespace impl {

inline std::optional<fd> receive_fd_by(fd const& socket, deadline limit) {
  int number = -1;
  for (;;) {
    if (os::receive_descriptors(socket.get(), {&number, 1}, os::patience::none) == 0) return fd{number};
    if (errno == ECONNRESET) return fd{};
    if (errno != EAGAIN) throw_errno("receive_fd");
    int const ready =
        os::wait_ready(socket.get(), POLLIN, limit.time_point().time_since_epoch() / std::chrono::nanoseconds{1});
    if (ready < 0) throw_errno("receive_fd");
    if (ready == 0) return std::nullopt;
  }
}

}  // namespace impl

/// Receives what the next `send_fd` on the other side sends, close-on-exec; empty when that side has closed, or died,
/// and all that it sent has been received.
/// @throws std::system_error  EMFILE: it does not fit into this process, and is closed; EBADMSG: something came that
/// `send_fd` does not send.
/// @par Blocks  Until something comes.  @par Cost  One system call if something is there, else three.
inline fd receive_fd(fd const& socket) { return *impl::receive_fd_by(socket, deadline::never()); }

/// The same, no longer than `limit`; nothing if the time is up.
template <class Rep, class Period>
std::optional<fd> receive_fd_for(fd const& socket, std::chrono::duration<Rep, Period> limit) {
  return impl::receive_fd_by(socket, deadline::after(limit));
}

/// The same, up to a point in time.
template <class Clock, class Duration>
std::optional<fd> receive_fd_until(fd const& socket, std::chrono::time_point<Clock, Duration> limit) {
  return impl::receive_fd_by(socket, deadline::at(limit));
}

}  // namespace tandem

#endif  // TANDEM_RESOURCE_SEND_FD_HPP
