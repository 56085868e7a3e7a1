// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_VERSION_HPP
#define TANDEM_VERSION_HPP

/// The library's version, by semantic versioning. The build reads it from here, so it is written once.
#define TANDEM_VERSION_MAJOR 0
#define TANDEM_VERSION_MINOR 1
#define TANDEM_VERSION_PATCH 0

#endif  // TANDEM_VERSION_HPP
