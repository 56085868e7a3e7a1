// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_RESOURCE_SOCKET_PAIR_HPP
#define TANDEM_RESOURCE_SOCKET_PAIR_HPP

#include <sys/socket.h>  // for SOCK_STREAM, SOCK_SEQPACKET

#include <cstddef>  // for size_t
#include <utility>  // for move

#include "tandem/core/codec.hpp"   // for codec, reader, writer
#include "tandem/core/errors.hpp"  // for throw_errno
#include "tandem/os/socket.hpp"    // for open_socket_pair
#include "tandem/resource/fd.hpp"  // for fd

namespace tandem {

/// What a socket keeps: a `stream` the order of bytes alone, as a pipe does; `messages` also where each write ended, so
/// that a read returns one of them, or as much of it as it has room for, and the rest of that message is gone.
enum class socket_kind { stream, messages };

/// Two connected Unix sockets: what is written to one is read from the other, both ways; descriptors pass as well
/// (send_fd.hpp). The members are there to be used and moved away. Both are close-on-exec.
/// @par Shared memory         No: send it, or one end of it.
/// @par Threads and processes As `fd`.
/// @par Peer death            The kernel closes its end: readers see the end of the stream when all that was sent has
/// been read (and std::errc::connection_reset once, if the dead left something unread), writers EPIPE.
struct socket_pair {
  fd first;
  fd second;

  /// Makes one.
  /// @throws std::system_error  EMFILE, ENFILE.  @par Cost  One system call.
  explicit socket_pair(socket_kind kind = socket_kind::stream) {
    int ends[2];
    if (os::open_socket_pair(ends, kind == socket_kind::stream ? SOCK_STREAM : SOCK_SEQPACKET) != 0) {
      throw_errno("make a socket pair");
    }
    first.reset(ends[0]);
    second.reset(ends[1]);
  }

  /// Of two ends that exist, either of which may be empty.
  socket_pair(fd one, fd other) noexcept : first{std::move(one)}, second{std::move(other)} {}
};

/// Both ends travel.
template <> struct codec<socket_pair> {
  static constexpr std::size_t least_size = 2;
  static constexpr bool carries_descriptors = true;

  static void encode(writer& to, socket_pair const& value) {
    codec<fd>::encode(to, value.first);
    codec<fd>::encode(to, value.second);
  }

  static socket_pair decode(reader& from) {
    fd first = codec<fd>::decode(from);
    return socket_pair{std::move(first), codec<fd>::decode(from)};
  }
};

}  // namespace tandem

#endif  // TANDEM_RESOURCE_SOCKET_PAIR_HPP
