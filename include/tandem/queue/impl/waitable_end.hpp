// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_IMPL_WAITABLE_END_HPP
#define TANDEM_QUEUE_IMPL_WAITABLE_END_HPP

#include <optional>  // for nullopt, optional
#include <utility>   // for move

#include "tandem/core/deadline.hpp"          // for deadline
#include "tandem/queue/impl/queue_core.hpp"  // for queue_side
#include "tandem/queue/impl/readiness.hpp"   // for own_readiness
#include "tandem/sync/waitable.hpp"          // for wait_access

namespace tandem::impl {

/// An end of a `Queue` that is waited for beside other things; base of `End`, which has queue(): a reference, or what
/// points to it. `Base` is a queue_end, `Cursor` what the queue's steps need.
template <class End, class Base, class Queue, class Cursor> class waitable_end : public Base {
 public:
  waitable_end(waitable_end const&) = default;
  waitable_end(waitable_end&&) = default;
  waitable_end& operator=(waitable_end other) noexcept {
    ready_ = std::move(other.ready_);  // first: the former one's thread is at the former queue
    cursor_ = other.cursor_;
    Base::operator=(std::move(other));
    return *this;
  }
  ~waitable_end() = default;

  /// For poll(2), epoll(7): readable while this end could go on (a consumer: there is something, or the queue is
  /// closed; a producer: there is room, or nothing may come in any more). Still owned by this end; -1 where it is none.
  /// wait_any and wait_set take the end itself.
  ///
  /// It stays readable until a step of this end could not be done at once; for ever where the queue is closed.
  /// @throws std::system_error  EMFILE, ENFILE, EAGAIN where there can be no further thread
  /// @par Cost  An eventfd and a thread of their own, made for the first who asks, kept as long as this end: the kernel
  /// cannot poll what lies in memory. A wake-up by way of them takes about twice as long as by pop and push.
  int native_handle() {
    if (!*this) return -1;
    auto&& at = end().queue();
    return ready_.handle(plain(at), side_, cursor_);
  }

 protected:
  waitable_end(Base end, queue_side side, Cursor cursor) : Base(std::move(end)), side_(side), cursor_(cursor) {}

  /// The result of a step, which says whether it could be done.
  template <class Result> Result told(Result result) {
    if (!result) was_not_ready();
    return result;
  }
  void was_not_ready() {
    auto&& at = end().queue();
    ready_.was_not_ready(plain(at), cursor_);
  }

  queue_side side() const noexcept { return side_; }
  Cursor& cursor() noexcept { return cursor_; }
  Cursor const& cursor() const noexcept { return cursor_; }

 private:
  friend struct wait_access;

  End& end() noexcept { return static_cast<End&>(*this); }

  template <class At> static Queue& plain(At& at) noexcept {
    if constexpr (requires { *at; })
      return *at;
    else
      return at;
  }

  bool known_ready() {
    if (!*this) return false;
    auto&& at = end().queue();
    return ready_.is_ready(plain(at), side_, cursor_);
  }
  std::optional<bool> sleep_until(deadline until) {
    if (!*this) return std::nullopt;
    auto&& at = end().queue();
    return ready_.sleep_until(plain(at), side_, cursor_, until);
  }

  queue_side side_;
  Cursor cursor_;
  own_readiness<Queue, Cursor> ready_;
};

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_WAITABLE_END_HPP
