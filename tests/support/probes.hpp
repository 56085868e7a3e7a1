// SPDX-License-Identifier: BSL-1.0
// Two kinds of peer with one interface, so that one test body runs over both. Raw threads and raw forks: nothing of
// tandem is in the way.
//
//   TEMPLATE_TEST_CASE("latch: ...", "[sync][latch]", threads, processes) {
//     auto& gate = TestType::template place<tandem::latch>(3U);
//     TestType::spawn_and_join(3, [&] { gate.count_down(); }, [&] { gate.wait(); });
//   }
//
// A body may take its number (int) and fails by throwing: require(condition, "words"). In processes CHECK works too; in
// threads it does not, because Catch2 is not safe there.
#ifndef TANDEM_TESTS_SUPPORT_PROBES_HPP
#define TANDEM_TESTS_SUPPORT_PROBES_HPP

#include <exception>    // for exception
#include <functional>   // for function
#include <memory>       // for construct_at, destroy_at
#include <mutex>        // for mutex, scoped_lock
#include <stdexcept>    // for runtime_error
#include <string>       // for string
#include <thread>       // for thread
#include <type_traits>  // for is_invocable_v
#include <utility>      // for forward
#include <vector>       // for vector

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/place.hpp"

namespace tandem_test {

/// Fails the body of a peer.
inline void require(bool condition, char const* words) {
  if (!condition) throw std::runtime_error(words);
}

namespace inner {

template <class Body> void run_body(Body& body, int number) {
  if constexpr (std::is_invocable_v<Body&, int>) {
    body(number);
  } else {
    body();
  }
}

struct nothing_meanwhile {
  void operator()() const {}
};

}  // namespace inner

/// Peers are threads of this process.
struct threads {
  static constexpr char const* name = "threads";

  /// A T that all peers see, until the end of the test case.
  template <class T, class... Args> static T& place(Args&&... args) {
    return inner::place_in_shared_memory<T>(std::forward<Args>(args)...);
  }

  /// Runs `body` in n peers, `meanwhile` here, and waits for them.
  template <class Body, class Meanwhile = inner::nothing_meanwhile>
  static void spawn_and_join(int n, Body body, Meanwhile meanwhile = {}) {
    std::mutex guard;
    std::vector<std::string> complaints;
    struct joined {
      std::vector<std::thread> team;
      ~joined() { join(); }
      void join() {
        for (auto& thread : team) thread.join();
        team.clear();
      }
    } all;
    for (int i = 0; i < n; ++i) {
      all.team.emplace_back([&, i] {
        try {
          inner::run_body(body, i);
        } catch (std::exception const& error) {
          std::scoped_lock const lock{guard};
          complaints.push_back("thread " + std::to_string(i) + ": " + error.what());
        }
      });
    }
    meanwhile();
    all.join();
    for (auto const& words : complaints) FAIL_CHECK(words);
  }
};

/// Peers are forked children of this process; those that live when `meanwhile` throws are killed.
struct processes {
  static constexpr char const* name = "processes";

  /// A T that all peers see, until the end of the test case.
  template <class T, class... Args> static T& place(Args&&... args) {
    return inner::place_in_shared_memory<T>(std::forward<Args>(args)...);
  }

  /// Runs `body` in n peers, `meanwhile` here, and waits for them.
  template <class Body, class Meanwhile = inner::nothing_meanwhile>
  static void spawn_and_join(int n, Body body, Meanwhile meanwhile = {}) {
    std::vector<child_process> team;
    for (int i = 0; i < n; ++i) team.emplace_back([&body, i] { inner::run_body(body, i); });
    meanwhile();
    for (std::size_t i = 0; i < team.size(); ++i) {
      auto const end = team[i].join();
      if (!end.passed()) FAIL_CHECK("process " << i << ": " << end.to_string());
    }
  }
};

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_PROBES_HPP
