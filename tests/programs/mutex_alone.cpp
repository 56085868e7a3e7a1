// SPDX-License-Identifier: BSL-1.0
// As long as no other process is in sight, mutexes set up nothing. What was locked then is known afterwards.
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tandem/memory/commons.hpp"
#include "tandem/sync/mutex.hpp"
#include "tandem/sync/recursive_mutex.hpp"
#include "tandem/sync/recursive_timed_mutex.hpp"
#include "tandem/sync/timed_mutex.hpp"

namespace {

/// What a family would show up in.
struct traces {
  long shared_mappings = 0, descriptors = 0, threads = 0;
  bool robust = false;

  bool operator==(traces const&) const = default;

  static traces look() {
    traces seen;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find("memfd:") != line.npos || line.find("tandem") != line.npos || line[line.find(' ') + 4] == 's')
        ++seen.shared_mappings;
    }
    maps.close();
    for ([[maybe_unused]] auto const& one : std::filesystem::directory_iterator("/proc/self/fd")) ++seen.descriptors;
    for ([[maybe_unused]] auto const& one : std::filesystem::directory_iterator("/proc/self/task")) ++seen.threads;
    robust_list_head* head = nullptr;
    std::size_t size = 0;
    ::syscall(SYS_get_robust_list, 0, &head, &size);
    seen.robust = head->list.next != &head->list;
    return seen;
  }
};

tandem::mutex plain;
tandem::timed_mutex timed;
tandem::recursive_mutex recursive;
tandem::recursive_timed_mutex recursive_timed;

template <class Mutex> void contend(Mutex& mutex, char const* name) {
  long count = 0;
  traces const before = traces::look();
  traces within;
  auto const work = [&](bool looks) {
    for (int i = 0; i < 50'000; ++i) {
      std::lock_guard const hold(mutex);
      ++count;
    }
    if (looks) within = traces::look();
  };
  std::thread other(work, false);
  work(false);
  other.join();
  std::thread(work, true).join();
  within.threads -= 1;
  std::printf("%s: %ld, %s\n", name, count,
              before == traces::look() && before == within ? "nothing set up" : "something was set up");
}

bool is_free_for_others(auto& mutex) {
  bool got = false;
  std::thread([&] {
    got = mutex.try_lock();
    if (got) mutex.unlock();
  }).join();
  return got;
}

}  // namespace

int main() {
  std::setvbuf(stdout, nullptr, _IONBF, 0);
  contend(plain, "mutex");
  contend(timed, "timed_mutex");
  contend(recursive, "recursive_mutex");
  contend(recursive_timed, "recursive_timed_mutex");

  plain.lock();
  timed.lock();
  recursive.lock();
  recursive_timed.lock();
  recursive_timed.lock();
  tandem::commons().deallocate(tandem::commons().allocate(1));  // a family, from here on
  std::printf("owners of before are known: %d %d %d %d\n", !is_free_for_others(plain), !is_free_for_others(timed),
              !is_free_for_others(recursive), !is_free_for_others(recursive_timed));
  recursive.lock();
  recursive_timed.lock();
  plain.unlock();
  timed.mark_unrecoverable();
  for (int i = 0; i < 2; ++i) {
    std::printf("%d", is_free_for_others(recursive));
    recursive.unlock();
  }
  recursive_timed.mark_unrecoverable();
  std::printf(" then %d %d\n", is_free_for_others(plain), is_free_for_others(recursive));
  for (auto const& attempt :
       std::vector<bool (*)()>{[] { return timed.try_lock(); }, [] { return recursive_timed.try_lock(); }}) {
    try {
      attempt();
    } catch (std::system_error const& error) { std::printf("%d\n", error.code() == std::errc::state_not_recoverable); }
  }
  recursive.lock();
  std::thread([] {
    plain.lock();  // and ends
  }).join();
  try {
    plain.lock();
  } catch (tandem::owner_died const&) { std::puts("from now on, deaths are seen"); }
}
// mutex: 150000, nothing set up
// timed_mutex: 150000, nothing set up
// recursive_mutex: 150000, nothing set up
// recursive_timed_mutex: 150000, nothing set up
// owners of before are known: 1 1 1 1
// 00 then 1 1
// 1
// 1
// from now on, deaths are seen
