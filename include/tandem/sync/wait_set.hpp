// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_SYNC_WAIT_SET_HPP
#define TANDEM_SYNC_WAIT_SET_HPP

#include <sys/epoll.h>  // for epoll_event

#include <array>        // for array
#include <cerrno>       // for errno, EEXIST, ENOENT
#include <cstddef>      // for size_t
#include <cstdint>      // for int64_t, uint32_t, uint64_t
#include <optional>     // for nullopt, optional
#include <stdexcept>    // for invalid_argument
#include <string>       // for string
#include <type_traits>  // for is_nothrow_move_constructible_v
#include <utility>      // for exchange, move, swap
#include <vector>       // for vector

#include "tandem/core/deadline.hpp"         // for deadline
#include "tandem/core/errors.hpp"           // for throw_errc, throw_errno
#include "tandem/os/epoll.hpp"              // for open_epoll, wait_watched, watch_again, watch_once
#include "tandem/os/process_id.hpp"         // for process_id
#include "tandem/resource/fd.hpp"           // for fd
#include "tandem/sync/impl/wait_limit.hpp"  // for as_deadline, as_ns, stop_watch, time_limit
#include "tandem/sync/stop_token.hpp"       // for stop_token
#include "tandem/sync/waitable.hpp"         // for wait_access, waitable

namespace tandem {

/// Waits for many things, again and again: what an event costs does not grow with the number waiting (epoll(7)).
///
///     wait_set set;
///     for (std::size_t i = 0; i < units.size(); ++i) set.add(units[i], i);
///     while (!set.empty()) std::cout << units[set.wait()].join().value() << '\n';
///
/// What `wait` returns has left the set: a unit, which ends once, is not met again after its join; what may become
/// ready again, as an event, is added again. The set knows things by their descriptors and holds no reference to them:
/// handles may be moved while it waits for them. One that is joined or destroyed before its turn must be removed first,
/// or it may never be reported.
/// @par Shared memory          No: it belongs to the process that made it; in a forked child its members throw
/// std::system_error (operation_not_permitted).
/// @par Threads and processes  One set is for one thread at a time. What it waits for may become ready anywhere.
/// @par Peer death             The end of a process is what makes it ready.
template <class Key = std::size_t> class wait_set {
  static_assert(std::is_nothrow_move_constructible_v<Key>, "tandem: a wait_set's key is moved without exceptions");

 public:
  using key_type = Key;

  /// Nothing to wait for.
  /// @throws std::system_error  EMFILE, ENFILE
  wait_set() : set_(os::open_epoll()), owner_(os::process_id()) {
    if (!set_) throw_errno("make a wait_set: epoll_create");
  }
  wait_set(wait_set&& other) noexcept
      : set_(std::move(other.set_)),
        owner_(other.owner_),
        entries_(std::move(other.entries_)),
        size_(std::exchange(other.size_, 0)),
        told_(other.told_),
        first_told_(std::exchange(other.first_told_, 0)),
        end_told_(std::exchange(other.end_told_, 0)) {}
  wait_set& operator=(wait_set other) noexcept {
    swap(other);
    return *this;
  }
  ~wait_set() = default;

  /// From now on waits for `thing` too, until it is reported as `key` or removed. One that is in the set already is
  /// known by the new key.
  /// @throws std::invalid_argument where it owns nothing to wait for; std::system_error: EPERM for a file that is never
  /// waited for (a regular one), EMFILE, ENOSPC (/proc/sys/fs/epoll/max_user_watches)
  /// @par Blocks  Never.  @par Cost  One system call, two where the descriptor's number was in the set before.
  template <waitable T> void add(T&& thing, Key key) {
    require_owner("wait_set::add");
    int const descriptor = impl::wait_access::handle(thing);
    if (descriptor < 0) {
      throw std::invalid_argument(
          "tandem: wait_set::add: it owns nothing to wait for: it was joined, moved from, or never started");
    }
    auto const at = static_cast<std::size_t>(descriptor);
    if (at >= entries_.size()) entries_.resize(at + 1);
    entry& added = entries_[at];
    std::uint32_t const turn = added.turn == UINT32_MAX ? 1 : added.turn + 1;
    watch(descriptor, added.turn != 0, std::uint64_t{turn} << 32 | static_cast<std::uint32_t>(descriptor));
    if (!added.key) ++size_;
    added.turn = turn;
    added.key.emplace(std::move(key));
  }

  /// Waits for `thing` no longer. False where it was not waited for. @throws as add
  template <waitable T> bool remove(T&& thing) {
    require_owner("wait_set::remove");
    int const descriptor = impl::wait_access::handle(thing);
    auto const at = static_cast<std::size_t>(descriptor);
    if (descriptor < 0 || at >= entries_.size() || !entries_[at].key) return false;
    os::stop_watching(set_.get(), descriptor);
    forget(entries_[at]);
    return true;
  }

  /// How many things are waited for.
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }

  /// Blocks until something is ready, and returns its key. What was ready first comes first.
  /// @throws std::invalid_argument where the set is empty
  /// @par Cost  One system call for 16 things that are ready at once, whatever the number waiting.
  Key wait() { return *next(stop_token(), deadline::never()); }

  /// The same, at most until `limit` (a deadline, a duration, a point in time): std::nullopt if nothing is ready then.
  /// One that has passed looks once.
  template <impl::time_limit L> std::optional<Key> wait(L const& limit) {
    return next(stop_token(), impl::as_deadline(limit));
  }

  /// The same until a stop is requested: std::nullopt then, whatever is ready. @throws also as stop_callback
  std::optional<Key> wait(stop_token const& stop) { return next(stop, deadline::never()); }
  template <impl::time_limit L> std::optional<Key> wait(stop_token const& stop, L const& limit) {
    return next(stop, impl::as_deadline(limit));
  }

  void swap(wait_set& other) noexcept {
    std::swap(set_, other.set_);
    std::swap(owner_, other.owner_);
    entries_.swap(other.entries_);
    std::swap(size_, other.size_);
    std::swap(told_, other.told_);
    std::swap(first_told_, other.first_told_);
    std::swap(end_told_, other.end_told_);
  }
  friend void swap(wait_set& a, wait_set& b) noexcept { a.swap(b); }

 private:
  /// What is known of a descriptor number: its place is the number.
  struct entry {
    std::optional<Key> key;  // while it is waited for
    std::uint32_t turn = 0;  // how often it was added: what the kernel tells of an earlier turn is out of date
  };
  static constexpr std::uint64_t stop_requested = 0xffffffff;  // no descriptor's number

  void require_owner(char const* call) const {
    if (owner_ != os::process_id())
      throw_errc(std::errc::operation_not_permitted, call, "the set belongs to another process, this one's parent");
    if (!set_) throw std::invalid_argument(std::string("tandem: ") + call + ": the set was moved from");
  }

  void watch(int descriptor, bool again, std::uint64_t data) {
    if (again) {
      if (os::watch_again(set_.get(), descriptor, data) == 0) return;
      if (errno != ENOENT) throw_errno("wait_set::add");
    }  // ENOENT: closed since; the number is another file's now
    if (os::watch_once(set_.get(), descriptor, data) != 0) throw_errno("wait_set::add");
  }

  void forget(entry& one) noexcept {
    one.key.reset();
    --size_;
  }

  std::optional<Key> next(stop_token const& stop, deadline until) {
    require_owner("wait_set::wait");
    if (stop.stop_requested()) return std::nullopt;
    if (auto key = take()) return key;
    if (size_ == 0) throw std::invalid_argument("tandem: wait_set::wait: the set is empty");

    if (!stop.stop_possible()) return sleep(stop, until);
    if (auto key = sleep(stop, deadline::after(std::chrono::nanoseconds(0)))) return key;
    if (until.passed() || stop.stop_requested()) return std::nullopt;
    impl::stop_watch const watch(stop);
    if (os::watch_once(set_.get(), watch.handle(), stop_requested) != 0) throw_errno("wait_set::wait");
    auto key = sleep(stop, until);
    os::stop_watching(set_.get(), watch.handle());
    return key;
  }

  /// Until the kernel tells of something that is still waited for.
  std::optional<Key> sleep(stop_token const& stop, deadline until) {
    for (;;) {
      int const count =
          os::wait_watched(set_.get(), told_.data(), static_cast<int>(told_.size()), until.since_epoch_ns());
      if (count < 0) throw_errno("wait_set::wait");
      if (count == 0) return std::nullopt;
      first_told_ = 0;
      end_told_ = static_cast<std::size_t>(count);
      if (stop.stop_requested()) return std::nullopt;  // what was told meanwhile is for the next call
      if (auto key = take()) return key;
    }
  }

  /// The next of what the kernel has told.
  std::optional<Key> take() {
    while (first_told_ < end_told_) {
      std::uint64_t const data = told_[first_told_++].data.u64;
      if (data == stop_requested) continue;
      entry& one = entries_[static_cast<std::uint32_t>(data)];
      if (!one.key || one.turn != data >> 32) continue;
      auto key = std::move(one.key);
      forget(one);
      return key;
    }
    return std::nullopt;
  }

  fd set_;
  pid_t owner_;
  std::vector<entry> entries_;  // by descriptor
  std::size_t size_ = 0;
  std::array<epoll_event, 16> told_{};  // by the kernel, not yet by us
  std::size_t first_told_ = 0;
  std::size_t end_told_ = 0;
};

}  // namespace tandem

#endif  // TANDEM_SYNC_WAIT_SET_HPP
