// SPDX-License-Identifier: BSL-1.0
// Crashes on some input: it takes for granted that every closing brace was opened.
#include <cstdio>  // for snprintf

#include "../plugin_api.h"

namespace {

struct level {
  level* outer;
  unsigned depth;
};

// Not exported, so only the file's own symbol table knows its name.
[[gnu::noinline]] level* close_brace(level volatile* innermost) { return innermost->outer; }

int measure(char const* bytes, std::size_t size, char* summary, std::size_t capacity) {
  unsigned deepest = 0;
  level* innermost = nullptr;
  for (std::size_t i = 0; i < size; ++i) {
    if (bytes[i] == '{') {
      innermost = new level{innermost, innermost == nullptr ? 1 : innermost->depth + 1};
      if (innermost->depth > deepest) deepest = innermost->depth;
    } else if (bytes[i] == '}') {
      level* const closed = innermost;
      innermost = close_brace(innermost);
      delete closed;
    }
  }
  while (innermost != nullptr) {
    level* const left = innermost;
    innermost = left->outer;
    delete left;
  }
  std::snprintf(summary, capacity, "braces %u deep", deepest);
  return 0;
}

plugin const self{PLUGIN_API_VERSION, "brace_depth", "how deep braces nest", &measure};

}  // namespace

plugin const* plugin_entry() { return &self; }
