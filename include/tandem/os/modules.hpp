// SPDX-License-Identifier: BSL-1.0
// The modules of this process, the program and its shared libraries: which address lies in which, and what it is called
// in a process that has loaded them elsewhere (dl_iterate_phdr(3)).
#ifndef TANDEM_OS_MODULES_HPP
#define TANDEM_OS_MODULES_HPP

#include <elf.h>   // for PT_NOTE, NT_GNU_BUILD_ID
#include <link.h>  // for dl_iterate_phdr, dl_phdr_info

#include <cstddef>      // for size_t
#include <cstdint>      // for uint64_t, uintptr_t
#include <cstring>      // for memcmp
#include <string>       // for string
#include <string_view>  // for string_view
#include <vector>       // for vector

namespace tandem::os {

/// How often modules were loaded and unloaded: equal numbers, equal modules.
struct modules_generation {
  unsigned long long loaded = 0, unloaded = 0;

  friend bool operator==(modules_generation const&, modules_generation const&) noexcept = default;

  static modules_generation now() noexcept {
    modules_generation found;
    ::dl_iterate_phdr(
        [](dl_phdr_info* module, std::size_t, void* data) {
          *static_cast<modules_generation*>(data) = {module->dlpi_adds, module->dlpi_subs};
          return 1;
        },
        &found);
    return found;
  }
};

/// One module. Its identity is a hash of its build ID, or of its program headers where it has none.
struct module_info {
  std::string path;  // empty: the program
  std::uintptr_t base = 0;
  std::uint64_t identity = 0;
  std::uintptr_t begin = 0, end = 0;  // all of its segments lie in here
  struct range {
    std::uintptr_t begin, end;
  };
  std::vector<range> constant;  // what stays as it was loaded: code, read-only data, relocated read-only data
};

/// The modules of this process as they were when it was made.
class module_table {
 public:
  /// @throws std::bad_alloc
  static module_table current() {
    module_table made;
    made.generation_ = modules_generation::now();
    ::dl_iterate_phdr(
        [](dl_phdr_info* module, std::size_t, void* data) {
          static_cast<module_table*>(data)->add(*module);
          return 0;
        },
        &made);
    return made;
  }

  modules_generation generation() const noexcept { return generation_; }
  std::vector<module_info> const& all() const noexcept { return all_; }

  /// The module that `address` lies in; nullptr: in none.
  module_info const* find(std::uintptr_t address) const noexcept {
    for (auto const& module : all_) {
      if (address >= module.begin && address < module.end) return &module;
    }
    return nullptr;
  }

  /// The module of that name; nullptr: not loaded.
  module_info const* find(std::string_view path) const noexcept {
    for (auto const& module : all_) {
      if (module.path == path) return &module;
    }
    return nullptr;
  }

  /// Whether `address` lies in a part of `module` that nobody writes to.
  static bool is_constant(module_info const& module, std::uintptr_t address) noexcept {
    for (auto const& part : module.constant) {
      if (address >= part.begin && address < part.end) return true;
    }
    return false;
  }

 private:
  void add(dl_phdr_info const& from) {
    module_info module;
    module.path = from.dlpi_name == nullptr ? "" : from.dlpi_name;
    module.base = from.dlpi_addr;
    module.begin = ~std::uintptr_t{0};
    std::uint64_t headers = hash(reinterpret_cast<unsigned char const*>(from.dlpi_phdr),
                                 from.dlpi_phnum * sizeof from.dlpi_phdr[0], 14695981039346656037ULL);
    for (int i = 0; i < from.dlpi_phnum; ++i) {
      auto const& part = from.dlpi_phdr[i];
      std::uintptr_t const begin = from.dlpi_addr + part.p_vaddr, end = begin + part.p_memsz;
      if (part.p_type == PT_LOAD) {
        if (begin < module.begin) module.begin = begin;
        if (end > module.end) module.end = end;
      }
      if ((part.p_type == PT_LOAD && (part.p_flags & PF_W) == 0) || part.p_type == PT_GNU_RELRO)
        module.constant.push_back({begin, end});
      if (part.p_type == PT_NOTE) {
        if (auto const id = build_id(reinterpret_cast<unsigned char const*>(begin), part.p_memsz)) module.identity = id;
      }
    }
    if (module.identity == 0) module.identity = headers | 1;
    if (module.begin < module.end) all_.push_back(std::move(module));
  }

  static std::uint64_t hash(unsigned char const* bytes, std::size_t count, std::uint64_t start) noexcept {
    for (std::size_t i = 0; i < count; ++i) start = (start ^ bytes[i]) * 1099511628211ULL;
    return start;
  }

  /// A hash of the build ID among a module's notes; 0: there is none.
  static std::uint64_t build_id(unsigned char const* notes, std::size_t bytes) noexcept {
    for (std::size_t at = 0; at + sizeof(ElfW(Nhdr)) <= bytes;) {
      ElfW(Nhdr) header;
      std::memcpy(&header, notes + at, sizeof header);
      std::size_t const name = at + sizeof header, content = name + (header.n_namesz + 3) / 4 * 4;
      at = content + (header.n_descsz + 3) / 4 * 4;
      if (at > bytes) return 0;
      if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 && std::memcmp(notes + name, "GNU", 4) == 0)
        return hash(notes + content, header.n_descsz, 14695981039346656037ULL) | 1;
    }
    return 0;
  }

  modules_generation generation_;
  std::vector<module_info> all_;
};

}  // namespace tandem::os

#endif  // TANDEM_OS_MODULES_HPP
