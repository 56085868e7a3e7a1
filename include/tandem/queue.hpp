// SPDX-License-Identifier: BSL-1.0
// The door to queue/.
#ifndef TANDEM_QUEUE_HPP
#define TANDEM_QUEUE_HPP

#include "tandem/queue/acknowledged_queue.hpp"
#include "tandem/queue/bounded_queue.hpp"
#include "tandem/queue/broadcast_consumer.hpp"
#include "tandem/queue/broadcast_queue.hpp"
#include "tandem/queue/byte_iostream.hpp"
#include "tandem/queue/byte_stream.hpp"
#include "tandem/queue/consumer_lagged.hpp"
#include "tandem/queue/delivery.hpp"
#include "tandem/queue/latest.hpp"
#include "tandem/queue/pump.hpp"
#include "tandem/queue/queue_consumer.hpp"
#include "tandem/queue/queue_producer.hpp"
#include "tandem/queue/spsc_queue.hpp"

#endif  // TANDEM_QUEUE_HPP
