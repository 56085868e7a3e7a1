// SPDX-License-Identifier: BSL-1.0
// What is to be done: accounts with their balances, and transfers between them. As text, one line each:
//
//     # name, balance
//     account,alice,1000.00
//     account,bob,0
//     # from, to, amount
//     transfer,alice,bob,12.50
#ifndef TANDEM_EXAMPLES_LEDGER_JOURNAL_HPP
#define TANDEM_EXAMPLES_LEDGER_JOURNAL_HPP

#include <cstdint>        // for uint32_t, uint64_t
#include <istream>        // for getline, istream
#include <limits>         // for numeric_limits
#include <random>         // for mt19937_64
#include <string>         // for string, to_string
#include <string_view>    // for string_view
#include <unordered_map>  // for unordered_map
#include <vector>         // for vector

#include "money.hpp"

namespace ledger {

struct transfer {
  std::uint32_t from, to;
  cents amount;
};

struct journal {
  std::vector<std::string> names;
  std::vector<cents> balances;  // before the first transfer
  std::vector<transfer> transfers;

  cents total() const {
    cents sum = 0;
    for (cents const one : balances) sum += one;
    return sum;
  }
};

/// A line that is no line of a journal, and why not.
struct bad_line {
  std::uint64_t number;
  std::string reason;
};

/// Reads a journal line by line.
class journal_reader {
 public:
  /// @returns the lines that are wrong; what was read is a journal only if there are none
  std::vector<bad_line> read(std::istream& from) {
    std::vector<bad_line> bad;
    std::string line;
    for (std::uint64_t number = 1; std::getline(from, line); ++number) {
      if (line.ends_with('\r')) line.pop_back();
      if (line.empty() || line.starts_with('#')) continue;
      if (std::string reason = add(line); !reason.empty()) bad.push_back({number, std::move(reason)});
    }
    return bad;
  }

  journal take() { return std::move(journal_); }

 private:
  static std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

  /// What is wrong with the line; empty: nothing.
  std::string add(std::string_view line) {
    std::vector<std::string_view> fields;
    for (std::size_t begin = 0, comma = 0; comma != line.npos; begin = comma + 1) {
      comma = line.find(',', begin);
      fields.push_back(line.substr(begin, comma == line.npos ? comma : comma - begin));
    }
    if (fields[0] == "account" && fields.size() == 3) return add_account(fields[1], fields[2]);
    if (fields[0] == "transfer" && fields.size() == 4) return add_transfer(fields[1], fields[2], fields[3]);
    return "neither 'account,NAME,BALANCE' nor 'transfer,FROM,TO,AMOUNT'";
  }

  std::string add_account(std::string_view name, std::string_view balance) {
    auto const amount = money_from(balance);
    if (name.empty()) return "an account without a name";
    if (!amount) return quoted(balance) + " is no balance: 12, 12.50 or -12.50 is one";
    if (numbers_.contains(std::string(name))) return "account " + quoted(name) + " is there already";
    if (!counts(*amount)) return too_much;
    numbers_.emplace(name, static_cast<std::uint32_t>(journal_.names.size()));
    journal_.names.emplace_back(name);
    journal_.balances.push_back(*amount);
    return {};
  }

  std::string add_transfer(std::string_view from, std::string_view to, std::string_view money) {
    auto const amount = money_from(money);
    if (!amount || *amount <= 0) return quoted(money) + " is no amount: 12 or 12.50 is one";
    for (auto const name : {from, to})
      if (!numbers_.contains(std::string(name))) return "no line above has the account " + quoted(name);
    if (from == to) return "from " + quoted(from) + " to itself";
    if (!counts(*amount)) return too_much;
    journal_.transfers.push_back({numbers_[std::string(from)], numbers_[std::string(to)], *amount});
    return {};
  }

  /// Whether all amounts together, with this one, are still a number: then so is each balance on the way.
  bool counts(cents amount) {
    cents const size = amount < 0 ? -amount : amount;
    if (size > std::numeric_limits<cents>::max() - sum_) return false;
    sum_ += size;
    return true;
  }

  static constexpr char const* too_much = "with this amount all of them are more than 92233720368547758.07";

  journal journal_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  cents sum_ = 0;
};

/// Transfers at random between accounts that begin with 1000.00. The same seed, the same journal.
inline journal random_journal(std::uint32_t accounts, std::uint64_t transfers, std::uint64_t seed) {
  journal made;
  for (std::uint32_t i = 1; i <= accounts; ++i) {
    made.names.push_back("a" + std::to_string(i));
    made.balances.push_back(1000'00);
  }
  std::mt19937_64 random(seed);
  made.transfers.reserve(transfers);
  for (std::uint64_t i = 0; i < transfers; ++i) {
    auto const from = static_cast<std::uint32_t>(random() % accounts);
    auto const to = static_cast<std::uint32_t>((from + 1 + random() % (accounts - 1)) % accounts);
    made.transfers.push_back({from, to, static_cast<cents>(1 + random() % 100'00)});
  }
  return made;
}

/// As text.
inline std::string to_text(journal const& all) {
  std::string text;
  for (std::size_t i = 0; i < all.names.size(); ++i)
    text.append("account,").append(all.names[i]).append(",").append(to_string(all.balances[i])).append("\n");
  for (auto const& [from, to, amount] : all.transfers) {
    text.append("transfer,").append(all.names[from]).append(",").append(all.names[to]).append(",");
    text.append(to_string(amount)).append("\n");
  }
  return text;
}

/// The balances when all is done: by plain addition, in the order of the journal.
inline std::vector<cents> balances_after(journal const& all) {
  std::vector<cents> balances = all.balances;
  for (auto const& [from, to, amount] : all.transfers) {
    balances[from] -= amount;
    balances[to] += amount;
  }
  return balances;
}

}  // namespace ledger

#endif  // TANDEM_EXAMPLES_LEDGER_JOURNAL_HPP
