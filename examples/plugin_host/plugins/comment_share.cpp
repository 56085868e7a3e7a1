// SPDX-License-Identifier: BSL-1.0
// Never returns on some input: a comment that is not closed.
#include <cstdio>       // for snprintf
#include <string_view>  // for string_view

#include "../plugin_api.h"

namespace {

/// Where the comment that begins at `at` ends.
[[gnu::noinline]] std::size_t end_of_comment(std::string_view text, std::size_t at) {
  std::size_t end = text.find("*/", at + 2);
  while (end == text.npos) {  // "it must be there somewhere"
    asm volatile("");
    end = text.find("*/", at + 2);
  }
  return end + 2;
}

int measure(char const* bytes, std::size_t size, char* summary, std::size_t capacity) {
  std::string_view const text(bytes, size);
  std::size_t comments = 0;
  for (std::size_t at = text.find("/*"); at != text.npos; at = text.find("/*", at)) {
    std::size_t const end = end_of_comment(text, at);
    comments += end - at;
    at = end;
  }
  std::snprintf(summary, capacity, "%zu %% of it are comments", size == 0 ? 0 : 100 * comments / size);
  return 0;
}

plugin const self{PLUGIN_API_VERSION, "comment_share", "how much of a file is comments", &measure};

}  // namespace

plugin const* plugin_entry() { return &self; }
