// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_TESTS_SUPPORT_LAST_WORDS_HPP
#define TANDEM_TESTS_SUPPORT_LAST_WORDS_HPP

#include <fcntl.h>   // for O_CLOEXEC
#include <signal.h>  // for SIGABRT
#include <unistd.h>  // for close, dup2, pipe2, read

#include <cstddef>  // for size_t
#include <string>   // for string

#include "support/catch.hpp"
#include "support/child.hpp"

namespace tandem_test {

/// What `body`, in a child, says on stderr before it aborts.
template <class Body> std::string last_words(Body body) {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  auto const end = run_in_child([&] {
    ::dup2(ends[1], STDERR_FILENO);
    body();
  });
  ::close(ends[1]);
  std::string words(4096, '\0');
  auto const n = ::read(ends[0], words.data(), words.size());
  ::close(ends[0]);
  CHECK(end.signal == SIGABRT);
  words.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return words;
}

}  // namespace tandem_test

#endif  // TANDEM_TESTS_SUPPORT_LAST_WORDS_HPP
