// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_CODEC_PATH_HPP
#define TANDEM_CORE_CODEC_PATH_HPP

#include <filesystem>  // for path

#include "tandem/core/codec_string.hpp"  // for codec<string>

namespace tandem {

template <> struct codec<std::filesystem::path> {
  static constexpr std::size_t least_size = codec<std::string>::least_size;
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, std::filesystem::path const& value) { codec<std::string>::encode(to, value.native()); }
  static std::filesystem::path decode(reader& from) { return codec<std::string>::decode(from); }
};

}  // namespace tandem

#endif  // TANDEM_CORE_CODEC_PATH_HPP
