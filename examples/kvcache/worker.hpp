// SPDX-License-Identifier: BSL-1.0
// What one worker does, be it a thread or a process: nothing in here knows. It serves many connections at once.
#ifndef TANDEM_EXAMPLES_KVCACHE_WORKER_HPP
#define TANDEM_EXAMPLES_KVCACHE_WORKER_HPP

#include <fcntl.h>        // for fcntl, O_NONBLOCK
#include <netinet/in.h>   // for IPPROTO_TCP
#include <netinet/tcp.h>  // for TCP_NODELAY
#include <sys/epoll.h>    // for epoll_create1, epoll_ctl, epoll_event, epoll_wait
#include <sys/socket.h>   // for accept4, recv, send, setsockopt

#include <algorithm>      // for min
#include <array>          // for array
#include <cerrno>         // for errno
#include <chrono>         // for milliseconds, steady_clock
#include <cstddef>        // for size_t
#include <cstdint>        // for uint32_t
#include <ctime>          // for time
#include <memory>         // for make_unique, unique_ptr
#include <string_view>    // for string_view
#include <system_error>   // for generic_category, system_error
#include <unordered_map>  // for unordered_map
#include <utility>        // for move
#include <vector>         // for vector

#include <tandem/tandem.hpp>

#include "board.hpp"
#include "session.hpp"
#include "settings.hpp"
#include "table.hpp"

namespace kvcache {

inline instant look_at_clocks() {
  return {std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count(), std::time(nullptr)};
}

/// One client.
class connection {
 public:
  connection(tandem::fd socket, table const& in, board const& all) : socket_(std::move(socket)), session_(in, all) {
    int const yes = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  }

  /// Takes what is there, one piece of it, answers, and sends. False where there is nothing left to do for it.
  bool serve(std::array<char, read_at_once>& buffer) {
    if (wants_to_read()) {
      auto const count = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
      nothing_came_ = count < 0;
      has_spoken_ |= count > 0;
      if (count > 0)
        session_.receive({buffer.data(), static_cast<std::size_t>(count)});
      else if (count == 0)
        client_has_said_all_ = true;
      else if (errno != EAGAIN && errno != EINTR)
        return false;
    }
    bool answered = false;
    while (!answered && (answered = session_.answer(look_at_clocks()), send()) && session_.output().empty()) {}
    if (broken_) return false;
    return !session_.output().empty() || !(session_.is_over() || client_has_said_all_);
  }

  bool wants_to_read() const {
    return !client_has_said_all_ && !session_.is_over() && session_.output().size() < enough_to_send;
  }
  bool wants_to_send() const { return !session_.output().empty(); }
  /// Whether all that had come was answered, and the answers sent.
  bool is_quiet() const { return nothing_came_ && !wants_to_send(); }
  bool has_spoken() const { return has_spoken_; }

  std::uint32_t interest() const {
    return (wants_to_read() ? std::uint32_t{EPOLLIN} : 0) | (wants_to_send() ? std::uint32_t{EPOLLOUT} : 0);
  }
  std::uint32_t asked_for = 0;  // of epoll

 private:
  /// As much as is taken. False where the client has gone.
  bool send() {
    while (!session_.output().empty()) {
      auto const count = ::send(socket_.get(), session_.output().data(), session_.output().size(), MSG_NOSIGNAL);
      if (count >= 0)
        session_.was_sent(static_cast<std::size_t>(count));
      else if (errno == EAGAIN)
        return true;
      else if (errno != EINTR)
        return !(broken_ = true);
    }
    return true;
  }

  tandem::fd socket_;  // non-blocking
  session session_;
  bool nothing_came_ = false, has_spoken_ = false, client_has_said_all_ = false, broken_ = false;
};

class worker {
 public:
  worker(tandem::fd listener, table const& in, board const& all)
      : listener_(std::move(listener)), table_(in), board_(all), poll_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (!poll_) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    // All workers are woken by a client, and one has it: the others must not wait in accept.
    if (int const flags = ::fcntl(listener_.get(), F_GETFL);
        flags < 0 || ::fcntl(listener_.get(), F_SETFL, flags | O_NONBLOCK) != 0)
      throw std::system_error(errno, std::generic_category(), "fcntl");
    board_.mine().connections = 0;  // one who was here before may have been killed
    control(EPOLL_CTL_ADD, listener_.get(), EPOLLIN);
  }

  /// Until nobody listens at the socket any more, and all clients have what they asked for.
  void run() {
    std::array<epoll_event, 64> events;
    while (!stopping_ || (!clients_.empty() && !last_.passed())) {
      int const count = ::epoll_wait(poll_.get(), events.data(), static_cast<int>(events.size()), patience());
      if (count < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "epoll_wait");
      if (until_.passed()) time_is_up();
      for (int i = 0; i < count; ++i) {
        int const who = events[static_cast<std::size_t>(i)].data.fd;
        if (who == listener_.get())
          meet();
        else
          serve(who);
      }
    }
    board_.mine().connections = 0;
  }

 private:
  /// For epoll_wait.
  int patience() const {
    auto const next = std::min(until_, last_);
    if (next == tandem::deadline::never()) return -1;
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(next.left()).count());
  }

  void time_is_up() {
    until_ = tandem::deadline::never();
    if (stopping_) return serve_all();
    control(EPOLL_CTL_MOD, listener_.get(), EPOLLIN);
  }

  void control(int what, int socket, std::uint32_t events) {
    epoll_event asked{.events = events, .data = {.fd = socket}};
    if (::epoll_ctl(poll_.get(), what, socket, &asked) != 0)
      throw std::system_error(errno, std::generic_category(), "epoll_ctl");
  }

  /// Leaves new clients to others for a while.
  void turn_away(std::chrono::milliseconds time) {
    control(EPOLL_CTL_MOD, listener_.get(), 0);
    until_ = tandem::deadline::after(time);
  }

  /// Somebody is at the door. All workers are woken; whoever has the fewest clients takes this one, or who is left.
  void meet() {
    if (!left_it_to_others_ && board_.others_are_freer()) {
      left_it_to_others_ = true;
      return turn_away(courtesy);
    }
    left_it_to_others_ = false;
    tandem::fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client) {
      switch (errno) {
        case EINVAL:
          return stop();
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
          return turn_away(shortage);
        case EBADF:
        case ENOTSOCK:
        case EOPNOTSUPP:
          throw std::system_error(errno, std::generic_category(), "accept");
        default:
          return;  // another worker has it, or its network
      }
    }
    int const number = client.get();
    auto& made = *(clients_[number] = std::make_unique<connection>(std::move(client), table_, board_));
    control(EPOLL_CTL_ADD, number, made.asked_for = EPOLLIN);
    ++board_.mine().connections;
    ++board_.mine().accepted;
  }

  void serve(int who) {
    auto const found = clients_.find(who);
    if (found == clients_.end()) return;
    auto& one = *found->second;
    bool stays = one.serve(buffer_);
    while (stopping_ && stays && !one.is_quiet() && !one.wants_to_send()) stays = one.serve(buffer_);
    bool const leaves = stopping_ && one.is_quiet() && (one.has_spoken() || until_ == tandem::deadline::never());
    if (!stays || leaves) {
      clients_.erase(found);
      --board_.mine().connections;
    } else if (one.interest() != one.asked_for) {
      control(EPOLL_CTL_MOD, who, one.asked_for = one.interest());
    }
  }

  void serve_all() {
    std::vector<int> all;
    for (auto const& [number, one] : clients_) all.push_back(number);
    for (int const number : all) serve(number);
  }

  void stop() {
    stopping_ = true;
    until_ = tandem::deadline::after(first_words);
    last_ = tandem::deadline::after(farewell);
    control(EPOLL_CTL_DEL, listener_.get(), 0);
    serve_all();
  }

  tandem::fd listener_;
  table const& table_;
  board const& board_;
  tandem::fd poll_;
  std::unordered_map<int, std::unique_ptr<connection>> clients_;
  std::array<char, read_at_once> buffer_;
  bool stopping_ = false, left_it_to_others_ = false;
  tandem::deadline until_ = tandem::deadline::never();  // new clients are turned away; when stopping: may be silent
  tandem::deadline last_ = tandem::deadline::never();   // the end, at the latest
};

inline void work(tandem::fd listener, table const& in, board const& all) {
  std::make_unique<worker>(std::move(listener), in, all)->run();
}

}  // namespace kvcache

#endif  // TANDEM_EXAMPLES_KVCACHE_WORKER_HPP
