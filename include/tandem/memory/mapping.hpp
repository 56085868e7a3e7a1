// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_MAPPING_HPP
#define TANDEM_MEMORY_MAPPING_HPP

#include <fcntl.h>     // for O_CREAT, O_RDONLY, O_RDWR
#include <sys/mman.h>  // for MADV_NORMAL and its kin

#include <cerrno>        // for errno, EACCES, EINVAL, EPERM
#include <cstddef>       // for byte, size_t
#include <cstdint>       // for uintptr_t
#include <span>          // for span
#include <stdexcept>     // for invalid_argument, out_of_range
#include <string>        // for string, to_string
#include <system_error>  // for errc
#include <type_traits>   // for is_const_v, is_trivially_destructible_v
#include <utility>       // for move, swap

#include "tandem/core/errors.hpp"            // for throw_errc, throw_errno
#include "tandem/core/shareable.hpp"         // for shareable
#include "tandem/memory/impl/grow_file.hpp"  // for grow_file
#include "tandem/memory/impl/in_sight.hpp"   // for has_mapped_shared
#include "tandem/os/file_status.hpp"         // for file_status, get_status
#include "tandem/os/mapping.hpp"             // for map_file, unmap, flush, protect, advise
#include "tandem/resource/fd.hpp"            // for fd

namespace tandem {

/// What may be done through a mapping, or an open shared memory.
enum class access { read_only, read_write };

/// Whether space is taken when the size is set, so that a full file system or memory is an error there; or when a page
/// is first written to, where it is SIGBUS, or the out-of-memory killer.
enum class space { reserved, sparse };

/// How memory will be used. Hints, except where said: the kernel may follow them or not (madvise(2)).
enum class advice {
  normal,
  sequential,      ///< from begin to end: read ahead much
  random,          ///< here and there: read ahead nothing
  will_need,       ///< soon: begin to read it from the device
  populate,        ///< takes the page faults now. No hint: an error where it cannot
  huge_pages,      ///< transparent huge pages; EINVAL where the kernel has none. Whether shared memory gets them is its
                   ///< setting (/sys/kernel/mm/transparent_hugepage/shmem_enabled)
  no_huge_pages,   ///< none of these
  drop_from_core,  ///< no hint: a core dump leaves it out
  drop_on_fork,    ///< no hint: a process forked from now on does not have it
};

/// What is mapped, and how.
struct mapping_options {
  tandem::access access = access::read_only;
  std::size_t offset = 0;         ///< of the first byte, in the file; any, not only a page's begin
  std::size_t length = SIZE_MAX;  ///< SIZE_MAX: to the file's end
  bool copy_on_write = false;     ///< what is written stays in this mapping, and out of the file
  std::size_t size = 0;           ///< if not 0: the file is created if there is none, and made at least so large first
  tandem::space space = space::reserved;  ///< of these `size` bytes
};

/// A file, or shared memory, seen as bytes of this process's memory. Shared with all others who map it, unless
/// `copy_on_write`.
///
/// It stays when the descriptor is closed and the name is removed. One of length 0 is empty, and so is one that was
/// moved from. Shrinking the file under it makes an access to what is gone SIGBUS: see shared_memory::seal.
/// @par Shared memory         No: the address is this process's. Others map the same file.
/// @par Threads and processes A view, like std::span: its functions may be called concurrently, but for `protect`,
/// `swap`, moving and assigning. What lies in the memory must synchronise, as between threads: std::atomic. A forked
/// process has the mapping too, and its own copy of the handle.
/// @par Peer death            Nothing is lost: what the dead had written is there, and half of what they were writing.
class mapping {
 public:
  /// Empty.
  mapping() noexcept = default;

  /// Maps part of an open file; of a memory file too.
  /// @throws std::system_error  EBADF: it is empty; ENODEV: no ordinary file; EACCES: not open for what is asked;
  /// EPERM: sealed against writing; ENOMEM; with `size` also ENOSPC, EFBIG, EOPNOTSUPP. std::out_of_range: the range is
  /// not in the file. std::invalid_argument: `size` of what is not to be written.
  /// @par Cost  Three system calls.
  explicit mapping(fd const& file, mapping_options const& options = {}) : mapping(file.get(), options, "file") {}

  /// Opens the file `path` and maps it. With `size` a file that does not exist is created, for everybody that the
  /// umask allows.
  /// @throws what the constructor does, and std::system_error of open(2): ENOENT, EACCES.
  static mapping file(std::string const& path, mapping_options const& options = {}) {
    check(options);
    bool const writable = options.access == tandem::access::read_write && !options.copy_on_write;
    fd const opened = fd::open(path, (writable ? O_RDWR : O_RDONLY) | (options.size != 0 ? O_CREAT : 0));
    return mapping{opened.get(), options, path};
  }

  mapping(mapping&& other) noexcept { swap(other); }
  mapping& operator=(mapping&& other) noexcept {
    mapping{std::move(other)}.swap(*this);
    return *this;
  }
  ~mapping() {
    if (base_ != nullptr) os::unmap(base_, mapped_);
  }

  void swap(mapping& other) noexcept {
    std::swap(base_, other.base_);
    std::swap(mapped_, other.mapped_);
    std::swap(skipped_, other.skipped_);
    std::swap(size_, other.size_);
    std::swap(access_, other.access_);
  }
  friend void swap(mapping& left, mapping& right) noexcept { left.swap(right); }

  /// How many bytes. The file may have changed its size since.
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  tandem::access access() const noexcept { return access_; }

  /// The bytes, to write.
  /// @throws std::system_error  EACCES: it is read-only. For reading there is `const_bytes`.
  std::span<std::byte> bytes() const {
    require_writable();
    return {data(), size_};
  }

  /// The bytes, to read.
  std::span<std::byte const> const_bytes() const noexcept { return {data(), size_}; }

  /// The T at `offset`: of bytes of zero, or of what somebody has written there. T is flat, or made of lock-free
  /// std::atomic and flat types; `as<T const>` to read, also of a read-only mapping. No constructor runs.
  /// @throws std::out_of_range, where T would not end inside; std::invalid_argument, where it would not be aligned;
  /// std::system_error: EACCES, of a T that is not const in a read-only mapping.
  template <class T> T& as(std::size_t offset = 0) const {
    require_mappable<T>();
    return *static_cast<T*>(locate(offset, sizeof(T), alignof(T), std::is_const_v<T>));
  }

  /// `count` of T, one after another, from `offset` on; all that fit, if no count is given.
  /// @throws as `as`
  template <class T> std::span<T> as_array(std::size_t offset = 0, std::size_t count = SIZE_MAX) const {
    require_mappable<T>();
    std::size_t const room = offset <= size_ ? (size_ - offset) / sizeof(T) : 0;
    if (count == SIZE_MAX) count = room;
    std::size_t const bytes = count <= room ? count * sizeof(T) : SIZE_MAX;
    return {static_cast<T*>(locate(offset, bytes, alignof(T), std::is_const_v<T>)), count};
  }

  /// Waits until what has been written to `length` bytes from `offset` on is with the file's device, so that a failure
  /// of power does not lose it. (Other processes see it without.) Memory has no device: there is nothing to wait for.
  /// @throws std::system_error  EIO; std::out_of_range.  @par Blocks  For the device.
  void flush(std::size_t offset = 0, std::size_t length = SIZE_MAX) const {
    auto const part = pages(offset, length, "flush");
    if (!part.empty() && os::flush(part.data(), part.size()) != 0) throw_errno("flush a mapping");
  }

  /// Allows or forbids to write, from now on: forbidden, it is SIGSEGV, and `bytes` throws.
  /// @throws std::system_error  EACCES: the file is not open for writing.
  void protect(tandem::access access) {
    bool const writable = access == tandem::access::read_write;
    if (base_ != nullptr && os::protect(base_, mapped_, writable) != 0)
      throw_errno("protect a mapping", errno == EACCES ? "its file is not open for writing" : "");
    access_ = access;
  }

  /// Tells how `length` bytes from `offset` on will be used; rounded to pages.
  /// @throws std::system_error  EINVAL: not known to this kernel, or to this kind of memory; ENOMEM, EFAULT: `populate`
  /// finds no memory, or the file ends before; std::out_of_range; std::invalid_argument: no such advice.
  void advise(advice kind, std::size_t offset = 0, std::size_t length = SIZE_MAX) const {
    auto const part = pages(offset, length, "advise");
    if (part.empty()) return;
    if (kind == advice::populate ? populate(part) : os::advise(part.data(), part.size(), number_of(kind)) == 0) return;
    throw_errno("advise of a mapping", kind == advice::huge_pages && errno == EINVAL
                                           ? "this kernel has no transparent huge pages for it"
                                           : "");
  }

 private:
  mapping(int descriptor, mapping_options const& options, std::string_view object) : access_{options.access} {
    constexpr auto step = "map";
    check(options);
    os::file_status status;
    if (os::get_status(descriptor, status) != 0) throw_errno(step, object);
    if (!status.is_regular)
      throw_errc(std::errc::no_such_device, step, std::string{object}.append(": it is no ordinary file, nor memory"));
    bool const sparse = options.space == space::sparse;
    if (options.size > (sparse ? status.bytes : 0)) {
      impl::grow_file(descriptor, options.size, sparse, false, step, object);
      if (os::get_status(descriptor, status) != 0) throw_errno(step, object);
    }
    size_ =
        options.length == SIZE_MAX && options.offset <= status.bytes ? status.bytes - options.offset : options.length;
    if (options.offset > status.bytes || size_ > status.bytes - options.offset)
      throw std::out_of_range{range_text("map: " + std::string{object}, options.offset, options.length, status.bytes)};
    if (size_ == 0) return;
    std::size_t const unit = os::mapping_unit(descriptor);
    skipped_ = options.offset % unit;
    mapped_ = (skipped_ + size_ + unit - 1) / unit * unit;
    base_ = os::map_file(descriptor, options.offset - skipped_, mapped_, options.access == tandem::access::read_write,
                         options.copy_on_write);
    if (base_ == nullptr) {
      throw_errno(step, std::string{object}.append(errno == EACCES  ? ": it is not open for that access"
                                                   : errno == EPERM ? ": it is sealed against writing"
                                                                    : ""));
    }
    // relaxed: who locks something in there has its address from here
    if (!options.copy_on_write) impl::has_mapped_shared.store(true, std::memory_order_relaxed);
  }

  static void check(mapping_options const& options) {
    if (options.size != 0 && (options.access != tandem::access::read_write || options.copy_on_write))
      throw std::invalid_argument{
          "tandem: map: mapping_options::size makes a file larger: it goes with access::read_write, and without "
          "copy_on_write"};
  }

  template <class T> static void require_mappable() {
    static_assert(
        shareable<T> && std::is_trivially_destructible_v<T>,
        "tandem: a mapping shows flat types, std::atomic of these, and what is made of them: its bytes are in "
        "other processes too, and at other addresses");
  }

  static std::string range_text(std::string const& step, std::size_t offset, std::size_t length, std::size_t size) {
    return "tandem: " + step + ": offset " + std::to_string(offset) +
           (length == SIZE_MAX ? std::string{} : " and length " + std::to_string(length)) +
           " lead out of what there is, " + std::to_string(size) + " bytes";
  }

  std::byte* data() const noexcept { return base_ == nullptr ? nullptr : base_ + skipped_; }

  void require_writable() const {
    if (access_ == tandem::access::read_only && size_ != 0)
      throw_errc(std::errc::permission_denied, "write to a mapping",
                 "it is read-only: read it by const_bytes() or as<T const>(), or map it with access::read_write");
  }

  void* locate(std::size_t offset, std::size_t bytes, std::size_t alignment, bool to_read) const {
    if (!to_read) require_writable();
    if (offset > size_ || bytes > size_ - offset)
      throw std::out_of_range{range_text("mapping::as", offset, bytes, size_)};
    if (reinterpret_cast<std::uintptr_t>(data() + offset) % alignment != 0)
      throw std::invalid_argument{"tandem: mapping::as: offset " + std::to_string(offset) +
                                  " leads to an address that is not a multiple of " + std::to_string(alignment) +
                                  ", as the type wants it"};
    return data() + offset;
  }

  /// The pages that hold a range.
  std::span<std::byte> pages(std::size_t offset, std::size_t length, char const* step) const {
    if (offset <= size_ && length == SIZE_MAX) length = size_ - offset;
    if (offset > size_ || length > size_ - offset)
      throw std::out_of_range{range_text(std::string{"mapping::"} + step, offset, length, size_)};
    if (length == 0) return {};
    std::size_t const begin = (skipped_ + offset) / os::page_size() * os::page_size();
    return {base_ + begin, skipped_ + offset + length - begin};
  }

  bool populate(std::span<std::byte> part) const noexcept {
    bool const done = access_ == tandem::access::read_write ? os::populate_writable(part.data(), part.size())
                                                            : os::populate(part.data(), part.size());
    if (done || errno != EINVAL) return done;
    os::touch(part.data(), part.size());  // before Linux 5.14
    return true;
  }

  static int number_of(advice kind) {
    switch (kind) {
      case advice::normal:
        return MADV_NORMAL;
      case advice::sequential:
        return MADV_SEQUENTIAL;
      case advice::random:
        return MADV_RANDOM;
      case advice::will_need:
        return MADV_WILLNEED;
      case advice::huge_pages:
        return MADV_HUGEPAGE;
      case advice::no_huge_pages:
        return MADV_NOHUGEPAGE;
      case advice::drop_from_core:
        return MADV_DONTDUMP;
      case advice::drop_on_fork:
        return MADV_DONTFORK;
      case advice::populate:
        break;
    }
    throw std::invalid_argument{"tandem: mapping::advise: no such advice"};
  }

  std::byte* base_ = nullptr;  // where the kernel's mapping begins, with a page
  std::size_t mapped_ = 0;
  std::size_t skipped_ = 0;  // from there to the first byte that was asked for
  std::size_t size_ = 0;
  tandem::access access_ = tandem::access::read_only;
};

}  // namespace tandem

#endif  // TANDEM_MEMORY_MAPPING_HPP
