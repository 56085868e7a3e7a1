// SPDX-License-Identifier: BSL-1.0
// Where encoded bytes go: memory that grows on demand, be it on the heap, in a ring, or in a page that others read.
#ifndef TANDEM_CORE_BYTE_SINK_HPP
#define TANDEM_CORE_BYTE_SINK_HPP

#include <cstddef>  // for byte, size_t
#include <cstring>  // for memcpy
#include <span>     // for span
#include <utility>  // for exchange

#include "tandem/core/errors.hpp"  // for throw_errc

namespace tandem {

/// Memory that a `writer` fills from its start, and how to get more of it. A writer can so encode straight into where
/// the bytes are wanted.
/// @par Shared memory         No (`data` may lead there).
/// @par Threads and processes One writer at a time.
/// @par Peer death            Does not concern it.
struct byte_sink {
  /// Makes `sink.capacity` at least `needed` and keeps the first `used` bytes, be it elsewhere; or throws, and changes
  /// nothing.
  using grow_function = void(byte_sink& sink, std::size_t used, std::size_t needed);

  std::byte* data = nullptr;
  std::size_t capacity = 0;
  grow_function* grow = nullptr;
};

/// A sink of a given size: what does not fit is std::errc::no_buffer_space.
/// @par Shared memory         No (the bytes may lie there).
/// @par Threads and processes One writer at a time.
/// @par Peer death            Does not concern it.
class fixed_bytes : public byte_sink {
 public:
  /// Fills `room`, which it does not own.
  explicit fixed_bytes(std::span<std::byte> room) noexcept : byte_sink{room.data(), room.size(), &refuse} {}

 private:
  [[noreturn]] static void refuse(byte_sink& /*sink*/, std::size_t /*used*/, std::size_t /*needed*/) {
    throw_errc(std::errc::no_buffer_space, "encode", "the room given is too small");
  }
};

/// A sink on the heap, which doubles.
/// @par Shared memory         No.
/// @par Threads and processes One writer at a time.
/// @par Peer death            Does not concern it.
class byte_buffer : public byte_sink {
 public:
  /// Empty; allocates at the first byte.
  byte_buffer() noexcept : byte_sink{nullptr, 0, &enlarge} {}
  byte_buffer(byte_buffer&& other) noexcept
      : byte_sink{std::exchange(other.data, nullptr), std::exchange(other.capacity, 0), &enlarge} {}
  byte_buffer& operator=(byte_buffer&& other) noexcept {
    std::swap(data, other.data);
    std::swap(capacity, other.capacity);
    return *this;
  }
  byte_buffer(byte_buffer const&) = delete;
  byte_buffer& operator=(byte_buffer const&) = delete;
  ~byte_buffer() { delete[] data; }

  /// The first `size` bytes: as many as the writer says it wrote. @pre `size <= capacity`.
  std::span<std::byte const> first(std::size_t size) const noexcept { return {data, size}; }

 private:
  static void enlarge(byte_sink& sink, std::size_t used, std::size_t needed) {
    std::size_t size = sink.capacity < 128 ? 256 : 2 * sink.capacity;
    if (size < needed) size = needed;
    auto* const larger = new std::byte[size];
    if (used != 0) std::memcpy(larger, sink.data, used);
    delete[] sink.data;
    sink.data = larger;
    sink.capacity = size;
  }
};

}  // namespace tandem

#endif  // TANDEM_CORE_BYTE_SINK_HPP
