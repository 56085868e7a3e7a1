// SPDX-License-Identifier: BSL-1.0
// A shared object that crash_report_test.cpp loads after the start of a process, and crashes in.
#include <unistd.h>

#include <atomic>

namespace {

// Not exported: only the file's own symbol table knows it.
[[gnu::noinline]] void hidden_crash(int volatile* where) {
  *where = 1;
  asm("");
}

}  // namespace

// Where it is not null when the module is loaded, its constructor stays with the loader's locks held.
extern "C" std::atomic<int>* loader_held __attribute__((weak));

extern "C" void crash_in_module(int volatile* where) {
  hidden_crash(where);
  asm("");
}

namespace {

struct at_load {
  at_load() {
    if (&loader_held == nullptr || loader_held == nullptr) return;
    loader_held->store(1);
    for (;;) ::pause();
  }
} const now;

}  // namespace
