// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_RESOURCE_FD_HPP
#define TANDEM_RESOURCE_FD_HPP

#include <fcntl.h>      // for the O_ flags that open takes
#include <sys/types.h>  // for mode_t

#include <algorithm>     // for max
#include <compare>       // for strong_ordering
#include <cstddef>       // for byte, size_t
#include <cstdint>       // for uint8_t
#include <span>          // for span, as_bytes, as_writable_bytes
#include <string>        // for string, hash
#include <string_view>   // for string_view
#include <system_error>  // for errc
#include <utility>       // for exchange, swap

#include "tandem/core/codec.hpp"                // for codec, reader, writer
#include "tandem/core/errors.hpp"               // for throw_errno, throw_errc
#include "tandem/core/impl/descriptor_log.hpp"  // for descriptors_on_their_way
#include "tandem/os/descriptor.hpp"             // for close, duplicate, open, read, write

namespace tandem {

/// Owns a file descriptor, and closes it: what std::unique_ptr is to memory. Everything that the library opens is
/// close-on-exec.
///
/// It may be an argument, a result or a queue element between processes: the receiver gets an open descriptor of its
/// own for the same open file, under another number. A moved-from or released `fd` is empty, and travels as such.
/// @par Shared memory         No: the number means nothing to another process. Send it instead.
/// @par Threads and processes A value: concurrent reads and writes through it are the system's business (of a pipe, up
/// to PIPE_BUF bytes stay together); moving, closing and assigning are not concurrent with anything. A forked process
/// owns a copy, and must close it for the other side of a pipe to see the end.
/// @par Peer death            The kernel closes what the dead had open.
class fd {
 public:
  /// Empty.
  constexpr fd() noexcept = default;

  /// Takes `descriptor` over: nobody else may close it from now on. Empty if it is negative. Its flags, close-on-exec
  /// among them, stay as they are.
  constexpr explicit fd(int descriptor) noexcept : descriptor_{descriptor < 0 ? -1 : descriptor} {}

  fd(fd&& other) noexcept : descriptor_{other.release()} {
    if (impl::descriptors_on_their_way != nullptr) [[unlikely]]
      impl::descriptors_on_their_way->note(&descriptor_);
  }
  fd& operator=(fd&& other) noexcept {
    reset(other.release());
    return *this;
  }

  /// Closes what it owns. What the close itself reports (a full disk behind a network file system) is lost: fsync(2)
  /// first where that matters.
  ~fd() { reset(); }

  /// Opens `path` as open(2) does, close-on-exec whatever `flags` say.
  /// @throws std::system_error  with the path: ENOENT, EACCES, EMFILE...  @par Blocks  As open(2): a FIFO without a
  /// peer.
  static fd open(std::string const& path, int flags, mode_t mode = 0666) {
    fd opened{os::open(path.c_str(), flags, mode)};
    if (!opened) throw_errno("open", path);
    return opened;
  }

  /// Another descriptor for the same open file (with one position and one set of status flags), close-on-exec.
  /// @throws std::system_error  EBADF if empty; EMFILE.  @par Cost  One system call.
  fd dup() const {
    fd copy{os::duplicate(descriptor_)};
    if (!copy) throw_errno("duplicate a descriptor");
    return copy;
  }

  /// The number, -1 if empty. Still owned by this object.
  constexpr int get() const noexcept { return descriptor_; }

  /// Gives up the ownership: the number, which the caller must close; this object is empty then.
  [[nodiscard]] constexpr int release() noexcept { return std::exchange(descriptor_, -1); }

  /// Closes what it owns and takes over `descriptor`. @pre `descriptor` is not the one it owns, unless negative.
  void reset(int descriptor = -1) noexcept {
    int const old = std::exchange(descriptor_, descriptor < 0 ? -1 : descriptor);
    if (old >= 0) os::close(old);
  }

  void swap(fd& other) noexcept { std::swap(descriptor_, other.descriptor_); }
  friend void swap(fd& left, fd& right) noexcept { left.swap(right); }

  /// Whether it owns one. That one may all the same have been closed behind its back.
  constexpr explicit operator bool() const noexcept { return descriptor_ >= 0; }

  /// By number; empty ones are equal, and less than all others.
  friend constexpr auto operator<=>(fd const&, fd const&) noexcept = default;

  /// Reads what is there, up to the size of `to`: how many bytes, 0 at the end (or if `to` is empty).
  /// @throws std::system_error  EBADF; EAGAIN of a non-blocking descriptor.
  /// @par Blocks  Until there is something. A signal does not end it.
  std::size_t read(std::span<std::byte> to) const {
    auto const count = os::read(descriptor_, to.data(), to.size());
    if (count < 0) throw_errno("read");
    return static_cast<std::size_t>(count);
  }
  std::size_t read(std::span<char> to) const { return read(std::as_writable_bytes(to)); }

  /// Reads all that is left, to the end.
  /// @throws std::system_error  as `read`; std::bad_alloc.
  /// @par Blocks  Until the end: of a pipe, until its last writer has closed it.
  std::string read_all() const {
    std::string text;
    for (std::size_t have = 0;;) {
      if (text.size() - have < 4096) text.resize(text.size() + std::max<std::size_t>(text.size(), 4096));
      std::size_t const count = read(std::span{text}.subspan(have));
      have += count;
      if (count == 0) {
        text.resize(have);
        return text;
      }
    }
  }

  /// Writes all of `from`. Raises no SIGPIPE, and leaves the program's way with that signal alone.
  /// @throws std::system_error  EPIPE: nobody reads any more; ENOSPC, EBADF; EAGAIN of a non-blocking descriptor. Part
  /// may have been written then.
  /// @par Blocks  Until there is room for it.  @par Cost  Three system calls for what fits at once.
  void write(std::span<std::byte const> from) const {
    while (!from.empty()) from = from.subspan(write_some(from));
  }
  void write(std::string_view from) const { write(std::as_bytes(std::span{from})); }

  /// Writes once: how many bytes. Otherwise as `write`; what a non-blocking descriptor wants.
  std::size_t write_some(std::span<std::byte const> from) const {
    auto const count = os::write(descriptor_, from.data(), from.size());
    if (count < 0) throw_errno("write");
    return static_cast<std::size_t>(count);
  }

 private:
  int descriptor_ = -1;  // never below -1
};

/// How a descriptor travels: beside the bytes, duplicated by the kernel on its way.
template <> struct codec<fd> {
  static constexpr std::size_t least_size = 1;
  static constexpr bool carries_descriptors = true;

  static void encode(writer& to, fd const& value) {
    to.write_flat(static_cast<std::uint8_t>(value ? 1 : 0));
    if (value) to.write_descriptor(value.get());
  }

  static fd decode(reader& from) {
    auto const present = from.read_flat<std::uint8_t>();
    if (present > 1) throw_errc(std::errc::bad_message, "decode", "fd");
    return present == 1 ? fd{from.read_descriptor()} : fd{};
  }
};

}  // namespace tandem

/// Equal descriptors hash alike; by number.
template <> struct std::hash<tandem::fd> {
  std::size_t operator()(tandem::fd const& value) const noexcept { return std::hash<int>{}(value.get()); }
};

#endif  // TANDEM_RESOURCE_FD_HPP
