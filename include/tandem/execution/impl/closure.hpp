// SPDX-License-Identifier: BSL-1.0
// A look at a closure that is to be called in a process which has not this one's memory: each of its words is a value,
// an address that means the same there, or a reason to refuse.
#ifndef TANDEM_EXECUTION_IMPL_CLOSURE_HPP
#define TANDEM_EXECUTION_IMPL_CLOSURE_HPP

#include <cstddef>      // for byte, size_t
#include <cstdint>      // for uint32_t, uintptr_t
#include <cstring>      // for memcpy, memset
#include <memory>       // for addressof
#include <new>          // for launder
#include <stdexcept>    // for invalid_argument
#include <string>       // for string, to_string
#include <type_traits>  // for is_class_v, is_final_v, is_trivially_copy_constructible_v, is_trivially_destructible_v
#include <utility>      // for forward
#include <vector>       // for vector

#include "tandem/config.hpp"                      // for TANDEM_CLEAR_PADDING
#include "tandem/execution/impl/start_error.hpp"  // for start_of
#include "tandem/memory/impl/region.hpp"          // for family, region
#include "tandem/os/mapping.hpp"                  // for is_mapped
#include "tandem/os/modules.hpp"                  // for module_info, module_table

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

/// Whether a copy of it is a copy of its bytes. (GCC does not always take a closure type for trivially copyable.)
template <class F>
concept copied_as_bytes = std::is_trivially_copy_constructible_v<F> && std::is_trivially_destructible_v<F>;

/// How many bytes of padding are at the end of an F: as many as another class's members may have.
template <class F, std::size_t More = 1> constexpr std::size_t tail_padding() {
  if constexpr (!std::is_class_v<F> || std::is_final_v<F> || More > alignof(F)) {
    return 0;
  } else {
    struct longer : F {
      std::byte next[More];
    };
    if constexpr (sizeof(longer) > sizeof(F))
      return More - 1;
    else
      return tail_padding<F, More + 1>();
  }
}

/// Makes an F of `callable` in the sizeof(F) bytes at `place`, with zeroes for its padding, or, where the compiler
/// does not tell where that is, for what of it is at the end. @throws what the copy throws
template <class F, class G> F* place_closure(std::byte* place, G&& callable) {
  if constexpr (copied_as_bytes<F>) {
    F copy(std::forward<G>(callable));
    TANDEM_CLEAR_PADDING(copy);
    std::memcpy(place, static_cast<void const*>(std::addressof(copy)), sizeof(F));
    std::memset(place + sizeof(F) - tail_padding<F>(), 0, tail_padding<F>());
    return std::launder(reinterpret_cast<F*>(place));
  } else {
    std::memset(place, 0, sizeof(F));  // its parts are copied each: what is between them stays
    return ::new (static_cast<void*>(place)) F(std::forward<G>(callable));
  }
}

[[noreturn]] inline void refuse_closure(std::string const& unit, std::size_t offset) {
  throw std::invalid_argument(
      "tandem: " + start_of(unit) +
      ": the closure cannot travel to a process that does not come from a fork: its word at offset " +
      std::to_string(offset) +
      " points into this process's own memory (a captured reference or pointer, a string or container with memory of "
      "its "
      "own, a stop_token): pass it as an argument, or use tandem::shared<T>, or tandem::borrow, or start::fork");
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_CLOSURE_HPP
