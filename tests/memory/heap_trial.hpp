// SPDX-License-Identifier: BSL-1.0
// Whether the commons still work: for a test that has let somebody die in them.
#ifndef TANDEM_TESTS_MEMORY_HEAP_TRIAL_HPP
#define TANDEM_TESTS_MEMORY_HEAP_TRIAL_HPP

#include <algorithm>  // for any_of, sort
#include <cstddef>    // for size_t
#include <cstring>    // for memset
#include <string>     // for string
#include <vector>     // for vector

#include "tandem/memory/commons.hpp"

namespace tandem_test {

/// A block that lives, and is full of the pattern.
struct trial_block {
  unsigned char* at;
  std::size_t bytes;

  static constexpr unsigned char pattern = 0xa5;
};

inline tandem::impl::heap_map map() { return tandem::impl::blocks::map(); }

/// Allocates some of many sizes, and looks whether anything that lives is hit.
inline std::string try_out(std::vector<trial_block> live) {
  std::vector<trial_block> fresh;
  for (std::size_t const bytes : {std::size_t{64}, std::size_t{512}, std::size_t{32'768}, std::size_t{100'000}}) {
    for (int i = 0; i < (bytes < 1000 ? 70 : 4); ++i) {
      auto* const at = static_cast<unsigned char*>(tandem::commons().allocate(bytes));
      std::memset(at, 0x5a, bytes);
      fresh.push_back({at, bytes});
    }
  }
  for (auto const& one : live) {
    if (!tandem::impl::heap_audit::is_allocated(map(), one.at)) return "a live block is marked free";
    if (std::any_of(one.at, one.at + one.bytes, [](unsigned char byte) { return byte != trial_block::pattern; }))
      return "a live block was handed out again";
  }
  live.insert(live.end(), fresh.begin(), fresh.end());
  std::sort(live.begin(), live.end(), [](auto const& a, auto const& b) { return a.at < b.at; });
  for (std::size_t i = 1; i < live.size(); ++i)
    if (live[i - 1].at + live[i - 1].bytes > live[i].at) return "two blocks overlap";
  for (auto const& one : fresh) tandem::commons().deallocate(one.at);
  return {};
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_MEMORY_HEAP_TRIAL_HPP
