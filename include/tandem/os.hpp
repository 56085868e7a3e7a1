// SPDX-License-Identifier: BSL-1.0
// The door to os/: the kernel's facilities, as thin functions. The rooms above include what they need; so may a program
// that needs one of them bare.
#ifndef TANDEM_OS_HPP
#define TANDEM_OS_HPP

#include "tandem/os/bound.hpp"
#include "tandem/os/clock.hpp"
#include "tandem/os/clone.hpp"
#include "tandem/os/close_range.hpp"
#include "tandem/os/cpu.hpp"
#include "tandem/os/descriptor.hpp"
#include "tandem/os/directory.hpp"
#include "tandem/os/epoll.hpp"
#include "tandem/os/eventfd.hpp"
#include "tandem/os/exec.hpp"
#include "tandem/os/fault.hpp"
#include "tandem/os/file_space.hpp"
#include "tandem/os/file_status.hpp"
#include "tandem/os/fork.hpp"
#include "tandem/os/futex.hpp"
#include "tandem/os/mapping.hpp"
#include "tandem/os/modules.hpp"
#include "tandem/os/parent_death.hpp"
#include "tandem/os/pidfd.hpp"
#include "tandem/os/poll.hpp"
#include "tandem/os/process_id.hpp"
#include "tandem/os/process_table.hpp"
#include "tandem/os/robust_list.hpp"
#include "tandem/os/scheduling.hpp"
#include "tandem/os/seals.hpp"
#include "tandem/os/signal.hpp"
#include "tandem/os/signal_stack.hpp"
#include "tandem/os/socket.hpp"
#include "tandem/os/stack.hpp"
#include "tandem/os/stdio.hpp"
#include "tandem/os/surroundings.hpp"
#include "tandem/os/symbols.hpp"
#include "tandem/os/timer.hpp"
#include "tandem/os/unnamed_file.hpp"
#include "tandem/os/usage.hpp"
#include "tandem/os/use_mark.hpp"

#endif  // TANDEM_OS_HPP
