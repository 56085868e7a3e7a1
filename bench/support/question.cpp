// SPDX-License-Identifier: BSL-1.0
#include "support/question.hpp"

#include <algorithm>  // for any_of
#include <cctype>     // for isalnum
#include <cstdio>     // for fprintf
#include <cstdlib>    // for exit

namespace tandem_bench {
namespace {

// Google Benchmark's names, for its filter: nothing that a shell or a regular expression minds, but for dots.
std::string word(std::string const& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    bool const scope = c == ':' && ((i != 0 && text[i - 1] == ':') || (i + 1 != text.size() && text[i + 1] == ':'));
    bool const kept = std::isalnum(static_cast<unsigned char>(c)) != 0 || scope || c == '.' || c == '_' || c == '-';
    if (kept) {
      result += c;
    } else if (!result.empty() && result.back() != '_') {
      result += '_';
    }
  }
  while (!result.empty() && result.back() == '_') result.pop_back();
  return result;
}

[[noreturn]] void misused(std::string const& title, std::string const& why) {
  std::fprintf(stderr, "question '%s': %s\n", title.c_str(), why.c_str());
  std::exit(2);
}

}  // namespace

std::vector<std::shared_ptr<question_data>>& asked() {
  static std::vector<std::shared_ptr<question_data>> all;
  return all;
}

question::question(std::string title, unit in) : data_(std::make_shared<question_data>()) {
  data().title = std::move(title);
  data().in = in;
  for (auto const& other : asked()) {
    if (word(other->title) == word(data().title)) misused(data().title, "it is asked twice");
  }
  asked().push_back(data_);
}

question& question::about(std::string text) {
  data().about = std::move(text);
  return *this;
}

question& question::absent(std::string name, std::string why) {
  data().peers.push_back({.name = std::move(name), .full_name = {}, .absent = std::move(why), .rounds = {}});
  return *this;
}

question& question::budget(std::string peer, limit promised, std::string against) {
  data().budgets.push_back({std::move(peer), promised, std::move(against)});
  return *this;
}

question& question::per_call(double operations) {
  data().per_call = operations;
  return *this;
}

question& question::placed(placement where) {
  data().where = where;
  return *this;
}

void question::name_base(std::string const& name) {
  if (!data().base.empty()) misused(data().title, "a question has one base");
  data().base = name;
}

std::string question::full_name(std::string const& peer) const { return word(data_->title) + "/" + word(peer); }

void question::add(std::string name, std::string full, benchmark::internal::Benchmark* registered) {
  bool const taken =
      std::any_of(data().peers.begin(), data().peers.end(), [&](auto const& p) { return p.full_name == full; });
  if (taken) misused(data().title, "two peers are called '" + name + "'");
  data().peers.push_back(
      {.name = std::move(name), .full_name = std::move(full), .absent = {}, .registered = registered, .rounds = {}});
}

}  // namespace tandem_bench
