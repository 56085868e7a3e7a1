// expect: tandem: acknowledged_queue: a descriptor can be delivered once only: use a bounded_queue
// SPDX-License-Identifier: BSL-1.0
#include "tandem/queue.hpp"
#include "tandem/resource/fd.hpp"

tandem::acknowledged_queue<tandem::fd> queue(4);
