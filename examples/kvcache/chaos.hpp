// SPDX-License-Identifier: BSL-1.0
// Clients that know what they must read: to run while workers are killed (--chaos).
#ifndef TANDEM_EXAMPLES_KVCACHE_CHAOS_HPP
#define TANDEM_EXAMPLES_KVCACHE_CHAOS_HPP

#include <netinet/in.h>   // for IPPROTO_TCP
#include <netinet/tcp.h>  // for TCP_NODELAY
#include <sys/socket.h>   // for connect, recv, send, setsockopt, socket
#include <sys/time.h>     // for timeval

#include <algorithm>    // for find, max
#include <cerrno>       // for errno
#include <chrono>       // for duration_cast, milliseconds, seconds, steady_clock
#include <cstddef>      // for size_t
#include <cstdint>      // for uint64_t
#include <optional>     // for optional
#include <random>       // for mt19937_64
#include <string>       // for string, to_string
#include <string_view>  // for string_view
#include <vector>       // for vector

#include <tandem/tandem.hpp>

#include "../prefork/listener.hpp"

namespace kvcache {

/// What a client has seen. It comes back from its process as it is.
struct tally {
  std::uint64_t written = 0, read = 0, lost_connections = 0;
  std::uint64_t counted = 0, maybe_counted = 0;  // of the sum that all add to
  std::uint64_t wrong = 0, lost = 0, unanswered = 0;
  std::uint64_t longest_wait = 0;  // in milliseconds, from the first attempt to the answer
  std::string complaint;           // the first one
};

/// A connection that is made anew when it was lost.
class caller {
 public:
  explicit caller(prefork::endpoint const& to) : to_(to) {}

  /// Sends, and returns the answer up to and with a line that `is_last`; nothing where the connection was lost before.
  template <class F> std::optional<std::string> ask(std::string_view request, F is_last) {
    if (!socket_ && !connect()) return std::nullopt;
    for (auto left = request; !left.empty();) {
      auto const count = ::send(socket_.get(), left.data(), left.size(), MSG_NOSIGNAL);
      if (count <= 0) return hang_up();
      left.remove_prefix(static_cast<std::size_t>(count));
    }
    std::string answer;
    char buffer[16'384];
    for (;;) {
      auto const count = ::recv(socket_.get(), buffer, sizeof buffer, 0);
      if (count < 0 && errno == EAGAIN) gave_up_ = true;
      if (count <= 0) return hang_up();
      answer.append(buffer, static_cast<std::size_t>(count));
      if (!answer.ends_with("\r\n")) continue;
      auto const line = answer.rfind("\r\n", answer.size() - 3);
      auto const begin = line == std::string::npos || answer.size() < 3 ? 0 : line + 2;
      if (is_last(std::string_view(answer).substr(begin, answer.size() - 2 - begin))) return answer;
    }
  }

  std::uint64_t lost() const { return lost_; }
  /// Whether an answer did not come, and nor did the end of the connection.
  bool gave_up() const { return gave_up_; }

  static constexpr std::chrono::seconds patience{20};

 private:
  bool connect() {
    socket_ = tandem::fd(::socket(to_.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    timeval const limit{patience.count(), 0};
    int const yes = 1;
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (::connect(socket_.get(), reinterpret_cast<sockaddr const*>(&to_.address), to_.size) == 0) return true;
    socket_.reset();
    return false;
  }
  std::nullopt_t hang_up() {
    socket_.reset();
    ++lost_;
    return std::nullopt;
  }

  prefork::endpoint to_;
  tandem::fd socket_;
  std::uint64_t lost_ = 0;
  bool gave_up_ = false;
};

/// Writes numbered values to keys of its own, and reads them: each must be the one last acknowledged, or one that was
/// on its way when a connection was lost.
class witness {
 public:
  witness(std::size_t number, prefork::endpoint const& server, std::uint64_t seed)
      : number_(number), server_(server), random_(seed), known_(keys) {}

  tally run(std::chrono::milliseconds time) {
    auto const until = tandem::deadline::after(time);
    while (!until.passed() && is_served()) {
      auto const key = static_cast<std::size_t>(random_() % keys);
      switch (random_() % 10) {
        case 0:
          count();
          break;
        case 1:
          remove(key);
          break;
        case 2:
        case 3:
        case 4:
          read(key);
          break;
        default:
          write(key);
      }
    }
    for (std::size_t key = 0; key < keys && is_served(); ++key) read(key);
    seen_.lost_connections = server_.lost();
    if (server_.gave_up()) complain(seen_.unanswered, "no answer in 20 s");
    return seen_;
  }

  static constexpr char const* sum = "sum";

 private:
  static constexpr std::size_t keys = 64;

  /// What a key's value may be; 0 is none.
  struct known {
    std::uint64_t last = 0;
    std::vector<std::uint64_t> possible{0};
  };

  std::string name(std::size_t key) const { return "w" + std::to_string(number_) + "." + std::to_string(key); }

  /// Its number, and bytes that follow from it: up to 16 KiB, a few much more. Of every other key always as many.
  std::string value(std::size_t key, std::uint64_t number) const {
    std::uint64_t x = (key % 2 == 0 ? key : number * 101 + key) * 2'862'933'555'777'941'757U + number_;
    auto const next = [&x] { return x = x * 6'364'136'223'846'793'005U + 1'442'695'040'888'963'407U; };
    next();
    std::size_t const size = (next() >> 33) % ((x >> 62) == 0 ? 200'000 : 16'384);
    std::string made = std::to_string(1'000'000'000 + number) + " ";
    made.reserve(size + 32);
    for (x += number; made.size() < size;) {
      auto const bytes = next();
      made.append(reinterpret_cast<char const*>(&bytes), sizeof bytes);
    }
    return made;
  }

  void complain(std::uint64_t& of, std::string const& words) {
    ++of;
    if (seen_.complaint.empty()) seen_.complaint = "client " + std::to_string(number_) + ": " + words;
  }

  bool is_served() const { return !server_.gave_up() && seen_.unanswered == 0; }
  static bool any_line(std::string_view) { return true; }
  static bool is_end(std::string_view line) { return line == "END"; }

  void took(std::chrono::steady_clock::time_point begin) {
    auto const time = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
    seen_.longest_wait = std::max(seen_.longest_wait, static_cast<std::uint64_t>(time.count()));
  }

  /// Asks once: a request that changes something must not be made twice.
  std::optional<std::string> ask_once(std::string_view request) {
    auto const begin = std::chrono::steady_clock::now();
    auto answer = server_.ask(request, any_line);
    if (answer) took(begin);
    return answer;
  }

  void write(std::size_t key) {
    auto& one = known_[key];
    auto const number = ++one.last;
    auto const data = value(key, number);
    one.possible.push_back(number);
    auto const answer = ask_once("set " + name(key) + " 0 0 " + std::to_string(data.size()) + "\r\n" + data + "\r\n");
    if (!answer) return read(key);  // was it, or was it not?
    if (*answer != "STORED\r\n") return complain(seen_.wrong, name(key) + ": set: " + *answer);
    ++seen_.written;
    one.possible = {number};
  }

  void remove(std::size_t key) {
    auto& one = known_[key];
    one.possible.push_back(0);
    auto const answer = ask_once("delete " + name(key) + "\r\n");
    if (!answer) return read(key);  // was it, or was it not?
    if (*answer != "DELETED\r\n" && *answer != "NOT_FOUND\r\n")
      return complain(seen_.wrong, name(key) + ": delete: " + *answer);
    ++seen_.written;
    one.possible = {0};
  }

  void count() {
    auto const answer = ask_once("incr sum 1\r\n");
    if (!answer)
      ++seen_.maybe_counted;
    else if (*answer == "NOT_FOUND\r\n")
      complain(seen_.lost, "the sum is gone");
    else
      ++seen_.counted;
  }

  void read(std::size_t key) {
    auto const begin = std::chrono::steady_clock::now();
    std::optional<std::string> answer;
    while (!(answer = server_.ask("get " + name(key) + "\r\n", is_end))) {
      if (!is_served()) return;
      tandem::this_unit::sleep_for(std::chrono::milliseconds(1));
    }
    took(begin);
    ++seen_.read;
    auto& one = known_[key];
    auto const may_be = [&](std::uint64_t number) {
      return std::find(one.possible.begin(), one.possible.end(), number) != one.possible.end();
    };
    if (*answer == "END\r\n") {
      if (!may_be(0)) complain(seen_.lost, name(key) + " is lost, last written " + std::to_string(one.possible.back()));
      one.possible = {0};
      return;
    }
    for (auto const number : one.possible) {
      auto const data = value(key, number);
      if (number == 0 ||
          *answer != "VALUE " + name(key) + " 0 " + std::to_string(data.size()) + "\r\n" + data + "\r\nEND\r\n")
        continue;
      one.possible = {number};
      return;
    }
    complain(seen_.wrong, name(key) + " has a wrong value of " + std::to_string(answer->size()) + " bytes");
  }

  std::size_t number_;
  caller server_;
  std::mt19937_64 random_;
  std::vector<known> known_;
  tally seen_;
};

}  // namespace kvcache

#endif  // TANDEM_EXAMPLES_KVCACHE_CHAOS_HPP
