// SPDX-License-Identifier: BSL-1.0
// The door to sync/.
#ifndef TANDEM_SYNC_HPP
#define TANDEM_SYNC_HPP

#include "tandem/sync/barrier.hpp"
#include "tandem/sync/condition_variable.hpp"
#include "tandem/sync/condition_variable_any.hpp"
#include "tandem/sync/counting_semaphore.hpp"
#include "tandem/sync/latch.hpp"
#include "tandem/sync/lock_order.hpp"
#include "tandem/sync/mutex.hpp"
#include "tandem/sync/once_flag.hpp"
#include "tandem/sync/owner_died.hpp"
#include "tandem/sync/participant_died.hpp"
#include "tandem/sync/permits.hpp"
#include "tandem/sync/recovered_lock.hpp"
#include "tandem/sync/recursive_mutex.hpp"
#include "tandem/sync/recursive_timed_mutex.hpp"
#include "tandem/sync/shared_mutex.hpp"
#include "tandem/sync/shared_timed_mutex.hpp"
#include "tandem/sync/stop_token.hpp"
#include "tandem/sync/synchronized_value.hpp"
#include "tandem/sync/timed_mutex.hpp"
#include "tandem/sync/wait.hpp"
#include "tandem/sync/wait_set.hpp"
#include "tandem/sync/waitable.hpp"

#endif  // TANDEM_SYNC_HPP
