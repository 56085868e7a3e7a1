// SPDX-License-Identifier: BSL-1.0
#include "support/report.hpp"

#include <algorithm>  // for find_if, max
#include <cmath>      // for isfinite
#include <cstdarg>    // for va_list
#include <cstddef>    // for size_t
#include <cstdio>     // for snprintf, vsnprintf

namespace tandem_bench {
namespace {

[[gnu::format(printf, 1, 2)]] std::string text(char const* format, ...) {
  va_list values;
  va_start(values, format);
  char buffer[512];
  std::vsnprintf(buffer, sizeof buffer, format, values);
  va_end(values);
  return buffer;
}

// Four significant digits without an exponent, as far as one reads them with ease.
std::string number(double value) {
  if (value >= 1000) return text("%.0f", value);
  if (value >= 100) return text("%.1f", value);
  if (value >= 10) return text("%.2f", value);
  return text("%.3f", value);
}

std::string factor(double value) { return value >= 20 ? text("%.1f", value) : text("%.2f", value); }

peer_data const* find(question_data const& asked, std::string const& name) {
  auto const at = std::find_if(asked.peers.begin(), asked.peers.end(), [&](auto const& p) { return p.name == name; });
  return at == asked.peers.end() ? nullptr : &*at;
}

std::string quoted(std::string_view plain) {
  std::string result = "\"";
  for (char const c : plain) {
    if (c == '"' || c == '\\') {
      result += '\\';
      result += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      result += text("\\u%04x", static_cast<unsigned>(c));
    } else {
      result += c;
    }
  }
  return result + '"';
}

std::string json_number(double value) { return std::isfinite(value) ? text("%.9g", value) : "null"; }

std::string json_numbers(std::vector<double> const& values) {
  std::string result = "[";
  for (double const value : values) result += (result.size() > 1 ? ", " : "") + json_number(value);
  return result + "]";
}

std::string json_summary(summary const& s) {
  return text("{\"median\": %s, \"min\": %s, \"max\": %s, \"low\": %s, \"high\": %s}", json_number(s.median).c_str(),
              json_number(s.min).c_str(), json_number(s.max).c_str(), json_number(s.low).c_str(),
              json_number(s.high).c_str());
}

std::string json_peer(question_data const& asked, peer_data const& peer) {
  std::string result = "        {\"name\": " + quoted(peer.name);
  if (!peer.absent.empty()) return result + ", \"absent\": " + quoted(peer.absent) + "}";
  result += ", \"calls_per_round\": " + std::to_string(peer.iterations) +
            ",\n         \"rounds\": " + json_numbers(peer.rounds) +
            ",\n         \"figures\": " + json_summary(summarize(peer.rounds));
  peer_data const* const base = find(asked, asked.base);
  if (base != nullptr && !base->rounds.empty() && !peer.rounds.empty())
    result += ",\n         \"ratio\": " + json_summary(summarize(ratios(peer.rounds, base->rounds)));
  return result + "}";
}

std::string json_budget(question_data const& asked, budget_data const& budget) {
  verdict const judged = judge(asked, budget);
  return "        {\"peer\": " + quoted(budget.peer) + ", \"against\": " + quoted(judged.against) +
         (budget.promised.how == limit::kind::at_most ? ", \"at_most\": " : ", \"at_least\": ") +
         json_number(budget.promised.factor) +
         (judged.judged ? std::string(", \"holds\": ") + (judged.holds ? "true" : "false") +
                              ", \"ratio\": " + json_summary(judged.measured)
                        : std::string()) +
         ", \"text\": " + quoted(judged.to_string()) + "}";
}

template <class List, class Print> std::string json_list(List const& list, Print print) {
  std::string result = "[";
  for (auto const& item : list) result += (result.size() > 1 ? ",\n" : "\n") + print(item);
  return result + "]";
}

}  // namespace

char const* name_of(unit in) noexcept {
  switch (in) {
    case unit::ns:
      return "ns";
    case unit::us:
      return "us";
    case unit::ms:
      return "ms";
    case unit::s:
      return "s";
    case unit::per_s:
      return "1/s";
    case unit::thousand_per_s:
      return "k/s";
    case unit::million_per_s:
      return "M/s";
    case unit::mb_per_s:
      return "MB/s";
    case unit::gb_per_s:
      return "GB/s";
  }
  return "";
}

double figure(question_data const& asked, double seconds, double calls) noexcept {
  double const operations = calls * asked.per_call;
  switch (asked.in) {
    case unit::ns:
      return seconds / operations * 1e9;
    case unit::us:
      return seconds / operations * 1e6;
    case unit::ms:
      return seconds / operations * 1e3;
    case unit::s:
      return seconds / operations;
    case unit::per_s:
      return operations / seconds;
    case unit::thousand_per_s:
      return operations / seconds / 1e3;
    case unit::million_per_s:
    case unit::mb_per_s:
      return operations / seconds / 1e6;
    case unit::gb_per_s:
      return operations / seconds / 1e9;
  }
  return 0;
}

verdict judge(question_data const& asked, budget_data const& budget) {
  verdict result;
  result.promised = budget.promised;
  result.against = budget.against.empty() ? asked.base : budget.against;
  peer_data const* const peer = find(asked, budget.peer);
  peer_data const* const other = find(asked, result.against);
  if (peer == nullptr || other == nullptr || peer->rounds.empty() || other->rounds.empty() || quick()) return result;
  result.judged = true;
  result.measured = summarize(ratios(peer->rounds, other->rounds));
  // Judged as it is told, to two places: 1.0546 is 1.05.
  double const told = std::round(result.measured.median * 100) / 100;
  result.holds =
      budget.promised.how == limit::kind::at_most ? told <= budget.promised.factor : told >= budget.promised.factor;
  return result;
}

std::string verdict::to_string() const {
  std::string const promise =
      (promised.how == limit::kind::at_most ? "<= " : ">= ") + factor(promised.factor) + " x " + against;
  if (!judged) return promise + ": not judged";
  return promise + ": " + factor(measured.median) + (holds ? " ok" : " MISSED");
}

std::string table(question_data const& asked) {
  std::size_t wide = 20;
  for (auto const& peer : asked.peers) wide = std::max(wide, peer.name.size());
  int const width = static_cast<int>(wide);

  std::string result = asked.title + " [" + name_of(asked.in) + "], " + describe(asked.where);
  result += quick() ? ", one call each: not a measurement\n"
                    : ", " + std::to_string(options().rounds) + " rounds of " +
                          text("%.0f ms each", options().seconds * 1000) + "\n";
  if (!asked.about.empty()) result += "  " + asked.about + "\n";
  result += text("  %-*s %10s %10s .. %-10s %6s  %-16s %s\n", width, "peer", "median", "min", "max", "ratio",
                 "95 % sure", "budget");

  peer_data const* const base = find(asked, asked.base);
  for (auto const& peer : asked.peers) {
    if (peer.rounds.empty()) {
      if (!peer.absent.empty()) result += text("  %-*s %10s  %s\n", width, peer.name.c_str(), "-", peer.absent.c_str());
      continue;
    }
    summary const s = summarize(peer.rounds);
    std::string line = text("  %-*s %10s %10s .. %-10s", width, peer.name.c_str(), number(s.median).c_str(),
                            number(s.min).c_str(), number(s.max).c_str());
    if (base != nullptr && !base->rounds.empty()) {
      summary const r = summarize(ratios(peer.rounds, base->rounds));
      line += text(" %6s  %-16s", factor(r.median).c_str(),
                   &peer == base ? "base" : (factor(r.low) + " .. " + factor(r.high)).c_str());
    } else {
      line += text(" %6s  %-16s", "", "");
    }
    std::string const indent(line.size(), ' ');
    bool first = true;
    for (auto const& budget : asked.budgets) {
      if (budget.peer != peer.name) continue;
      line += (first ? " budget " : "\n" + indent + " budget ") + judge(asked, budget).to_string();
      first = false;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    result += line + "\n";
  }
  return result;
}

std::string json(std::string_view program, std::vector<std::pair<std::string, std::string>> const& context,
                 std::vector<std::shared_ptr<question_data>> const& questions) {
  std::string result = "{\n  \"program\": " + quoted(program) + ",\n  \"context\": {";
  char const* between = "\n";
  for (auto const& [key, value] : context) {
    result += between + ("    " + quoted(key)) + ": " + quoted(value);
    between = ",\n";
  }
  result += "},\n  \"rounds\": " + std::to_string(options().rounds) +
            ",\n  \"seconds_per_round\": " + json_number(options().seconds) + ",\n  \"questions\": ";
  result += json_list(questions, [](auto const& asked) {
    return "    {\"title\": " + quoted(asked->title) + ", \"unit\": " + quoted(name_of(asked->in)) +
           ", \"better\": " + (asked->in <= unit::s ? "\"less\"" : "\"more\"") +
           ", \"placement\": " + quoted(describe(asked->where)) + ", \"base\": " + quoted(asked->base) +
           ",\n      \"peers\": " + json_list(asked->peers, [&](auto const& peer) { return json_peer(*asked, peer); }) +
           ",\n      \"budgets\": " +
           json_list(asked->budgets, [&](auto const& budget) { return json_budget(*asked, budget); }) + "}";
  });
  return result + "\n}\n";
}

}  // namespace tandem_bench
