// SPDX-License-Identifier: BSL-1.0
// What a worker does, be it a thread or a process: nothing in here knows.
#ifndef TANDEM_EXAMPLES_RAYTRACER_TILES_HPP
#define TANDEM_EXAMPLES_RAYTRACER_TILES_HPP

#include <algorithm>  // for min
#include <atomic>     // for atomic
#include <csignal>    // for SIGSEGV, raise
#include <cstdint>    // for uint32_t, uint8_t
#include <cstdlib>    // for abort
#include <ctime>      // for CLOCK_THREAD_CPUTIME_ID, clock_gettime

#include <tandem/tandem.hpp>

#include "picture.hpp"
#include "scene.hpp"
#include "trace.hpp"

namespace raytracer {

/// A picture's size, and how it is cut into squares; those at its edges are smaller.
struct plan {
  std::uint32_t width, height, tile;
  std::uint32_t samples;

  std::uint32_t columns() const { return (width + tile - 1) / tile; }
  std::uint32_t tiles() const { return columns() * ((height + tile - 1) / tile); }

  /// Calls f(x, y) for each pixel of a tile, row by row.
  template <class F> void each_pixel(std::uint32_t number, F f) const {
    std::uint32_t const left = number % columns() * tile, top = number / columns() * tile;
    for (auto y = top; y < std::min(height, top + tile); ++y)
      for (auto x = left; x < std::min(width, left + tile); ++x) f(x, y);
  }
};

/// All that the workers have in common: handles to memory that both kinds of them see.
struct work {
  plan cut;
  tandem::shared<scene> seen;
  tandem::shared<pixel[]> picture;
  tandem::shared<std::atomic<std::int64_t>> crash_at;  // the tile; below 0: none
  tandem::shared<std::atomic<std::uint32_t>> done;
};

/// As a renderer does that follows a wild pointer.
[[noreturn]] inline void crash() {
  std::raise(SIGSEGV);
  std::abort();
}

/// Renders a tile, into its place in the picture. Returns the seconds of CPU time that it took.
inline double render_tile(tandem::stop_token stop, work const& all, std::uint32_t number) {
  auto const cpu_time = [] {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  };
  double const begin = cpu_time();
  lens const eye(all.seen->camera, all.cut.width, all.cut.height);
  all.cut.each_pixel(number, [&](std::uint32_t x, std::uint32_t y) {
    if (stop.stop_requested()) return;
    vec const color = render(*all.seen, eye, x, y, all.cut.samples);
    auto const byte = [](double part) { return static_cast<std::uint8_t>(255 * part + 0.5); };
    all.picture[std::size_t{y} * all.cut.width + x] = {byte(color.x), byte(color.y), byte(color.z)};
    std::int64_t here = number;
    if (*all.crash_at == here && all.crash_at->compare_exchange_strong(here, -1)) crash();  // in the middle of it, once
  });
  all.done->fetch_add(1, std::memory_order_relaxed);  // for the eye only
  return cpu_time() - begin;
}

}  // namespace raytracer

#endif  // TANDEM_EXAMPLES_RAYTRACER_TILES_HPP
