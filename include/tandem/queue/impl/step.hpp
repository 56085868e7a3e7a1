// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_IMPL_STEP_HPP
#define TANDEM_QUEUE_IMPL_STEP_HPP

namespace tandem::impl {

/// What came of an attempt to put in, or to take out. stopped: nothing may come in any more.
enum class step { done, not_now, stopped };

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_STEP_HPP
