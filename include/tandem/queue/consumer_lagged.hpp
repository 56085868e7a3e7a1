// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_CONSUMER_LAGGED_HPP
#define TANDEM_QUEUE_CONSUMER_LAGGED_HPP

#include <cstdint>       // for uint64_t
#include <string>        // for string, to_string
#include <system_error>  // for errc, make_error_code, system_error

namespace tandem {

/// What a broadcast_queue does about a consumer that is a whole queue behind.
enum class lag {
  wait,  ///< producers wait for it
  drop,  ///< it goes on with the oldest element that is still there, and counts what it missed
  fail,  ///< the same, and it gets consumer_lagged once for each gap
};

/// Thrown by a consumer that has missed elements, since they were overwritten before it came to them. It may go on: its
/// next element is the oldest that is still there.
/// @par Shared memory          No: an exception.
/// @par Threads and processes  Copies may be used concurrently.
/// @par Peer death             Does not concern it. `code()` equals std::errc::no_buffer_space (ENOBUFS, as in
/// netlink(7)).
class consumer_lagged : public std::system_error {
 public:
  explicit consumer_lagged(std::uint64_t missed)
      : std::system_error(std::make_error_code(std::errc::no_buffer_space),
                          "tandem: pop: a consumer has missed " + std::to_string(missed) + " elements"),
        missed_(missed) {}

  /// How many elements, in this gap.
  std::uint64_t missed() const noexcept { return missed_; }

 private:
  std::uint64_t missed_;
};

}  // namespace tandem

#endif  // TANDEM_QUEUE_CONSUMER_LAGGED_HPP
