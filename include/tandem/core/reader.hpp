// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_READER_HPP
#define TANDEM_CORE_READER_HPP

#include <array>        // for array
#include <bit>          // for bit_cast
#include <cstddef>      // for byte, size_t
#include <cstdint>      // for uint32_t, uint64_t
#include <cstring>      // for memcpy
#include <span>         // for span
#include <type_traits>  // for is_array_v
#include <utility>      // for exchange

#include "tandem/config.hpp"                 // for TANDEM_NOINLINE
#include "tandem/core/errors.hpp"            // for throw_errc
#include "tandem/core/flat.hpp"              // for flat
#include "tandem/core/impl/flat_values.hpp"  // for is_value
#include "tandem/core/impl/nesting.hpp"      // for most_levels

namespace tandem {
namespace impl {

/// Refuses what cannot have been written by a codec. @throws std::system_error with std::errc::bad_message.
[[noreturn]] TANDEM_NOINLINE inline void bad_message(std::string_view what) {
  throw_errc(std::errc::bad_message, "decode", what);
}

}  // namespace impl

/// Takes encoded values off a range of bytes, which may be hostile and may change while it is read: each byte is copied
/// out once, and checked in the copy. Whatever they are, the bytes lead to values or to std::errc::bad_message.
/// @par Shared memory         No (the bytes may lie there).
/// @par Threads and processes One thread at a time.
/// @par Peer death            Does not concern it.
class reader {
 public:
  /// Reads `bytes` from their start. A descriptor that is taken out is replaced by -1 in `descriptors`; the rest stay
  /// the transport's.
  explicit reader(std::span<std::byte const> bytes, std::span<int> descriptors = {}) noexcept
      : bytes_{bytes}, descriptors_{descriptors} {}
  reader(reader const&) = delete;
  reader& operator=(reader const&) = delete;

  /// Copies the next `size` bytes to `to`.
  /// @throws std::system_error (bad_message) where fewer are left.
  void read(void* to, std::size_t size) {
    if (size > left()) impl::bad_message("the bytes end within a value");
    if (size == 0) return;
    std::memcpy(to, bytes_.data() + position_, size);
    position_ += size;
  }

  /// The next `sizeof(T)` bytes as a T.
  /// @throws std::system_error (bad_message) where fewer are left, or one that is to be a `bool` is neither 0 nor 1.
  template <flat T>
    requires(!std::is_array_v<T>)
  T read_flat() {
    using value = std::remove_cv_t<T>;
    // As an array of bytes, for T need not be default constructible; as a T it is looked at by its bytes alone, until
    // proven.
    alignas(value) std::array<std::byte, sizeof(value)> copy;
    read(copy.data(), copy.size());
    if (!impl::is_value(reinterpret_cast<value const&>(copy))) impl::bad_message("a bool is neither 0 nor 1");
    return std::bit_cast<value>(copy);
  }

  /// The next `size` bytes where they lie: valid as long as what the reader was given. Others may be able to change
  /// them.
  /// @throws std::system_error (bad_message) where there are not as many.
  std::span<std::byte const> take(std::size_t size) {
    if (size > left()) impl::bad_message("the bytes end within a value");
    position_ += size;
    return bytes_.subspan(position_ - size, size);
  }

  /// A number of elements, each of which takes at least `least_bytes_per_element` of the bytes left: so no allocation
  /// is larger than the bytes can justify.
  /// @pre `least_bytes_per_element` is not 0: the codec of a container has an element that is nothing written as one
  /// byte.
  /// @throws std::system_error (bad_message) where so many elements cannot follow.
  std::size_t read_size(std::size_t least_bytes_per_element) {
    auto const size = read_flat<std::uint64_t>();
    if (size > left() / least_bytes_per_element) impl::bad_message("more elements than the bytes can hold");
    return size;
  }

  /// Takes a descriptor over: the caller owns it.
  /// @throws std::system_error (bad_message) where there is none of that number, or it was taken before.
  int read_descriptor() {
    auto const index = read_flat<std::uint32_t>();
    if (index >= descriptors_.size() || descriptors_[index] < 0)
      impl::bad_message("a descriptor that did not come along");
    return std::exchange(descriptors_[index], -1);
  }

  /// The descriptors that came along; -1: taken. Who needs the number of one for another may exchange it for a
  /// duplicate.
  std::span<int> untaken() const noexcept { return descriptors_; }

  /// How many bytes are left.
  std::size_t left() const noexcept { return bytes_.size() - position_; }

  /// Says that the values are complete.
  /// @throws std::system_error (bad_message) where bytes are left over.
  void finish() const {
    if (left() != 0) impl::bad_message("bytes are left over");
  }

  /// One level of nesting, for a codec whose type can contain itself: keep it while the inner values are read.
  /// @throws std::system_error (bad_message) where more than 256 are open.
  class level {
   public:
    explicit level(reader& from) : from_{from} {
      if (from.levels_ == impl::most_levels) impl::bad_message("values nested deeper than 256 levels");
      ++from.levels_;
    }
    level(level const&) = delete;
    level& operator=(level const&) = delete;
    ~level() { --from_.levels_; }

   private:
    reader& from_;
  };

 private:
  std::span<std::byte const> bytes_;
  std::size_t position_ = 0;
  std::span<int> descriptors_;
  int levels_ = 0;
};

}  // namespace tandem

#endif  // TANDEM_CORE_READER_HPP
