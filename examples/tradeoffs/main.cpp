// SPDX-License-Identifier: BSL-1.0
// What sets threads and processes apart, measured on this machine: isolation, overhead, failure, scheduling.
#include <cstdio>     // for fprintf
#include <exception>  // for exception
#include <string>     // for string
#include <vector>     // for vector

#include <CLI/CLI.hpp>
#include <tandem/tandem.hpp>

#include "failure.hpp"
#include "isolation.hpp"
#include "overhead.hpp"
#include "report.hpp"
#include "scheduling.hpp"

int main(int argc, char** argv) {
  std::string mode = "both";
  bool json = false;
  bool quick = false;

  CLI::App app("Shows and measures on this machine what sets threads and processes apart.", "tradeoffs");
  app.add_option("--mode", mode, "Which to look at: thread, process or both")
      ->check(CLI::IsMember({"thread", "process", "both"}))
      ->capture_default_str();
  app.add_flag("--json", json, "For machines");
  app.add_flag("--quick", quick, "In a few seconds, with rougher times");
  app.failure_message([](CLI::App const*, CLI::Error const& error) {
    return std::string("tradeoffs: ") + error.what() + "\ntradeoffs --help tells what there is\n";
  });
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) { return app.exit(error) == 0 ? 0 : 2; }

  std::vector<tandem::mode> columns{tandem::mode::thread, tandem::mode::process};
  if (auto const one = tandem::mode_from_string(mode)) columns = {*one};
  try {
    tradeoffs::report report(columns);
    tradeoffs::isolation(report);
    tradeoffs::overhead(report, quick);
    tradeoffs::failure(report);
    tradeoffs::scheduling(report, quick);
    if (json)
      report.print_json();
    else
      report.print();
    return 0;
  } catch (std::exception const& error) {
    std::fprintf(stderr, "tradeoffs: %s\n", error.what());
    return 1;
  }
}
