// SPDX-License-Identifier: BSL-1.0
// The door to memory/: what units share.
#ifndef TANDEM_MEMORY_HPP
#define TANDEM_MEMORY_HPP

#include "tandem/memory/commons.hpp"
#include "tandem/memory/commons_allocator.hpp"
#include "tandem/memory/heap.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/memory/shm.hpp"

#endif  // TANDEM_MEMORY_HPP
