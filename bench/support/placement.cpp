// SPDX-License-Identifier: BSL-1.0
#include "support/placement.hpp"

#include <sched.h>  // for cpu_set_t, sched_getaffinity, sched_setaffinity

#include "tandem/sync/impl/spin.hpp"  // for several_cpus

namespace tandem_bench {
namespace {

struct given_cpus {
  cpu_set_t all;
  given_cpus() noexcept {
    CPU_ZERO(&all);
    ::sched_getaffinity(0, sizeof all, &all);
  }
};

// What the process was started with: asked once, before anything is pinned.
cpu_set_t const& given() noexcept {
  static given_cpus const cpus;
  return cpus.all;
}

int nth_cpu(int n) noexcept {
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &given()) && n-- == 0) return cpu;
  }
  return -1;
}

void pin_to(int cpu) noexcept {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  ::sched_setaffinity(0, sizeof one, &one);
}

placement now = placement::free;

}  // namespace

char const* describe(placement where) noexcept {
  switch (where) {
    case placement::one_cpu:
      return "one CPU";
    case placement::two_cpus:
      return "two CPUs";
    default:
      return "CPUs free";
  }
}

std::optional<placement> placement_named(std::string_view name) noexcept {
  if (name == "free") return placement::free;
  if (name == "one") return placement::one_cpu;
  if (name == "two") return placement::two_cpus;
  return std::nullopt;
}

int allowed_cpus() noexcept { return CPU_COUNT(&given()); }

placement current_placement() noexcept { return now; }

void set_placement(placement where) noexcept {
  cpu_set_t const all = given();
  now = where;
  tandem::impl::several_cpus = where != placement::one_cpu && allowed_cpus() > 1;  // as in a program started there
  if (where == placement::free) {
    ::sched_setaffinity(0, sizeof all, &all);
  } else {
    pin_to(nth_cpu(0));
  }
}

void pin_side(int side) noexcept {
  if (now == placement::two_cpus) pin_to(nth_cpu(side % allowed_cpus()));
}

}  // namespace tandem_bench
