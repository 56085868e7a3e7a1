// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_BYTE_STREAM_HPP
#define TANDEM_QUEUE_BYTE_STREAM_HPP

#include <bit>           // for bit_ceil, has_single_bit
#include <concepts>      // for integral
#include <cstddef>       // for byte, size_t
#include <cstdint>       // for uint32_t, uint64_t
#include <optional>      // for nullopt, optional
#include <stdexcept>     // for invalid_argument
#include <system_error>  // for errc
#include <utility>       // for cmp_greater, move

#include "tandem/core/codec.hpp"                  // for codec
#include "tandem/core/deadline.hpp"               // for deadline
#include "tandem/core/errors.hpp"                 // for throw_errc
#include "tandem/core/shareable.hpp"              // for enable_shareable
#include "tandem/memory/commons.hpp"              // for commons
#include "tandem/memory/impl/counted.hpp"         // for counted
#include "tandem/memory/impl/free_block.hpp"      // for block_bytes_at, free_block_at
#include "tandem/memory/impl/objects.hpp"         // for object_in_the_making, objects
#include "tandem/memory/impl/region.hpp"          // for family
#include "tandem/queue/impl/byte_operations.hpp"  // for byte_reading, byte_writing
#include "tandem/queue/impl/byte_road.hpp"        // for byte_place, byte_road, byte_sides
#include "tandem/queue/impl/queue_core.hpp"       // for queue_core, queue_side
#include "tandem/queue/impl/queue_end.hpp"        // for queue_end, queue_end_codec
#include "tandem/queue/impl/readiness.hpp"        // for own_readiness, readiness
#include "tandem/queue/impl/waitable_end.hpp"     // for waitable_end
#include "tandem/sync/waitable.hpp"               // for wait_access

namespace tandem {

class byte_stream_writer;
class byte_stream_reader;
namespace impl {
class byte_stream_end;
}

/// Bytes from one writer to one reader, threads or processes: a pipe in shared memory, without the kernel as long as
/// nobody has to sleep, and without a copy where that is wanted (the ring of Lamport 1983).
///
///     tandem::shared<tandem::byte_stream> road(1 << 16);
///     tandem::process p([](auto out) { out.write("some text"); }, road->producer());
///     while (std::size_t n = road->read_some(room)) use(room.first(n));           // to the end of the stream
///
/// In place: reserve() gives room to write to, commit() makes it known; peek() gives bytes to read, consume() makes
/// room of them. Neither goes round the end of the ring.
///
/// The end of the stream comes when the writer closes it, or its last end (producer()) is gone: destroyed, or dead. The
/// reader gets what was written before. A writer whose reader (consumer()) is gone is told by EPIPE, without a signal.
/// @pre one thread at a time uses each side: its successor comes behind it, by join or the like
/// @par Shared memory          Yes: make it a shared<byte_stream>, or a member of what you share.
/// @par Threads and processes  One writer and one reader at a time; close() and is_closed() by all.
/// @par Peer death             At any instruction: the other side does not hang, and sees whole writes in their order,
///                             the last one perhaps in part. What a dead reader was reading comes again to its
///                             successor, or is gone. An end keeps to the stream's bytes whatever a member of the
///                             family scribbles over the stream: at worst it reads other bytes, or gets an error.
class byte_stream : public impl::byte_writing<byte_stream>, public impl::byte_reading<byte_stream> {
 public:
  static constexpr std::size_t max_capacity() noexcept { return std::size_t{1} << 40; }

  /// For at least `capacity` bytes: the next power of two.
  /// @throws std::invalid_argument where `capacity` is not between 1 and max_capacity(); std::bad_alloc where the
  /// commons are full
  template <std::integral N> explicit byte_stream(N capacity) : byte_stream(checked(capacity), 0) {}
  byte_stream(byte_stream const&) = delete;
  byte_stream& operator=(byte_stream const&) = delete;
  /// @pre nobody uses it, and no end is left where it is not itself a shared<>'s object
  ~byte_stream() { impl::free_block_at(impl::family().offset(data_)); }  // which is one, or stays as it is

  std::size_t capacity() const noexcept { return capacity_; }

  /// The stream ends here: what was written before is read, and then comes the end. Does nothing the second time.
  void close() noexcept { core_.close(); }
  bool is_closed() const noexcept { return core_.is_closed(); }

  /// The end of a unit that writes, and of one that reads: an argument, a result, an element of a queue. Keeps the
  /// stream alive where that is itself the object of a shared<>.
  /// @throws std::bad_alloc; std::system_error where the process cannot enrol in the family
  byte_stream_writer producer();
  byte_stream_reader consumer();

 private:
  template <class> friend class impl::byte_writing;
  template <class> friend class impl::byte_reading;
  template <class, class> friend class impl::queue_end;
  template <class, class> friend class impl::readiness;
  template <class, class> friend class impl::own_readiness;
  friend class impl::byte_stream_end;

  static constexpr std::size_t alignment = 64;

  byte_stream(std::uint64_t capacity, int)
      : capacity_(std::bit_ceil(capacity)), data_(static_cast<std::byte*>(commons().allocate(capacity_, alignment))) {
    auto const object = impl::object_in_the_making::current();
    if (object != 0 && impl::objects::address(object) == static_cast<void*>(this)) object_ = object;
  }

  template <std::integral N> static std::uint64_t checked(N capacity) {
    if (capacity <= 0 || std::cmp_greater(capacity, max_capacity()))
      throw std::invalid_argument{"tandem: make a byte_stream: capacity is not between 1 and 2^40"};
    return static_cast<std::uint64_t>(capacity);
  }

  impl::byte_road road_to_write() noexcept { return {core_, sides_, data_, capacity_}; }
  impl::byte_road road_to_read() noexcept { return {core_, sides_, data_, capacity_}; }

  void was_not_ready() noexcept {}

  // For readiness, of an end that knows where the bytes are.
  impl::byte_road road(impl::byte_place at) noexcept { return {core_, sides_, at.data, at.capacity}; }
  bool is_ready(impl::queue_side side, impl::byte_place at) noexcept { return road(at).is_ready(side); }
  template <class GivenUp>
  bool wait_until_ready(impl::queue_side side, impl::byte_place at, deadline until, GivenUp given_up) {
    return road(at).wait_until_ready(side, until, given_up);
  }
  void wake_all(impl::queue_side side) noexcept { road({}).wake_all(side); }

  impl::counted<byte_stream> kept() const {
    if (object_ == 0) return {};
    return impl::counted<byte_stream>::lock(object_, impl::objects::generation(object_));
  }

  std::uint64_t capacity_;  // a power of two
  std::byte* data_;
  std::uint32_t object_ = 0;  // of the table of shared objects; 0: it is none itself
  impl::queue_core core_;
  impl::byte_sides sides_;
};

template <> inline constexpr bool enable_shareable<byte_stream> = true;

namespace impl {

/// What both ends of a byte_stream have in common: where its bytes are, in memory that nobody else writes to.
class byte_stream_end : public waitable_end<byte_stream_end, queue_end<byte_stream>, byte_stream, byte_place> {
  using end_base = waitable_end<byte_stream_end, queue_end<byte_stream>, byte_stream, byte_place>;

 protected:
  /// @throws std::system_error (bad_message) where the stream does not say where its bytes are
  byte_stream_end(queue_end<byte_stream> end, queue_side side);

  byte_road road() { return queue().road(cursor()); }

 private:
  friend end_base;

  byte_stream& queue() { return queue_end<byte_stream>::queue(side()); }
};

}  // namespace impl

/// The end of a byte_stream that writes, with all that the stream can there. A copy is one more end; when the last one
/// is gone, the stream ends.
/// @par Shared memory          No: it belongs to its process. It is transferable.
/// @par Threads and processes  One thread at a time, of all that have one.
/// @par Peer death             The ends of a dead process are gone: see byte_stream.
class byte_stream_writer : public impl::byte_stream_end, public impl::byte_writing<byte_stream_writer> {
 private:
  friend class byte_stream;
  friend class impl::byte_writing<byte_stream_writer>;
  friend struct impl::queue_end_codec<byte_stream_writer>;

  using base = impl::queue_end<byte_stream>;
  explicit byte_stream_writer(base end) : byte_stream_end(std::move(end), impl::queue_side::producers) {}
  impl::byte_road road_to_write() { return road(); }
};

/// The end of a byte_stream that reads, likewise; when the last one is gone, the writer is told.
/// @par Shared memory          No: it belongs to its process. It is transferable.
/// @par Threads and processes  One thread at a time, of all that have one.
/// @par Peer death             The ends of a dead process are gone: see byte_stream.
class byte_stream_reader : public impl::byte_stream_end, public impl::byte_reading<byte_stream_reader> {
 private:
  friend class byte_stream;
  friend class impl::byte_reading<byte_stream_reader>;
  friend struct impl::queue_end_codec<byte_stream_reader>;

  using base = impl::queue_end<byte_stream>;
  explicit byte_stream_reader(base end) : byte_stream_end(std::move(end), impl::queue_side::consumers) {}
  impl::byte_road road_to_read() { return road(); }
};

inline impl::byte_stream_end::byte_stream_end(queue_end<byte_stream> end, queue_side side)
    : end_base(std::move(end), side, {}) {
  byte_place& at = cursor();
  at = {seen_queue().data_, seen_queue().capacity_};
  if (!std::has_single_bit(at.capacity) || block_bytes_at(family().offset(at.data)) < at.capacity)
    throw_errc(std::errc::bad_message, "take an end of a byte_stream", "somebody has scribbled over it");
}

inline byte_stream_writer byte_stream::producer() {
  return byte_stream_writer({*this, kept(), core_.take_seat(impl::queue_side::producers)});
}
inline byte_stream_reader byte_stream::consumer() {
  return byte_stream_reader({*this, kept(), core_.take_seat(impl::queue_side::consumers)});
}

template <> struct codec<byte_stream_writer> : impl::queue_end_codec<byte_stream_writer> {};
template <> struct codec<byte_stream_reader> : impl::queue_end_codec<byte_stream_reader> {};

}  // namespace tandem

#endif  // TANDEM_QUEUE_BYTE_STREAM_HPP
