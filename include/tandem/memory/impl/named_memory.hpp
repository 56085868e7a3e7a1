// SPDX-License-Identifier: BSL-1.0
// Memory files with names, in the folder where shm_open(3) has them too.
//
//   create   a file without a name -> marked as used -> its size, its space, its contents -> its name, in one step
//   open     open -> mark as used -> still named?  (no: somebody has replaced it meanwhile; once more)
//   replace  open the old -> claim it, which fails while it is used -> remove its name -> name the new
//
// So a name never leads to what is not whole, whenever its creator dies; and whether anybody living uses it is told by
// the kernel, which drops the marks of the dead. Only a claim makes an opener wait, for two system calls of another; it
// gives up after a second.
#ifndef TANDEM_MEMORY_IMPL_NAMED_MEMORY_HPP
#define TANDEM_MEMORY_IMPL_NAMED_MEMORY_HPP

#include <fcntl.h>  // for O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR

#include <cerrno>        // for errno, EAGAIN, EEXIST, EINVAL, EISDIR, ENOENT, EOPNOTSUPP
#include <cinttypes>     // for PRIx64
#include <cstdio>        // for snprintf
#include <stdexcept>     // for invalid_argument
#include <string>        // for string
#include <string_view>   // for string_view
#include <system_error>  // for errc
#include <utility>       // for move

#include "tandem/core/errors.hpp"      // for throw_errc, throw_errno
#include "tandem/os/clock.hpp"         // for monotonic_ns
#include "tandem/os/directory.hpp"     // for for_each_entry
#include "tandem/os/file_status.hpp"   // for file_status, get_status
#include "tandem/os/scheduling.hpp"    // for yield
#include "tandem/os/unnamed_file.hpp"  // for open_unnamed, give_name
#include "tandem/os/use_mark.hpp"      // for mark_used, claim_unused, is_used
#include "tandem/resource/fd.hpp"      // for fd

namespace tandem::impl {

inline constexpr char memory_folder[] = "/dev/shm";
inline constexpr std::string_view passing_prefix = ".tandem-new-";

/// @throws std::invalid_argument for what cannot be a name
inline std::string path_of_memory(std::string_view name) {
  auto const refuse = [&](char const* why) {
    throw std::invalid_argument{"tandem: the name of a shared memory, \"" + std::string{name} + "\": " + why};
  };
  std::string_view bare = name;
  if (bare.starts_with('/')) bare.remove_prefix(1);
  if (bare.empty()) refuse("is empty: give it one such as \"/frames\"");
  if (bare.find('/') != bare.npos) refuse("has a slash inside: one may stand in front, no other");
  if (bare.find('\0') != bare.npos) refuse("has a zero byte inside");
  if (bare.size() > 255) refuse("is longer than 255 bytes");
  if (bare == "." || bare == "..") refuse("is a folder's");
  if (bare.starts_with(passing_prefix)) refuse("is one of the library's own: begin it with something else");
  return std::string{memory_folder} + '/' + std::string{bare};
}

/// A file that has no name yet; where the system knows no such files, one that has a passing name, which nobody else
/// knows. Marked as used.
class memory_in_making {
 public:
  explicit memory_in_making(std::string_view name) : file_{os::open_unnamed(memory_folder)} {
    if (file_ && os::can_give_name(file_.get())) {
      if (os::mark_used(file_.get()) != 0) throw_errno("create shared memory: mark it as used", name);
    } else if (file_ || errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL) {
      take_passing_name(name);
    } else {
      throw_errno("create shared memory", name);
    }
  }
  memory_in_making(memory_in_making const&) = delete;
  memory_in_making& operator=(memory_in_making const&) = delete;
  ~memory_in_making() {
    if (!passing_name_.empty()) os::remove_name(passing_name_.c_str());
  }

  fd const& file() const noexcept { return file_; }
  fd take() noexcept { return std::move(file_); }

  /// False where the name is taken.
  bool give_name(std::string const& path, std::string_view name) {
    if ((passing_name_.empty() ? os::give_name(file_.get(), path.c_str())
                               : os::add_name(passing_name_.c_str(), path.c_str())) == 0)
      return true;
    if (errno != EEXIST) throw_errno("create shared memory", name);
    return false;
  }

 private:
  void take_passing_name(std::string_view name) {
    sweep();
    for (int i = 0; i < 100; ++i) {
      char path[64];
      static_cast<void>(std::snprintf(path, sizeof path, "%s/%s%016" PRIx64, memory_folder, passing_prefix.data(),
                                      os::draw_number()));
      file_ = fd{os::open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600)};
      if (!file_ && errno == EEXIST) continue;
      if (!file_) throw_errno("create shared memory", name);
      os::file_status status;
      // A sweep of others may have taken it for left behind, until the mark was there.
      if (os::mark_used(file_.get()) != 0 || os::get_status(file_.get(), status) != 0 || status.names == 0) {
        os::remove_name(path);
        continue;
      }
      passing_name_ = path;
      return;
    }
    throw_errc(std::errc::resource_unavailable_try_again, "create shared memory: find a passing name", name);
  }

  /// Removes the passing names of the dead.
  static void sweep() noexcept {
    fd const folder{os::open(memory_folder, O_RDONLY | O_DIRECTORY)};
    if (!folder) return;
    os::for_each_entry(folder.get(), [](char const* entry) noexcept {
      if (!std::string_view{entry}.starts_with(passing_prefix)) return;
      char path[300];
      static_cast<void>(std::snprintf(path, sizeof path, "%s/%.255s", memory_folder, entry));
      fd const left{os::open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK)};
      if (left && os::claim_unused(left.get()) == 0) os::remove_name(path);
    });
  }

  fd file_;
  std::string passing_name_;
};

/// Opens what has a name, and marks it as used. Empty where there is none.
inline fd open_named_memory(std::string const& path, bool writable, std::string_view name) {
  constexpr auto step = "open shared memory";
  for (auto const limit = os::monotonic_ns() + 1'000'000'000;; os::yield()) {
    fd opened{os::open(path.c_str(), (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK)};
    if (!opened && errno == ENOENT) return {};
    os::file_status status;
    if (!opened || os::get_status(opened.get(), status) != 0) throw_errno(step, name);
    if (!status.is_regular)
      throw_errc(std::errc::no_such_device, step, std::string{name}.append(": something else has this name"));
    if (os::mark_used(opened.get()) == 0) {
      if (os::get_status(opened.get(), status) != 0) throw_errno(step, name);
      if (status.names != 0) return opened;
    } else if (errno != EAGAIN) {
      throw_errno(step, std::string{name}.append(": mark it as used"));
    }
    if (os::monotonic_ns() > limit)
      throw_errc(std::errc::device_or_resource_busy, step,
                 std::string{name}.append(": somebody is replacing it, and does not go on"));
  }
}

/// Removes a name that nobody living uses; or is gone by now. False where it is used. (If another removes the name and
/// gives it anew just between the last two calls, that one is removed: the kernel removes names, not files.)
inline bool remove_unused_memory(std::string const& path, std::string_view name) {
  constexpr auto step = "replace shared memory";
  fd const old{os::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK)};
  if (!old && errno == ENOENT) return true;
  if (!old) throw_errno(step, name);
  if (os::claim_unused(old.get()) != 0) {
    if (errno != EAGAIN) throw_errno(step, name);
    return false;
  }
  os::file_status claimed, named;
  if (os::get_status(old.get(), claimed) != 0) throw_errno(step, name);
  if (os::get_status(path.c_str(), named) != 0 || named.inode != claimed.inode || named.device != claimed.device)
    return true;  // replaced meanwhile: the caller finds the other one
  if (os::remove_name(path.c_str()) != 0 && errno != ENOENT) throw_errno(step, name);
  return true;
}

}  // namespace tandem::impl

#endif  // TANDEM_MEMORY_IMPL_NAMED_MEMORY_HPP
