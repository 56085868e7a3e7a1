// SPDX-License-Identifier: BSL-1.0
// Loading a plugin, and running it over one file. Whoever does this shares memory with the plugin's code.
#ifndef TANDEM_EXAMPLES_PLUGIN_HOST_PLUGIN_HPP
#define TANDEM_EXAMPLES_PLUGIN_HOST_PLUGIN_HPP

#include <dlfcn.h>  // for dlopen, dlsym, dlerror

#include <algorithm>     // for sort
#include <cerrno>        // for errno
#include <cstdint>       // for uintmax_t
#include <filesystem>    // for path, recursive_directory_iterator
#include <fstream>       // for ifstream
#include <stdexcept>     // for runtime_error
#include <string>        // for string
#include <system_error>  // for error_code, system_error
#include <utility>       // for move
#include <vector>        // for vector

#include "plugin_api.h"

namespace plugin_host {

/// Never unloaded: what it has started may still run.
inline plugin const& load(std::string const& path) {
  void* const module = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) throw std::runtime_error(::dlerror());
  auto* const entry = reinterpret_cast<decltype(&plugin_entry)>(::dlsym(module, "plugin_entry"));
  if (entry == nullptr) throw std::runtime_error(path + " has no plugin_entry: it is no plugin");
  plugin const* const found = entry();
  if (found == nullptr || found->api != PLUGIN_API_VERSION)
    throw std::runtime_error(path + " is made for another version of the plugin interface");
  return *found;
}

/// The name of a plugin's file without its ending: what it is called here, without running any of its code.
inline std::string name_of(std::string const& path) { return std::filesystem::path(path).stem().string(); }

inline std::vector<std::string> plugins_in(std::string const& folder) {
  std::vector<std::string> found;
  for (auto const& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().extension() == ".so") found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// The regular files below `folder`, by name, but for those of more than 1 MiB; where there are more than `most`, so
/// many, spread evenly. What cannot be entered is left out.
inline std::vector<std::string> files_in(std::string const& folder, std::size_t most) {
  std::vector<std::string> found;
  using walk = std::filesystem::recursive_directory_iterator;
  for (auto const& entry : walk(folder, std::filesystem::directory_options::skip_permission_denied)) {
    std::error_code error;
    if (entry.symlink_status(error).type() == std::filesystem::file_type::regular &&
        entry.file_size(error) <= std::uintmax_t{1} << 20 && !error)
      found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  if (found.size() <= most) return found;
  std::vector<std::string> spread;
  for (std::size_t i = 0; i < most; ++i) spread.push_back(std::move(found[i * found.size() / most]));
  return spread;
}

inline std::string read_file(std::string const& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) throw std::system_error(errno, std::generic_category(), path);
  return bytes;
}

}  // namespace plugin_host

#endif  // TANDEM_EXAMPLES_PLUGIN_HOST_PLUGIN_HPP
