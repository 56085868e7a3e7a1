// SPDX-License-Identifier: BSL-1.0
// What the tests of all codecs do: send a value there and back, and see that bytes that are none are refused.
#ifndef TANDEM_TESTS_CORE_ROUND_TRIP_HPP
#define TANDEM_TESTS_CORE_ROUND_TRIP_HPP

#include <cstddef>           // for byte, size_t
#include <initializer_list>  // for initializer_list
#include <span>              // for span
#include <system_error>      // for system_error, errc
#include <vector>            // for vector

#include "support/catch.hpp"
#include "tandem/core/codec.hpp"

namespace tandem_test {

/// The bytes of `value`.
template <class T> std::vector<std::byte> bytes_of(T& value) {
  tandem::byte_buffer buffer;
  tandem::writer to{buffer};
  tandem::encode(to, value);
  return {to.bytes().begin(), to.bytes().end()};
}

/// `value` after a journey.
template <class T> T round_trip(T const& value) {
  return tandem::decode<T>(std::span<std::byte const>{bytes_of(value)});
}

/// Whether `act` throws std::errc::bad_message, and nothing else.
template <class F> bool is_bad_message(F const& act) {
  try {
    act();
    return false;
  } catch (std::system_error const& error) { return error.code() == std::errc::bad_message; }
}

/// Whether `bytes` are refused as a T.
template <class T> bool refuses(std::span<std::byte const> bytes) {
  return is_bad_message([bytes] { static_cast<void>(tandem::decode<T>(bytes)); });
}

/// Whether each part of the bytes of `value` that lacks an end is refused, and also what has one byte more.
template <class T> bool refuses_other_lengths(T const& value) {
  auto bytes = bytes_of(value);
  for (std::size_t size = 0; size != bytes.size(); ++size) {
    // In memory of its own, so that a read past its end is an error under ASan.
    std::vector<std::byte> const part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    if (!refuses<T>(part)) return false;
  }
  bytes.push_back(std::byte{0});
  return refuses<T>(bytes);
}

/// Bytes by hand: flat values, one after another.
class bytes_by_hand {
 public:
  template <class T> bytes_by_hand& operator<<(T const& value) {
    to_.write_flat(value);
    return *this;
  }
  operator std::span<std::byte const>() const { return to_.bytes(); }

 private:
  tandem::byte_buffer buffer_;
  tandem::writer to_{buffer_};
};

}  // namespace tandem_test

#endif  // TANDEM_TESTS_CORE_ROUND_TRIP_HPP
