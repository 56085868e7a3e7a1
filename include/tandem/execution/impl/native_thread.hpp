// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_IMPL_NATIVE_THREAD_HPP
#define TANDEM_EXECUTION_IMPL_NATIVE_THREAD_HPP

#include <pthread.h>  // for pthread_create, pthread_join, pthread_detach

#include <cstddef>  // for size_t
#include <utility>  // for exchange, swap

#include "tandem/core/errors.hpp"  // for throw_errno
#include "tandem/os/mapping.hpp"   // for page_size

namespace tandem::impl {

/// A thread of the system, or none: std::thread with a stack size, and without the allocation for what it runs.
class native_thread {
 public:
  native_thread() noexcept = default;
  native_thread(native_thread&& other) noexcept : id_(other.id_), joinable_(std::exchange(other.joinable_, false)) {}
  native_thread& operator=(native_thread&& other) noexcept {
    id_ = other.id_;
    joinable_ = std::exchange(other.joinable_, false);
    return *this;
  }

  /// Starts `entry(data)`, with a stack of at least `stack_size` bytes; 0: as the system has it. 0, or an errno.
  int start(void* (*entry)(void*), void* data, std::size_t stack_size) noexcept {
    int error = 0;
    if (stack_size == 0) {
      error = ::pthread_create(&id_, nullptr, entry, data);
    } else {
      std::size_t const page = os::page_size();
      std::size_t const whole =
          stack_size > ~std::size_t{0} - page ? stack_size : (stack_size + page - 1) / page * page;
      pthread_attr_t attributes;
      error = ::pthread_attr_init(&attributes);
      if (error != 0) return error;
      error = ::pthread_attr_setstacksize(&attributes, whole);
      if (error == 0) error = ::pthread_create(&id_, &attributes, entry, data);
      ::pthread_attr_destroy(&attributes);
    }
    joinable_ = error == 0;
    return error;
  }

  pthread_t id() const noexcept { return joinable_ ? id_ : pthread_t{}; }
  bool is_this_thread() const noexcept { return joinable_ && ::pthread_equal(id_, ::pthread_self()) != 0; }

  /// @throws std::system_error as pthread_join(3)
  void join() {
    if (int const error = ::pthread_join(id_, nullptr)) throw_errno(error, "join a thread");
    joinable_ = false;
  }
  void detach() noexcept {
    ::pthread_detach(id_);
    joinable_ = false;
  }

  void swap(native_thread& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(joinable_, other.joinable_);
  }

 private:
  pthread_t id_{};
  bool joinable_ = false;
};

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_NATIVE_THREAD_HPP
