// SPDX-License-Identifier: BSL-1.0
// Serves the files of a folder by HTTP, with workers that are threads or processes around one listening socket.
#include <fcntl.h>   // for open, O_ flags
#include <unistd.h>  // for getpid

#include <cerrno>        // for errno
#include <chrono>        // for milliseconds
#include <csignal>       // for SIGINT, signal
#include <cstdint>       // for int64_t
#include <cstdio>        // for fprintf, printf
#include <exception>     // for exception
#include <string>        // for string, to_string
#include <system_error>  // for generic_category, system_error
#include <utility>       // for move

#include <CLI/CLI.hpp>
#include <tandem/tandem.hpp>

#include "../prefork/crew.hpp"
#include "../prefork/listener.hpp"
#include "settings.hpp"
#include "worker.hpp"

namespace {

enum status { stopped = 0, failed = 1, wrong_usage = 2 };

struct arguments {
  tandem::mode mode = tandem::mode::process;
  unsigned workers = 16;
  std::string address = "127.0.0.1";
  unsigned port = 8080;
  std::string root = ".";
  httpd::settings settings;
};

void complain(std::string const& text) { std::fprintf(stderr, "httpd: %s\n", text.c_str()); }

status run(arguments const& with) {
  tandem::fd const root(::open(with.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) throw std::system_error(errno, std::generic_category(), "--root=" + with.root);
  prefork::listener const listener(with.address, with.port);
  std::signal(SIGPIPE, SIG_IGN);  // sendfile has no other way to say that the client has gone
  tandem::stop_on_signal const asked_to(SIGINT, SIGTERM);
  prefork::crew workers("httpd", with.workers, listener, [&](tandem::options how, std::size_t) {
    if (with.mode == tandem::mode::process) {
      how.report_crash = true;
      how.inherit = tandem::inherit::declared;  // the standard streams and its arguments, nothing else
    }
    return tandem::spawn(with.mode, std::move(how), httpd::work, listener.socket().dup(), root.dup(), with.settings);
  });
  workers.start();
  std::printf("%s: http://%s/ by %u %s, until SIGINT or SIGTERM to %d\n", with.root.c_str(), listener.address().c_str(),
              with.workers, with.mode == tandem::mode::thread ? "threads" : "processes", static_cast<int>(::getpid()));
  if (std::fflush(stdout) != 0) throw std::system_error(errno, std::generic_category(), "the output cannot be written");
  workers.keep_up(asked_to.get_stop_token());
  workers.stop(with.settings.timeout);
  return stopped;
}

}  // namespace

int main(int argc, char** argv) {
  arguments with;
  std::string mode = "process";
  std::int64_t timeout = with.settings.timeout.count(), idle = with.settings.idle.count();
  constexpr std::int64_t hour = 3'600'000;

  CLI::App app("Serves the files of a folder by HTTP/1.1. A worker serves one connection at a time.", "httpd");
  app.add_option("--mode", mode, "What the workers are: thread or process")
      ->check(CLI::IsMember({"thread", "process"}))
      ->capture_default_str();
  app.add_option("--workers", with.workers, "How many, 1 to 1024: as many connections are served at once")
      ->check(CLI::Range(1U, 1024U))
      ->capture_default_str();
  app.add_option("--address", with.address, "Where to listen, a number; 0.0.0.0 or :: for all that this machine has")
      ->capture_default_str();
  app.add_option("--port", with.port, "Where to listen; 0: any that is free")
      ->check(CLI::Range(0U, 65535U))
      ->capture_default_str();
  app.add_option("--root", with.root, "The folder with the files")->capture_default_str();
  app.add_option("--timeout", timeout, "Milliseconds for a request to arrive, and for a client that takes nothing")
      ->check(CLI::Range(std::int64_t{1}, hour))
      ->capture_default_str();
  app.add_option("--idle", idle, "Milliseconds that a connection may be without a request")
      ->check(CLI::Range(std::int64_t{1}, hour))
      ->capture_default_str();
  app.add_flag("--log", with.settings.log, "Print a line for each request");
  app.add_option("--crash-path", with.settings.crash_path,
                 "A path whose handler crashes, /crash say: to see what then is");
  app.footer(
      "The first SIGINT or SIGTERM: no new clients, those that are there get their responses; a second one: the end.\n"
      "Exit status: 0 it was stopped; 1 it could not be started; 2 wrong usage.");
  app.failure_message([](CLI::App const*, CLI::Error const& error) {
    return std::string("httpd: ") + error.what() + "\nhttpd --help tells what there is\n";
  });
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) { return app.exit(error) == 0 ? stopped : wrong_usage; }
  with.mode = *tandem::mode_from_string(mode);
  with.settings.timeout = std::chrono::milliseconds(timeout);
  with.settings.idle = std::chrono::milliseconds(idle);

  try {
    return run(with);
  } catch (std::exception const& error) {
    complain(error.what());
    return failed;
  }
}
