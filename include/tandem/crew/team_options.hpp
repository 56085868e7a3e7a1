// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_TEAM_OPTIONS_HPP
#define TANDEM_CREW_TEAM_OPTIONS_HPP

#include <cstddef>  // for size_t
#include <string>   // for string

#include "tandem/execution/start.hpp"  // for start

namespace tandem {

/// How a team is to be. Designated initialisers: `{.name = "solver", .members = 8}`.
/// @par Threads and processes  A value.
struct team_options {
  /// Of the members: "team 0", "team 1".
  std::string name = "team";
  /// How many; 0: as many as the calling thread may use CPUs. At most 1024.
  std::size_t members = 0;
  /// How members that are processes come to be, and whether they write down where they crash: as in options. Threads
  /// take no notice.
  tandem::start start = start::fork;
  bool report_crash = false;
};

}  // namespace tandem

#endif  // TANDEM_CREW_TEAM_OPTIONS_HPP
