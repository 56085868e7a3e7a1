// SPDX-License-Identifier: BSL-1.0
// From a request's target to a path below the root, and back.
#ifndef TANDEM_EXAMPLES_HTTPD_PATH_HPP
#define TANDEM_EXAMPLES_HTTPD_PATH_HPP

#include <cstddef>      // for size_t
#include <string>       // for string
#include <string_view>  // for string_view
#include <utility>      // for move
#include <vector>       // for vector

#include "request.hpp"

namespace httpd {

struct path {
  std::string name;        // below the root, without . and ..; empty: the root
  bool is_folder = false;  // asked for with a slash at its end
  std::string_view query;  // with its question mark
};

inline int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// @throws refusal of what is no name of a file
inline std::string decode_segment(std::string_view segment) {
  std::string name;
  for (std::size_t i = 0; i < segment.size(); ++i) {
    char c = segment[i];
    if (c == '%') {
      int const high = i + 2 < segment.size() ? hex_value(segment[i + 1]) : -1;
      int const low = high >= 0 ? hex_value(segment[i + 2]) : -1;
      if (low < 0) throw refusal{400};
      c = static_cast<char>(high * 16 + low);
      if (c == '\0') throw refusal{400};
      if (c == '/') throw refusal{404};  // no name has one
      i += 2;
    }
    name += c;
  }
  return name;
}

/// @throws refusal where it leads above the root
inline path path_of(std::string_view target) {
  path found;
  if (same_word(target.substr(0, 7), "http://")) {  // as to a proxy, which servers must take too
    auto const slash = target.find_first_of("/?", 7);
    target = slash == std::string_view::npos ? "/" : target.substr(slash);
    if (target.front() == '?') throw refusal{400};
  }
  if (target.front() != '/' || target.find('#') != std::string_view::npos) throw refusal{400};
  if (auto const at = target.find('?'); at != std::string_view::npos) {
    found.query = target.substr(at);
    target = target.substr(0, at);
  }

  std::vector<std::string> names;
  found.is_folder = target.ends_with('/');
  while (!target.empty()) {
    auto name = decode_segment(take_until(target, '/'));
    if (name == "." || name == "..") {
      found.is_folder = found.is_folder || target.empty();
      if (name == ".") continue;
      if (names.empty()) throw refusal{400};
      names.pop_back();
    } else if (!name.empty()) {
      names.push_back(std::move(name));
    }
  }
  for (auto const& name : names) found.name.append(found.name.empty() ? "" : "/").append(name);
  return found;
}

/// As a part of a URL; slashes stay.
inline std::string encode_path(std::string_view name) {
  constexpr char hex[] = "0123456789ABCDEF";
  std::string text;
  for (char const c : name) {
    if (is_alphanumeric(c) || is_one_of(c, "-._~/")) {
      text += c;
    } else {
      auto const byte = static_cast<unsigned char>(c);
      text.append(1, '%').append(1, hex[byte >> 4]).append(1, hex[byte & 15]);
    }
  }
  return text;
}

inline std::string escape_html(std::string_view name) {
  std::string text;
  for (char const c : name) {
    switch (c) {
      case '&':
        text += "&amp;";
        break;
      case '<':
        text += "&lt;";
        break;
      case '>':
        text += "&gt;";
        break;
      case '"':
        text += "&quot;";
        break;
      case '\'':
        text += "&#39;";
        break;
      default:
        text += c;
    }
  }
  return text;
}

}  // namespace httpd

#endif  // TANDEM_EXAMPLES_HTTPD_PATH_HPP
