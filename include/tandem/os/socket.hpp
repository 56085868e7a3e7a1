// SPDX-License-Identifier: BSL-1.0
// Pairs of Unix sockets, and the descriptors that travel through them (unix(7), SCM_RIGHTS).
//
// Descriptors go in messages of one byte and at most 253 descriptors each, the kernel's limit. A stream socket keeps
// such messages apart too: a read never goes past one that carries descriptors. Descriptors that were sent and not
// received outlive the sender; the kernel closes them with the socket.
#ifndef TANDEM_OS_SOCKET_HPP
#define TANDEM_OS_SOCKET_HPP

#include <sys/socket.h>  // for socketpair, sendmsg, recvmsg, SCM_RIGHTS
#include <sys/types.h>   // for ssize_t
#include <sys/uio.h>     // for iovec

#include <algorithm>  // for copy, fill, min
#include <cerrno>     // for errno, EINTR, EMFILE, EBADMSG, ECONNRESET
#include <cstddef>    // for size_t
#include <cstring>    // for memcpy
#include <iterator>   // for size
#include <span>       // for span

#include "tandem/os/descriptor.hpp"  // for close

namespace tandem::os {

/// Most descriptors in one message (SCM_MAX_FD of the kernel).
inline constexpr std::size_t most_descriptors_per_message = 253;

/// What a call does that cannot go on at once: sleep, or fail with EAGAIN.
enum class patience { wait, none };

/// Two connected sockets of `type` (SOCK_STREAM, SOCK_SEQPACKET), close-on-exec. 0, or -1 and errno.
inline int open_socket_pair(int (&ends)[2], int type) noexcept {
  return ::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends);
}

/// Sends once: how many bytes, or -1 and errno. A signal does not end it, and it raises no SIGPIPE.
inline ssize_t send(int socket, void const* from, std::size_t bytes, patience wait = patience::wait) noexcept {
  ssize_t count = 0;
  do {
    count = ::send(socket, from, bytes, MSG_NOSIGNAL | (wait == patience::wait ? 0 : MSG_DONTWAIT));
  } while (count < 0 && errno == EINTR);
  return count;
}

/// Receives once: how many bytes, 0 when the other side has closed, -1 and errno. A signal does not end it.
inline ssize_t receive(int socket, void* to, std::size_t bytes, patience wait = patience::wait) noexcept {
  ssize_t count = 0;
  do {
    count = ::recv(socket, to, bytes, wait == patience::wait ? 0 : MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  return count;
}

/// Closes each and sets it to -1; errno stays as it was.
inline void close_all(std::span<int> descriptors) noexcept {
  int const kept = errno;
  for (int& one : descriptors) {
    if (one >= 0) close(one);
    one = -1;
  }
  errno = kept;
}

/// Room for the ancillary data of one full message.
union descriptor_message {
  cmsghdr header;
  char bytes[CMSG_SPACE(most_descriptors_per_message * sizeof(int))];
};

/// Sends `body`, and duplicates of at most 253 `descriptors` with it. 0; or -1 and errno as send_descriptors.
inline int send_descriptor_message(int socket, std::span<int const> descriptors, std::span<std::byte const> body,
                                   patience wait) noexcept {
  descriptor_message control{};
  iovec bytes{const_cast<std::byte*>(body.data()), body.size()};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
  std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | (wait == patience::wait ? 0 : MSG_DONTWAIT));
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? -1 : 0;
}

/// Sends duplicates of `descriptors`. 0; or -1 and errno: EPIPE or ECONNRESET (nobody receives any more), ETOOMANYREFS
/// (too many in flight), EBADF, EAGAIN; then those before the failing message may have been sent.
inline int send_descriptors(int socket, std::span<int const> descriptors, patience wait = patience::wait) noexcept {
  while (!descriptors.empty()) {
    auto const part = descriptors.first(std::min(descriptors.size(), most_descriptors_per_message));
    std::byte const byte{0};
    if (send_descriptor_message(socket, part, {&byte, 1}, wait) != 0) return -1;
    descriptors = descriptors.subspan(part.size());
  }
  return 0;
}

/// Looks at the bytes of the next message, which stays. How many; -1 and errno: EAGAIN where there is none.
inline ssize_t peek(int socket, void* to, std::size_t bytes) noexcept {
  ssize_t count = 0;
  do { count = ::recv(socket, to, bytes, MSG_PEEK | MSG_DONTWAIT); } while (count < 0 && errno == EINTR);
  return count;
}

/// Receives one message, its descriptors into `to`, close-on-exec, its bytes into `body`: how many descriptors; or -1
/// and errno, and then it has closed what the message carried: EMFILE (this process's limit did not let them all in),
/// EBADMSG (more than `to` holds), EAGAIN, ECONNRESET (the other side has closed and all it sent has been received).
inline int receive_descriptor_message(int socket, std::span<int> to, patience wait,
                                      std::span<std::byte> body = {}) noexcept {
  descriptor_message control{};
  std::byte unused{0};
  iovec bytes{body.empty() ? &unused : body.data(), body.empty() ? 1 : body.size()};
  msghdr message{};
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  int const flags = MSG_CMSG_CLOEXEC | (wait == patience::wait ? 0 : MSG_DONTWAIT);
  ssize_t received = ::recvmsg(socket, &message, flags);
  // A peer that closes without having read all leaves ECONNRESET, told once and before what it had sent.
  for (bool reset = false; received < 0 && (errno == EINTR || (errno == ECONNRESET && !reset));) {
    reset = reset || errno == ECONNRESET;
    received = ::recvmsg(socket, &message, flags);
  }
  if (received < 0) return -1;

  int arrived[most_descriptors_per_message + 1];  // one more: padding lets the kernel deliver it
  std::size_t count = 0;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    std::size_t const in_header = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    std::size_t const fitting = std::min(in_header, std::size(arrived) - count);
    std::memcpy(arrived + count, CMSG_DATA(header), fitting * sizeof(int));
    count += fitting;
  }
  std::span<int> const all{arrived, count};
  if (received == 0 && count == 0) {
    errno = ECONNRESET;
  } else if ((message.msg_flags & MSG_CTRUNC) != 0) {
    errno = EMFILE;
  } else if (count > to.size()) {
    errno = EBADMSG;
  } else {
    std::copy(all.begin(), all.end(), to.begin());
    return static_cast<int>(count);
  }
  close_all(all);
  return -1;
}

/// Fills `to` with descriptors that `send_descriptors` sent, all or none: 0; or -1 and errno as
/// `receive_descriptor_message`, and then every one that had come is closed and `to` holds -1. EBADMSG also where the
/// messages carry another number of descriptors, or none. With `patience::none` it never sleeps, whatever became of the
/// sender; EAGAIN then tells that the sender lives and has not sent them all.
inline int receive_descriptors(int socket, std::span<int> to, patience wait = patience::wait) noexcept {
  std::fill(to.begin(), to.end(), -1);
  for (std::size_t have = 0; have < to.size();) {
    int const count = receive_descriptor_message(socket, to.subspan(have), wait);
    if (count > 0) {
      have += static_cast<std::size_t>(count);
      continue;
    }
    if (count == 0) errno = EBADMSG;
    close_all(to);
    return -1;
  }
  return 0;
}

}  // namespace tandem::os

#endif  // TANDEM_OS_SOCKET_HPP
