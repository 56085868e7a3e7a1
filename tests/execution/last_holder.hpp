// SPDX-License-Identifier: BSL-1.0
// How a test knows that the last of some processes is gone, zombies not counted: each holds the write end of a named
// pipe, opened by the first of them and handed on, and the kernel hangs up the read end at the last one's death.
#ifndef TANDEM_TESTS_EXECUTION_LAST_HOLDER_HPP
#define TANDEM_TESTS_EXECUTION_LAST_HOLDER_HPP

#include <fcntl.h>     // for open
#include <poll.h>      // for poll
#include <sys/stat.h>  // for mkfifo

#include <chrono>  // for milliseconds
#include <string>  // for string

#include "support/catch.hpp"
#include "support/temp_dir.hpp"
#include "tandem/resource/fd.hpp"

namespace tandem_test {

class last_holder {
 public:
  last_holder() {
    REQUIRE(::mkfifo(path_.c_str(), 0600) == 0);
    read_end_.reset(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    REQUIRE(read_end_);
  }

  /// In the first one: what to hold. No child that was made before has a copy.
  tandem::fd hold() const { return tandem::fd(::open(path_.c_str(), O_WRONLY | O_CLOEXEC)); }

  /// Whether all are gone, within so much time. @pre one has come
  bool gone(std::chrono::milliseconds within = std::chrono::seconds(30)) const {
    pollfd one{read_end_.get(), 0, 0};
    return ::poll(&one, 1, static_cast<int>(within.count())) == 1 && (one.revents & POLLHUP) != 0;
  }
  bool still_there() const { return !gone(std::chrono::milliseconds(0)); }

 private:
  temp_dir folder_;
  std::string path_ = folder_ / "held";
  tandem::fd read_end_;
};

}  // namespace tandem_test

#endif  // TANDEM_TESTS_EXECUTION_LAST_HOLDER_HPP
