// SPDX-License-Identifier: BSL-1.0
// Descriptors by the list through a Unix socket, for messages whose bytes go another way.
#ifndef TANDEM_RESOURCE_IMPL_DESCRIPTOR_PASSING_HPP
#define TANDEM_RESOURCE_IMPL_DESCRIPTOR_PASSING_HPP

#include <cstddef>  // for size_t
#include <span>     // for span
#include <vector>   // for vector

#include "tandem/core/errors.hpp"  // for throw_errno
#include "tandem/os/socket.hpp"    // for send_descriptors, receive_descriptors, patience
#include "tandem/resource/fd.hpp"  // for fd

namespace tandem::impl {

/// Sends duplicates of `descriptors`; the receiver must know how many they are.
/// @throws std::system_error  EPIPE or ECONNRESET: nobody receives any more; ETOOMANYREFS; EBADF; EAGAIN without
/// patience.
/// @par Blocks  With patience, while the socket is full, which takes tens of thousands of descriptors.
inline void send_descriptors(fd const& socket, std::span<int const> descriptors,
                             os::patience wait = os::patience::wait) {
  if (os::send_descriptors(socket.get(), descriptors, wait) != 0) throw_errno("send descriptors");
}

/// Receives exactly `count`, or none: what had come is closed again.
/// @throws std::system_error  EMFILE: they do not fit into this process; EBADMSG: another number was sent; ECONNRESET:
/// the sender is gone without having sent them; EAGAIN: without patience, they are not all there.
/// @par Blocks  With patience, until they come or every copy of the other end is closed.
inline std::vector<fd> receive_descriptors(fd const& socket, std::size_t count,
                                           os::patience wait = os::patience::wait) {
  std::vector<int> numbers(count, -1);
  std::vector<fd> received(count);  // before anything arrives, so that nothing can fail afterwards
  if (os::receive_descriptors(socket.get(), numbers, wait) != 0) throw_errno("receive descriptors");
  for (std::size_t i = 0; i < count; ++i) received[i].reset(numbers[i]);
  return received;
}

}  // namespace tandem::impl

#endif  // TANDEM_RESOURCE_IMPL_DESCRIPTOR_PASSING_HPP
