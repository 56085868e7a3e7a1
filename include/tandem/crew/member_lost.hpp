// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_MEMBER_LOST_HPP
#define TANDEM_CREW_MEMBER_LOST_HPP

#include <cstddef>    // for size_t
#include <cstdint>    // for uint64_t
#include <optional>   // for optional
#include <stdexcept>  // for runtime_error
#include <string>     // for string
#include <utility>    // for move

#include "tandem/core/codec.hpp"           // for codec
#include "tandem/core/codec_failure.hpp"   // for codec<failure>
#include "tandem/core/codec_optional.hpp"  // for codec<optional>
#include "tandem/core/codec_string.hpp"    // for codec<string>
#include "tandem/core/failure.hpp"         // for failure

namespace tandem {

/// Thrown by a member of a team that waits for one who will not come: it has failed, or has returned before. Comes out
/// of processes as itself.
/// @par Shared memory          No: an exception.
/// @par Threads and processes  Copies may be used concurrently.
/// @par Peer death             Tells of one.
class member_lost : public std::runtime_error {
 public:
  /// `why` is empty where the member has returned.
  member_lost(std::size_t rank, std::optional<failure> why, std::string const& what)
      : std::runtime_error(what), rank_(rank), why_(std::move(why)) {}
  member_lost(member_lost const&) noexcept = default;
  member_lost& operator=(member_lost const&) noexcept = default;

  /// Whom: of several that failed, the one whose end was known first.
  std::size_t rank() const noexcept { return rank_; }
  /// How it failed; nothing where it has returned.
  std::optional<failure> const& get_failure() const noexcept { return why_; }

 private:
  std::size_t rank_;
  std::optional<failure> why_;
};

template <> struct codec<member_lost> {
  static constexpr std::size_t least_size = 1;
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, member_lost const& value) {
    to.write_flat(static_cast<std::uint64_t>(value.rank()));
    codec<std::optional<failure>>::encode(to, value.get_failure());
    codec<std::string>::encode(to, value.what());
  }

  static member_lost decode(reader& from) {
    auto const rank = static_cast<std::size_t>(from.read_flat<std::uint64_t>());
    auto why = codec<std::optional<failure>>::decode(from);
    return {rank, std::move(why), codec<std::string>::decode(from)};
  }
};

}  // namespace tandem

#endif  // TANDEM_CREW_MEMBER_LOST_HPP
