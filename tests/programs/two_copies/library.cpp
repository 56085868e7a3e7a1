// SPDX-License-Identifier: BSL-1.0
// One of two shared libraries in a program, each of which has tandem for itself, or both together where their symbols
// are seen.
#include <signal.h>

#include <atomic>
#include <stdexcept>
#include <string>

#include "tandem/tandem.hpp"

namespace {

int works(tandem::start how) {
  int wrong = 0;
  tandem::shared<std::atomic<int>> const sum(0);
  wrong += tandem::process({.start = how}, [sum] { return sum->fetch_add(1) + 7; }).join().value() != 7;
  wrong += sum->load() != 1;
  tandem::process waits{{.start = how}, [](tandem::stop_token stop) { return stop.wait(); }};
  waits.request_stop();
  wrong += !waits.join().value();
  wrong += tandem::process(
               {.start = how}, [](std::string text) { return text + "!"; }, "text")
               .join()
               .value() != "text!";
  try {
    tandem::process({.start = how}, [] { throw std::out_of_range("far"); }).join().value();
    ++wrong;
  } catch (std::out_of_range const& error) { wrong += std::string(error.what()) != "far"; }
  tandem::process killed{{.start = how}, [] { tandem::this_unit::get_stop_token().wait(); }};
  killed.kill(SIGKILL);
  wrong += killed.join().error().signal() != SIGKILL;
  return wrong;
}

}  // namespace

/// How many things went wrong; `inside`, if not null, is called in a process of this copy.
extern "C" [[gnu::visibility("default")]] int TANDEM_TEST_COPY(int (*inside)()) {
  int wrong = works(tandem::start::fork);
  {
    tandem::zygote from{{.spares = 2}};
    wrong += works(from);
  }
  wrong += tandem::thread([] { return 3; }).join().value() != 3;
  if (inside != nullptr) wrong += tandem::process([inside] { return inside(); }).join().value();
  return wrong;
}
