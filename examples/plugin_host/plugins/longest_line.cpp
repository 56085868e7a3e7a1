// SPDX-License-Identifier: BSL-1.0
// Scribbles over memory: writes the longest line of a file to the summary, however much room there is.
#include <cstring>      // for memmove
#include <string_view>  // for string_view

#include "../plugin_api.h"

namespace {

int find(char const* bytes, std::size_t size, char* summary, std::size_t /*capacity*/) {
  std::string_view const text(bytes, size);
  std::string_view longest;
  for (std::size_t begin = 0; begin < text.size();) {
    std::size_t const end = text.find('\n', begin);
    auto const line = text.substr(begin, end == text.npos ? text.npos : end - begin);
    if (line.size() > longest.size()) longest = line;
    begin += line.size() + 1;
  }
  std::memmove(summary, longest.data(), longest.size());
  summary[longest.size()] = '\0';
  return 0;
}

plugin const self{PLUGIN_API_VERSION, "longest_line", "the longest line of a file", &find};

}  // namespace

plugin const* plugin_entry() { return &self; }
