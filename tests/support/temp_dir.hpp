// SPDX-License-Identifier: BSL-1.0
// A folder of its own for a test, gone with its scope.
#ifndef TANDEM_TESTS_SUPPORT_TEMP_DIR_HPP
#define TANDEM_TESTS_SUPPORT_TEMP_DIR_HPP

#include <stdlib.h>  // for mkdtemp
#include <unistd.h>  // for getpid

#include <cerrno>        // for errno
#include <filesystem>    // for path, remove_all
#include <string>        // for string, to_string
#include <system_error>  // for system_error

namespace tandem_test {

/// A fresh, empty folder; the destructor removes it with all that it holds, in the process that made it only.
class temp_dir {
 public:
  temp_dir() {
    // The process id in the name is how the leak gate tells our folders from those of others.
    auto pattern =
        (std::filesystem::temp_directory_path() / ("tandem-" + std::to_string(owner_) + "-" + std::string(6, 'X')))
            .string();
    if (::mkdtemp(pattern.data()) == nullptr)
      throw std::system_error(errno, std::generic_category(), "mkdtemp: " + pattern);
    path_ = pattern;
  }
  temp_dir(temp_dir const&) = delete;
  temp_dir& operator=(temp_dir const&) = delete;
  ~temp_dir() {
    std::error_code ignored;
    if (::getpid() == owner_) std::filesystem::remove_all(path_, ignored);
  }

  std::filesystem::path const& path() const { return path_; }

  /// The path of `name` in it.
  std::filesystem::path operator/(std::string const& name) const { return path_ / name; }

 private:
  pid_t owner_ = ::getpid();
  std::filesystem::path path_;
};

/// A name for a named object of the running test: the leak gate notices when it is left behind.
inline std::string unique_name(std::string const& what) {
  static int count = 0;
  return "tandem-" + std::to_string(::getpid()) + "-" + std::to_string(++count) + "-" + what;
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_TEMP_DIR_HPP
