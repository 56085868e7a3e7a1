// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_WRITER_HPP
#define TANDEM_CORE_WRITER_HPP

#include <cstddef>    // for byte, size_t
#include <cstdint>    // for uint32_t, uint64_t
#include <cstring>    // for memcpy
#include <span>       // for span
#include <stdexcept>  // for length_error
#include <vector>     // for vector

#include "tandem/core/byte_sink.hpp"     // for byte_sink
#include "tandem/core/flat.hpp"          // for flat
#include "tandem/core/impl/nesting.hpp"  // for most_levels

namespace tandem {

/// Appends encoded values to a sink, and carries file descriptors beside the bytes. The format is this machine's and
/// this build's.
/// @par Shared memory         No.
/// @par Threads and processes One thread at a time.
/// @par Peer death            Does not concern it.
class writer {
 public:
  /// Writes from the start of `sink`, which must outlive the writer.
  explicit writer(byte_sink& sink) noexcept : sink_{&sink} {}
  writer(writer const&) = delete;
  writer& operator=(writer const&) = delete;

  /// Appends `size` bytes.
  /// @throws what the sink throws when it cannot grow: std::bad_alloc for one on the heap.
  void write(void const* bytes, std::size_t size) {
    if (size == 0) return;
    if (sink_->capacity - size_ < size) grow(size);
    std::memcpy(sink_->data + size_, bytes, size);
    size_ += size;
  }

  /// Appends the bytes of `value`.
  template <flat T> void write_flat(T const& value) { write(&value, sizeof(T)); }

  /// Appends a number of elements, which `reader::read_size` checks.
  void write_size(std::size_t size) { write_flat(std::uint64_t{size}); }

  /// Lends `descriptor` to the transport, which duplicates it for the receiver, and appends its number among those
  /// lent.
  /// @pre It stays open until the transport has sent it.
  void write_descriptor(int descriptor) {
    auto const index = static_cast<std::uint32_t>(descriptors_.size());
    descriptors_.push_back(descriptor);
    write_flat(index);
  }

  /// How many bytes were written.
  std::size_t size() const noexcept { return size_; }

  /// The bytes written. @pre The sink's memory is readable. Valid until the next write.
  std::span<std::byte const> bytes() const noexcept { return {sink_->data, size_}; }

  /// The descriptors lent, in the order of their numbers.
  std::span<int const> descriptors() const noexcept { return descriptors_; }

  /// Forgets all that was written after the first `size` bytes and `descriptors` descriptors. @pre There were as many.
  void rewind(std::size_t size, std::size_t descriptors = 0) noexcept {
    size_ = size;
    descriptors_.resize(descriptors);
  }

  /// One level of nesting, for a codec whose type can contain itself: keep it while the inner values are written.
  /// @throws std::length_error where more than 256 are open, which the receiver would refuse.
  class level {
   public:
    explicit level(writer& to) : to_{to} {
      if (to.levels_ == impl::most_levels)
        throw std::length_error{"tandem: encode: values nested deeper than 256 levels"};
      ++to.levels_;
    }
    level(level const&) = delete;
    level& operator=(level const&) = delete;
    ~level() { --to_.levels_; }

   private:
    writer& to_;
  };

 private:
  void grow(std::size_t size) {
    std::size_t const needed = size_ + size;
    if (needed < size) throw std::length_error{"tandem: encode: more bytes than can be counted"};
    sink_->grow(*sink_, size_, needed);
  }

  byte_sink* sink_;
  std::size_t size_ = 0;
  std::vector<int> descriptors_;
  int levels_ = 0;
};

}  // namespace tandem

#endif  // TANDEM_CORE_WRITER_HPP
