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
#include <vector>        // for vector

#include <CLI/CLI.hpp>
#include <tandem/tandem.hpp>

#include "listener.hpp"
#include "settings.hpp"
#include "worker.hpp"

namespace {

using namespace std::chrono_literals;

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

/// The workers, each in its place. One that is gone before it was told to is replaced.
class crew {
 public:
  crew(arguments const& with, httpd::listener const& listener, tandem::fd const& root)
      : with_(with), listener_(listener), root_(root), members_(with.workers) {}
  crew(crew const&) = delete;
  /// Where something was thrown: those who wait for clients must not wait on, since they are joined.
  ~crew() { listener_.close(); }

  void start() {
    for (std::size_t place = 0; place < members_.size(); ++place) start(place);
  }

  /// Until a stop is requested.
  void keep_up(tandem::stop_token const& stop) {
    while (!stop.stop_requested()) {
      if (ends_.empty()) {
        stop.wait_for(1s);
      } else if (auto const ended = missing_.empty() ? ends_.wait(stop) : ends_.wait(stop, 1s)) {
        report(members_[*ended].join());
        missing_.push_back(*ended);
      }
      while (!missing_.empty() && !stop.stop_requested() && start_again(missing_.back())) missing_.pop_back();
    }
  }

  /// Without losing a client: nobody is let in, who is in gets a response, and only then does the socket close.
  void stop() {
    listener_.shut_door();
    for (auto& one : members_) one.request_stop();
    listener_.wait_until_empty(with_.settings.timeout);
    listener_.close();
    for (auto& one : members_) {
      if (one.joinable()) report(one.join());
    }
  }

 private:
  void start(std::size_t place) {
    tandem::options how{.name = "worker " + std::to_string(place + 1)};
    if (with_.mode == tandem::mode::process) {
      how.report_crash = true;
      how.inherit = tandem::inherit::declared;  // the standard streams and its arguments, nothing else
    }
    members_[place] =
        tandem::spawn(with_.mode, std::move(how), httpd::work, listener_.socket().dup(), root_.dup(), with_.settings);
    ends_.add(members_[place], place);
  }

  /// False where the system has no room for one now.
  bool start_again(std::size_t place) {
    try {
      start(place);
      return true;
    } catch (std::system_error const& error) {
      complain(std::string(error.what()) + "; trying again");
      return false;
    }
  }

  static void report(tandem::outcome<void> const& outcome) {
    if (outcome) return;
    complain(outcome.error().to_string());
    if (!outcome.error().crash()) return;
    for (auto const& frame : outcome.error().crash()->backtrace) {
      if (frame.find("(tandem::") != std::string::npos) break;  // how the worker came to be
      std::fprintf(stderr, "    %s\n", frame.c_str());
    }
  }

  arguments const& with_;
  httpd::listener const& listener_;
  tandem::fd const& root_;
  std::vector<tandem::unit<>> members_;
  tandem::wait_set<std::size_t> ends_;
  std::vector<std::size_t> missing_;
};

status run(arguments const& with) {
  tandem::fd const root(::open(with.root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!root) throw std::system_error(errno, std::generic_category(), "--root=" + with.root);
  httpd::listener const listener(with.address, with.port);
  std::signal(SIGPIPE, SIG_IGN);  // sendfile has no other way to say that the client has gone
  tandem::stop_on_signal const asked_to(SIGINT, SIGTERM);
  crew workers(with, listener, root);
  workers.start();
  std::printf("%s: %s by %u %s, until SIGINT or SIGTERM to %d\n", with.root.c_str(), listener.url().c_str(),
              with.workers, with.mode == tandem::mode::thread ? "threads" : "processes", static_cast<int>(::getpid()));
  if (std::fflush(stdout) != 0) throw std::system_error(errno, std::generic_category(), "the output cannot be written");
  workers.keep_up(asked_to.get_stop_token());
  workers.stop();
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
