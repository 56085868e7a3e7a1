// SPDX-License-Identifier: BSL-1.0
// All of tandem, but for interop/.
#ifndef TANDEM_TANDEM_HPP
#define TANDEM_TANDEM_HPP

#include "tandem/core.hpp"
#include "tandem/crew.hpp"
#include "tandem/execution.hpp"
#include "tandem/memory.hpp"
#include "tandem/os.hpp"
#include "tandem/queue.hpp"
#include "tandem/resource.hpp"
#include "tandem/sync.hpp"

#endif  // TANDEM_TANDEM_HPP
