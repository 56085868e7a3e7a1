// SPDX-License-Identifier: BSL-1.0
// The first stage's work: the lines of a file, plain or gzip, or of standard input.
#ifndef TANDEM_EXAMPLES_LOGLAB_LINES_HPP
#define TANDEM_EXAMPLES_LOGLAB_LINES_HPP

#include <fcntl.h>   // for open
#include <unistd.h>  // for read, STDIN_FILENO

#include <algorithm>     // for min
#include <cerrno>        // for errno, EINTR
#include <chrono>        // for milliseconds
#include <cstddef>       // for size_t
#include <cstdint>       // for uint32_t, uint64_t
#include <cstring>       // for memchr
#include <exception>     // for exception
#include <optional>      // for optional
#include <span>          // for span
#include <stdexcept>     // for runtime_error
#include <string>        // for string
#include <string_view>   // for string_view
#include <system_error>  // for generic_category, system_error
#include <utility>       // for move
#include <vector>        // for vector

#include <tandem/tandem.hpp>

#include "files.hpp"
#include "gzip.hpp"

namespace loglab {

/// A line of a file, by its number from 1 on. Number 0: the file could not be read (on), and `text` says why; or, with
/// `text` empty, it is no text.
struct line {
  std::uint32_t file;
  std::uint64_t number;
  std::string text;
};

inline constexpr std::size_t longest_line = 1 << 20;  // what is longer is cut off there

class opened_file {
 public:
  /// @throws std::system_error
  explicit opened_file(std::string const& path) : is_stdin_(path == "-") {
    if (is_stdin_) {
      plain_ = tandem::fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
    } else {
      plain_ = tandem::fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    }
    if (!plain_) fail();
    unsigned char magic[2] = {};
    bool const compressed =
        !is_stdin_ && ::pread(plain_.get(), magic, 2, 0) == 2 && magic[0] == 0x1f && magic[1] == 0x8b;
    if (compressed) gzip_.emplace(std::move(plain_));
  }

  /// Reads on. Where that may take long (a pipe), what is there is handed on first; a stop ends it, as the end of the
  /// file does.
  std::size_t read(std::span<char> buffer, tandem::outlet<line>& to, tandem::stop_token const& stop) {
    if (gzip_) return gzip_->read(buffer);
    for (;;) {
      if (!tandem::wait_any(std::chrono::milliseconds(0), plain_)) {
        to.flush();
        while (!tandem::wait_any(std::chrono::milliseconds(200), plain_))
          if (stop.stop_requested() || !to.is_open() || to.stop_requested()) return 0;
      }
      auto const n = ::read(plain_.get(), buffer.data(), buffer.size());
      if (n >= 0) return static_cast<std::size_t>(n);
      if (errno != EINTR) fail();
    }
  }

  bool is_stdin() const noexcept { return is_stdin_; }

 private:
  [[noreturn]] static void fail() { throw std::system_error(errno, std::generic_category()); }

  tandem::fd plain_;
  std::optional<gzip_file> gzip_;
  bool is_stdin_;
};

/// Hands on the lines of a file, until there are no more, nobody wants any more, or a stop is requested.
inline void read_lines(file const& from, std::uint32_t number_of_file, tandem::outlet<line>& to,
                       tandem::stop_token const& stop) {
  line next{number_of_file, 1, {}};
  bool unfinished = false;
  auto const append = [&next](std::string_view more) {
    next.text.append(more.substr(0, longest_line - next.text.size()));
  };
  try {
    opened_file source(from.path);
    std::vector<char> buffer(1 << 16);
    bool first = true;
    while (auto const n = source.read(buffer, to, stop)) {
      std::string_view rest(buffer.data(), n);
      if (first && from.found && rest.substr(0, 4096).find('\0') != rest.npos) {
        to.push({number_of_file, 0, {}});
        return;
      }
      if (first && source.is_stdin() && rest.starts_with("\x1f\x8b"))
        throw std::runtime_error("it is compressed: zcat | loglab -");
      first = false;
      for (;;) {
        auto const end = rest.find('\n');
        append(rest.substr(0, end));
        if (end == rest.npos) break;
        rest.remove_prefix(end + 1);
        auto const number = next.number;
        if (!to.push(std::move(next)) || stop.stop_requested()) return;
        next = {number_of_file, number + 1, {}};
      }
      unfinished = buffer[n - 1] != '\n';
    }
    if (unfinished) to.push(std::move(next));
  } catch (std::system_error const& error) {
    to.push({number_of_file, 0, error.code().message()});
  } catch (std::runtime_error const& error) { to.push({number_of_file, 0, error.what()}); }
}

}  // namespace loglab

#endif  // TANDEM_EXAMPLES_LOGLAB_LINES_HPP
