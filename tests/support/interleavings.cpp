// SPDX-License-Identifier: BSL-1.0
#include "support/interleavings.hpp"

#include <ucontext.h>

#include <algorithm>
#include <csetjmp>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <utility>

#include "tandem/config.hpp"

namespace tandem_test {

namespace {

struct buffered_store {
  void* at;
  std::size_t size;
  std::uint64_t value;
};

void apply(buffered_store const& one) { std::memcpy(one.at, &one.value, one.size); }

struct fiber {
  std::function<void()> body;
  std::unique_ptr<char[]> stack;
  std::jmp_buf entry;  // of run_fiber: what lies above it on the stack may be abandoned
  std::jmp_buf place;  // where it paused: _setjmp leaves the signal mask alone, and so costs no system call
  std::vector<buffered_store> stores;
  void const* waits_at = nullptr;  // a futex word
  bool ended = false, dead = false;

  bool can_go_on() const { return !ended && !dead && waits_at == nullptr; }
};

enum class action { go_on, flush, die };
struct choice {
  action what;
  int who;
};

void drain(fiber& one) {
  for (auto const& stored : one.stores) apply(stored);
  one.stores.clear();
}

/// One exploration: the orders are the paths of a tree, walked depth first.
class explorer {
 public:
  explorer(exploration_limits limits, std::function<modelled_run()> const& make) : limits_(limits), make_(make) {}

  exploration_report explore();

  int running() const { return running_; }
  fiber& self() { return fibers_[static_cast<std::size_t>(running_)]; }
  std::vector<fiber>& fibers() { return fibers_; }
  void store(buffered_store const& one) {
    auto& mine = self().stores;
    if (mine.empty() && (late_stores_ == limits_.late_stores || choose(2) == 0)) return apply(one);
    if (mine.empty()) ++late_stores_;
    mine.push_back(one);
  }
  /// Back to the explorer, until it is this fiber's turn again.
  void pause() {
    if (_setjmp(self().place) == 0) _longjmp(home_, 1);
  }

 private:
  static constexpr std::size_t stack_bytes = 64 * 1024;

  void start_fibers(modelled_run& what);
  TANDEM_NOINLINE void enter(fiber& one);
  void run_once(modelled_run& what);
  std::vector<choice> choices() const;
  std::size_t choose(std::size_t count);
  TANDEM_NOINLINE void go_on(fiber& one);
  void resume(int who);
  bool next_path();
  std::string path() const;

  exploration_limits limits_;
  std::function<modelled_run()> const& make_;
  std::vector<fiber> fibers_;
  std::jmp_buf home_;
  int running_ = -1;

  // of the path that is walked: what was chosen, and of how many
  std::vector<std::pair<std::size_t, std::size_t>> chosen_;
  std::vector<choice> taken_;
  std::size_t depth_ = 0;
  int last_ = -1;  // who went on last
  int preemptions_ = 0, late_stores_ = 0, deaths_ = 0;
};

explorer* current = nullptr;

extern "C" void run_fiber() {
  explorer& me = *current;
  _setjmp(me.self().entry);  // each order begins here
  me.self().body();
  me.self().ended = true;
  me.pause();
  std::abort();
}

void explorer::start_fibers(modelled_run& what) {
  fibers_.resize(what.threads.size());
  for (std::size_t i = 0; i < fibers_.size(); ++i) {
    auto& one = fibers_[i];
    one.body = std::move(what.threads[i]);
    one.stores.clear();
    one.waits_at = nullptr;
    one.ended = one.dead = false;
    running_ = static_cast<int>(i);
    enter(one);  // to its first step: what comes before concerns nobody else
    running_ = -1;
  }
}

void explorer::enter(fiber& one) {
  if (_setjmp(home_) != 0) return;
  if (one.stack) _longjmp(one.entry, 1);
  one.stack = std::make_unique<char[]>(stack_bytes);
  ucontext_t context;
  ::getcontext(&context);
  context.uc_stack.ss_sp = one.stack.get();
  context.uc_stack.ss_size = stack_bytes;
  context.uc_link = nullptr;
  ::makecontext(&context, &run_fiber, 0);
  ::setcontext(&context);
}

std::vector<choice> explorer::choices() const {
  std::vector<choice> all;
  auto const count = static_cast<int>(fibers_.size());
  if (std::none_of(fibers_.begin(), fibers_.end(), [](fiber const& one) { return one.can_go_on(); })) return all;
  bool const last_can = last_ >= 0 && fibers_[static_cast<std::size_t>(last_)].can_go_on();
  if (last_can) all.push_back({action::go_on, last_});
  for (int i = 0; i < count; ++i) {
    auto const& one = fibers_[static_cast<std::size_t>(i)];
    if (i != last_ && one.can_go_on() && (!last_can || preemptions_ < limits_.preemptions))
      all.push_back({action::go_on, i});
  }
  for (int i = 0; i < count; ++i)
    if (!fibers_[static_cast<std::size_t>(i)].stores.empty()) all.push_back({action::flush, i});
  for (int i = 0; i < count; ++i) {
    auto const& one = fibers_[static_cast<std::size_t>(i)];
    if (deaths_ < limits_.deaths && (limits_.mortal >> i & 1U) != 0 && !one.ended && !one.dead)
      all.push_back({action::die, i});
  }
  return all;
}

std::size_t explorer::choose(std::size_t count) {
  if (depth_ == chosen_.size()) chosen_.emplace_back(0, count);
  return chosen_[depth_++].first;
}

void explorer::go_on(fiber& one) {
  if (_setjmp(home_) == 0) _longjmp(one.place, 1);
}

void explorer::resume(int who) {
  running_ = who;
  go_on(fibers_[static_cast<std::size_t>(who)]);
  running_ = -1;
}

void explorer::run_once(modelled_run& what) {
  depth_ = 0;
  last_ = -1;
  preemptions_ = late_stores_ = deaths_ = 0;
  taken_.clear();
  start_fibers(what);
  for (auto all = choices(); !all.empty(); all = choices()) {
    choice const next = all[choose(all.size())];
    taken_.push_back(next);
    auto& one = fibers_[static_cast<std::size_t>(next.who)];
    switch (next.what) {
      case action::go_on:
        if (last_ >= 0 && last_ != next.who && fibers_[static_cast<std::size_t>(last_)].can_go_on()) ++preemptions_;
        last_ = next.who;
        resume(next.who);
        break;
      case action::flush:
        drain(one);
        break;
      case action::die:  // the kernel drains its CPU's buffer long before others can know of the death
        ++deaths_;
        one.dead = true;
        drain(one);
        break;
    }
  }
  for (auto& one : fibers_) drain(one);
}

bool explorer::next_path() {
  while (!chosen_.empty() && chosen_.back().first + 1 == chosen_.back().second) chosen_.pop_back();
  if (chosen_.empty()) return false;
  ++chosen_.back().first;
  return true;
}

std::string explorer::path() const {
  std::ostringstream text;
  for (auto const& one : taken_)
    text << (one.what == action::die ? "+" : one.what == action::flush ? "!" : "") << one.who << ' ';
  return text.str();
}

exploration_report explorer::explore() {
  exploration_report report;
  do {
    if (report.runs == limits_.runs) return report;
    ++report.runs;
    auto what = make_();
    run_once(what);
    std::string complaint;
    for (auto const& one : fibers_)
      if (!one.ended && !one.dead) complaint = "one sleeps for ever";
    if (complaint.empty()) {
      verdict const said = what.check();
      if (!said.fine()) complaint = said.complaint();
    }
    for (auto& one : fibers_) one.body = nullptr;
    if (!complaint.empty()) {
      report.complaint = complaint + "; who went on (!: a store of whom became visible, +: who died): " + path();
      return report;
    }
  } while (next_path());
  report.complete = true;
  return report;
}

}  // namespace

exploration_report explore(exploration_limits limits, std::function<modelled_run()> const& make) {
  explorer all(limits, make);
  current = &all;
  auto report = all.explore();
  current = nullptr;
  return report;
}

std::string exploration_report::to_string() const {
  return std::to_string(runs) + " orders" + (complete ? "" : ", not all") +
         (complaint.empty() ? "" : "; the last one: " + complaint);
}

namespace model {

int self() noexcept { return current == nullptr ? -1 : current->running(); }
bool is_dead(int fiber) noexcept { return current->fibers()[static_cast<std::size_t>(fiber)].dead; }

void step() {
  if (self() >= 0) current->pause();
}

std::uint64_t load(void const* at, std::size_t size) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, size);
  if (self() < 0) return value;
  for (auto const& one : current->self().stores)
    if (one.at == at) value = one.value;
  return value;
}

void store(void* at, std::size_t size, std::uint64_t value) {
  if (self() < 0)
    apply({at, size, value});
  else
    current->store({at, size, value});
}

void drain() {
  if (self() < 0) return;
  tandem_test::drain(current->self());
}

void drain_all() {
  if (current == nullptr) return;
  for (auto& one : current->fibers()) tandem_test::drain(one);
}

void wait(void const* word, std::uint32_t expected) {
  step();
  drain();
  if (static_cast<std::uint32_t>(load(word, sizeof expected)) != expected) return;
  current->self().waits_at = word;
  current->pause();
}

int wake(void const* word, int count) {
  step();
  drain();
  int woken = 0;
  for (auto& one : current->fibers()) {
    if (woken == count || one.waits_at != word) continue;
    one.waits_at = nullptr;
    ++woken;
  }
  return woken;
}

}  // namespace model

}  // namespace tandem_test
