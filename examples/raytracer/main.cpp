// SPDX-License-Identifier: BSL-1.0
// Renders a scene, tile by tile, in a pool of workers, which are threads or processes: the same picture comes out.
#include <unistd.h>  // for isatty, STDERR_FILENO

#include <algorithm>  // for max
#include <atomic>     // for atomic
#include <chrono>     // for duration, steady_clock
#include <csignal>    // for SIGINT, SIGTERM, raise
#include <cstdint>    // for int64_t, uint32_t
#include <cstdio>     // for fprintf, fputs
#include <deque>      // for deque
#include <exception>  // for exception
#include <new>        // for bad_alloc
#include <string>     // for string, to_string
#include <thread>     // for thread::hardware_concurrency

#include <CLI/CLI.hpp>
#include <tandem/tandem.hpp>

#include "picture.hpp"
#include "scene_file.hpp"
#include "tiles.hpp"

namespace {

enum status { whole = 0, failed = 1, wrong_usage = 2, tiles_lost = 3 };

struct arguments {
  std::string scene, output = "picture.png";
  tandem::mode mode = tandem::mode::thread;
  unsigned workers = 1, retries = 0;
  raytracer::plan cut{640, 360, 32, 16};
  std::int64_t crash_at = -1;
  bool progress = false;
};

constexpr std::uint32_t most_begun = 4096;        // more tiles than workers could be waiting for
constexpr raytracer::pixel magenta{255, 0, 255};  // of what is lost: no scene is likely to have it

using seconds = std::chrono::duration<double>;

void complain(std::string const& text) { std::fprintf(stderr, "raytracer: %s\n", text.c_str()); }

/// One line on stderr that says how far the work is, and is gone in the end.
class progress_line {
 public:
  progress_line(bool shown, std::uint32_t total) : shown_(shown), total_(total) {}
  progress_line(progress_line const&) = delete;
  ~progress_line() { erase(); }

  void show(std::uint32_t done) {
    auto const now = std::chrono::steady_clock::now();
    if (!shown_ || now - last_ < std::chrono::milliseconds(50)) return;
    last_ = now;
    written_ = true;
    std::fprintf(stderr, "\r\033[K%3.0f %%  %u of %u tiles", 100.0 * done / total_, done, total_);
    if (done != 0) std::fprintf(stderr, ", %.0f s to go", seconds(now - begin_).count() / done * (total_ - done));
  }
  void erase() {
    if (written_) std::fputs("\r\033[K", stderr);
    written_ = false;
  }

 private:
  bool shown_;
  bool written_ = false;
  std::uint32_t total_;
  std::chrono::steady_clock::time_point const begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_;
};

status run(arguments const& with) {
  auto const begin = std::chrono::steady_clock::now();
  auto const& cut = with.cut;
  raytracer::work const all{cut, tandem::shared<raytracer::scene>(raytracer::read_scene(with.scene)),
                            tandem::shared<raytracer::pixel[]>(std::size_t{cut.width} * cut.height),
                            tandem::shared<std::atomic<std::int64_t>>(with.crash_at),
                            tandem::shared<std::atomic<std::uint32_t>>(0U)};
  raytracer::new_file{with.output};  // better told now than when all is rendered

  tandem::stop_on_signal const asked_to(SIGINT, SIGTERM);
  tandem::pool<tandem::unit> workers(with.mode, {.name = "renderer", .workers = with.workers});
  progress_line line(with.progress || ::isatty(STDERR_FILENO) != 0, cut.tiles());
  std::deque<tandem::future<double>> tiles;  // that were begun and not yet looked at, in their order
  std::uint32_t begun = 0, lost = 0;
  double cpu = 0;
  for (std::uint32_t number = 0; number < cut.tiles(); ++number) {
    for (; begun < cut.tiles() && begun - number < most_begun; ++begun)
      tiles.push_back(workers.submit({.retries = with.retries}, raytracer::render_tile, all, begun));
    do {
      if (asked_to.stop_requested()) {
        workers.shutdown_now();
        line.erase();
        complain("stopped: no picture is written");
        std::raise(asked_to.signal());
        return failed;  // not reached
      }
      line.show(all.done->load(std::memory_order_relaxed) + lost);
    } while (tiles.front().wait_for(std::chrono::milliseconds(50)) != tandem::future_status::ready);
    if (auto const outcome = tiles.front().get_outcome()) {
      cpu += *outcome;
    } else {
      ++lost;
      line.erase();
      complain("tile " + std::to_string(number) + " is lost: " + outcome.error().to_string());
      cut.each_pixel(number,
                     [&](std::uint32_t x, std::uint32_t y) { all.picture[std::size_t{y} * cut.width + x] = magenta; });
    }
    tiles.pop_front();
  }
  line.erase();
  double const wall = seconds(std::chrono::steady_clock::now() - begin).count();

  auto const to_file = with.output.ends_with(".ppm") ? raytracer::to_ppm : raytracer::to_png;
  raytracer::new_file(with.output).write(to_file({all.picture.data(), all.picture.size()}, cut.width, cut.height));
  std::fprintf(stderr,
               "%s: %u x %u, %u samples, %u tiles by %zu %s in %.3f s; CPU time of the tiles %.3f s; speed-up %.2f\n",
               with.output.c_str(), cut.width, cut.height, cut.samples, cut.tiles(), workers.size(),
               with.mode == tandem::mode::thread ? "threads" : "processes", wall, cpu, cpu / wall);
  return lost == 0 ? whole : tiles_lost;
}

}  // namespace

int main(int argc, char** argv) {
  arguments with;
  with.workers = std::max(1U, std::thread::hardware_concurrency());
  std::string mode = "thread";
  CLI::Range const side(1U, 16384U);

  CLI::App app("Renders a scene of spheres, planes and triangles to a picture.", "raytracer");
  app.add_option("scene", with.scene, "The scene, a JSON file")->required();
  app.add_option("-o,--output", with.output, "The picture: PNG, or PPM where its name ends so")->capture_default_str();
  app.add_option("--mode", mode, "What the workers are: thread or process")
      ->check(CLI::IsMember({"thread", "process"}))
      ->capture_default_str();
  app.add_option("--workers", with.workers, "How many, 1 to 256; default: one for each CPU")
      ->check(CLI::Range(1U, 256U))
      ->capture_default_str();
  app.add_option("--width", with.cut.width, "Pixels in a row, 1 to 16384")->check(side)->capture_default_str();
  app.add_option("--height", with.cut.height, "Rows, 1 to 16384")->check(side)->capture_default_str();
  app.add_option("--tile", with.cut.tile, "The side of the squares that are a task each, 1 to 16384 pixels")
      ->check(side)
      ->capture_default_str();
  app.add_option("--samples", with.cut.samples, "Rays for each pixel, 1 to 65536: more are slower, and less noise")
      ->check(CLI::Range(1U, 65536U))
      ->capture_default_str();
  app.add_option("--crash-at", with.crash_at, "A tile, from 0, at which its renderer crashes once: to see what then is")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--retries", with.retries, "How often a tile is tried again whose renderer died, 0 to 100")
      ->check(CLI::Range(0U, 100U))
      ->capture_default_str();
  app.add_flag("--progress", with.progress, "Show how far it is, also where stderr is no terminal");
  app.footer(
      "Exit status: 0 the picture is whole; 1 something could not be read or written, or is no scene; 2 wrong usage; "
      "3 a tile is lost, and magenta in the picture.");
  app.failure_message([](CLI::App const*, CLI::Error const& error) {
    return std::string("raytracer: ") + error.what() + "\nraytracer --help tells what there is\n";
  });
  try {
    app.parse(argc, argv);
    if (with.crash_at >= with.cut.tiles())
      throw CLI::ValidationError("--crash-at", "there are " + std::to_string(with.cut.tiles()) + " tiles, from 0");
  } catch (CLI::ParseError const& error) { return app.exit(error) == 0 ? whole : wrong_usage; }
  with.mode = *tandem::mode_from_string(mode);

  try {
    return run(with);
  } catch (std::bad_alloc const&) {
    complain("there is not enough memory for " + std::to_string(with.cut.width) + " x " +
             std::to_string(with.cut.height) + " pixels");
  } catch (std::exception const& error) { complain(error.what()); }
  return failed;
}
