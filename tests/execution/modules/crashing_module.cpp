// SPDX-License-Identifier: BSL-1.0
// A shared object that crash_report_test.cpp loads after the start of a process, and crashes in.
#include <unistd.h>

#include <atomic>
#include <cstdlib>

namespace {

// Not exported: only the file's own symbol table knows it.
[[gnu::noinline]] void hidden_crash(int volatile* where) {
  *where = 1;
  asm("");
}

}  // namespace

extern "C" void crash_in_module(int volatile* where) {
  hidden_crash(where);
  asm("");
}

namespace {

// Where the program asks for it, the constructor says that it is there, and stays, with the loader's locks held.
struct at_load {
  at_load() {
    char const* const word = std::getenv("TANDEM_TEST_HOLD_LOADER");  // an address
    if (word == nullptr) return;
    reinterpret_cast<std::atomic<int>*>(std::strtoull(word, nullptr, 10))->store(1);
    for (;;) ::pause();
  }
} const now;

}  // namespace
