// SPDX-License-Identifier: BSL-1.0
// Files below the root, and no others: neither by dots nor by symbolic links.
#ifndef TANDEM_EXAMPLES_HTTPD_FILES_HPP
#define TANDEM_EXAMPLES_HTTPD_FILES_HPP

#include <dirent.h>         // for closedir, fdopendir, readdir
#include <fcntl.h>          // for openat, O_ flags
#include <linux/openat2.h>  // for open_how, RESOLVE_ flags
#include <sys/stat.h>       // for fstat, stat
#include <sys/syscall.h>    // for SYS_openat2
#include <unistd.h>         // for syscall

#include <algorithm>    // for sort
#include <cerrno>       // for errno
#include <memory>       // for unique_ptr
#include <string>       // for string
#include <string_view>  // for string_view
#include <utility>      // for pair
#include <vector>       // for vector

#include <tandem/tandem.hpp>

#include "path.hpp"
#include "request.hpp"

namespace httpd {

// Not to be held up by a named pipe.
inline constexpr int read_flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

/// Before Linux 5.6, or where a filter of system calls refuses openat2: one name after the other, and no symbolic link.
inline tandem::fd open_by_steps(tandem::fd const& root, std::string_view name) {
  tandem::fd at(::openat(root.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  while (at && !name.empty()) {
    std::string const step(take_until(name, '/'));
    at = tandem::fd(::openat(at.get(), step.c_str(), (name.empty() ? read_flags : O_PATH | O_CLOEXEC) | O_NOFOLLOW));
  }
  return at;
}

/// Empty where it cannot be opened, with errno. Relative symbolic links are followed where they stay below the root.
inline tandem::fd open_below(tandem::fd const& root, std::string const& name) {
  if (name.empty()) return tandem::fd(::openat(root.get(), ".", read_flags));
  open_how how{};
  how.flags = read_flags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  tandem::fd file(static_cast<int>(::syscall(SYS_openat2, root.get(), name.c_str(), &how, sizeof how)));
  if (!file && (errno == ENOSYS || errno == EPERM)) return open_by_steps(root, name);
  return file;
}

struct opened {
  tandem::fd file;
  struct stat status {};
};

[[noreturn]] inline void refuse_file(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
      throw refusal{404};
    case EACCES:
    case EPERM:
    case ELOOP:
    case EXDEV:  // it leads out of the root
    case ENXIO:  // a socket, or a device that is not there
      throw refusal{403};
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
      throw refusal{503};
    default:
      throw refusal{500};
  }
}

/// @throws refusal
inline opened open_or_refuse(tandem::fd const& root, std::string const& name) {
  opened found{open_below(root, name)};
  if (!found.file || ::fstat(found.file.get(), &found.status) != 0) refuse_file(errno);
  return found;
}

/// A page with what is in the folder. @throws refusal
inline std::string listing(tandem::fd const& folder, std::string_view name) {
  tandem::fd again(::openat(folder.get(), ".", read_flags));
  std::unique_ptr<DIR, int (*)(DIR*)> const open(again ? ::fdopendir(again.get()) : nullptr, &::closedir);
  if (!open) refuse_file(errno);
  static_cast<void>(again.release());  // closedir closes it
  std::vector<std::string> names;
  while (dirent const* const entry = ::readdir(open.get())) {
    std::string found = entry->d_name;
    if (found == "." || found == "..") continue;
    struct stat status {};
    if (::fstatat(folder.get(), found.c_str(), &status, 0) == 0 && S_ISDIR(status.st_mode)) found += '/';
    names.push_back(std::move(found));
  }
  std::sort(names.begin(), names.end());
  std::string const title = "/" + escape_html(name) + (name.empty() ? "" : "/");
  std::string page = "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>" + title +
                     "</title></head>\n<body><h1>" + title + "</h1>\n<ul>\n";
  if (!name.empty()) page += "<li><a href=\"../\">../</a></li>\n";
  for (auto const& one : names)
    page.append("<li><a href=\"").append(encode_path(one)).append("\">").append(escape_html(one)).append("</a></li>\n");
  return page + "</ul></body></html>\n";
}

inline std::string_view content_type(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> types[] = {
      {"html", "text/html; charset=utf-8"},
      {"htm", "text/html; charset=utf-8"},
      {"css", "text/css; charset=utf-8"},
      {"js", "text/javascript; charset=utf-8"},
      {"mjs", "text/javascript; charset=utf-8"},
      {"txt", "text/plain; charset=utf-8"},
      {"md", "text/markdown; charset=utf-8"},
      {"csv", "text/csv; charset=utf-8"},
      {"hpp", "text/plain; charset=utf-8"},
      {"cpp", "text/plain; charset=utf-8"},
      {"h", "text/plain; charset=utf-8"},
      {"c", "text/plain; charset=utf-8"},
      {"xml", "application/xml"},
      {"json", "application/json"},
      {"pdf", "application/pdf"},
      {"wasm", "application/wasm"},
      {"gz", "application/gzip"},
      {"zip", "application/zip"},
      {"svg", "image/svg+xml"},
      {"png", "image/png"},
      {"jpg", "image/jpeg"},
      {"jpeg", "image/jpeg"},
      {"gif", "image/gif"},
      {"webp", "image/webp"},
      {"avif", "image/avif"},
      {"ico", "image/x-icon"},
      {"woff2", "font/woff2"},
      {"mp3", "audio/mpeg"},
      {"ogg", "audio/ogg"},
      {"mp4", "video/mp4"},
      {"webm", "video/webm"},
  };
  name = name.substr(name.rfind('/') + 1);
  if (auto const dot = name.rfind('.'); dot != std::string_view::npos) {
    for (auto const& [ending, type] : types) {
      if (same_word(name.substr(dot + 1), ending)) return type;
    }
  }
  return "application/octet-stream";
}

}  // namespace httpd

#endif  // TANDEM_EXAMPLES_HTTPD_FILES_HPP
