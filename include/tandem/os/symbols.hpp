// SPDX-License-Identifier: BSL-1.0
// The functions of a module, static and hidden ones too: a reader of ELF's symbol tables (elf(5)). Reads the file bit
// by bit and believes nothing of it: a mapped file can be cut short under its reader.
#ifndef TANDEM_OS_SYMBOLS_HPP
#define TANDEM_OS_SYMBOLS_HPP

#include <elf.h>       // for SHT_SYMTAB, STT_FUNC, ...
#include <fcntl.h>     // for open
#include <link.h>      // for ElfW
#include <sys/stat.h>  // for fstat
#include <unistd.h>    // for pread, close, sysconf

#include <algorithm>  // for min
#include <cstddef>    // for size_t
#include <cstdint>    // for uint64_t
#include <cstring>    // for memcmp
#include <span>       // for span
#include <string>     // for string, to_string
#include <vector>     // for vector

namespace tandem::os {

/// What is asked of a module, and found there.
struct function_lookup {
  std::uint64_t offset = 0;  ///< of an instruction, from where the module's memory begins
  std::string name = {};     ///< as the linker knows it (mangled); empty where none is known
  std::uint64_t inside = 0;  ///< how far into the function
};

/// A regular file with something in it, open for reading, and nothing else: whoever named it may have named a pipe, or
/// one of the kernel's files that look regular and empty, and block (/proc/kmsg). -1 where it is none.
inline int open_regular_file(char const* path) noexcept {
  int const found = ::open(path, O_PATH | O_CLOEXEC);
  if (found < 0) return -1;
  struct stat about {};
  int opened = -1;
  if (::fstat(found, &about) == 0 && S_ISREG(about.st_mode) && about.st_size > 0) {
    char again[] = "/proc/self/fd/0000000000";
    char* end = again + sizeof "/proc/self/fd/" - 1;
    int digits = 1;
    for (int rest = found; rest >= 10; rest /= 10) ++digits;
    end[digits] = '\0';
    for (int rest = found, i = digits; i-- > 0; rest /= 10) end[i] = static_cast<char>('0' + rest % 10);
    opened = ::open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  }
  ::close(found);
  return opened;
}

/// Finds the functions of the ELF module that `file` is, each lookup in turn. Leaves empty what it does not know. Cost:
/// reads the symbol table once.
class symbol_reader {
 public:
  explicit symbol_reader(int file) noexcept : file_(file) {}

  void find(std::span<function_lookup> lookups) const {
    struct stat about {};
    ElfW(Ehdr) head;
    if (::fstat(file_, &about) != 0 || !read(0, head) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
        head.e_ident[EI_CLASS] != (sizeof(void*) == 8 ? ELFCLASS64 : ELFCLASS32) ||
        head.e_shentsize != sizeof(ElfW(Shdr)) || head.e_phentsize != sizeof(ElfW(Phdr)))
      return;
    std::uint64_t const begin = first_address(head);
    for (std::uint32_t const wanted : {std::uint32_t{SHT_SYMTAB}, std::uint32_t{SHT_DYNSYM}}) {
      for (unsigned i = 0; i < head.e_shnum; ++i) {
        ElfW(Shdr) table, names;
        if (!read(head.e_shoff + std::uint64_t{i} * sizeof table, table)) return;
        if (table.sh_type != wanted || table.sh_link >= head.e_shnum) continue;
        if (!read(head.e_shoff + std::uint64_t{table.sh_link} * sizeof names, names)) return;
        search(table, names, begin, lookups);
        break;  // there is one of each kind; a file that says otherwise wants to keep us busy
      }
    }
  }

 private:
  static constexpr std::uint64_t most_bytes = std::uint64_t{1} << 28;  // of a table; what is beyond is not looked at
  static constexpr std::size_t longest_name = 1024;

  bool read(std::uint64_t from, void* to, std::size_t bytes) const noexcept {
    if (from > std::uint64_t{1} << 62) return false;
    for (std::size_t done = 0; done < bytes;) {
      auto const n = ::pread(file_, static_cast<char*>(to) + done, bytes - done, static_cast<off_t>(from + done));
      if (n <= 0) return false;
      done += static_cast<std::size_t>(n);
    }
    return true;
  }
  template <class T> bool read(std::uint64_t from, T& to) const noexcept { return read(from, &to, sizeof to); }

  /// The address that the file gives to the beginning of the module's memory: 0 but in a program that cannot be moved.
  std::uint64_t first_address(ElfW(Ehdr) const& head) const noexcept {
    for (unsigned i = 0; i < head.e_phnum; ++i) {
      ElfW(Phdr) part;
      if (!read(head.e_phoff + std::uint64_t{i} * sizeof part, part)) return 0;
      if (part.p_type == PT_LOAD) return part.p_vaddr & ~static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE) - 1);
    }
    return 0;
  }

  void search(ElfW(Shdr) const& table, ElfW(Shdr) const& names, std::uint64_t begin,
              std::span<function_lookup> lookups) const {
    std::vector<std::uint32_t> found(lookups.size());  // 1 + where the name is
    std::vector<ElfW(Sym)> part(1024);
    std::uint64_t const count = std::min<std::uint64_t>(table.sh_size, most_bytes) / sizeof(ElfW(Sym));
    for (std::uint64_t first = 0; first < count; first += part.size()) {
      auto const n = static_cast<std::size_t>(std::min<std::uint64_t>(part.size(), count - first));
      if (!read(table.sh_offset + first * sizeof(ElfW(Sym)), part.data(), n * sizeof(ElfW(Sym)))) break;
      for (auto const& symbol : std::span(part).first(n)) {
        auto const kind = symbol.st_info & 15;
        if ((kind != STT_FUNC && kind != STT_GNU_IFUNC) || symbol.st_shndx == SHN_UNDEF) continue;
        for (std::size_t i = 0; i < lookups.size(); ++i) {
          std::uint64_t const at = begin + lookups[i].offset;
          if (!lookups[i].name.empty() || at < symbol.st_value || at - symbol.st_value >= symbol.st_size) continue;
          lookups[i].inside = at - symbol.st_value;
          found[i] = symbol.st_name + 1;
        }
      }
    }
    for (std::size_t i = 0; i < lookups.size(); ++i) {
      if (found[i] == 0 || found[i] > names.sh_size) continue;
      char text[longest_name];
      std::uint64_t const at = found[i] - 1;
      auto const most = static_cast<std::size_t>(std::min<std::uint64_t>(sizeof text, names.sh_size - at));
      if (!read(names.sh_offset + at, text, most)) continue;
      std::size_t length = 0;
      while (length < most && text[length] != '\0') ++length;
      if (length < most) lookups[i].name.assign(text, length);
    }
  }

  int file_;
};

}  // namespace tandem::os

#endif  // TANDEM_OS_SYMBOLS_HPP
