// SPDX-License-Identifier: BSL-1.0
// Reading a request (RFC 9112). Strict: what two readers could understand in two ways is refused.
#ifndef TANDEM_EXAMPLES_HTTPD_REQUEST_HPP
#define TANDEM_EXAMPLES_HTTPD_REQUEST_HPP

#include <algorithm>    // for all_of, equal
#include <cstddef>      // for size_t
#include <string_view>  // for string_view
#include <utility>      // for pair
#include <vector>       // for vector

#include "settings.hpp"

namespace httpd {

/// Thrown where a request is not fulfilled: the status that says why.
struct refusal {
  int status;
};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_alphanumeric(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
constexpr bool is_one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }
constexpr bool is_control(char c) { return (c >= 0 && c < ' ') || c == '\x7f'; }

inline bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

inline bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](char c) { return is_alphanumeric(c) || is_one_of(c, "!#$%&'*+-.^_`|~"); });
}

inline std::string_view trim(std::string_view text) {
  while (!text.empty() && is_one_of(text.front(), " \t")) text.remove_prefix(1);
  while (!text.empty() && is_one_of(text.back(), " \t")) text.remove_suffix(1);
  return text;
}

/// Takes the part before `separator` off `text`; all of it where there is none.
inline std::string_view take_until(std::string_view& text, char separator) {
  auto const at = text.find(separator);
  auto const part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

/// Calls `f` with each element of a comma-separated list.
template <class F> void for_each_element(std::string_view list, F f) {
  while (!list.empty()) {
    auto const element = trim(take_until(list, ','));
    if (!element.empty()) f(element);
  }
}

/// Its texts lie in the buffer that it was read from.
struct request {
  std::string_view line;  // the first, as it came
  std::string_view method;
  std::string_view target;
  bool http_1_0 = false;
  bool has_body = false;
  bool keep_alive = true;
  std::vector<std::pair<std::string_view, std::string_view>> fields;

  /// The value of a field that may come once; empty where it did not come.
  std::string_view field(std::string_view name) const {
    for (auto const& [its_name, value] : fields) {
      if (same_word(its_name, name)) return value;
    }
    return {};
  }
  std::size_t count(std::string_view name) const {
    std::size_t found = 0;
    for (auto const& one : fields) found += same_word(one.first, name) ? 1 : 0;
    return found;
  }
};

inline bool is_host(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alphanumeric(c) || is_one_of(c, "-._~%!$&'()*+,;=:[]"); });
}

inline void read_first_line(request& read) {
  auto rest = read.line;
  read.method = take_until(rest, ' ');
  read.target = take_until(rest, ' ');
  bool const known =
      rest.size() == 8 && rest.starts_with("HTTP/") && is_digit(rest[5]) && rest[6] == '.' && is_digit(rest[7]);
  if (!is_token(read.method) || read.target.empty() || !known) throw refusal{400};
  if (std::any_of(read.target.begin(), read.target.end(), is_control)) throw refusal{400};
  if (rest[5] != '1') throw refusal{505};
  read.http_1_0 = rest[7] == '0';
}

/// Where a body ends is no matter here, since none is read: the connection is closed after a request that has one. What
/// is ambiguous is refused all the same.
inline void read_body_fields(request& read) {
  bool const encoded = read.count("Transfer-Encoding") != 0;
  auto const lengths = read.count("Content-Length");
  auto const length = read.field("Content-Length");
  if (lengths > 1 || (lengths == 1 && (length.empty() || !std::all_of(length.begin(), length.end(), is_digit))))
    throw refusal{400};
  if (encoded && (lengths != 0 || read.http_1_0)) throw refusal{400};
  if (encoded && !same_word(read.field("Transfer-Encoding"), "chunked")) throw refusal{501};
  read.has_body = encoded || length.find_first_not_of('0') != std::string_view::npos;
}

/// `head`: up to and with the empty line. @throws refusal
inline request read_request(std::string_view head) {
  auto const next_line = [&] {
    auto line = take_until(head, '\n');
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  };
  request read;
  read.line = next_line();
  if (read.line.size() > longest_line) throw refusal{414};
  read_first_line(read);

  for (auto line = next_line(); !line.empty(); line = next_line()) {
    auto const colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) throw refusal{400};
    auto const value = trim(line.substr(colon + 1));
    if (std::any_of(value.begin(), value.end(), [](char c) { return is_control(c) && c != '\t'; })) throw refusal{400};
    if (read.fields.size() == most_fields) throw refusal{431};
    read.fields.emplace_back(line.substr(0, colon), value);
  }

  auto const hosts = read.count("Host");
  if (hosts > 1 || (hosts == 0 && !read.http_1_0) || !is_host(read.field("Host"))) throw refusal{400};
  read_body_fields(read);

  bool close = false, keep = false;
  for (auto const& [name, value] : read.fields) {
    if (!same_word(name, "Connection")) continue;
    for_each_element(value, [&](std::string_view word) {
      close = close || same_word(word, "close");
      keep = keep || same_word(word, "keep-alive");
    });
  }
  read.keep_alive = !close && !read.has_body && (keep || !read.http_1_0);
  return read;
}

}  // namespace httpd

#endif  // TANDEM_EXAMPLES_HTTPD_REQUEST_HPP
