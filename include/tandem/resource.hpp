// SPDX-License-Identifier: BSL-1.0
// The door to resource/: what a process owns, and how it is handed on.
#ifndef TANDEM_RESOURCE_HPP
#define TANDEM_RESOURCE_HPP

#include "tandem/resource/event.hpp"
#include "tandem/resource/fd.hpp"
#include "tandem/resource/pipe.hpp"
#include "tandem/resource/send_fd.hpp"
#include "tandem/resource/socket_pair.hpp"

#endif  // TANDEM_RESOURCE_HPP
