// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXAMPLES_PREFORK_READY_HPP
#define TANDEM_EXAMPLES_PREFORK_READY_HPP

#include <poll.h>  // for poll, pollfd

#include <algorithm>  // for min
#include <cerrno>     // for errno
#include <chrono>     // for milliseconds

#include <tandem/tandem.hpp>

namespace prefork {

/// Whether `socket` is ready for one of `events` before the time is up; one that is broken is ready too.
inline bool ready(int socket, short events, tandem::deadline until) {
  pollfd one{socket, events, 0};
  for (;;) {
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(until.left());
    int const count = ::poll(&one, 1, static_cast<int>(std::min(left, std::chrono::milliseconds(3'600'000)).count()));
    if (count > 0) return true;
    if (count == 0 && until.passed()) return false;
    if (count < 0 && errno != EINTR) return false;
  }
}

}  // namespace prefork

#endif  // TANDEM_EXAMPLES_PREFORK_READY_HPP
