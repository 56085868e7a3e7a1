// SPDX-License-Identifier: BSL-1.0
// gzip files by zlib, which is looked for when the program runs: it is built without it.
#ifndef TANDEM_EXAMPLES_LOGLAB_GZIP_HPP
#define TANDEM_EXAMPLES_LOGLAB_GZIP_HPP

#include <dlfcn.h>  // for dlopen, dlsym

#include <cstddef>    // for size_t
#include <span>       // for span
#include <stdexcept>  // for runtime_error
#include <string>     // for string

#include <tandem/tandem.hpp>

namespace loglab {

/// zlib's functions for files, as zlib.h has them.
class zlib {
 public:
  /// Null where there is no zlib. Found once, before the first unit is started.
  static zlib const* get() {
    static zlib const found;
    return found.close_ != nullptr ? &found : nullptr;
  }

 private:
  friend class gzip_file;

  zlib() {
    void* const library = ::dlopen("libz.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return;
    open_ = reinterpret_cast<void* (*)(int, char const*)>(::dlsym(library, "gzdopen"));
    read_ = reinterpret_cast<int (*)(void*, void*, unsigned)>(::dlsym(library, "gzread"));
    error_ = reinterpret_cast<char const* (*)(void*, int*)>(::dlsym(library, "gzerror"));
    close_ = reinterpret_cast<int (*)(void*)>(::dlsym(library, "gzclose"));
  }

  void* (*open_)(int, char const*) = nullptr;
  int (*read_)(void*, void*, unsigned) = nullptr;
  char const* (*error_)(void*, int*) = nullptr;
  int (*close_)(void*) = nullptr;
};

class gzip_file {
 public:
  explicit gzip_file(tandem::fd file) : zlib_(zlib::get()) {
    if (zlib_ == nullptr) throw std::runtime_error("it is compressed, and zlib (libz.so.1) is not there");
    file_ = zlib_->open_(file.get(), "rb");
    if (file_ == nullptr) throw std::runtime_error("it is compressed, and there is no memory to read it");
    static_cast<void>(file.release());  // zlib closes it
  }
  gzip_file(gzip_file const&) = delete;
  ~gzip_file() { zlib_->close_(file_); }

  /// Reads on, at most to the end of `buffer`. 0 at the end. @throws std::runtime_error where it is cut off, or no gzip
  std::size_t read(std::span<char> buffer) {
    int const n = zlib_->read_(file_, buffer.data(), static_cast<unsigned>(buffer.size()));
    int error = 0;
    char const* const words = zlib_->error_(file_, &error);
    if (n < 0 || (n == 0 && error < 0)) throw std::runtime_error(std::string("as gzip: ") + words);
    return static_cast<std::size_t>(n);
  }

 private:
  zlib const* zlib_;
  void* file_ = nullptr;
};

}  // namespace loglab

#endif  // TANDEM_EXAMPLES_LOGLAB_GZIP_HPP
