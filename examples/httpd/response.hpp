// SPDX-License-Identifier: BSL-1.0
// What a request is answered with (RFC 9110): a file, a part of one, a listing, or a status that says why not.
#ifndef TANDEM_EXAMPLES_HTTPD_RESPONSE_HPP
#define TANDEM_EXAMPLES_HTTPD_RESPONSE_HPP

#include <sys/types.h>  // for off_t

#include <algorithm>    // for min
#include <charconv>     // for from_chars
#include <cstdint>      // for uint64_t
#include <cstdio>       // for snprintf
#include <ctime>        // for time
#include <optional>     // for optional
#include <string>       // for string, to_string
#include <string_view>  // for string_view
#include <utility>      // for move

#include <tandem/tandem.hpp>

#include "date.hpp"
#include "files.hpp"
#include "path.hpp"
#include "request.hpp"

namespace httpd {

/// Its body is `text`, or `length` bytes of `file` from `offset` on.
struct response {
  int status = 200;
  std::string fields;
  std::string text;
  tandem::fd file;
  off_t offset = 0;
  std::uint64_t length = 0;

  void add(std::string_view name, std::string_view value) {
    fields.append(name).append(": ").append(value).append("\r\n");
  }
};

inline std::string_view reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 412:
      return "Precondition Failed";
    case 414:
      return "URI Too Long";
    case 416:
      return "Range Not Satisfiable";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Internal Server Error";
  }
}

/// A response with a page that says no more than its status.
inline response plain(int status) {
  response made;
  made.status = status;
  std::string const title = std::to_string(status) + " " + std::string(reason(status));
  made.text = "<!DOCTYPE html>\n<title>" + title + "</title>\n<h1>" + title + "</h1>\n";
  made.length = made.text.size();
  made.add("Content-Type", "text/html; charset=utf-8");
  return made;
}

/// What tells one state of a file from another.
struct version {
  std::string tag;
  time_t changed;
};

inline version version_of(struct stat const& status) {
  char tag[64];
  std::snprintf(tag, sizeof tag, "\"%llx-%llx-%llx\"", static_cast<unsigned long long>(status.st_mtim.tv_sec),
                static_cast<unsigned long long>(status.st_mtim.tv_nsec),
                static_cast<unsigned long long>(status.st_size));
  return {tag, std::min(status.st_mtim.tv_sec, std::time(nullptr))};
}

inline bool names(std::string_view tags, std::string_view tag, bool weak_counts) {
  bool found = tags == "*";
  for_each_element(tags, [&](std::string_view one) {
    if (weak_counts && one.starts_with("W/")) one.remove_prefix(2);
    found = found || one == tag;
  });
  return found;
}

/// 200, or 304 or 412 where the client's conditions say so; in the order of RFC 9110, 13.2.2.
inline int status_by_conditions(request const& asked, version const& now) {
  if (asked.count("If-Match") != 0) {
    if (!names(asked.field("If-Match"), now.tag, false)) return 412;
  } else if (auto const limit = parse_http_date(asked.field("If-Unmodified-Since"))) {
    if (now.changed > *limit) return 412;
  }
  if (asked.count("If-None-Match") != 0) return names(asked.field("If-None-Match"), now.tag, true) ? 304 : 200;
  auto const known = parse_http_date(asked.field("If-Modified-Since"));
  return known && now.changed <= *known ? 304 : 200;
}

/// A number too large to count is the largest.
inline std::optional<std::uint64_t> parse_number(std::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), is_digit)) return std::nullopt;
  std::uint64_t number = 0;
  auto const result = std::from_chars(text.data(), text.data() + text.size(), number);
  return result.ec == std::errc() ? number : UINT64_MAX;
}

struct range {
  std::uint64_t first = 0;
  std::uint64_t length = 0;  // 0: there is nothing in it
};

/// The one range that is asked for; none where there are several, or it is not understood: then all is sent, as the RFC
/// allows.
inline std::optional<range> range_of(request const& asked, version const& now, std::uint64_t size) {
  auto text = asked.field("Range");
  if (asked.method != "GET" || asked.count("Range") != 1 || !same_word(text.substr(0, 6), "bytes="))
    return std::nullopt;
  if (asked.count("If-Range") != 0) {
    auto const wanted = asked.field("If-Range");
    if (wanted != now.tag && parse_http_date(wanted) != now.changed) return std::nullopt;
  }
  text.remove_prefix(6);
  text = trim(text);
  auto const dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  auto const first = parse_number(text.substr(0, dash));
  auto const last = parse_number(text.substr(dash + 1));
  if ((dash != 0 && !first) || (dash + 1 != text.size() && !last) || (!first && !last)) return std::nullopt;
  if (!first) return range{size - std::min(*last, size), std::min(*last, size)};
  if (last && *last < *first) return std::nullopt;
  if (*first >= size) return range{};
  return range{*first, last ? std::min(*last, size - 1) - *first + 1 : size - *first};
}

inline response file_response(request const& asked, opened found, std::string_view name) {
  version const now = version_of(found.status);
  auto const size = static_cast<std::uint64_t>(found.status.st_size);
  int const status = status_by_conditions(asked, now);
  if (status == 412) return plain(412);
  auto const part = status == 200 ? range_of(asked, now, size) : std::nullopt;
  if (part && part->length == 0) {
    auto refused = plain(416);
    refused.add("Content-Range", "bytes */" + std::to_string(size));
    return refused;
  }
  response made;
  made.status = part ? 206 : status;
  made.add("Last-Modified", http_date(now.changed));
  made.add("ETag", now.tag);
  if (status == 304) return made;
  made.add("Content-Type", content_type(name));
  made.add("Accept-Ranges", "bytes");
  made.file = std::move(found.file);
  made.length = size;
  if (part) {
    auto const [first, length] = *part;
    made.offset = static_cast<off_t>(first);
    made.length = length;
    made.add("Content-Range",
             "bytes " + std::to_string(first) + "-" + std::to_string(first + length - 1) + "/" + std::to_string(size));
  }
  return made;
}

inline response folder_response(request const& asked, tandem::fd const& root, tandem::fd const& folder,
                                path const& to) {
  if (!to.is_folder) {  // so that the links in its pages lead where they should
    auto moved = plain(301);
    moved.add("Location", "/" + encode_path(to.name) + "/" + std::string(to.query));
    return moved;
  }
  std::string const index = to.name + (to.name.empty() ? "" : "/") + "index.html";
  try {
    auto found = open_or_refuse(root, index);
    if (S_ISREG(found.status.st_mode)) return file_response(asked, std::move(found), index);
  } catch (refusal const& why) {
    if (why.status != 404) throw;
  }
  response made;
  made.text = listing(folder, to.name);
  made.length = made.text.size();
  made.add("Content-Type", "text/html; charset=utf-8");
  return made;
}

/// @throws refusal
inline response answer(request const& asked, tandem::fd const& root) {
  if (asked.method != "GET" && asked.method != "HEAD") {
    for (std::string_view const known : {"POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT"}) {
      if (asked.method != known) continue;
      auto refused = plain(405);
      refused.add("Allow", "GET, HEAD");
      return refused;
    }
    throw refusal{501};
  }
  path const to = path_of(asked.target);
  auto found = open_or_refuse(root, to.name);
  if (S_ISDIR(found.status.st_mode)) return folder_response(asked, root, found.file, to);
  if (!S_ISREG(found.status.st_mode)) throw refusal{403};
  if (to.is_folder) throw refusal{404};
  return file_response(asked, std::move(found), to.name);
}

}  // namespace httpd

#endif  // TANDEM_EXAMPLES_HTTPD_RESPONSE_HPP
