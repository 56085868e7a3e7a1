// SPDX-License-Identifier: BSL-1.0
// The door to crew/: several units for one task.
#ifndef TANDEM_CREW_HPP
#define TANDEM_CREW_HPP

#include "tandem/crew/future.hpp"
#include "tandem/crew/inlet.hpp"
#include "tandem/crew/outlet.hpp"
#include "tandem/crew/pipeline.hpp"
#include "tandem/crew/pool.hpp"
#include "tandem/crew/pool_options.hpp"
#include "tandem/crew/stage.hpp"

#endif  // TANDEM_CREW_HPP
