// SPDX-License-Identifier: BSL-1.0
#include "support/machine.hpp"

#include <sys/utsname.h>  // for uname
#include <unistd.h>       // for sysconf

#include <cstdlib>  // for getloadavg
#include <ctime>    // for gmtime_r, strftime, time
#include <fstream>  // for ifstream

#include "support/placement.hpp"  // for allowed_cpus

#include "build_info.hpp"  // made by the build: TANDEM_BENCH_COMMIT, TANDEM_BENCH_FLAGS

namespace tandem_bench {
namespace {

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  return "unknown";
}

std::string first_line(char const* path) {
  std::string line;
  std::getline(std::ifstream(path), line);
  return line;
}

std::string utc_now() {
  std::time_t const now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::string compiler() {
#ifdef __clang__
  return "clang++ " __clang_version__;
#else
  return "g++ " __VERSION__;
#endif
}

}  // namespace

std::vector<std::pair<std::string, std::string>> provenance() {
  utsname system{};
  ::uname(&system);
  return {{"commit", TANDEM_BENCH_COMMIT},
          {"time", utc_now()},
          {"compiler", compiler()},
          {"flags", TANDEM_BENCH_FLAGS},
          {"cpu", cpu_model()},
          {"cpus", std::to_string(allowed_cpus())},
          {"memory_mb", std::to_string(::sysconf(_SC_PHYS_PAGES) / 1024 * ::sysconf(_SC_PAGESIZE) / 1024)},
          {"kernel", std::string(system.sysname) + " " + system.release},
          {"transparent_hugepages", first_line("/sys/kernel/mm/transparent_hugepage/enabled")},
          {"governor", first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")}};
}

double load_average() {
  double load = 0;
  return ::getloadavg(&load, 1) == 1 ? load : 0;
}

}  // namespace tandem_bench
