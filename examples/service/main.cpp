// SPDX-License-Identifier: BSL-1.0
// Counts by key over TCP, with supervised workers around one listening socket: kill -9 any of them, and the service
// goes on.
#include <fcntl.h>   // for fcntl, O_NONBLOCK
#include <unistd.h>  // for getpid

#include <cerrno>        // for errno
#include <chrono>        // for milliseconds, minutes
#include <csignal>       // for SIGINT, SIGTERM
#include <cstddef>       // for size_t
#include <cstdint>       // for int64_t
#include <cstdio>        // for fflush, fprintf, printf
#include <exception>     // for exception
#include <string>        // for stoul, string, to_string
#include <system_error>  // for generic_category, system_error

#include <CLI/CLI.hpp>
#include <tandem/tandem.hpp>

#include "../prefork/listener.hpp"
#include "board.hpp"
#include "counters.hpp"
#include "settings.hpp"
#include "worker.hpp"

namespace {

enum status { stopped = 0, failed = 1, wrong_usage = 2 };

struct arguments {
  tandem::mode mode = tandem::mode::process;
  std::size_t workers = 4;
  std::string address = "127.0.0.1";
  unsigned port = 7070;
  std::chrono::milliseconds heartbeat{2'000};
  std::uint64_t intensity = 100;
  service::settings settings;
};

status run(arguments const& with) {
  prefork::listener const listener(with.address, with.port);
  if (::fcntl(listener.socket().get(), F_SETFL, O_NONBLOCK) != 0)
    throw std::system_error(errno, std::generic_category(), "make the socket one that does not block");
  service::shared_counters const values;
  service::board const workers(with.workers);
  tandem::stop_on_signal const asked_to(SIGINT, SIGTERM);
  tandem::stop_callback const shut(asked_to.get_stop_token(), [&] { listener.shut_door(); });

  tandem::supervisor crew(with.mode,
                          {.name = "service", .intensity = with.intensity, .period = std::chrono::minutes(1)});
  crew.on_event([&](tandem::supervisor_event const& what) {
    using kind = tandem::supervisor_event::kind;
    auto& line = workers[std::stoul(what.child.substr(what.child.find(' '))) - 1];
    bool const is_there = what.what == kind::started || what.what == kind::restarted || what.what == kind::ready;
    line.process = is_there ? what.id.process : 0;
    line.restarts = what.restarts;
    if (what.what != kind::started && what.what != kind::ready && what.what != kind::stopped)
      std::fprintf(stderr, "service: %s\n", what.to_string().c_str());
    if (what.child == "worker " + std::to_string(with.workers) && what.what == kind::ready && what.restarts == 0) {
      std::printf("%s by %zu %s, until SIGINT or SIGTERM to %d\n", listener.address().c_str(), with.workers,
                  with.mode == tandem::mode::thread ? "threads" : "processes", static_cast<int>(::getpid()));
      std::fflush(stdout);
    }
  });
  for (std::size_t place = 0; place < with.workers; ++place) {
    tandem::child_options how{.name = "worker " + std::to_string(place + 1),
                              .heartbeat = with.heartbeat,
                              .ready = std::chrono::seconds(10),
                              .backoff = {.first = std::chrono::milliseconds(1), .most = std::chrono::seconds(1)}};
    if (with.mode == tandem::mode::process) {
      how.report_crash = true;
      how.inherit = tandem::inherit::declared;  // the standard streams and its arguments, nothing else
    }
    crew.add(how, service::work, listener.socket().dup(), values, workers, place, with.settings);
  }
  crew.run(asked_to.get_stop_token());
  return stopped;
}

}  // namespace

int main(int argc, char** argv) {
  arguments with;
  std::string mode = "process";
  std::int64_t heartbeat = with.heartbeat.count(), idle = with.settings.idle.count();
  constexpr std::int64_t hour = 3'600'000;

  CLI::App app(
      "Counts by key over TCP: add KEY, get KEY, status, quit, a line each. Workers that die, or hang, are replaced.",
      "service");
  app.add_option("--mode", mode, "What the workers are: thread or process")
      ->check(CLI::IsMember({"thread", "process"}))
      ->capture_default_str();
  app.add_option("--workers", with.workers, "How many, 1 to 256: as many connections are served at once")
      ->check(CLI::Range(std::size_t{1}, service::most_workers))
      ->capture_default_str();
  app.add_option("--address", with.address, "Where to listen, a number; 0.0.0.0 or :: for all that this machine has")
      ->capture_default_str();
  app.add_option("--port", with.port, "Where to listen; 0: any that is free")
      ->check(CLI::Range(0U, 65535U))
      ->capture_default_str();
  app.add_option("--heartbeat", heartbeat, "Milliseconds without a beat after which a worker is hung")
      ->check(CLI::Range(std::int64_t{500}, hour))
      ->capture_default_str();
  app.add_option("--intensity", with.intensity, "Restarts in a minute: one more, and the service gives up")
      ->capture_default_str();
  app.add_option("--idle", idle, "Milliseconds that a connection may be without a request")
      ->check(CLI::Range(std::int64_t{1}, hour))
      ->capture_default_str();
  app.footer(
      "SIGINT or SIGTERM: requests that have come get their replies; then the end.\n"
      "Exit status: 0 it was stopped; 1 it could not be started, or gave up; 2 wrong usage.");
  app.failure_message([](CLI::App const*, CLI::Error const& error) {
    return std::string("service: ") + error.what() + "\nservice --help tells what there is\n";
  });
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) { return app.exit(error) == 0 ? stopped : wrong_usage; }
  with.mode = *tandem::mode_from_string(mode);
  with.heartbeat = std::chrono::milliseconds(heartbeat);
  with.settings.idle = std::chrono::milliseconds(idle);

  try {
    return run(with);
  } catch (std::exception const& error) {
    std::fprintf(stderr, "service: %s\n", error.what());
    return failed;
  }
}
