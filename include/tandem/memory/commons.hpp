// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_COMMONS_HPP
#define TANDEM_MEMORY_COMMONS_HPP

#include "tandem/memory/heap.hpp"  // for heap

namespace tandem {

/// The heap of the family: of this process and all that it starts through tandem, or by fork.
///
/// It is set up at the first allocation in the process that needs it first: one sparse mapping of up to 64 GiB of
/// address space. A family has the commons that its first process had when the second was started, so a process that is
/// forked before the first allocation has a commons of its own.
/// @throws nothing.
inline heap& commons() noexcept { return heap::the_commons_; }

}  // namespace tandem

#endif  // TANDEM_MEMORY_COMMONS_HPP
