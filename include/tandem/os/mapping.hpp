// SPDX-License-Identifier: BSL-1.0
// mmap(2), mremap(2), madvise(2), mprotect(2), msync(2) and memfd_create(2): memory by the page.
#ifndef TANDEM_OS_MAPPING_HPP
#define TANDEM_OS_MAPPING_HPP

#include <sys/mman.h>  // for mmap, mremap, madvise, mprotect, msync, munmap, memfd_create
#include <sys/vfs.h>   // for fstatfs
#include <unistd.h>    // for sysconf, close

#include <cerrno>   // for errno, EINVAL
#include <cstddef>  // for byte, size_t
#include <cstdint>  // for uint32_t, uintptr_t

#include "tandem/config.hpp"         // for TANDEM_NO_SANITIZE
#include "tandem/os/bound.hpp"       // for bound
#include "tandem/os/file_space.hpp"  // for is_too_large_a_file, set_file_size
#include "tandem/os/seals.hpp"       // for add_seals

namespace tandem::os {

inline std::size_t page_size() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

/// Private memory, zeroed, reserved only. Returns nullptr and errno where there is none.
inline std::byte* map_private(std::size_t bytes) noexcept {
  void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return at == MAP_FAILED ? nullptr : static_cast<std::byte*>(at);
}

/// Maps `bytes` of `descriptor` from `offset` on (or, with -1, nameless memory) shared and sparse, at `wanted` if that
/// is free and elsewhere if not. Returns nullptr and errno where it cannot.
inline std::byte* map_shared(int descriptor, std::size_t offset, std::size_t bytes, void* wanted) noexcept {
  int const flags = MAP_SHARED | MAP_NORESERVE | (descriptor < 0 ? MAP_ANONYMOUS : 0);
  auto const from = static_cast<off_t>(descriptor < 0 ? 0 : offset);
  void* at = MAP_FAILED;
  if (wanted != nullptr) {
    at = ::mmap(wanted, bytes, PROT_READ | PROT_WRITE, flags | MAP_FIXED_NOREPLACE, descriptor, from);
  }
  if (at == MAP_FAILED) at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, descriptor, from);
  return at == MAP_FAILED ? nullptr : static_cast<std::byte*>(at);
}

inline void unmap(void* at, std::size_t bytes) noexcept { bound (&::munmap)(at, bytes); }

/// Makes the page at `alias` show the same memory as the shared page at `page`. False and errno where it cannot.
inline bool alias_page(void* page, void* alias, std::size_t bytes) noexcept {
  return ::mremap(page, 0, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, alias) ==
         alias;  // an old size of 0 duplicates a shared mapping
}

/// Whether the memory at `address` is mapped shared, so that other processes may have it too; not where a sandbox
/// forbids to find out. One system call for private memory, two for shared.
inline bool is_shared(void const* address) noexcept {
  std::size_t const page = page_size();
  auto* const start = reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(address) & ~(page - 1));
  void* const twin = ::mremap(start, 0, page, MREMAP_MAYMOVE);  // an old size of 0 duplicates a shared mapping only
  if (twin == MAP_FAILED) return false;
  ::munmap(twin, page);
  return true;
}

/// A forked child finds zeros here (madvise(2), MADV_WIPEONFORK, Linux 4.14).
inline bool wipe_on_fork(void* at, std::size_t bytes) noexcept { return ::madvise(at, bytes, MADV_WIPEONFORK) == 0; }

/// A forked child does not have this memory at all; `keep_on_fork` takes that back.
inline bool drop_on_fork(void* at, std::size_t bytes) noexcept { return ::madvise(at, bytes, MADV_DONTFORK) == 0; }
inline bool keep_on_fork(void* at, std::size_t bytes) noexcept { return ::madvise(at, bytes, MADV_DOFORK) == 0; }

/// Whether anything is mapped at `address`. One system call.
inline bool is_mapped(std::uintptr_t address) noexcept {
  static std::size_t const page = page_size();
  unsigned char resident = 0;
  return ::mincore(reinterpret_cast<void*>(address / page * page), 1, &resident) == 0 || errno != ENOMEM;
}

/// Takes the page faults of reading `bytes` from `at` on now (MADV_POPULATE_READ, Linux 5.14); a hint. Returns whether
/// all of it can be read, and its page faults are taken.
inline bool populate(void const* at, std::size_t bytes) noexcept {
  constexpr int populate_read = 22;
  return ::madvise(const_cast<void*>(at), bytes, populate_read) == 0;
}
/// The same for writing.
inline bool populate_writable(void* at, std::size_t bytes) noexcept {
  constexpr int populate_write = 23;
  return ::madvise(at, bytes, populate_write) == 0;
}
/// Reads a byte of each page. A page that is there may still cost at its first use: where a hypervisor shadows the page
/// tables it learns of each then (70 us, measured in a virtual machine). @pre all of it can be read
TANDEM_NO_SANITIZE inline void touch(void const* at, std::size_t bytes) noexcept {
  static std::size_t const page = page_size();
  auto const begin = reinterpret_cast<std::uintptr_t>(at);
  for (auto one = begin / page * page; one < begin + bytes; one += page)
    static_cast<void>(*reinterpret_cast<unsigned char const volatile*>(one));
}

/// A core dump leaves this memory out. A sparse shared mapping must say so: the dump would touch, and so allocate,
/// every page of it.
inline bool drop_from_core(void* at, std::size_t bytes) noexcept { return ::madvise(at, bytes, MADV_DONTDUMP) == 0; }

/// Gives the pages of a shared mapping back to the system; they read as zeros afterwards.
inline bool punch(void* at, std::size_t bytes) noexcept { return ::madvise(at, bytes, MADV_REMOVE) == 0; }

/// An empty memory file, close-on-exec, that cannot be executed where the kernel knows of that (Linux 6.3). `flags` as
/// those of memfd_create(2). -1 and errno.
inline int open_memory_file(char const* name, unsigned flags) noexcept {
  constexpr unsigned no_exec_seal = 8;  // MFD_NOEXEC_SEAL
  int const descriptor = ::memfd_create(name, flags | MFD_CLOEXEC | no_exec_seal);
  return descriptor >= 0 || errno != EINVAL ? descriptor : ::memfd_create(name, flags | MFD_CLOEXEC);
}

/// A sparse memory file of a fixed size that nobody can shrink under a mapping, close-on-exec. Returns -1 and errno
/// where there is none: EFBIG where RLIMIT_FSIZE forbids the size.
inline int create_memory_file(char const* name, std::size_t bytes) noexcept {
  if (is_too_large_a_file(bytes)) {
    errno = EFBIG;
    return -1;
  }
  int const descriptor = open_memory_file(name, MFD_ALLOW_SEALING);
  if (descriptor < 0) return -1;
  if (set_file_size(descriptor, bytes) != 0) {
    int const why = errno;
    ::close(descriptor);
    errno = why;
    return -1;
  }
  add_seals(descriptor, seal_shrink | seal_grow | seal_seals);
  return descriptor;
}

/// The unit of a file's mappings: a page; of huge pages, one of these.
inline std::size_t mapping_unit(int descriptor) noexcept {
  constexpr auto hugetlbfs = 0x958458f6;
  struct statfs system {};
  if (::fstatfs(descriptor, &system) == 0 && static_cast<std::uint32_t>(system.f_type) == hugetlbfs)
    return static_cast<std::size_t>(system.f_bsize);
  return page_size();
}

/// Maps part of a file: shared, or `copied` by the page as it is written to. `offset` is a multiple of its unit.
/// nullptr and errno where it cannot.
inline std::byte* map_file(int descriptor, std::size_t offset, std::size_t bytes, bool writable, bool copied) noexcept {
  void* const at = ::mmap(nullptr, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ,
                          copied ? MAP_PRIVATE : MAP_SHARED, descriptor, static_cast<off_t>(offset));
  return at == MAP_FAILED ? nullptr : static_cast<std::byte*>(at);
}

/// Waits until what was written to a shared mapping is with the file's device. 0, or -1 and errno (EIO).
/// @pre `at` is a page's begin
inline int flush(void* at, std::size_t bytes) noexcept { return ::msync(at, bytes, MS_SYNC); }

/// 0, or -1 and errno: EACCES where the file is not open for writing. @pre `at` is a page's begin
inline int protect(void* at, std::size_t bytes, bool writable) noexcept {
  return ::mprotect(at, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ);
}

/// madvise(2). 0, or -1 and errno. @pre `at` is a page's begin
inline int advise(void* at, std::size_t bytes, int advice) noexcept { return ::madvise(at, bytes, advice); }

}  // namespace tandem::os

#endif  // TANDEM_OS_MAPPING_HPP
