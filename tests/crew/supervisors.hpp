// SPDX-License-Identifier: BSL-1.0
// What the tests of supervisors have in common.
#ifndef TANDEM_TESTS_CREW_SUPERVISORS_HPP
#define TANDEM_TESTS_CREW_SUPERVISORS_HPP

#include <unistd.h>  // for _exit

#include <atomic>     // for atomic
#include <chrono>     // for seconds
#include <csignal>    // for raise, SIGKILL
#include <cstddef>    // for size_t
#include <cstdlib>    // for abort, exit
#include <stdexcept>  // for domain_error, out_of_range
#include <string>     // for string
#include <thread>     // for this_thread::yield
#include <vector>     // for vector

#include "support/catch.hpp"
#include "tandem/crew/child_status.hpp"
#include "tandem/crew/supervisor_event.hpp"
#include "tandem/crew/supervisor_log.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/sync/stop_token.hpp"

namespace tandem_test {

/// How a child ends by itself.
enum class way { returns, exits_0, throws, exits_7, aborts, is_killed };

inline void end_by(way how) {
  switch (how) {
    case way::returns:
      return;
    case way::exits_0:
      std::exit(0);
    case way::throws:
      throw std::domain_error("as it was told");
    case way::exits_7:
      ::_exit(7);
    case way::aborts:
      std::abort();
    case way::is_killed:
      ::raise(SIGKILL);
  }
}

/// "worker died", without why.
inline std::string brief_words(tandem::supervisor_event const& one) {
  auto words = one;
  words.why.reset();
  return words.to_string();
}

using words = std::vector<std::string>;

/// The next `count` events, briefly. A minute without one ends it.
inline words take(tandem::supervisor_log const& log, std::size_t count) {
  words all;
  while (all.size() < count) {
    auto const one = log.next_for(std::chrono::seconds(60));
    if (!one) break;
    all.push_back(brief_words(*one));
  }
  return all;
}

/// All that are there already.
inline words take_rest(tandem::supervisor_log const& log) {
  words all;
  while (auto const one = log.try_next()) all.push_back(brief_words(*one));
  return all;
}

/// Waits for the event of these brief words, and gives it.
inline tandem::supervisor_event await(tandem::supervisor_log const& log, std::string const& text) {
  while (auto one = log.next_for(std::chrono::seconds(60)))
    if (brief_words(*one) == text) return *one;
  FAIL("the event '" << text << "' did not come");
  return {};
}

// ---- children, and how they are

using counter = tandem::shared<std::atomic<int>>;

inline void lives_on(tandem::stop_token const& stop) { stop.wait(); }
inline void fails() { throw std::domain_error("no"); }

tandem::child_state state_of(auto const& crew, std::string const& name) {
  for (auto const& one : crew.children())
    if (one.name == name) return one.state;
  throw std::out_of_range(name);
}

/// Until it is at that.
void await_state(auto const& crew, std::string const& name, tandem::child_state state) {
  while (state_of(crew, name) != state) std::this_thread::yield();
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_CREW_SUPERVISORS_HPP
