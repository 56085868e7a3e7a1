// SPDX-License-Identifier: BSL-1.0
// Which files are read.
#ifndef TANDEM_EXAMPLES_LOGLAB_FILES_HPP
#define TANDEM_EXAMPLES_LOGLAB_FILES_HPP

#include <algorithm>     // for sort
#include <filesystem>    // for directory_entry, recursive_directory_iterator
#include <string>        // for string
#include <system_error>  // for error_code
#include <utility>       // for move
#include <vector>        // for vector

namespace loglab {

struct file {
  std::string path;    // "-": standard input
  bool found = false;  // in a folder, not named: then it need not be a log
};

/// Something that could not be read, and why.
struct problem {
  std::string path;
  std::string reason;
};

/// Adds what the command line names: a file, or the regular files in a folder and in its folders.
inline void add(std::vector<file>& files, std::vector<problem>& problems, std::string path) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (path == "-" || !fs::is_directory(path, error)) {
    files.push_back({std::move(path)});
    return;
  }
  std::vector<std::string> found;
  fs::recursive_directory_iterator at(path, fs::directory_options::skip_permission_denied, error), end;
  for (; !error && at != end; at.increment(error)) {
    std::error_code unknown;
    if (at->symlink_status(unknown).type() == fs::file_type::regular) found.push_back(at->path().string());
  }
  if (error) problems.push_back({std::move(path), error.message()});
  std::sort(found.begin(), found.end());
  for (auto& one : found) files.push_back({std::move(one), true});
}

}  // namespace loglab

#endif  // TANDEM_EXAMPLES_LOGLAB_FILES_HPP
