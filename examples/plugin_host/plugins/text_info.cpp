// SPDX-License-Identifier: BSL-1.0
// The good plugin: the encoding of a file, its lines and its words.
#include <cstdio>  // for snprintf

#include "../plugin_api.h"

namespace {

/// The length of the UTF-8 sequence that begins at `at`; 0 where none does.
std::size_t sequence(char const* at, char const* end) {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(at[i]); };
  std::size_t const length = byte(0) < 0x80   ? 1
                             : byte(0) < 0xc2 ? 0
                             : byte(0) < 0xe0 ? 2
                             : byte(0) < 0xf0 ? 3
                             : byte(0) < 0xf5 ? 4
                                              : 0;
  if (length > static_cast<std::size_t>(end - at)) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  return length;
}

int describe(char const* bytes, std::size_t size, char* summary, std::size_t capacity) {
  std::size_t lines = 0, words = 0;
  bool ascii = true, utf8 = true, binary = false, in_word = false;
  char const* const end = bytes + size;
  for (char const* at = bytes; at != end;) {
    std::size_t const length = sequence(at, end);
    utf8 = utf8 && length != 0;
    ascii = ascii && length == 1;
    binary = binary || *at == '\0';
    lines += *at == '\n';
    bool const blank = *at == ' ' || (*at >= '\t' && *at <= '\r');
    words += !blank && !in_word;
    in_word = !blank;
    at += length == 0 ? 1 : length;
  }
  char const* const kind = size == 0 ? "empty"
                           : binary  ? "binary"
                           : ascii   ? "ASCII"
                           : utf8    ? "UTF-8"
                                     : "text of 8 bits";
  std::snprintf(summary, capacity, "%s, %zu lines, %zu words", kind, lines, words);
  return 0;
}

plugin const self{PLUGIN_API_VERSION, "text_info", "encoding, lines and words", &describe};

}  // namespace

plugin const* plugin_entry() { return &self; }
