// SPDX-License-Identifier: BSL-1.0
// What httpd and kvcache have in common: workers, threads or processes, around one listening socket.
#ifndef TANDEM_EXAMPLES_PREFORK_CREW_HPP
#define TANDEM_EXAMPLES_PREFORK_CREW_HPP

#include <algorithm>     // for min
#include <chrono>        // for milliseconds, seconds
#include <csignal>       // for SIGKILL
#include <cstddef>       // for size_t
#include <cstdio>        // for fprintf
#include <string>        // for string, to_string
#include <system_error>  // for system_error
#include <utility>       // for exchange, move
#include <vector>        // for vector

#include <tandem/tandem.hpp>

#include "listener.hpp"

namespace prefork {

/// The workers, each in its place. One that is gone before it was told to is replaced. `Start` makes a worker:
/// `tandem::unit<> start(tandem::options how, std::size_t place)`; it serves until nobody listens at the socket.
template <class Start> class crew {
 public:
  /// `program` is who complains.
  crew(std::string program, std::size_t count, listener const& at, Start start)
      : program_(std::move(program)), listener_(at), start_(std::move(start)), members_(count), killed_(count) {}
  crew(crew const&) = delete;
  /// Where something was thrown: those who wait for clients must not wait on, since they are joined.
  ~crew() { listener_.close(); }

  void start() {
    for (std::size_t place = 0; place < members_.size(); ++place) start(place);
  }

  /// Until a stop is requested, or the time is up.
  void keep_up(tandem::stop_token const& stop, tandem::deadline until = tandem::deadline::never()) {
    while (!stop.stop_requested() && !until.passed()) {
      auto const soon = std::min(until, tandem::deadline::after(std::chrono::seconds(1)));
      if (ends_.empty()) {
        stop.wait_until(soon);
      } else if (auto const ended = ends_.wait(stop, missing_.empty() ? until : soon)) {
        report(*ended);
        missing_.push_back(*ended);
      }
      while (!missing_.empty() && !stop.stop_requested() && start_again(missing_.back())) missing_.pop_back();
    }
  }

  /// Without losing a client: nobody is let in, who is in gets a response, and only then does the socket close.
  void stop(std::chrono::milliseconds limit) {
    listener_.shut_door();
    for (auto& one : members_) one.request_stop();
    listener_.wait_until_empty(limit);
    listener_.close();
    for (std::size_t place = 0; place < members_.size(); ++place)
      if (members_[place].joinable()) report(place);
  }

  /// Kills a worker, which is a process. Nothing is said about its end.
  void kill(std::size_t place) {
    if (auto* const one = members_[place].as_process(); one != nullptr && one->joinable())
      killed_[place] = one->kill(SIGKILL) ? 1 : 0;
  }

  void complain(std::string const& text) const { std::fprintf(stderr, "%s: %s\n", program_.c_str(), text.c_str()); }

 private:
  void start(std::size_t place) {
    members_[place] = start_({.name = "worker " + std::to_string(place + 1)}, place);
    ends_.add(members_[place], place);
  }

  /// False where the system has no room for one now.
  bool start_again(std::size_t place) {
    try {
      start(place);
      return true;
    } catch (std::system_error const& error) {
      complain(std::string(error.what()) + "; trying again");
      return false;
    }
  }

  void report(std::size_t place) {
    auto const outcome = members_[place].join();
    bool const killed = std::exchange(killed_[place], 0) != 0;
    if (outcome || (killed && outcome.error().signal() == SIGKILL)) return;
    complain(outcome.error().to_string());
    if (!outcome.error().crash()) return;
    for (auto const& frame : outcome.error().crash()->backtrace) {
      if (frame.find("(tandem::") != std::string::npos) break;  // how the worker came to be
      std::fprintf(stderr, "    %s\n", frame.c_str());
    }
  }

  std::string program_;
  listener const& listener_;
  Start start_;
  std::vector<tandem::unit<>> members_;
  std::vector<char> killed_;  // by kill()
  tandem::wait_set<std::size_t> ends_;
  std::vector<std::size_t> missing_;
};

}  // namespace prefork

#endif  // TANDEM_EXAMPLES_PREFORK_CREW_HPP
