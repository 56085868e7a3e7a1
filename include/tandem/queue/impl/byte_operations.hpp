// SPDX-License-Identifier: BSL-1.0
// What one can do with a byte_stream, at the stream itself and at its ends: written once.
#ifndef TANDEM_QUEUE_IMPL_BYTE_OPERATIONS_HPP
#define TANDEM_QUEUE_IMPL_BYTE_OPERATIONS_HPP

#include <algorithm>     // for min
#include <cstddef>       // for byte, size_t
#include <cstdint>       // for SIZE_MAX
#include <span>          // for as_bytes, as_writable_bytes, span
#include <string_view>   // for string_view
#include <system_error>  // for errc

#include "tandem/core/deadline.hpp"         // for deadline
#include "tandem/core/errors.hpp"           // for throw_errc
#include "tandem/queue/impl/byte_road.hpp"  // for byte_extent, byte_road
#include "tandem/queue/impl/step.hpp"       // for step
#include "tandem/sync/stop_token.hpp"       // for stop_token

namespace tandem::impl {

/// Base of `Self`, which has road_to_write() and was_not_ready().
template <class Self> class byte_writing {
 public:
  /// Writes as many bytes of `from`, from the first on, as there is room for, and at least one, as soon as there is
  /// room. Returns how many; 0 where the time is up, a stop was requested, or `from` is empty.
  /// @throws std::system_error  EPIPE: its reader is gone, or it is closed; EBADMSG: somebody has scribbled over the
  /// stream; where the thread cannot enrol in the family
  /// @par Blocks  While it is full. @par Cost  A copy, and one atomic store; a system call more where the reader
  /// sleeps.
  std::size_t write_some(std::span<std::byte const> from, deadline until = deadline::never(),
                         stop_token const& stop = {}) {
    if (from.empty()) return 0;
    auto const road = self().road_to_write();
    std::size_t const written = road.put(room(road, from.size(), until, stop), from);
    if (written != 0) road.publish_written(written);
    return written;
  }
  std::size_t write_some(std::string_view from, deadline until = deadline::never(), stop_token const& stop = {}) {
    return write_some(std::as_bytes(std::span(from)), until, stop);
  }

  /// The same if there is room at once.
  std::size_t try_write_some(std::span<std::byte const> from) {
    if (from.empty()) return 0;
    auto const road = self().road_to_write();
    byte_extent room;
    auto const result = road.find_room(from.size(), room);
    if (result == step::stopped) refuse(road);
    if (result == step::not_now) self().was_not_ready();
    std::size_t const written = road.put(room, from);
    if (written != 0) road.publish_written(written);
    return written;
  }

  /// Writes all of `from`; returns how many bytes, which is fewer only where the time is up, or a stop was requested.
  /// @throws as write_some: part may have been written then
  std::size_t write(std::span<std::byte const> from, deadline until = deadline::never(), stop_token const& stop = {}) {
    std::size_t const part = self().road_to_write().part();
    std::size_t done = 0;
    while (done < from.size()) {
      std::size_t const more = write_some(from.subspan(done, std::min(part, from.size() - done)), until, stop);
      if (more == 0) break;
      done += more;
    }
    return done;
  }
  std::size_t write(std::string_view from, deadline until = deadline::never(), stop_token const& stop = {}) {
    return write(std::as_bytes(std::span(from)), until, stop);
  }

  /// Room for up to `most` bytes, at least one, as soon as there is some: to be written to in place, and made known by
  /// commit(). It ends at the end of the ring, so there may be more room behind it. Empty as write_some is 0.
  /// @throws as write_some
  std::span<std::byte> reserve(std::size_t most = SIZE_MAX, deadline until = deadline::never(),
                               stop_token const& stop = {}) {
    auto const road = self().road_to_write();
    return road.in_one_piece(most == 0 ? byte_extent{} : room(road, most, until, stop), most);
  }
  /// The first `bytes` of what reserve() gave are written. @pre it gave as many, since the last commit
  void commit(std::size_t bytes) {
    if (bytes != 0) self().road_to_write().publish_written(bytes);
  }

 private:
  Self& self() noexcept { return static_cast<Self&>(*this); }

  byte_extent room(byte_road const& road, std::size_t wanted, deadline until, stop_token const& stop) {
    byte_extent found;
    auto result = road.find_room(wanted, found);
    if (result == step::not_now) result = road.wait_for_room(wanted, found, until, stop);
    if (result == step::stopped) refuse(road);
    if (result == step::not_now) self().was_not_ready();
    return found;
  }

  [[noreturn]] static void refuse(byte_road const& road) {
    throw_errc(std::errc::broken_pipe, "write to a byte_stream",
               road.is_closed() ? "it is closed" : "its reader is gone");
  }
};

/// Base of `Self`, which has road_to_read() and was_not_ready().
template <class Self> class byte_reading {
 public:
  /// Reads as many bytes as are there into `to`, and at least one, as soon as there is one. Returns how many; 0 at the
  /// end of the stream (see at_end()), where the time is up, a stop was requested, or `to` is empty.
  /// @throws std::system_error  EBADMSG: somebody has scribbled over the stream; where the thread cannot enrol in the
  /// family
  /// @par Blocks  While it is empty and not closed. @par Cost  As write_some.
  std::size_t read_some(std::span<std::byte> to, deadline until = deadline::never(), stop_token const& stop = {}) {
    if (to.empty()) return 0;
    auto const road = self().road_to_read();
    std::size_t const got = road.get(bytes(road, to.size(), until, stop), to);
    if (got != 0) road.publish_read(got);
    return got;
  }
  std::size_t read_some(std::span<char> to, deadline until = deadline::never(), stop_token const& stop = {}) {
    return read_some(std::as_writable_bytes(to), until, stop);
  }

  /// The same of what is there at once.
  std::size_t try_read_some(std::span<std::byte> to) {
    auto const road = self().road_to_read();
    byte_extent there;
    if (!to.empty() && road.find_bytes(to.size(), there) == step::not_now) self().was_not_ready();
    std::size_t const got = road.get(there, to);
    if (got != 0) road.publish_read(got);
    return got;
  }

  /// Fills `to`; returns how many bytes, which is fewer only at the end of the stream, where the time is up, or a stop
  /// was requested. @throws as read_some: part may have been read then
  std::size_t read(std::span<std::byte> to, deadline until = deadline::never(), stop_token const& stop = {}) {
    std::size_t const part = self().road_to_read().part();
    std::size_t done = 0;
    while (done < to.size()) {
      std::size_t const more = read_some(to.subspan(done, std::min(part, to.size() - done)), until, stop);
      if (more == 0) break;
      done += more;
    }
    return done;
  }
  std::size_t read(std::span<char> to, deadline until = deadline::never(), stop_token const& stop = {}) {
    return read(std::as_writable_bytes(to), until, stop);
  }

  /// Up to `most` of the bytes that are there, at least one, as soon as there is one: to be read in place, and given
  /// back by consume(). They end at the end of the ring, so there may be more behind them. Empty as read_some is 0.
  /// @throws as read_some
  std::span<std::byte const> peek(std::size_t most = SIZE_MAX, deadline until = deadline::never(),
                                  stop_token const& stop = {}) {
    auto const road = self().road_to_read();
    return road.in_one_piece(most == 0 ? byte_extent{} : bytes(road, most, until, stop), most);
  }
  /// The first `bytes` of what peek() gave are read. @pre it gave as many, since the last consume
  void consume(std::size_t bytes) {
    if (bytes != 0) self().road_to_read().publish_read(bytes);
  }

  /// Whether all was read, and no more will come: what a read that got nothing was told.
  /// @throws as read_some
  bool at_end() {
    auto const road = self().road_to_read();
    byte_extent there;
    return road.is_closed() && road.find_bytes(1, there) == step::not_now;
  }

 private:
  Self& self() noexcept { return static_cast<Self&>(*this); }

  byte_extent bytes(byte_road const& road, std::size_t wanted, deadline until, stop_token const& stop) {
    byte_extent found;
    if (road.find_bytes(wanted, found) == step::not_now &&
        road.wait_for_bytes(wanted, found, until, stop) == step::not_now)
      self().was_not_ready();
    return found;
  }
};

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_BYTE_OPERATIONS_HPP
