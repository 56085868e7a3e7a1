// SPDX-License-Identifier: BSL-1.0
// How descriptors that are in the elements of a queue travel: as messages of a pair of sockets that the queue's maker
// holds, and each of its ends a copy of one side of. What has been sent stays there when its sender dies.
//
// Messages come in the order of the elements: one lock, of a robust kind, is held for as long as one puts an element
// in, or takes one out. Each has a number, which the element knows: those of elements that never came, for their maker
// died, are passed over.
#ifndef TANDEM_QUEUE_IMPL_DESCRIPTOR_ROAD_HPP
#define TANDEM_QUEUE_IMPL_DESCRIPTOR_ROAD_HPP

#include <poll.h>        // for POLLOUT
#include <sys/socket.h>  // for SOCK_SEQPACKET

#include <cerrno>        // for EAGAIN, errno
#include <cstddef>       // for byte, size_t
#include <cstdint>       // for uint64_t
#include <span>          // for as_bytes, as_writable_bytes, span
#include <system_error>  // for errc
#include <type_traits>   // for conditional_t
#include <utility>       // for exchange, move
#include <vector>        // for vector

#include "tandem/core/errors.hpp"          // for throw_errc, throw_errno
#include "tandem/core/transferable.hpp"    // for may_carry_descriptors, transferable
#include "tandem/os/futex.hpp"             // for no_deadline
#include "tandem/os/poll.hpp"              // for wait_ready
#include "tandem/os/process_id.hpp"        // for process_id
#include "tandem/os/socket.hpp"            // for open_socket_pair, peek, receive_descriptor_message
#include "tandem/queue/impl/step.hpp"      // for step
#include "tandem/resource/fd.hpp"          // for fd
#include "tandem/sync/impl/lock_word.hpp"  // for lock_result, lock_word

namespace tandem::impl {

/// In the queue.
class descriptor_road {
 public:
  enum way { in = 0, out = 1 };

  /// @throws std::system_error  EMFILE, ENFILE
  descriptor_road() : maker_(os::process_id()) {
    if (os::open_socket_pair(ends_, SOCK_SEQPACKET) != 0) throw_errno("make a queue", "a road for descriptors");
  }
  descriptor_road(descriptor_road const&) = delete;
  ~descriptor_road() {
    if (maker_ == os::process_id()) os::close_all(ends_);
  }

  /// This process's own side of it; -1 where it has none.
  int own(way which) const noexcept { return maker_ == os::process_id() ? ends_[which] : -1; }

  /// One more for an end. @throws std::system_error  EPERM in a process that did not make the queue, EMFILE
  fd dup(way which) const {
    if (own(which) < 0)
      throw_errc(std::errc::operation_not_permitted, "take an end",
                 "its elements have descriptors: the process that made the queue makes its ends; copy one, or send it");
    fd const lent(ends_[which]);
    struct kept {
      fd const& one;
      ~kept() { static_cast<void>(const_cast<fd&>(one).release()); }
    } const not_ours{lent};
    return lent.dup();
  }

  /// As long as one lives, its thread's elements travel on that road, by that side of it.
  class travel {
   public:
    travel(descriptor_road& road, int socket) noexcept
        : road_(road), socket_(socket), before_(std::exchange(now_, this)) {}
    travel(travel const&) = delete;
    ~travel() { now_ = before_; }

    static travel* now() noexcept { return now_; }
    bool is_on(descriptor_road const& road) const noexcept { return &road_ == &road; }
    bool is_possible() const noexcept { return socket_ >= 0; }
    bool has_room() const noexcept { return socket_ < 0 || os::wait_ready(socket_, POLLOUT, 0) > 0; }

    /// The number that the element is to remember.
    std::uint64_t send(std::span<int const> descriptors) {
      if (socket_ < 0)
        throw_errc(std::errc::operation_not_supported, "push",
                   "the element has descriptors: take an end, in the process that made the queue");
      if (descriptors.size() > os::most_descriptors_per_message)
        throw_errc(std::errc::argument_list_too_long, "push", "the element has more than 253 descriptors");
      std::uint64_t const number = ++road_.sent_;
      if (os::send_descriptor_message(socket_, descriptors, std::as_bytes(std::span(&number, 1)), os::patience::none) !=
          0)
        throw_errno("push", "send the element's descriptors");
      return number;
    }

    /// @throws std::system_error  bad_message: they are lost; EMFILE: they do not fit into this process
    std::vector<int> receive(std::uint64_t number, std::size_t count) {
      if (socket_ < 0)
        throw_errc(std::errc::operation_not_supported, "pop",
                   "the element has descriptors: take an end, in the process that made the queue");
      for (;;) {
        std::uint64_t next = 0;
        ssize_t const bytes = os::peek(socket_, &next, sizeof next);
        if (bytes != sizeof next || next > number || count > os::most_descriptors_per_message)
          throw_errc(std::errc::bad_message, "pop", "the element's descriptors are lost");
        if (next < number) {  // of one that never came: without room for them the kernel closes them
          os::receive(socket_, &next, sizeof next, os::patience::none);
          continue;
        }
        std::vector<int> numbers(os::most_descriptors_per_message);
        int const came = os::receive_descriptor_message(socket_, numbers, os::patience::none,
                                                        std::as_writable_bytes(std::span(&next, 1)));
        if (came < 0) throw_errno("pop", "receive the element's descriptors");
        numbers.resize(static_cast<std::size_t>(came));
        if (numbers.size() == count) return numbers;
        os::close_all(numbers);
        throw_errc(std::errc::bad_message, "pop", "the element's descriptors are others");
      }
    }

   private:
    descriptor_road& road_;
    int socket_;
    travel* before_;
    static inline constinit thread_local travel* now_ = nullptr;
  };

  /// Takes a step of one side alone; on the road of the calling thread's end, or else by this process's own sockets.
  template <class Step> step alone(way which, Step take) {
    travel* const now = travel::now();
    if (now == nullptr || !now->is_on(*this)) {
      travel const by_own(*this, own(which));
      return alone(which, take);
    }
    auto& lock = locks_[which];
    bool unfinished;  // by one that died: what it had sent is passed over
    if (lock.recover(lock.name(), os::no_deadline, unfinished) != lock_result::locked) return step::stopped;
    struct unlocked {
      lock_word& lock;
      ~unlocked() { lock.unlock(); }
    } const at_end{lock};
    if (which == in && !now->has_room()) return step::not_now;
    return take();
  }

  bool has_room() const noexcept {
    travel const* const now = travel::now();
    int const own_side = own(in);
    if (now != nullptr && now->is_on(*this)) return now->has_room();
    return own_side < 0 || os::wait_ready(own_side, POLLOUT, 0) > 0;
  }

 private:
  pid_t maker_;
  int ends_[2]{-1, -1};
  lock_word locks_[2];
  std::uint64_t sent_ = 0;  // under the lock
};

/// Where elements have no descriptors.
struct no_road {
  enum way { in = 0, out = 1 };
  template <class Step> step alone(way, Step take) { return take(); }
  static constexpr bool has_room() noexcept { return true; }
};

/// An end's side of a road. Copies are duplicates.
class own_road {
 public:
  own_road() noexcept = default;
  own_road(descriptor_road& road, descriptor_road::way which) : side_(road.dup(which)) {}
  explicit own_road(fd side) noexcept : side_(std::move(side)) {}
  own_road(own_road const& other) : side_(other.side_ ? other.side_.dup() : fd()) {}
  own_road(own_road&&) noexcept = default;
  own_road& operator=(own_road other) noexcept {
    side_.swap(other.side_);
    return *this;
  }
  ~own_road() = default;

  int socket() const noexcept { return side_.get(); }
  fd const& side() const noexcept { return side_; }

 private:
  fd side_;
};
struct no_own_road {
  no_own_road() noexcept = default;
  no_own_road(no_road&, no_road::way) noexcept {}
};

/// Of what is not transferable no: that is refused elsewhere, in words.
template <class T> consteval bool needs_road() {
  if constexpr (transferable<T>)
    return may_carry_descriptors<T>;
  else
    return false;
}
template <class T> using road_of = std::conditional_t<needs_road<T>(), descriptor_road, no_road>;
template <class T> using own_road_of = std::conditional_t<needs_road<T>(), own_road, no_own_road>;

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_DESCRIPTOR_ROAD_HPP
