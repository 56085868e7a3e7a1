// SPDX-License-Identifier: BSL-1.0
// The door to memory/: what units share.
#ifndef TANDEM_MEMORY_HPP
#define TANDEM_MEMORY_HPP

#include "tandem/memory/commons.hpp"
#include "tandem/memory/commons_allocator.hpp"
#include "tandem/memory/heap.hpp"
#include "tandem/memory/mapping.hpp"
#include "tandem/memory/named_heap.hpp"
#include "tandem/memory/offset_ptr.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/memory/shared_array.hpp"
#include "tandem/memory/shared_memory.hpp"
#include "tandem/memory/shm.hpp"
#include "tandem/memory/weak.hpp"

#endif  // TANDEM_MEMORY_HPP
