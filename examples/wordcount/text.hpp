// SPDX-License-Identifier: BSL-1.0
// The text to count: files, cut into pieces small enough that all workers are busy to the end.
#ifndef TANDEM_EXAMPLES_WORDCOUNT_TEXT_HPP
#define TANDEM_EXAMPLES_WORDCOUNT_TEXT_HPP

#include <algorithm>     // for min, sort
#include <cstdint>       // for uint64_t
#include <filesystem>    // for directory_iterator, path, status
#include <string>        // for string
#include <system_error>  // for error_code
#include <vector>        // for vector

namespace wordcount {

/// The words that begin at the bytes [begin, end) of a file.
struct piece {
  std::size_t file;  // which of text::files
  std::uint64_t begin;
  std::uint64_t end;
};

/// Something that could not be counted, and why.
struct problem {
  std::string path;
  std::string reason;
};

struct text {
  std::vector<std::string> files;
  std::vector<piece> pieces;
  std::uint64_t bytes = 0;
  std::vector<problem> problems;
};

inline constexpr std::uint64_t piece_size = 1 << 20;
inline constexpr std::uint64_t to_the_end = UINT64_MAX;  // of a file, even if it has grown or tells no size

/// Adds a file. What tells no size (a pipe, a file of /proc) is one piece.
inline void add_file(text& all, std::string path, std::uint64_t size) {
  std::size_t const file = all.files.size();
  all.files.push_back(std::move(path));
  all.bytes += size;
  std::uint64_t begin = 0;
  for (; size - begin > piece_size; begin += piece_size) all.pieces.push_back({file, begin, begin + piece_size});
  all.pieces.push_back({file, begin, to_the_end});
}

/// Adds the regular files in a folder and in its folders, as `find -type f`: symbolic links are not followed.
inline void add_folder(text& all, std::filesystem::path const& folder) {
  std::error_code error;
  std::vector<std::filesystem::directory_entry> entries;
  for (std::filesystem::directory_iterator at(folder, error); !error && at != std::filesystem::directory_iterator();
       at.increment(error)) {
    entries.push_back(*at);
  }
  if (error) all.problems.push_back({folder.string(), error.message()});
  std::sort(entries.begin(), entries.end());
  for (auto const& entry : entries) {
    auto const type = entry.symlink_status(error).type();
    if (type == std::filesystem::file_type::directory) add_folder(all, entry.path());
    if (type != std::filesystem::file_type::regular) continue;
    auto const size = entry.file_size(error);
    add_file(all, entry.path().string(), error ? 0 : size);
  }
}

/// Adds what the command line names: a folder, or anything that can be read as a file.
inline void add(text& all, std::string const& path) {
  std::error_code error;
  auto const type = std::filesystem::status(path, error).type();
  if (error) {
    all.problems.push_back({path, error.message()});
  } else if (type == std::filesystem::file_type::directory) {
    add_folder(all, path);
  } else {
    auto const size = type == std::filesystem::file_type::regular ? std::filesystem::file_size(path, error) : 0;
    add_file(all, path, error ? 0 : size);
  }
}

/// Adds what a system carries in any case: the license texts of its packages.
inline void add_license_texts(text& all) {
  std::error_code error;
  for (std::filesystem::path const folder : {"/usr/share/common-licenses", "/usr/share/licenses"}) {
    if (std::filesystem::is_directory(folder, error)) add_folder(all, folder);
  }
  std::vector<std::filesystem::path> copyrights;
  for (std::filesystem::directory_iterator at("/usr/share/doc", error);
       !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
    std::error_code no_such_file;
    if (std::filesystem::is_regular_file(at->path() / "copyright", no_such_file))
      copyrights.push_back(at->path() / "copyright");
  }
  std::sort(copyrights.begin(), copyrights.end());
  for (auto const& path : copyrights) add(all, path.string());
}

}  // namespace wordcount

#endif  // TANDEM_EXAMPLES_WORDCOUNT_TEXT_HPP
