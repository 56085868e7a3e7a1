// SPDX-License-Identifier: BSL-1.0
// The door to crew/: several units for one task.
#ifndef TANDEM_CREW_HPP
#define TANDEM_CREW_HPP

#include "tandem/crew/child_options.hpp"
#include "tandem/crew/child_status.hpp"
#include "tandem/crew/future.hpp"
#include "tandem/crew/inlet.hpp"
#include "tandem/crew/member_lost.hpp"
#include "tandem/crew/outlet.hpp"
#include "tandem/crew/pipeline.hpp"
#include "tandem/crew/pool.hpp"
#include "tandem/crew/pool_options.hpp"
#include "tandem/crew/restart_backoff.hpp"
#include "tandem/crew/stage.hpp"
#include "tandem/crew/supervisor.hpp"
#include "tandem/crew/supervisor_event.hpp"
#include "tandem/crew/supervisor_gave_up.hpp"
#include "tandem/crew/supervisor_log.hpp"
#include "tandem/crew/supervisor_options.hpp"
#include "tandem/crew/team.hpp"
#include "tandem/crew/team_member.hpp"
#include "tandem/crew/team_options.hpp"
#include "tandem/crew/this_child.hpp"

#endif  // TANDEM_CREW_HPP
