// SPDX-License-Identifier: BSL-1.0
// The program, for any mutex that has tandem's recover().
#ifndef TANDEM_EXAMPLES_LEDGER_PROGRAM_HPP
#define TANDEM_EXAMPLES_LEDGER_PROGRAM_HPP

#include <algorithm>     // for max, min
#include <cerrno>        // for errno
#include <chrono>        // for milliseconds, steady_clock
#include <cinttypes>     // for PRIu64
#include <csignal>       // for SIGINT, SIGTERM
#include <cstdint>       // for int64_t, uint32_t, uint64_t
#include <cstdio>        // for fflush, fprintf, fwrite, printf
#include <cstdlib>       // for _Exit
#include <exception>     // for exception
#include <fstream>       // for ifstream
#include <iostream>      // for cin
#include <string>        // for string
#include <system_error>  // for generic_category, system_error
#include <utility>       // for move
#include <vector>        // for vector

#include <CLI/CLI.hpp>
#include <tandem/tandem.hpp>

#include "books.hpp"
#include "crew.hpp"
#include "journal.hpp"
#include "worker.hpp"

namespace ledger {

enum status { all_right = 0, failed = 1, wrong_usage = 2, wrong_total = 3, stuck = 4 };

struct arguments {
  std::string name;
  tandem::mode mode = tandem::mode::process;
  std::string file;  // empty: a random journal
  std::uint32_t accounts = 100;
  std::uint64_t transfers = 200'000;
  unsigned workers = 4;
  bool print = false, balances = false;
  reaping reaper{.kills = 20};
  settings each;
};

[[noreturn]] inline void complain(arguments const& with, std::string const& text, status how) {
  std::fflush(stdout);
  std::fprintf(stderr, "%s: %s\n", with.name.c_str(), text.c_str());
  std::_Exit(how);
}

inline void write(std::string const& text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw std::system_error(errno, std::generic_category(), "the output cannot be written");
}

/// The journal from the command line's file, or a random one. Ends the program where lines are wrong, naming them.
inline journal journal_for(arguments const& with) {
  if (with.file.empty()) return random_journal(with.accounts, with.transfers, with.reaper.seed);
  std::ifstream file;
  if (with.file != "-") {
    file.open(with.file);
    if (!file) throw std::system_error(errno, std::generic_category(), with.file);
  }
  journal_reader reader;
  auto& from = with.file == "-" ? std::cin : file;
  auto const bad = reader.read(from);
  if (from.bad()) throw std::system_error(errno, std::generic_category(), with.file);
  constexpr std::size_t most_told = 10;
  std::string const name = with.file == "-" ? "standard input" : with.file;
  for (std::size_t i = 0; i < std::min(bad.size(), most_told); ++i)
    std::fprintf(stderr, "%s: %s:%" PRIu64 ": %s\n", with.name.c_str(), name.c_str(), bad[i].number,
                 bad[i].reason.c_str());
  if (!bad.empty())
    complain(with,
             std::to_string(bad.size()) + (bad.size() == 1 ? " line is" : " lines are") + " wrong: nothing was done",
             failed);
  return reader.take();
}

inline char const* plural(std::uint64_t count) { return count == 1 ? "" : "s"; }

template <class Mutex> status run(arguments const& with) {
  using clock = std::chrono::steady_clock;
  journal what = journal_for(with);
  if (with.print) {
    write(to_text(what));
    return all_right;
  }
  auto const all = open_books<Mutex>(what, with.workers);
  tandem::stop_on_signal const asked_to(SIGINT, SIGTERM);
  crew<Mutex> team(with.mode, what, all, with.each, with.reaper);
  std::string why;
  auto const begin = clock::now();
  auto const ended = team.run(asked_to.get_stop_token(), why);
  double const seconds = std::chrono::duration<double>(clock::now() - begin).count();

  // Nobody is left; what the dead left open is settled by the same rule.
  std::uint64_t done = 0;
  for (auto const& lane : all.lanes) done += lane.done;
  auto const& counts = *all.counts;
  std::printf("%zu accounts, %" PRIu64 " of %zu transfers by %u worker%s (mode: %s) in %.3f s: %.0f a second\n",
              what.names.size(), done, what.transfers.size(), with.workers, plural(with.workers),
              std::string(to_string(with.mode)).c_str(), seconds, static_cast<double>(done) / seconds);
  std::printf("reaped: %" PRIu64 " worker%s, %" PRIu64 " auditor%s\n", team.workers_reaped(),
              plural(team.workers_reaped()), team.auditors_reaped(), plural(team.auditors_reaped()));
  std::printf("recovered: %" PRIu64 " locks of the dead; %" PRIu64 " accounts of transfers that had happened, %" PRIu64
              " of transfers that had not\n",
              counts.abandoned.load(), counts.finished.load(), counts.undone.load());
  std::printf("audits: %" PRIu64 ", wrong: %" PRIu64 "\n", counts.audits.load(), counts.wrong_audits.load());
  if (ended == result::stuck)
    complain(with,
             "nothing has moved for " + std::to_string(with.reaper.patience.count()) +
                 " ms: somebody has died with a lock that nobody can take over",
             stuck);

  journal after = std::move(what);
  auto const expected = balances_after(after);
  cents const before = after.total();
  for (std::size_t i = 0; i < after.names.size(); ++i) {
    bool happened;
    settle(all, all.accounts[i], happened);
    after.balances[i] = all.accounts[i].balance;
  }
  std::uint64_t wrong = 0;
  if (ended == result::done)
    for (std::size_t i = 0; i < expected.size(); ++i) wrong += expected[i] != after.balances[i];
  std::printf("total: %s before, %s after; accounts that differ from plain addition: %" PRIu64 "%s\n",
              to_string(before).c_str(), to_string(after.total()).c_str(), wrong,
              ended == result::done ? "" : " (not looked at: it was not brought to its end)");
  if (with.balances) {
    after.transfers.clear();
    write(to_text(after));
  }
  if (std::fflush(stdout) != 0) throw std::system_error(errno, std::generic_category(), "the output cannot be written");
  if (after.total() != before || wrong != 0 || counts.wrong_audits != 0)
    complain(with, "money was lost, or made", wrong_total);
  if (ended == result::failed) complain(with, why, failed);
  if (ended == result::stopped) complain(with, "stopped before its end", failed);
  return all_right;
}

/// main. `about` is said by --help.
template <class Mutex> int main(std::string name, std::string const& about, int argc, char** argv) {
  arguments with;
  with.name = std::move(name);
  std::string mode = "process";
  std::int64_t work = 20, every = with.reaper.every.count(), audit_every = with.each.audit_every.count(),
               patience = with.reaper.patience.count();
  constexpr std::int64_t hour = 3'600'000;

  CLI::App app(about, with.name);
  app.add_option("journal", with.file,
                 "A file of lines 'account,NAME,BALANCE' and 'transfer,FROM,TO,AMOUNT'; -: standard input; default: "
                 "random transfers");
  app.add_option("--mode", mode, "What the workers are: thread or process")
      ->check(CLI::IsMember({"thread", "process"}))
      ->capture_default_str();
  app.add_option("--workers", with.workers, "How many, 1 to 256")->check(CLI::Range(1U, 256U))->capture_default_str();
  auto* const accounts = app.add_option("--accounts", with.accounts, "How many, for random transfers")
                             ->check(CLI::Range(2U, 1'000'000U))
                             ->capture_default_str();
  auto* const transfers = app.add_option("--transfers", with.transfers, "How many, random ones")
                              ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{100'000'000}))
                              ->capture_default_str();
  app.add_option("--seed", with.reaper.seed, "Of the random transfers, and of the reaper")->capture_default_str();
  app.add_option("--work", work, "Microseconds that a transfer takes while it holds its accounts")
      ->check(CLI::Range(std::int64_t{0}, std::int64_t{1'000'000}))
      ->capture_default_str();
  app.add_option("--kills", with.reaper.kills, "How many the reaper ends, at most")->capture_default_str();
  app.add_option("--reap-every", every, "Milliseconds between two of its visits, on average")
      ->check(CLI::Range(std::int64_t{0}, hour))
      ->capture_default_str();
  app.add_option("--audit-every", audit_every, "Milliseconds between two audits; 0: none")
      ->check(CLI::Range(std::int64_t{0}, hour))
      ->capture_default_str();
  app.add_option("--patience", patience, "Milliseconds without a transfer after which all is given up")
      ->check(CLI::Range(std::int64_t{1}, hour))
      ->capture_default_str();
  app.add_flag("--careless", with.each.careless, "Change one balance after the other: to see what a death does then");
  app.add_flag("--print", with.print, "Only print the journal");
  app.add_flag("--balances", with.balances, "Print the accounts in the end, as lines of a journal");
  app.footer(
      "Exit status: 0 all transfers were made and the total is what it was; 1 a line of the journal is wrong, or "
      "something failed, or it was stopped; 2 wrong usage; 3 money was lost or made; 4 it got stuck.");
  app.failure_message([&](CLI::App const*, CLI::Error const& error) {
    return with.name + ": " + error.what() + "\n" + with.name + " --help tells what there is\n";
  });
  accounts->excludes("journal");
  transfers->excludes("journal");
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) { return app.exit(error) == 0 ? all_right : wrong_usage; }
  with.mode = *tandem::mode_from_string(mode);
  with.each.work = std::chrono::microseconds(work);
  with.each.audit_every = std::chrono::milliseconds(audit_every);
  with.reaper.every = std::chrono::milliseconds(every);
  with.reaper.patience = std::chrono::milliseconds(patience);

  try {
    return run<Mutex>(with);
  } catch (std::exception const& error) { complain(with, error.what(), failed); }
}

}  // namespace ledger

#endif  // TANDEM_EXAMPLES_LEDGER_PROGRAM_HPP
