// SPDX-License-Identifier: BSL-1.0
// What one worker does, be it a thread or a process: nothing in here knows.
#ifndef TANDEM_EXAMPLES_WORDCOUNT_WORKER_HPP
#define TANDEM_EXAMPLES_WORDCOUNT_WORKER_HPP

#include <fcntl.h>   // for open
#include <unistd.h>  // for lseek, pread, read

#include <algorithm>     // for find_if, min
#include <atomic>        // for atomic
#include <cerrno>        // for errno
#include <cstdint>       // for uint64_t
#include <string>        // for string
#include <system_error>  // for generic_category, system_error
#include <vector>        // for vector

#include <tandem/tandem.hpp>

#include "text.hpp"
#include "words.hpp"

namespace wordcount {

struct unread {
  std::size_t file;
  std::string reason;
};

/// What a worker found. It crosses the wall by value, as it is: structs of strings, numbers and vectors are
/// transferable.
struct share {
  word_list words;
  std::vector<unread> unread_files;
};

/// What the workers have in common, in memory that all of them see in either mode.
struct progress {
  std::atomic<std::size_t> next_piece{0};
  std::atomic<std::uint64_t> bytes_done{0};
};

[[noreturn]] inline void fail() { throw std::system_error(errno, std::generic_category()); }

/// Reads on, at most to the end of `buffer`. 0 at the end of the file.
inline std::size_t read_some(tandem::fd const& file, std::span<char> buffer) {
  for (;;) {
    auto const n = ::read(file.get(), buffer.data(), buffer.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) fail();
  }
}

/// Counts the words that begin in a piece: not the rest of one that has begun before, but all of one that ends behind.
inline void count_piece(std::string const& path, piece const& part, std::vector<char>& buffer, word_table& table,
                        progress& all, tandem::stop_token const& stop) {
  tandem::fd const file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) fail();
  word_scan scan(table);
  if (part.begin != 0) {
    auto const before = static_cast<off_t>(part.begin - 1);
    if (::pread(file.get(), buffer.data(), 1, before) < 0 || ::lseek(file.get(), before + 1, SEEK_SET) < 0) fail();
    if (lower(buffer[0]) != 0) scan.skip_rest_of_word();
  }

  std::uint64_t left = part.end - part.begin;
  while (left != 0 && !stop.stop_requested()) {
    auto const n = read_some(file, std::span(buffer).first(std::min<std::size_t>(buffer.size(), left)));
    if (n == 0) break;
    scan.feed(std::span(buffer).first(n));
    left -= n;
    all.bytes_done.fetch_add(n, std::memory_order_relaxed);  // for the eye only
  }
  while (scan.in_word()) {  // the last word's end lies in somebody else's piece
    auto const more = std::span(buffer).first(read_some(file, std::span(buffer).first(512)));
    auto const end = std::find_if(more.begin(), more.end(), [](char byte) { return lower(byte) == 0; });
    scan.feed(more.first(static_cast<std::size_t>(end - more.begin())));
    if (end != more.end() || more.empty()) scan.finish();
  }
}

/// Counts one piece after another, until there is none left that nobody has taken.
inline share count(tandem::stop_token stop, text const& all, tandem::shared<progress> common) {
  word_table table;
  share found;
  std::vector<char> buffer(1 << 18);
  while (!stop.stop_requested()) {
    // relaxed: each number is taken once, and the pieces were there before the workers
    auto const number = common->next_piece.fetch_add(1, std::memory_order_relaxed);
    if (number >= all.pieces.size()) break;
    piece const& part = all.pieces[number];
    try {
      count_piece(all.files[part.file], part, buffer, table, *common, stop);
    } catch (std::system_error const& error) { found.unread_files.push_back({part.file, error.code().message()}); }
  }
  found.words = std::move(table).take();
  return found;
}

}  // namespace wordcount

#endif  // TANDEM_EXAMPLES_WORDCOUNT_WORKER_HPP
