// SPDX-License-Identifier: BSL-1.0
// Units that end at random moments, wherever they are: nobody hangs, nothing comes twice, no more is lost than was
// said.
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/place.hpp"
#include "support/seed.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/inlet.hpp"
#include "tandem/crew/outlet.hpp"
#include "tandem/crew/pipeline.hpp"
#include "tandem/crew/stage.hpp"

using namespace std::chrono_literals;
using tandem::failure, tandem::inlet, tandem::mode, tandem::outlet, tandem::pipeline, tandem::stage;
using tandem_test::place;

namespace {

/// What ends a unit, as often as `lives` says. In a process, a timer does, at any instruction from its first element
/// on; a thread throws at an element.
class doom {
 public:
  doom() = default;
  doom(std::uint64_t seed, std::chrono::microseconds longest, long elements, std::atomic<long>& lives)
      : seed_(seed), longest_(longest), elements_(elements), lives_(&lives) {}

  /// At each element.
  void operator()() {
    if (lives_ == nullptr) return;
    if (left_ < 0) {
      if (lives_->fetch_sub(1) <= 0) {
        lives_ = nullptr;
        return;
      }
      std::mt19937_64 random(seed_ + static_cast<std::uint64_t>(::getpid()));
      left_ = static_cast<long>(random() % static_cast<std::uint64_t>(elements_));
      if (tandem::this_unit::mode() == mode::process) {
        left_ = 1L << 60;
        itimerval once{};
        once.it_value.tv_usec = static_cast<suseconds_t>(1 + random() % static_cast<std::uint64_t>(longest_.count()));
        ::setitimer(ITIMER_REAL, &once, nullptr);  // SIGALRM kills
      }
    }
    if (left_-- == 0) throw std::runtime_error("doomed");
  }

 private:
  std::uint64_t seed_ = 0;
  std::chrono::microseconds longest_{0};
  long elements_ = 0, left_ = -1;
  std::atomic<long>* lives_ = nullptr;  // seen by all
};

/// How many are to end, and elements until they have: no more than `most`, lest it never ends.
struct doomed_run {
  std::atomic<long> lives{tandem_test::repetitions(24, 2000)};
  long const planned = lives;
  static constexpr long most = 10'000'000;

  bool goes_on(long element) const { return element < most && (element < 1000 || lives > 0); }
};

bool is_doomed(failure const& why) { return why.signal() == SIGALRM || why.what() == "doomed"; }

}  // namespace

TEST_CASE("pipeline: whichever unit ends, whenever, the pipeline ends", "[crew][pipeline][kill]") {
  if (tandem_test::thread_sanitized) return;
  auto const how = GENERATE(mode::thread, mode::process);
  std::size_t const width = GENERATE(1U, 2U, 5U);
  std::mt19937_64 random(tandem_test::test_seed());
  INFO("TANDEM_TEST_SEED=" << tandem_test::test_seed());
  constexpr long elements = 2000;
  auto& lives = place<std::atomic<long>>(0);
  long failed = 0, done = 0;
  for (long run = tandem_test::repetitions(24, 2000); run > 0 || (failed == 0 && run > -100); --run) {
    doom dooms[4];
    lives = 1000;
    dooms[random() % 4] = doom(random(), 6ms, elements, lives);
    std::size_t const batch = random() % 2 == 0 ? 1 : 16;
    tandem::stage_options const with{.mode = how, .width = width, .capacity = 1 + random() % 4, .batch = batch};
    pipeline flow(stage({.mode = how},
                        [meet = dooms[0]](outlet<long>& out) mutable {
                          for (long i = 0; i < elements && out.push(i); ++i) meet();
                        }),
                  stage(with,
                        [meet = dooms[1]](long i) mutable {
                          meet();
                          return std::to_string(i);
                        }),
                  stage(with,
                        [meet = dooms[2]](inlet<std::string>& in, outlet<long>& out) mutable {
                          while (auto const one = in.pop()) {
                            meet();
                            out.push(std::stol(*one));
                          }
                        }),
                  stage({.mode = how, .batch = batch}, [meet = dooms[3]](inlet<long>& in) mutable {
                    long count = 0;
                    for (; in.pop(); ++count) meet();
                    return count;
                  }));
    if (auto const ended = flow.run()) {
      CHECK(*ended == elements);
      ++done;
    } else {
      CHECK(is_doomed(ended.error()));
      ++failed;
    }
  }
  CHECK(failed > 0);
  INFO(done << " were through before");
}

TEST_CASE("pipeline: each death loses one element at most, and tells which", "[crew][pipeline][kill]") {
  if (tandem_test::thread_sanitized) return;
  std::size_t const width = GENERATE(1U, 2U, 5U);
  std::size_t const batch = GENERATE(1U, 16U);
  auto const others = GENERATE(mode::thread, mode::process);
  INFO("TANDEM_TEST_SEED=" << tandem_test::test_seed());
  auto& run = place<doomed_run>();
  std::set<long> reported;
  long deaths = 0;
  pipeline flow(stage({.mode = others},
                      [&run](outlet<long>& out) {
                        for (long i = 0; run.goes_on(i) && out.push(i); ++i) {}
                      }),
                stage(
                    {.mode = mode::process, .width = width, .batch = batch, .restarts = true},
                    [meet = doom(tandem_test::test_seed(), 4ms, 1, run.lives)](long i) mutable {
                      meet();
                      return i;
                    },
                    [&](std::optional<long> const& element, failure const& why) {
                      CHECK(is_doomed(why));
                      ++deaths;
                      if (element && !reported.insert(*element).second) FAIL_CHECK(*element << " is told of twice");
                    }),
                stage({.mode = others, .batch = 16}, [](inlet<long>& in) {
                  std::vector<int> times;
                  while (auto const one = in.pop()) {
                    auto const at = static_cast<std::size_t>(*one);
                    if (at >= times.size()) times.resize(at + 1);
                    ++times[at];
                  }
                  return times;
                }));
  auto const times = flow.run().value();
  long wrong = 0, missing = 0, element = 0;
  for (int const came : times) {
    wrong += came + static_cast<int>(reported.count(element++)) != 1;  // it came, or it was said to be lost
    missing += came == 0;
  }
  INFO(deaths << " deaths, " << missing << " elements missing");
  CHECK(deaths + static_cast<long>(width) >= run.planned);  // those of the last ones come too late
  CHECK(wrong == 0);
  CHECK(missing <= deaths);
}

TEST_CASE("pipeline: no death of a last stage makes it do anything twice", "[crew][pipeline][kill]") {
  if (tandem_test::thread_sanitized) return;
  std::size_t const width = GENERATE(1U, 2U, 5U);
  std::size_t const batch = GENERATE(1U, 16U);
  INFO("TANDEM_TEST_SEED=" << tandem_test::test_seed());
  auto& run = place<doomed_run>();
  auto& times = place<std::array<std::atomic<int>, doomed_run::most>>();
  std::set<std::size_t> reported;
  long deaths = 0, elements = 0;
  pipeline flow(
      stage([&](outlet<std::string>& out) {
        for (; run.goes_on(elements) && out.push(std::to_string(elements)); ++elements) {}
      }),
      stage(
          {.mode = mode::process, .width = width, .batch = batch, .restarts = true},
          [&times, meet = doom(tandem_test::test_seed(), 4ms, 1, run.lives)](std::string const& text) mutable {
            meet();
            ++times[std::stoul(text)];
          },
          [&](std::optional<std::string> const& element, failure const& why) {
            CHECK(is_doomed(why));
            ++deaths;
            if (element && !reported.insert(std::stoul(*element)).second) FAIL_CHECK(*element << " is told of twice");
          }));
  CHECK(flow.run().has_value());
  long twice = 0, silent = 0, lost = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(elements); ++i) {
    twice += times[i] > 1;
    lost += times[i] == 0;
    silent += times[i] == 0 && reported.count(i) == 0;
  }
  INFO(deaths << " deaths, " << lost << " elements missing");
  CHECK(deaths + static_cast<long>(width) >= run.planned);
  CHECK(twice == 0);
  CHECK(silent == 0);
  CHECK(lost <= deaths);
}
