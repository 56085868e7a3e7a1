// SPDX-License-Identifier: BSL-1.0
// Dates as HTTP has them (RFC 9110, 5.6.7). The program keeps to the locale "C", whose names of days these are.
#ifndef TANDEM_EXAMPLES_HTTPD_DATE_HPP
#define TANDEM_EXAMPLES_HTTPD_DATE_HPP

#include <time.h>  // for gmtime_r, strftime, strptime, timegm

#include <optional>     // for optional
#include <string>       // for string
#include <string_view>  // for string_view

namespace httpd {

inline std::string format_time(char const* format, time_t time) {
  tm parts{};
  ::gmtime_r(&time, &parts);
  char text[64];
  return std::string(text, ::strftime(text, sizeof text, format, &parts));
}

inline std::string http_date(time_t time) { return format_time("%a, %d %b %Y %H:%M:%S GMT", time); }

/// Today's form, and the two of old that must be understood.
inline std::optional<time_t> parse_http_date(std::string_view text) {
  std::string const ended(text);
  for (char const* const form : {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    tm parts{};
    char const* const end = ::strptime(ended.c_str(), form, &parts);
    if (end != nullptr && *end == '\0') return ::timegm(&parts);
  }
  return std::nullopt;
}

}  // namespace httpd

#endif  // TANDEM_EXAMPLES_HTTPD_DATE_HPP
