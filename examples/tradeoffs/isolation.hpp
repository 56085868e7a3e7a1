// SPDX-License-Identifier: BSL-1.0
// Isolation: a worker does damage, and its program looks whether it was hit.
#ifndef TANDEM_EXAMPLES_TRADEOFFS_ISOLATION_HPP
#define TANDEM_EXAMPLES_TRADEOFFS_ISOLATION_HPP

#include <fcntl.h>   // for fcntl, open
#include <unistd.h>  // for close

#include <atomic>      // for atomic
#include <filesystem>  // for current_path
#include <memory>      // for make_unique
#include <string>      // for string

#include <tandem/tandem.hpp>

#include "report.hpp"

namespace tradeoffs {

// Volatile: the compiler must look again after the worker's work.
inline int volatile global = 100;

/// Whether the program's global variable is as it was after a worker wrote over it.
inline bool global_is_kept(tandem::mode mode) {
  global = 100;
  tandem::spawn(mode, [] { global = -1; }).join().value();
  return global == 100;
}

inline bool heap_is_kept(tandem::mode mode) {
  auto const number = std::make_unique<int volatile>(100);
  tandem::spawn(mode, [stray = number.get()] { *stray = -1; }).join().value();
  return *number == 100;
}

inline bool open_file_is_kept(tandem::mode mode) {
  tandem::fd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  tandem::spawn(mode, [stray = file.get()] { ::close(stray); }).join().value();
  bool const kept = ::fcntl(file.get(), F_GETFD) != -1;
  if (!kept) (void)file.release();
  return kept;
}

inline bool folder_is_kept(tandem::mode mode) {
  auto const before = std::filesystem::current_path();
  tandem::spawn(mode, [] { std::filesystem::current_path("/proc"); }).join().value();
  bool const kept = std::filesystem::current_path() == before;
  std::filesystem::current_path(before);
  return kept;
}

/// The wall has a door: what was declared shared is the same on both sides.
inline bool shared_write_arrives(tandem::mode mode) {
  tandem::shared<std::atomic<int>> number(100);
  tandem::spawn(mode, [number] { number->store(-1, std::memory_order_relaxed); }).join().value();
  return number->load(std::memory_order_relaxed) == -1;  // relaxed: join orders it
}

inline void isolation(report& to) {
  auto kept = [](bool yes, char const* lost) { return answer{yes ? "kept" : lost, yes}; };
  to.aspect("isolation");
  to.row("global_kept", "a global variable that a worker wrote over",
         [&](auto mode) { return kept(global_is_kept(mode), "overwritten"); });
  to.row("heap_kept", "memory that a worker's stray pointer hit",
         [&](auto mode) { return kept(heap_is_kept(mode), "overwritten"); });
  to.row("open_file_kept", "an open file that a worker closed",
         [&](auto mode) { return kept(open_file_is_kept(mode), "closed"); });
  to.row("folder_kept", "the folder, when a worker changed its own",
         [&](auto mode) { return kept(folder_is_kept(mode), "changed"); });
  to.row("shared_write_arrives", "a write to what was declared shared<T>", [&](auto mode) {
    bool const yes = shared_write_arrives(mode);
    return answer{yes ? "arrives" : "is lost", yes};
  });
}

}  // namespace tradeoffs

#endif  // TANDEM_EXAMPLES_TRADEOFFS_ISOLATION_HPP
