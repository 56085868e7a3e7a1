// SPDX-License-Identifier: BSL-1.0
// What a test must leave as it found it: open descriptors, children (zombies too), threads, shared mappings, names in
// /dev/shm and of abstract sockets, files in the temporary folder. The listener puts a gate around every test case.
#ifndef TANDEM_TESTS_SUPPORT_LEAK_GATE_HPP
#define TANDEM_TESTS_SUPPORT_LEAK_GATE_HPP

#include <sys/types.h>  // for pid_t

#include <chrono>  // for milliseconds
#include <map>     // for map
#include <set>     // for set
#include <string>  // for string
#include <vector>  // for vector

namespace tandem_test {

/// Where a room's tests define it, called once before the first test: brings up what the library keeps for the life of
/// a process, such as the commons. It is weak, so a binary needs none.
[[gnu::weak]] void warm_up();

/// Takes a picture of this process, and later says what has come since.
class leak_gate {
 public:
  leak_gate();

  /// One line per leak; none if all is as it was. Ends of threads and processes take a moment to show: waits for that,
  /// no longer than `patience`.
  std::vector<std::string> leaks(std::chrono::milliseconds patience = std::chrono::seconds(2)) const;

  /// Descriptors and mappings whose name contains `part` may be kept, once per process: the first may come during any
  /// test, a second is a leak.
  static void keep(std::string part);

  /// The running test leaks, and that is its business: the gate around it stays open. `why` is for the reader.
  static void expect_leaks(char const* why);

  /// Whether expect_leaks() was called since the last call of this.
  static bool take_expectation();

 private:
  struct picture {
    std::map<int, std::string> descriptors;     // number -> what it leads to
    std::map<pid_t, std::string> children;      // id -> name, state; orphans too
    std::map<pid_t, std::string> threads;       // id -> name
    std::map<std::string, std::size_t> shared;  // shared mappings: file -> bytes
    std::size_t private_mappings = 0;
    std::set<std::string> names;  // in /dev/shm, of abstract sockets, in the temporary folder
  };
  static picture take();
  std::vector<std::string> difference(picture const& after) const;

  picture before_;
};

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_LEAK_GATE_HPP
