// SPDX-License-Identifier: BSL-1.0
// The second stage's work: what a line of a log says.
#ifndef TANDEM_EXAMPLES_LOGLAB_PARSE_HPP
#define TANDEM_EXAMPLES_LOGLAB_PARSE_HPP

#include <algorithm>    // for find
#include <array>        // for array
#include <cstddef>      // for size_t
#include <optional>     // for nullopt, optional
#include <string>       // for string
#include <string_view>  // for string_view
#include <vector>       // for vector

namespace loglab {

/// What may be counted. As a byte it stands before its values, on their way to the next stage.
enum class field : char {
  host = 'a',
  status,
  method,
  path,
  hour,
  program,
  message,
  action,
  package,
  word,
};
inline constexpr std::size_t field_count = 10;
inline constexpr std::array<std::string_view, field_count> field_names = {
    "host", "status", "method", "path", "hour", "program", "message", "action", "package", "word"};

constexpr std::size_t index_of(field one) {
  return static_cast<std::size_t>(one) - static_cast<std::size_t>(field::host);
}
constexpr field field_at(std::size_t index) {
  return static_cast<field>(static_cast<char>(field::host) + static_cast<char>(index));
}
constexpr std::string_view name_of(field one) { return field_names[index_of(one)]; }
constexpr std::optional<field> field_named(std::string_view name) {
  for (std::size_t i = 0; i < field_count; ++i)
    if (field_names[i] == name) return field_at(i);
  return std::nullopt;
}

enum class format { automatic, combined, syslog, dpkg, words };

/// The fields that a format has; the first few of them are counted where none is asked for.
struct known_format {
  format is;
  std::string_view name;
  std::vector<field> fields;
  std::size_t usual;
};
inline std::vector<known_format> const& formats() {
  using enum field;
  static std::vector<known_format> const all = {
      {format::automatic, "auto", {status, program, action, host, hour, method, path, message, package}, 5},
      {format::combined, "combined", {status, host, path, hour, method}, 4},
      {format::syslog, "syslog", {program, host, hour, message}, 3},
      {format::dpkg, "dpkg", {action, package, hour}, 3},
      {format::words, "words", {word}, 1},
  };
  return all;
}

/// What a line says, as views of it; what it does not say is empty.
class record {
 public:
  std::string_view& operator[](field one) { return values_[index_of(one)]; }
  std::string_view operator[](field one) const { return values_[index_of(one)]; }

 private:
  std::array<std::string_view, field_count> values_;
};

/// A line from its beginning to its end.
class scanner {
 public:
  explicit scanner(std::string_view text) : rest_(text) {}

  std::string_view rest() const { return rest_; }

  /// What comes before `mark`, which is passed; nullopt, and nothing is passed, where it does not come.
  std::optional<std::string_view> until(std::string_view mark) {
    auto const end = rest_.find(mark);
    if (end == rest_.npos) return std::nullopt;
    auto const before = rest_.substr(0, end);
    rest_.remove_prefix(end + mark.size());
    return before;
  }

  /// Passes what looks so: 0 stands for a digit, A for a letter, anything else for itself.
  std::optional<std::string_view> like(std::string_view pattern) {
    if (rest_.size() < pattern.size()) return std::nullopt;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
      char const c = rest_[i];
      bool const fits = pattern[i] == '0'   ? c >= '0' && c <= '9'
                        : pattern[i] == 'A' ? (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                                            : c == pattern[i];
      if (!fits) return std::nullopt;
    }
    auto const passed = rest_.substr(0, pattern.size());
    rest_.remove_prefix(pattern.size());
    return passed;
  }

  /// Passes a quoted text, in which \" is no end.
  std::optional<std::string_view> quoted() {
    if (!rest_.starts_with('"')) return std::nullopt;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == '"') {
        auto const inside = rest_.substr(1, i - 1);
        rest_.remove_prefix(i + 1);
        return inside;
      }
    }
    return std::nullopt;
  }

 private:
  std::string_view rest_;
};

/// Apache's and nginx's combined format, or common: host - user [10/Oct/2000:13:55:36 -0700] "GET /x HTTP/1.0" 200 99
inline bool parse_combined(std::string_view text, record& to) {
  scanner at(text);
  auto const host = at.until(" ");
  if (!host || host->empty() || !at.until(" [")) return false;
  auto const time = at.like("00/AAA/0000:00:00:00");
  if (!time || !at.until("] ")) return false;
  auto const request = at.quoted();
  if (!request || !at.like(" ")) return false;
  auto const status = at.like("000");
  if (!status || !at.like(" ")) return false;
  to[field::host] = *host;
  to[field::hour] = time->substr(12, 2);
  to[field::status] = *status;
  scanner words(*request);
  if (auto const method = words.until(" ")) {
    to[field::method] = *method;
    auto const path = words.until(" ");
    to[field::path] = path ? *path : words.rest();
  } else {
    to[field::path] = *request;
  }
  return true;
}

/// RFC 3164, as "Oct 11 22:14:15 host program[42]: text", or with the time as rsyslog of Debian 12 writes it:
/// 2025-06-24T14:36:25.123456+02:00
inline bool parse_syslog(std::string_view text, record& to) {
  scanner at(text);
  if (at.like("<")) at.until(">");
  if (auto const time = at.like("0000-00-00T00:")) {
    to[field::hour] = time->substr(11, 2);
  } else if (at.like("AAA ") && (at.like("00 ") || at.like(" 0 "))) {
    auto const clock = at.like("00:");
    if (!clock) return false;
    to[field::hour] = clock->substr(0, 2);
  } else {
    return false;
  }
  auto const minutes = at.until(" ");
  if (!minutes || !scanner(*minutes).like("00:00")) return false;
  auto const host = at.until(" ");
  if (!host || host->empty()) return false;
  to[field::host] = *host;
  auto const end = at.rest().find_first_of(": [");
  bool const tagged = end != std::string_view::npos && at.rest()[end] != ' ';
  to[field::program] = tagged ? at.rest().substr(0, end) : "-";
  if (tagged) at.until(":");
  to[field::message] = at.rest().substr(std::min(at.rest().size(), at.rest().find_first_not_of(' ')));
  return true;
}

/// dpkg.log: 2025-06-24 14:36:25 status installed tar:amd64 1.34
inline bool parse_dpkg(std::string_view text, record& to) {
  scanner at(text);
  if (!at.like("0000-00-00 ")) return false;
  auto const time = at.like("00:00:00 ");
  auto const action = at.until(" ");
  if (!time || !action || action->empty()) return false;
  to[field::hour] = time->substr(0, 2);
  to[field::action] = *action;
  if (*action == "startup") return true;
  if (*action == "status" && !at.until(" ")) return false;
  auto const package = at.until(" ");
  to[field::package] = package ? *package : at.rest();
  return true;
}

inline bool parse_as(format how, std::string_view text, record& to) {
  switch (how) {
    case format::combined:
      return parse_combined(text, to);
    case format::syslog:
      return parse_syslog(text, to);
    case format::dpkg:
      return parse_dpkg(text, to);
    case format::words:
      return true;
    case format::automatic:
      break;
  }
  for (auto const one : {format::combined, format::syslog, format::dpkg}) {
    to = {};
    if (parse_as(one, text, to)) return true;
  }
  return false;
}

/// Appends each word, a run without blanks, as a value.
template <class F> void for_each_word(std::string_view text, F f) {
  constexpr std::string_view blanks = " \t\r\v\f";
  for (auto at = text.find_first_not_of(blanks); at != text.npos; at = text.find_first_not_of(blanks, at)) {
    auto const end = std::min(text.size(), text.find_first_of(blanks, at));
    f(text.substr(at, end - at));
    at = end;
  }
}

}  // namespace loglab

#endif  // TANDEM_EXAMPLES_LOGLAB_PARSE_HPP
