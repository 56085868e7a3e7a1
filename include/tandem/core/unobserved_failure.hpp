// SPDX-License-Identifier: BSL-1.0
// Who is told of the failures that nobody looked at.
#ifndef TANDEM_CORE_UNOBSERVED_FAILURE_HPP
#define TANDEM_CORE_UNOBSERVED_FAILURE_HPP

#include <atomic>  // for memory_order

#include "tandem/core/failure.hpp"  // for failure

namespace tandem {

/// Is told of a failure whose last outcome was destroyed before anybody had looked; in whatever thread did so. It may
/// keep a copy.
using unobserved_failure_handler = void (*)(failure const&) noexcept;

/// From now on, tells `handler` of the failures that nobody looked at; nullptr: one line on stderr, the default.
/// @return the handler before, or nullptr if that was the default.
/// @par Threads  May be called at any time; a handler that was replaced may still run in other threads.
/// @throws nothing.
inline unobserved_failure_handler set_unobserved_failure_handler(unobserved_failure_handler handler) noexcept {
  // acq_rel: the handler sees what was set up for it; pairs with the load in call_unobserved_failure_handler.
  return impl::unobserved_failure_handler.exchange(handler, std::memory_order_acq_rel);
}

namespace impl {

/// Tells the handler of a failure that no outcome will ever hold.
inline void report_unobserved(failure const& unseen) noexcept { call_unobserved_failure_handler(unseen); }

}  // namespace impl
}  // namespace tandem

#endif  // TANDEM_CORE_UNOBSERVED_FAILURE_HPP
