// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_IMPL_DETACHED_HPP
#define TANDEM_EXECUTION_IMPL_DETACHED_HPP

#include <atomic>   // for atomic
#include <utility>  // for exchange, move

#include "tandem/execution/impl/process_state.hpp"  // for process_state

namespace tandem::impl {

/// Processes that were let go. Nobody joins them, so they are reaped when this process next starts one: no thread and
/// no signal handler is needed for it. A list without a lock: a fork in the middle of a change leaves the child a list
/// that is whole.
class detached {
 public:
  static void add(process_state process) {
    if (process.ended()) return process.report_failure();  // reaped already: nothing is left to be collected later
    push(new node{std::move(process), nullptr});
  }

  static void reap() noexcept {
    if (first_.load(std::memory_order_relaxed) == nullptr) return;
    // acquire: pairs with push's release
    for (node* at = first_.exchange(nullptr, std::memory_order_acquire); at != nullptr;) {
      node* const current = std::exchange(at, at->next);
      if (current->process.is_ours() && !current->process.wait_until(deadline::after(std::chrono::nanoseconds(0)))) {
        push(current);
        continue;
      }
      if (current->process.is_ours()) current->process.report_failure();
      delete current;
    }
  }

 private:
  struct node {
    process_state process;
    node* next;
  };

  static void push(node* added) noexcept {
    added->next = first_.load(std::memory_order_relaxed);
    while (!first_.compare_exchange_weak(added->next, added, std::memory_order_release)) {}
  }

  static inline constinit std::atomic<node*> first_{nullptr};
};

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_DETACHED_HPP
