// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_INHERIT_HPP
#define TANDEM_EXECUTION_INHERIT_HPP

namespace tandem {

/// Which of its starter's descriptors are open in a process, besides those that it is sent later.
enum class inherit {
  all,       ///< All that its start method brings along: with start::fork every one, as fork(2) has it.
  declared,  ///< The standard streams, `options.keep`, those among the arguments, and the few of the library's own.
};

}  // namespace tandem

#endif  // TANDEM_EXECUTION_INHERIT_HPP
