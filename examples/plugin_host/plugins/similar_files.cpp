// SPDX-License-Identifier: BSL-1.0
// Leaks memory: keeps a table for every file that it has seen, and forgets where.
#include <cstdio>   // for snprintf
#include <cstdlib>  // for malloc
#include <cstring>  // for memset

#include "../plugin_api.h"

namespace {

constexpr std::size_t table_bytes = std::size_t{1} << 20;

int fingerprint(char const* bytes, std::size_t size, char* summary, std::size_t capacity) {
  auto* const table = static_cast<unsigned char*>(std::malloc(table_bytes));  // and never free
  if (table == nullptr) return 1;
  std::memset(table, 0, table_bytes);
  unsigned filled = 0;
  for (std::size_t i = 0; i + 3 <= size; ++i) {
    std::size_t hash = 2166136261U;
    for (std::size_t j = i; j < i + 3; ++j) hash = (hash ^ static_cast<unsigned char>(bytes[j])) * 16777619U;
    filled += table[hash % table_bytes] == 0;
    table[hash % table_bytes] = 1;
  }
  std::snprintf(summary, capacity, "%u different trigrams", filled);
  return 0;
}

plugin const self{PLUGIN_API_VERSION, "similar_files", "fingerprints, to find files that are alike", &fingerprint};

}  // namespace

plugin const* plugin_entry() { return &self; }
