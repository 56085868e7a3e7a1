// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_STDIO_HPP
#define TANDEM_EXECUTION_STDIO_HPP

#include <fcntl.h>  // for O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND

#include <stdexcept>  // for invalid_argument
#include <string>     // for string
#include <utility>    // for move

#include "tandem/resource/fd.hpp"  // for fd

namespace tandem {

/// What a standard stream of a process is connected to: `{.out = stdio::write_to("log"), .err = stdio::merge()}`, or an
/// end of a pipe: `{.out = std::move(ends.write_end)}`.
///
/// A file is opened here and now, by the starter, so that what is wrong with it is said here; its descriptor is closed
/// in the starter when the process has been started.
/// @par Shared memory         No: it may own a descriptor.
/// @par Threads and processes As fd: moved, not copied.
/// @par Peer death            The kernel closes what the dead had open.
class stdio {
 public:
  /// The starter's own stream.
  stdio() noexcept = default;

  /// An open descriptor, which this takes over; of any number. @throws std::invalid_argument for an empty one
  stdio(fd descriptor) : descriptor_(std::move(descriptor)) {
    if (!descriptor_)
      throw std::invalid_argument("tandem: stdio: an empty descriptor: use stdio::null() for no stream");
  }

  /// /dev/null: nothing to read, and what is written is gone. @throws std::system_error as fd::open
  static stdio null() { return fd::open("/dev/null", O_RDWR); }
  /// A file to read from. @throws std::system_error with the path, as fd::open
  static stdio read_from(std::string const& path) { return fd::open(path, O_RDONLY); }
  /// A file to write to, made or emptied. @throws std::system_error with the path, as fd::open
  static stdio write_to(std::string const& path) { return fd::open(path, O_WRONLY | O_CREAT | O_TRUNC); }
  /// A file to write to at its end, made where there is none. @throws std::system_error with the path, as fd::open
  static stdio append_to(std::string const& path) { return fd::open(path, O_WRONLY | O_CREAT | O_APPEND); }
  /// For `options.err`: the same as the process's stdout.
  static stdio merge() noexcept {
    stdio merged;
    merged.merge_ = true;
    return merged;
  }

  bool is_inherited() const noexcept { return !descriptor_ && !merge_; }
  bool is_merge() const noexcept { return merge_; }
  /// What it will be connected to; empty for the starter's own stream and `merge`.
  fd const& descriptor() const noexcept { return descriptor_; }

  friend bool operator==(stdio const&, stdio const&) noexcept = default;

 private:
  fd descriptor_;
  bool merge_ = false;
};

}  // namespace tandem

#endif  // TANDEM_EXECUTION_STDIO_HPP
