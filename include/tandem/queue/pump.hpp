// SPDX-License-Identifier: BSL-1.0
// Between descriptors and a byte_stream.
#ifndef TANDEM_QUEUE_PUMP_HPP
#define TANDEM_QUEUE_PUMP_HPP

#include <cstddef>  // for size_t
#include <cstdint>  // for SIZE_MAX, uint64_t

#include "tandem/core/deadline.hpp"      // for deadline
#include "tandem/queue/byte_stream.hpp"  // for byte_stream_reader, byte_stream_writer
#include "tandem/resource/fd.hpp"        // for fd
#include "tandem/sync/stop_token.hpp"    // for stop_token

namespace tandem {

/// Moves bytes from a descriptor, a file's or a pipe's, into the stream, until the descriptor's end; or until there was
/// no room in time, or a stop was requested. Returns how many. The kernel writes them where the reader will read them.
/// @throws std::system_error  what reading throws (EAGAIN of a non-blocking descriptor), and writing to the stream
/// (EPIPE): those before have been moved
/// @par Blocks  While there is no room, and in read(2), which neither time nor a stop ends.
inline std::uint64_t pump(fd const& from, byte_stream_writer& to, deadline until = deadline::never(),
                          stop_token const& stop = {}) {
  for (std::uint64_t moved = 0;;) {
    auto const room = to.reserve(SIZE_MAX, until, stop);
    std::size_t const got = room.empty() ? 0 : from.read(room);
    if (got == 0) return moved;
    to.commit(got);
    moved += got;
  }
}

/// Moves bytes from the stream to a descriptor until the end of the stream; or until none had come in time, or a stop
/// was requested. Returns how many.
/// @throws std::system_error  what writing throws (EPIPE, without a signal; ENOSPC; EAGAIN of a non-blocking
/// descriptor): those that were not written stay in the stream
/// @par Blocks  While the stream is empty, and in write(2), which neither time nor a stop ends.
inline std::uint64_t pump(byte_stream_reader& from, fd const& to, deadline until = deadline::never(),
                          stop_token const& stop = {}) {
  for (std::uint64_t moved = 0;;) {
    auto const bytes = from.peek(SIZE_MAX, until, stop);
    if (bytes.empty()) return moved;
    std::size_t const written = to.write_some(bytes);
    from.consume(written);
    moved += written;
  }
}

}  // namespace tandem

#endif  // TANDEM_QUEUE_PUMP_HPP
