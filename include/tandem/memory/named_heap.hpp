// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_NAMED_HEAP_HPP
#define TANDEM_MEMORY_NAMED_HEAP_HPP

#include <atomic>       // for memory_order
#include <cstddef>      // for byte, size_t
#include <cstdint>      // for uint32_t, uint64_t
#include <cstring>      // for memcpy, strnlen
#include <memory>       // for destroy_at, unique_ptr
#include <new>          // for bad_alloc, placement new
#include <stdexcept>    // for invalid_argument
#include <string>       // for string, to_string
#include <string_view>  // for string_view
#include <utility>      // for forward

#include "tandem/core/errors.hpp"                  // for throw_errc
#include "tandem/core/impl/require_shareable.hpp"  // for require_shareable
#include "tandem/memory/heap.hpp"                  // for heap, heap_statistics
#include "tandem/memory/impl/heap_audit.hpp"       // for heap_audit
#include "tandem/memory/impl/heap_blocks.hpp"      // for blocks
#include "tandem/memory/impl/heap_pages.hpp"       // for page_lock
#include "tandem/memory/impl/named_segment.hpp"    // for named_segment, segment_header
#include "tandem/memory/shared_memory.hpp"         // for shared_memory

namespace tandem {

/// A heap in named shared memory, for programs that know nothing of each other but its name. Each has it at an address
/// of its own, so what lies in it points to its like by offset_ptr, and is found by the name of a root.
///
///     auto heap = tandem::heap::named("/prices", 64 << 20);
///     auto& book = heap.find_or_construct<order_book>("book");
///
/// It keeps its size, which is reserved when it is made. The name stays until it is removed, also when all who used it
/// are dead. Within a program its functions take turns; other programs are waited for only where whole units of 64 KiB
/// are searched for.
/// @par Shared memory          What lies in it is. The handle belongs to its process.
/// @par Threads and processes  All of its functions may be called concurrently. A forked child may go on with its
/// parent's handle: it is a peer of its own. Not from a signal handler.
/// @par Peer death             At any instruction: the heap stays whole and usable, and its roots too. What the dead
/// had allocated stays, for others may use it; a block on its way to the dead, at most one, is lost. Found by a lock
/// that the kernel drops.
class named_heap {
 public:
  /// Opens the heap of that name, or makes it, with `size` bytes in all.
  /// In a forked child the first call takes a slot of its own, and may throw EAGAIN, or EBADF where `inherit::declared`
  /// has closed the descriptor: open it by its name there.
  /// @throws std::invalid_argument: `size` is below 1 MiB, or it is no name. std::system_error: what
  /// shared_memory::open_or_create throws (EEXIST: it is there, and smaller); bad_message: it is no heap of this
  /// version; EAGAIN: 256 programs have it open; ENOENT: no /proc
  named_heap(std::string_view name, std::size_t size, unsigned permissions = 0600)
      : segment_(std::make_unique<impl::named_segment>(
            shared_memory::open_or_create(name, {.size = checked(size), .permissions = permissions},
                                          [](mapping& whole) { impl::named_segment::format(whole); }),
            name)) {}

  /// Opens the heap of that name. @throws as above, and std::system_error: ENOENT: there is none
  static named_heap open(std::string_view name) {
    return named_heap(std::make_unique<impl::named_segment>(shared_memory::open(name), name));
  }

  /// Takes the name away; who has it open keeps it. False if nothing has this name.
  static bool remove(std::string_view name) { return shared_memory::remove(name); }

  /// A block of at least `bytes` bytes, at a multiple of `alignment`.
  /// @pre     `alignment` is a power of two.
  /// @throws  std::bad_alloc where no room is left, or for an alignment above 4096.
  void* allocate(std::size_t bytes, std::size_t alignment = 16) {
    if (alignment > 4096) throw std::bad_alloc();
    auto const alone = segment_->enter();
    return impl::blocks::allocate_from(segment_->cache(), bytes, alignment);
  }

  /// Frees a block that any program has allocated. Nothing happens for nullptr. @pre as heap::deallocate
  void deallocate(void* block) {
    if (block == nullptr) return;
    auto const alone = segment_->enter();
    impl::blocks::deallocate_to(segment_->cache(), block);
  }

  /// The root of that name, nullptr where there is none.
  /// @throws std::invalid_argument: it is empty, or longer than 47 bytes; std::system_error (bad_message): it is no T
  template <class T> T* find(std::string_view name) {
    impl::require_shareable<T>();
    check(name);
    auto const alone = segment_->enter();
    impl::page_lock const lock(segment_->cache().map, segment_->cache().me);
    auto* const found = find_root(name);
    return found == nullptr ? nullptr : &object<T>(*found, name);
  }

  /// The root of that name; where there is none, one that is made of `arguments`. Of several that call it at once, all
  /// get the same: the others have made theirs in vain.
  /// @throws what `find` does, std::bad_alloc (also: there are 128 roots), and what T's constructor does; then nothing
  /// is left
  template <class T, class... A> T& find_or_construct(std::string_view name, A&&... arguments) {
    if (T* const there = find<T>(name)) return *there;
    T* const fresh = construct<T>(std::forward<A>(arguments)...);
    try {
      T& kept = keep(name, *fresh);
      if (&kept != fresh) destroy(fresh);
      return kept;
    } catch (...) {
      destroy(fresh);
      throw;
    }
  }

  /// Takes the root away and destroys it. False where there is none. @pre nobody uses it any more
  /// @throws as `find`
  template <class T> bool erase(std::string_view name) {
    T* gone = nullptr;
    {
      check(name);
      auto const alone = segment_->enter();
      impl::page_lock const lock(segment_->cache().map, segment_->cache().me);
      auto* const found = find_root(name);
      if (found == nullptr) return false;
      gone = &object<T>(*found, name);
      found->object.store(0, std::memory_order_release);
    }
    destroy(gone);
    return true;
  }

  /// Makes a T in the heap. @throws std::bad_alloc, and what T's constructor throws; then nothing is left
  template <class T, class... A> T* construct(A&&... arguments) {
    impl::require_shareable<T>();
    void* const block = allocate(sizeof(T), alignof(T));
    try {
      return ::new (block) T(std::forward<A>(arguments)...);
    } catch (...) {
      deallocate(block);
      throw;
    }
  }

  /// Ends what `construct` has made, in any program.
  template <class T> void destroy(T* object) {
    std::destroy_at(object);
    deallocate(object);
  }

  /// What the heap holds. Looks at everything: for reports and tests.
  heap_statistics statistics() {
    auto const alone = segment_->enter();
    return impl::heap_audit::count(segment_->cache().map);
  }

  /// Whether `at` lies where this heap's blocks do, in this process.
  bool owns(void const* at) const noexcept {
    impl::heap_map const map = segment_->map();
    return map.offset(at) < map.bytes;
  }

 private:
  using root = impl::segment_header::root;

  explicit named_heap(std::unique_ptr<impl::named_segment> segment) : segment_(std::move(segment)) {}

  static std::size_t checked(std::size_t size) {
    if (size < impl::named_segment::least_bytes)
      throw std::invalid_argument("tandem: heap::named: size is " + std::to_string(size) +
                                  ": a named heap has 1 MiB (1 << 20) at least");
    return size;
  }

  static void check(std::string_view name) {
    if (name.empty() || name.size() > root::longest_name || name.find('\0') != name.npos)
      throw std::invalid_argument("tandem: named_heap: the name of a root has 1 to " +
                                  std::to_string(root::longest_name) + " bytes, none of them 0");
  }

  /// Tells types apart: a hash of the type's name, which g++ and clang++ agree on.
  template <class T> static constexpr std::uint32_t fingerprint() noexcept {
    std::string_view name = __PRETTY_FUNCTION__;
    name.remove_prefix(name.find("T = ") + 4);
    name = name.substr(0, name.find_first_of(";]"));
    std::uint32_t hash = 2166136261U;
    for (char const letter : name) hash = (hash ^ static_cast<unsigned char>(letter)) * 16777619U;
    return hash ^ static_cast<std::uint32_t>(sizeof(T));
  }

  root* find_root(std::string_view name) const noexcept {
    for (auto& one : segment_->header().roots) {
      if (one.object.load(std::memory_order_acquire) == 0) continue;
      if (std::string_view(one.name, ::strnlen(one.name, root::longest_name)) == name) return &one;
    }
    return nullptr;
  }

  template <class T> T& object(root const& found, std::string_view name) const {
    std::uint64_t const at = found.object.load(std::memory_order_acquire);
    if (found.type != fingerprint<T>() || at % alignof(T) != 0 || at > segment_->bytes() - sizeof(T) ||
        !owns(segment_->address(at)))
      throw_errc(std::errc::bad_message, "find a root of a named heap", std::string(name) + ": it is of another type");
    return *reinterpret_cast<T*>(segment_->address(at));
  }

  /// Makes `fresh` the root of that name, unless there is one, and returns which it is.
  template <class T> T& keep(std::string_view name, T& fresh) {
    auto const alone = segment_->enter();
    impl::page_lock const lock(segment_->cache().map, segment_->cache().me);
    if (root* const there = find_root(name)) return object<T>(*there, name);
    for (auto& one : segment_->header().roots) {
      if (one.object.load(std::memory_order_relaxed) != 0) continue;
      one.type = fingerprint<T>();
      std::memcpy(one.name, name.data(), name.size());
      one.name[name.size()] = '\0';
      one.object.store(segment_->offset(&fresh), std::memory_order_release);  // it is there by this one store
      return fresh;
    }
    throw std::bad_alloc();
  }

  std::unique_ptr<impl::named_segment> segment_;
};

inline named_heap heap::named(std::string_view name, std::size_t size) { return named_heap(name, size); }

}  // namespace tandem

#endif  // TANDEM_MEMORY_NAMED_HEAP_HPP
