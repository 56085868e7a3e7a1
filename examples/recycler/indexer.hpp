// SPDX-License-Identifier: BSL-1.0
// What stands for somebody else's library: it works, and it leaks. Nobody who calls it can free what it keeps.
#ifndef RECYCLER_INDEXER_HPP
#define RECYCLER_INDEXER_HPP

#include <cctype>       // for isalpha, tolower
#include <cstddef>      // for size_t
#include <cstdint>      // for uint64_t
#include <map>          // for map
#include <string>       // for string
#include <string_view>  // for string_view

namespace indexer {

struct index {
  std::string text;
  std::map<std::string, std::uint64_t, std::less<>> words;
};

struct summary {
  std::uint64_t words = 0, different = 0;
};

/// Counts the words of a text. The index stays in memory, reached by nobody: one for each call.
inline summary summarise(std::string_view text) {
  auto* const all = new index{std::string(text), {}};
  summary result;
  for (std::size_t at = 0; at < text.size();) {
    while (at < text.size() && std::isalpha(static_cast<unsigned char>(text[at])) == 0) ++at;
    std::string word;
    for (; at < text.size() && std::isalpha(static_cast<unsigned char>(text[at])) != 0; ++at)
      word += static_cast<char>(std::tolower(static_cast<unsigned char>(text[at])));
    if (word.empty()) continue;
    ++result.words;
    ++all->words[word];
  }
  result.different = all->words.size();
  return result;
}

}  // namespace indexer

#endif  // RECYCLER_INDEXER_HPP
