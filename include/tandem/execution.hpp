// SPDX-License-Identifier: BSL-1.0
// The door to execution/: threads, processes, and either.
#ifndef TANDEM_EXECUTION_HPP
#define TANDEM_EXECUTION_HPP

#include "tandem/execution/borrow.hpp"
#include "tandem/execution/cpu_set.hpp"
#include "tandem/execution/inherit.hpp"
#include "tandem/execution/initialize.hpp"
#include "tandem/execution/lost_writes.hpp"
#include "tandem/execution/options.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/scheduling.hpp"
#include "tandem/execution/start.hpp"
#include "tandem/execution/stdio.hpp"
#include "tandem/execution/stop_on_signal.hpp"
#include "tandem/execution/this_unit.hpp"
#include "tandem/execution/thread.hpp"
#include "tandem/execution/unit.hpp"
#include "tandem/execution/unit_id.hpp"
#include "tandem/execution/zygote.hpp"

#endif  // TANDEM_EXECUTION_HPP
