// SPDX-License-Identifier: BSL-1.0
// A cache that speaks memcached's protocol, with workers that are threads or processes around one table in memory that
// they share.
#include <sys/socket.h>  // for getsockname
#include <unistd.h>      // for getpid

#include <algorithm>     // for max
#include <chrono>        // for milliseconds, seconds
#include <csignal>       // for SIGINT
#include <cstddef>       // for size_t
#include <cstdio>        // for fflush, fprintf, printf
#include <ctime>         // for time
#include <exception>     // for exception
#include <random>        // for mt19937_64, random_device
#include <stdexcept>     // for invalid_argument
#include <string>        // for string, to_string
#include <system_error>  // for generic_category, system_error
#include <utility>       // for move
#include <vector>        // for vector

#include <CLI/CLI.hpp>
#include <tandem/tandem.hpp>

#include "../prefork/crew.hpp"
#include "../prefork/listener.hpp"
#include "board.hpp"
#include "chaos.hpp"
#include "settings.hpp"
#include "table.hpp"
#include "worker.hpp"

namespace {

using std::chrono::milliseconds, std::chrono::seconds;

enum status { stopped = 0, failed = 1, wrong_usage = 2 };

struct arguments {
  tandem::mode mode = tandem::mode::process;
  unsigned workers = 4;
  std::string address = "127.0.0.1";
  unsigned port = 11211;
  std::size_t memory = 64;                       // MiB
  std::size_t item_size = std::size_t{1} << 20;  // bytes
  unsigned kill_every = 0;                       // ms; 0: never
  unsigned chaos = 0;                            // s; 0: none
  unsigned clients = 4;
  std::uint64_t seed = 0;
  kvcache::sabotage sabotage = kvcache::sabotage::none;
};

void complain(std::string const& text) { std::fprintf(stderr, "kvcache: %s\n", text.c_str()); }

/// Says what is to be seen at once.
template <class... A> void say(char const* format, A... values) {
  if (std::printf(format, values...) < 0 || std::fflush(stdout) != 0)
    throw std::system_error(errno, std::generic_category(), "the output cannot be written");
}

/// Sums up what the witnesses saw; true where nothing is wrong.
bool judge(std::vector<tandem::process<kvcache::tally>>& witnesses, kvcache::table const& all, unsigned kills) {
  kvcache::tally sum;
  for (auto& one : witnesses) {
    auto const seen = one.join().value();
    sum.written += seen.written;
    sum.read += seen.read;
    sum.lost_connections += seen.lost_connections;
    sum.counted += seen.counted;
    sum.maybe_counted += seen.maybe_counted;
    sum.wrong += seen.wrong;
    sum.lost += seen.lost;
    sum.unanswered += seen.unanswered;
    sum.longest_wait = std::max(sum.longest_wait, seen.longest_wait);
    if (!seen.complaint.empty()) complain(seen.complaint);
  }
  std::string total;
  all.get(kvcache::witness::sum, kvcache::look_at_clocks().now, [&](auto const&, auto append_to) { append_to(total); });
  auto const seen = all.counted();
  auto const found = all.examine();
  auto const evicted = seen[kvcache::event::evicted];
  say("%u workers killed, %llu of them with a shard in their hands, which was repaired; %llu connections lost\n", kills,
      static_cast<unsigned long long>(seen[kvcache::event::repair]),
      static_cast<unsigned long long>(sum.lost_connections));
  say("%llu writes acknowledged, %llu values read; the longest wait for an answer: %llu ms\n",
      static_cast<unsigned long long>(sum.written), static_cast<unsigned long long>(sum.read),
      static_cast<unsigned long long>(sum.longest_wait));
  auto const counted = std::strtoull(total.c_str(), nullptr, 10);
  bool const sum_is_right = sum.counted <= counted && counted <= sum.counted + sum.maybe_counted;
  say("wrong values: %llu\nlost writes: %llu%s\nwithout an answer: %llu\n", static_cast<unsigned long long>(sum.wrong),
      static_cast<unsigned long long>(sum.lost),
      evicted != 0 ? " (some made room for others: give it more memory)" : "",
      static_cast<unsigned long long>(sum.unanswered));
  say("a sum that all added to: %llu, acknowledged %llu, under way when a connection was lost %llu: %s\n", counted,
      static_cast<unsigned long long>(sum.counted), static_cast<unsigned long long>(sum.maybe_counted),
      sum_is_right ? "right" : "WRONG");
  say("blocks of memory: %llu used, %llu free, %llu lost%s%s\n", static_cast<unsigned long long>(found.used),
      static_cast<unsigned long long>(found.free), static_cast<unsigned long long>(found.lost),
      found.complaint.empty() ? "" : "; ", found.complaint.c_str());
  bool const fine = sum.wrong == 0 && sum.lost == 0 && sum.unanswered == 0 && sum_is_right && found.complaint.empty();
  say("%s\n", fine ? "all is well" : "FAILED");
  return fine;
}

kvcache::table make_table(arguments const& with) {
  try {
    return kvcache::table({.memory = with.memory << 20, .longest_value = with.item_size, .sabotage = with.sabotage});
  } catch (std::invalid_argument const& error) {
    throw std::invalid_argument("--memory=" + std::to_string(with.memory) + ": " + error.what() +
                                "; a smaller --item-size needs less");
  }
}

status run(arguments const& with) {
  auto const all = make_table(with);
  kvcache::board const notices{tandem::shared<kvcache::notice[]>(with.workers), std::time(nullptr), with.memory << 20};
  prefork::listener const listener(with.address, with.port);
  tandem::stop_on_signal const asked_to(SIGINT, SIGTERM);
  auto const& stop = asked_to.get_stop_token();
  prefork::crew workers("kvcache", with.workers, listener, [&](tandem::options how, std::size_t place) {
    if (with.mode == tandem::mode::process) {
      how.report_crash = true;
      how.inherit = tandem::inherit::declared;  // the standard streams and its arguments, nothing else
    }
    auto mine = notices;
    mine.me = place;
    auto const work = [all, mine](tandem::fd at) { kvcache::work(std::move(at), all, mine); };
    return tandem::spawn(with.mode, std::move(how), work, listener.socket().dup());
  });
  workers.start();
  say("%zu MiB: %s by %u %s, until SIGINT or SIGTERM to %d\n", with.memory, listener.address().c_str(), with.workers,
      with.mode == tandem::mode::thread ? "threads" : "processes", static_cast<int>(::getpid()));

  std::vector<tandem::process<kvcache::tally>> witnesses;
  if (with.chaos != 0) {
    all.store(kvcache::verb::set, {.key = kvcache::witness::sum, .value = "0"}, kvcache::look_at_clocks().now);
    for (std::size_t i = 0; i < with.clients; ++i) {
      auto const watch = [i, with, to = listener.where()] {
        return kvcache::witness(i, to, with.seed + i).run(seconds(with.chaos));
      };
      witnesses.push_back(tandem::process<kvcache::tally>(
          {.name = "client " + std::to_string(i + 1), .inherit = tandem::inherit::declared}, watch));
    }
    say("%u clients, for %u s, --seed=%llu\n", with.clients, with.chaos, static_cast<unsigned long long>(with.seed));
  }
  auto const are_done = [&] {
    for (auto& one : witnesses)
      if (!tandem::wait_any(milliseconds(0), one)) return false;
    return !witnesses.empty();
  };

  std::mt19937_64 random(with.seed);
  unsigned kills = 0;
  while (!stop.stop_requested() && !are_done()) {
    auto const pause = with.kill_every != 0 ? milliseconds(random() % (2 * with.kill_every)) : milliseconds(100);
    workers.keep_up(
        stop, with.kill_every != 0 || with.chaos != 0 ? tandem::deadline::after(pause) : tandem::deadline::never());
    if (with.kill_every != 0 && !stop.stop_requested()) workers.kill(random() % with.workers), ++kills;
  }
  if (witnesses.empty()) {
    workers.stop(kvcache::farewell);
    return stopped;
  }
  for (std::size_t place = 0; place < with.workers; ++place) workers.kill(place);  // one that hangs would not stop
  workers.stop(kvcache::farewell);
  return judge(witnesses, all, kills) ? stopped : failed;
}

}  // namespace

int main(int argc, char** argv) {
  arguments with;
  std::string mode = "process", sabotage;
  with.seed = std::random_device()();

  CLI::App app("A cache in memory that speaks memcached's text protocol.", "kvcache");
  app.add_option("--mode", mode, "What the workers are: thread or process")
      ->check(CLI::IsMember({"thread", "process"}))
      ->capture_default_str();
  app.add_option("--workers", with.workers, "How many, 1 to 256; each serves many connections")
      ->check(CLI::Range(1U, 256U))
      ->capture_default_str();
  app.add_option("--address", with.address, "Where to listen, a number; 0.0.0.0 or :: for all that this machine has")
      ->capture_default_str();
  app.add_option("--port", with.port, "Where to listen; 0: any that is free")
      ->check(CLI::Range(0U, 65535U))
      ->capture_default_str();
  app.add_option("--memory", with.memory, "MiB for keys and values; what is full lets go of what was not used lately")
      ->check(CLI::Range(1U, 32768U))
      ->capture_default_str();
  app.add_option("--item-size", with.item_size, "Bytes that a value may have")
      ->check(CLI::Range(std::size_t{1}, std::size_t{128} << 20))
      ->capture_default_str();
  app.add_option("--kill-every", with.kill_every,
                 "Kill a worker (SIGKILL) each so many milliseconds, at random moments")
      ->check(CLI::Range(1U, 3'600'000U));
  app.add_option(
         "--chaos", with.chaos,
         "For so many seconds be one's own clients, who remember what they wrote, while workers are killed; then "
         "say whether all was right")
      ->check(CLI::Range(1U, 86'400U));
  app.add_option("--clients", with.clients, "How many, with --chaos")
      ->check(CLI::Range(1U, 64U))
      ->capture_default_str();
  app.add_option("--seed", with.seed, "For what --chaos and --kill-every do at random");
  app.add_option("--sabotage", sabotage,
                 "Do something wrongly, so that --chaos finds it: no-repair after a death, values written in-place, or "
                 "an early-answer to what was not done yet")
      ->check(CLI::IsMember({"no-repair", "in-place", "early-answer"}));
  app.footer(
      "The first SIGINT or SIGTERM: no new clients, those that are there get their answers; a second one: the end.\n"
      "Exit status: 0 it was stopped, or --chaos found nothing; 1 it could not be started, or --chaos found "
      "something;\n"
      "2 wrong usage.");
  app.failure_message([](CLI::App const*, CLI::Error const& error) {
    return std::string("kvcache: ") + error.what() + "\nkvcache --help tells what there is\n";
  });
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) { return app.exit(error) == 0 ? stopped : wrong_usage; }
  with.mode = *tandem::mode_from_string(mode);
  if (sabotage == "no-repair") with.sabotage = kvcache::sabotage::no_repair;
  if (sabotage == "in-place") with.sabotage = kvcache::sabotage::in_place;
  if (sabotage == "early-answer") with.sabotage = kvcache::sabotage::early_answer;
  if ((with.chaos != 0 || with.kill_every != 0) && with.mode == tandem::mode::thread) {
    complain("--chaos and --kill-every need --mode=process: a thread cannot be killed alone");
    return wrong_usage;
  }
  if (with.chaos != 0 && with.kill_every == 0) with.kill_every = 10;

  try {
    return run(with);
  } catch (std::exception const& error) {
    complain(error.what());
    return failed;
  }
}
