// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_TESTS_QUEUE_BYTES_LEFT_HPP
#define TANDEM_TESTS_QUEUE_BYTES_LEFT_HPP

#include <array>    // for array
#include <cstddef>  // for byte, size_t
#include <string>   // for string

namespace tandem_test {

/// What a byte_stream, or its reader, has now.
std::string bytes_left(auto& from) {
  std::string text;
  std::array<std::byte, 7> room{};
  while (std::size_t const n = from.try_read_some(room)) text.append(reinterpret_cast<char const*>(room.data()), n);
  return text;
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_QUEUE_BYTES_LEFT_HPP
