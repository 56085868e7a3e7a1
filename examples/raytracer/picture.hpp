// SPDX-License-Identifier: BSL-1.0
// Writes a picture, as PNG or PPM, whole or not at all.
#ifndef TANDEM_EXAMPLES_RAYTRACER_PICTURE_HPP
#define TANDEM_EXAMPLES_RAYTRACER_PICTURE_HPP

#include <fcntl.h>   // for open, O_ flags
#include <png.h>     // for png_image_write_to_memory, ...
#include <unistd.h>  // for fsync, getpid, unlink, write

#include <cerrno>        // for EINTR, errno
#include <cstdint>       // for uint32_t, uint8_t
#include <cstdio>        // for rename
#include <filesystem>    // for canonical, exists, is_regular_file, path
#include <span>          // for span
#include <stdexcept>     // for runtime_error
#include <string>        // for string, to_string
#include <string_view>   // for string_view
#include <system_error>  // for error_code, generic_category

#include <tandem/tandem.hpp>

namespace raytracer {

struct pixel {
  std::uint8_t red, green, blue;
};
static_assert(sizeof(pixel) == 3);

/// The bytes of a file. @throws std::runtime_error
inline std::string to_png(std::span<pixel const> pixels, std::uint32_t width, std::uint32_t height) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = PNG_FORMAT_RGB;
  std::string bytes(PNG_IMAGE_PNG_SIZE_MAX(image), '\0');
  png_alloc_size_t size = bytes.size();
  if (png_image_write_to_memory(&image, bytes.data(), &size, 0, pixels.data(), 0, nullptr) == 0)
    throw std::runtime_error(std::string("libpng: ") + image.message);
  bytes.resize(size);
  return bytes;
}

inline std::string to_ppm(std::span<pixel const> pixels, std::uint32_t width, std::uint32_t height) {
  std::string bytes = "P6\n" + std::to_string(width) + " " + std::to_string(height) + "\n255\n";
  return bytes.append(reinterpret_cast<char const*>(pixels.data()), pixels.size_bytes());
}

/// A file to be: written beside its place under another name, and put there when it is whole.
class new_file {
 public:
  /// @throws std::runtime_error that names the file, as write
  explicit new_file(std::string const& path) : name_(path), path_(path) {
    if (path.empty()) throw std::runtime_error("the output has no name");
    std::error_code unknown;  // then open(2) says why
    if (std::filesystem::exists(path_, unknown)) {
      path_ = std::filesystem::canonical(path_);  // where a link leads, not the link
      if (!std::filesystem::is_regular_file(path_))
        throw std::runtime_error(name_ + ": is there already, and no regular file");
    }
    beside_ = path_.string() + "." + std::to_string(::getpid()) + ".part";
    file_.reset(::open(beside_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (!file_) fail();
  }
  new_file(new_file const&) = delete;
  ~new_file() {
    if (!beside_.empty()) ::unlink(beside_.c_str());
  }

  void write(std::string_view bytes) {
    while (!bytes.empty()) {
      auto const n = ::write(file_.get(), bytes.data(), bytes.size());
      if (n < 0 && errno != EINTR) fail();
      if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::fsync(file_.get()) != 0) fail();
    if (std::rename(beside_.c_str(), path_.c_str()) != 0) fail();
    beside_.clear();
  }

 private:
  [[noreturn]] void fail() const {
    throw std::runtime_error(name_ + ": cannot be written: " + std::generic_category().message(errno));
  }

  std::string name_;
  std::filesystem::path path_;
  std::string beside_;
  tandem::fd file_;
};

}  // namespace raytracer

#endif  // TANDEM_EXAMPLES_RAYTRACER_PICTURE_HPP
