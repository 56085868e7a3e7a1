// SPDX-License-Identifier: BSL-1.0
// A look at a closure that is to be called in a process which has not this one's memory: each of its words is a value,
// an address that means the same there, or a reason to refuse.
#ifndef TANDEM_EXECUTION_IMPL_CLOSURE_HPP
#define TANDEM_EXECUTION_IMPL_CLOSURE_HPP

#include <cstddef>    // for byte, size_t
#include <cstdint>    // for uint32_t, uintptr_t
#include <cstring>    // for memcpy
#include <stdexcept>  // for invalid_argument
#include <string>     // for string, to_string
#include <vector>     // for vector

#include "tandem/memory/impl/region.hpp"  // for family, region
#include "tandem/os/mapping.hpp"          // for is_mapped
#include "tandem/os/modules.hpp"          // for module_info, module_table

namespace tandem::impl {

/// An address in a module, which the receiver may have loaded elsewhere.
struct module_address {
  std::uint32_t at = 0;  // where it stands in the closure
  os::module_info const* module = nullptr;
  std::uintptr_t offset = 0;
};

struct closure_words {
  static constexpr std::size_t none = ~std::size_t{0};

  std::size_t refused = none;        // the offset of the first word that leads into private memory
  bool later_module = false;         // a word leads into a module that is not among the known ones
  std::vector<module_address> code;  // the words that lead into known ones; filled where asked for
};

/// Looks at the `bytes` bytes at `at`, of which `known` tells the modules. Words that are no addresses cost one
/// comparison; one that looks like an address of nothing known costs a system call. Only whole, aligned words are seen.
inline closure_words look_at_closure(void const* at, std::size_t bytes, os::module_table const& known,
                                     bool collect = false) {
  region const& all = family();
  auto const begin = reinterpret_cast<std::uintptr_t>(at);
  auto const heap = reinterpret_cast<std::uintptr_t>(all.heap);
  constexpr std::uintptr_t lowest = 0x10000, highest = 0x7fff'ffff'f000;
  closure_words found;
  for (std::size_t offset = 0; offset + sizeof(std::uintptr_t) <= bytes; offset += sizeof(std::uintptr_t)) {
    std::uintptr_t word = 0;
    std::memcpy(&word, static_cast<std::byte const*>(at) + offset, sizeof word);
    if (word - lowest >= highest - lowest) continue;                      // small, or no address of a program
    if (word - begin <= bytes || word - heap < all.heap_bytes) continue;  // itself (a short string), the commons
    if (auto const* module = known.find(word)) {
      if (os::module_table::is_constant(*module, word)) {
        if (collect) found.code.push_back({static_cast<std::uint32_t>(offset), module, word - module->base});
        continue;
      }
    } else if (!os::is_mapped(word)) {
      continue;  // two packed numbers, text
    } else if (auto const now = os::module_table::current(); now.generation() != known.generation()) {
      if (auto const* later = now.find(word); later != nullptr && os::module_table::is_constant(*later, word)) {
        found.later_module = true;
        continue;
      }
    }
    found.refused = offset;
    return found;
  }
  return found;
}

[[noreturn]] inline void refuse_closure(std::string const& unit, std::size_t offset) {
  throw std::invalid_argument(
      "tandem: start process '" + unit +
      "': the closure cannot travel to a process that does not come from a fork: its word at offset " +
      std::to_string(offset) +
      " points into this process's own memory (a captured reference or pointer, a string or container with memory of "
      "its "
      "own, a stop_token): pass it as an argument, or use tandem::shared<T>, or tandem::borrow, or start::fork");
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_CLOSURE_HPP
