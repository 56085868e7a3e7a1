// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_RESOURCE_PIPE_HPP
#define TANDEM_RESOURCE_PIPE_HPP

#include <fcntl.h>  // for fcntl, F_GETPIPE_SZ

#include <cstddef>  // for size_t
#include <utility>  // for move

#include "tandem/core/codec.hpp"     // for codec, reader, writer
#include "tandem/core/errors.hpp"    // for throw_errno
#include "tandem/os/descriptor.hpp"  // for open_pipe
#include "tandem/resource/fd.hpp"    // for fd

namespace tandem {

/// Both ends of a pipe: bytes written to `write_end` are read from `read_end`, in order. Its members are there to be
/// used and moved away: a unit is given one end (`std::move(p.write_end)`), and the reader sees the end of the stream
/// when every copy of the other is closed. Both are close-on-exec.
///
/// A forked process that captured a pipe, or was started while it was open, holds both ends as well, and must close
/// (`reset()`) the one it does not use, or the end of the stream does not come before it has ended.
/// @par Shared memory         No: send it, or one end of it.
/// @par Threads and processes As `fd`.
/// @par Peer death            The kernel closes its ends: readers see the end of the stream, writers EPIPE.
struct pipe {
  fd read_end;
  fd write_end;

  /// Makes one.
  /// @throws std::system_error  EMFILE, ENFILE.  @par Cost  One system call.
  pipe() {
    int ends[2];
    if (os::open_pipe(ends) != 0) throw_errno("make a pipe");
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }

  /// Of two ends that exist, either of which may be empty.
  pipe(fd read, fd write) noexcept : read_end{std::move(read)}, write_end{std::move(write)} {}

  /// How many bytes it holds before a writer must wait: mostly 65536.
  /// @throws std::system_error  EBADF if both ends are gone from here.  @par Cost  One system call.
  std::size_t capacity() const {
    int const bytes = ::fcntl(write_end ? write_end.get() : read_end.get(), F_GETPIPE_SZ);
    if (bytes < 0) throw_errno("ask for a pipe's capacity");
    return static_cast<std::size_t>(bytes);
  }
};

/// Both ends travel.
template <> struct codec<pipe> {
  static constexpr std::size_t least_size = 2;
  static constexpr bool carries_descriptors = true;

  static void encode(writer& to, pipe const& value) {
    codec<fd>::encode(to, value.read_end);
    codec<fd>::encode(to, value.write_end);
  }

  static pipe decode(reader& from) {
    fd read = codec<fd>::decode(from);
    return pipe{std::move(read), codec<fd>::decode(from)};
  }
};

}  // namespace tandem

#endif  // TANDEM_RESOURCE_PIPE_HPP
