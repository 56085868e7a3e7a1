// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_IMPL_GROW_FILE_HPP
#define TANDEM_MEMORY_IMPL_GROW_FILE_HPP

#include <cerrno>        // for errno, EBADF, EOPNOTSUPP, EPERM
#include <cstddef>       // for size_t
#include <string>        // for string, to_string
#include <string_view>   // for string_view
#include <system_error>  // for errc

#include "tandem/core/errors.hpp"    // for throw_errc, throw_errno
#include "tandem/os/file_space.hpp"  // for reserve_file_space, set_file_size, total_memory

namespace tandem::impl {

/// Gives a file that has fewer bytes, or may have holes, this size. `in_memory` where its bytes are the machine's
/// memory.
inline void grow_file(int descriptor, std::size_t bytes, bool sparse, bool in_memory, std::string_view step,
                      std::string_view object) {
  auto const what = [&](char const* remedy = "") {
    return std::string{object}.append(": ").append(std::to_string(bytes)).append(" bytes").append(remedy);
  };
  if (!sparse && in_memory && bytes > os::total_memory())
    throw_errc(std::errc::not_enough_memory, step, what(": more than this machine has: take space::sparse"));
  if ((sparse ? os::set_file_size(descriptor, bytes) : os::reserve_file_space(descriptor, bytes)) == 0) return;
  switch (errno) {
    case EBADF:
    case EINVAL:
      throw_errc(std::errc::bad_file_descriptor, step, what(": it is not open for writing"));
    case EPERM:
      throw_errno(step, what(": it is sealed"));
    case EOPNOTSUPP:
      throw_errno(step, what(": this file system cannot reserve space: take space::sparse"));
    default:
      throw_errno(step, what());
  }
}

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_GROW_FILE_HPP
