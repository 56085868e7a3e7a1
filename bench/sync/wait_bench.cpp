// SPDX-License-Identifier: BSL-1.0
// us from one more waiting to the report that it has ended, beside many living units that wait on: to add it, to wait,
// to have it out of the set again. The unit has ended before, so that its own end is not in it.
#include <poll.h>          // for poll
#include <sys/epoll.h>     // for epoll_create1, epoll_ctl, epoll_wait
#include <sys/resource.h>  // for getrlimit, setrlimit

#include <array>    // for array
#include <cstddef>  // for size_t
#include <cstdint>  // for uint64_t
#include <memory>   // for make_unique, unique_ptr
#include <string>   // for string, to_string
#include <vector>   // for vector

#include "support/question.hpp"
#include "tandem/execution.hpp"
#include "tandem/resource.hpp"
#include "tandem/sync.hpp"

namespace tandem_bench {
namespace {

constexpr std::array<std::size_t, 4> sizes{10, 100, 1000, 10'000};
constexpr std::size_t no_key = ~std::size_t{0};

/// An epoll set without a library.
class bare_epoll {
 public:
  bare_epoll() : set_(::epoll_create1(EPOLL_CLOEXEC)) { check(static_cast<bool>(set_), "epoll_create1"); }
  void add(int descriptor, std::uint64_t key) const { control(EPOLL_CTL_ADD, descriptor, key); }
  void again(int descriptor, std::uint64_t key) const { control(EPOLL_CTL_MOD, descriptor, key); }
  std::uint64_t wait() const {
    epoll_event seen{};
    check(::epoll_wait(set_.get(), &seen, 1, -1) == 1, "epoll_wait");
    return seen.data.u64;
  }

 private:
  void control(int how, int descriptor, std::uint64_t key) const {
    epoll_event what{EPOLLIN | EPOLLONESHOT, {.u64 = key}};
    check(::epoll_ctl(set_.get(), how, descriptor, &what) == 0, "epoll_ctl");
  }

  tandem::fd set_;
};

/// Each of 10 000 processes would inherit the descriptors of all before it: 10^8 of them, to be closed at their ends.
constexpr std::size_t most_of(tandem::mode how) { return how == tandem::mode::process ? 1000 : sizes.back(); }

/// Living units, in sets of each size, and one that has ended.
class crowd {
 public:
  explicit crowd(tandem::mode how) {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    check(::setrlimit(RLIMIT_NOFILE, &files) == 0, "setrlimit");
    std::size_t const most = quick() ? 100 : most_of(how);
    check(files.rlim_max > most + 100, "as many descriptors as units (ulimit -Hn)");
    living_.reserve(most);
    for (std::size_t i = 0; i < most; ++i) {
      living_.emplace_back(how, [](tandem::stop_token stop) { stop.wait(); });
      for (std::size_t s = 0; s < sizes.size(); ++s) {
        if (i >= sizes[s]) continue;
        sets_[s].add(living_[i], no_key);
        bare_[s].add(living_[i].wait_handle(), no_key);
      }
    }
    ended_ = tandem::unit<>(how, [] {});
    tandem::wait_all(ended_);
    for (auto& bare : bare_) {
      bare.add(ended_.wait_handle(), 0);
      check(bare.wait() == 0, "the first report");
    }
    for (auto& set : sets_) {
      set.add(ended_, 0);
      check(set.wait() == 0, "the first report");
    }
    current = this;
  }
  crowd(crowd const&) = delete;
  ~crowd() {
    for (auto& one : living_) one.request_stop();
    current = nullptr;
  }

  void by_set(std::size_t s) {
    sets_[s].add(ended_, s);
    check(sets_[s].wait() == s, "the key");
  }
  void by_epoll(std::size_t s) {
    bare_[s].again(ended_.wait_handle(), s);
    check(bare_[s].wait() == s, "the key");
  }

  static inline crowd* current = nullptr;

 private:
  std::vector<tandem::unit<>> living_;
  tandem::unit<> ended_;
  std::array<tandem::wait_set<>, sizes.size()> sets_;
  std::array<bare_epoll, sizes.size()> bare_;
};

/// Events of which the last one is notified.
struct row_of_events {
  explicit row_of_events(std::size_t count) : events(count) {
    events.back().notify();
    for (auto const& one : events) polled.push_back({one.native_handle(), POLLIN, 0});
    current = this;
  }
  row_of_events(row_of_events const&) = delete;
  ~row_of_events() { current = nullptr; }

  std::vector<tandem::event> events;
  std::vector<pollfd> polled;
  static inline row_of_events* current = nullptr;
};

}  // namespace

void questions() {
  for (auto const how : {tandem::mode::process, tandem::mode::thread}) {
    std::string const kind = how == tandem::mode::process ? "processes" : "threads";
    question q("E6: one event beside many living " + kind, unit::us);
    q.about("Added, waited for, reported, once. epoll by hand with EPOLLONESHOT and the unit's wait_handle().")
        .surrounded_by([how] { return std::make_unique<crowd>(how); })
        .base("epoll, 100", [] { crowd::current->by_epoll(1); });
    for (std::size_t s = 0; s < sizes.size() && sizes[s] <= most_of(how); ++s) {
      std::string const waiting = ", " + std::to_string(sizes[s]);
      if (s != 1) q.peer("epoll" + waiting, [s] { crowd::current->by_epoll(s); });
      q.peer("wait_set" + waiting, [s] { crowd::current->by_set(s); });
      q.budget("wait_set" + waiting, at_most(1.2), "epoll" + waiting);
    }
    q.budget("wait_set, " + std::to_string(most_of(how)), at_most(1.2), "wait_set, 100");
  }

  for (std::size_t const count : {10U, 100U, 1000U}) {
    question("wait_any of " + std::to_string(count) + " events, the last one ready", unit::us)
        .about("One call over all of them, as poll: its cost grows with their number.")
        .surrounded_by([count] { return std::make_unique<row_of_events>(count); })
        .base("poll",
              [] {
                auto& all = row_of_events::current->polled;
                check(::poll(all.data(), all.size(), -1) == 1 && all.back().revents == POLLIN, "poll");
              })
        .peer("wait_any", [] {
          auto const& all = row_of_events::current->events;
          check(tandem::wait_any(all) == all.size() - 1, "the index");
        });
  }
}

}  // namespace tandem_bench
