// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/robust_list.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <optional>
#include <thread>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/syscall_fault.hpp"
#include "tandem/os/futex.hpp"
#include "tandem/os/process_table.hpp"

namespace os = tandem::os;
using namespace tandem_test;

namespace {

struct robust_word {
  std::atomic<std::uint32_t> value;
  std::uint32_t unused[5];
  os::robust_links links;
};
static_assert(offsetof(robust_word, links) == 24 && offsetof(robust_word, links.next) == os::robust_entry_offset);

constexpr std::uint32_t owner_died = FUTEX_OWNER_DIED;

std::uint32_t own_id() { return static_cast<std::uint32_t>(os::thread_id()); }

void claim(robust_word& word, os::robust_list list = os::robust_list::of_this_thread()) {
  list.announce(&word.links);
  word.value.store(own_id(), std::memory_order_relaxed);
  list.link(&word.links);
  list.announce(nullptr);
}

void give_back(robust_word& word, os::robust_list list = os::robust_list::of_this_thread()) {
  list.announce(&word.links);
  list.unlink(&word.links);
  word.value.store(0, std::memory_order_relaxed);
  list.announce(nullptr);
}

std::uint32_t seen(robust_word const& word) { return word.value.load(std::memory_order_acquire); }

// A pthread robust mutex that processes share: what glibc itself keeps on the list.
class robust_mutex {
 public:
  robust_mutex() {
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    ::pthread_mutex_init(&mutex_, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
  }
  int lock() { return ::pthread_mutex_lock(&mutex_); }
  int try_lock() { return ::pthread_mutex_trylock(&mutex_); }
  int unlock() { return ::pthread_mutex_unlock(&mutex_); }

 private:
  pthread_mutex_t mutex_;
};

struct table {
  robust_word words[3];
  robust_mutex mutexes[3];
};

// The ways to end while holding something.
struct way_to_end {
  char const* name;
  void (*end)();
};
constexpr way_to_end ways[] = {
    {"SIGKILL", [] { ::kill(::getpid(), SIGKILL); }},
    {"_exit", [] { ::_exit(0); }},
    {"abort",
     [] {
       ::signal(SIGABRT, SIG_DFL);
       std::abort();
     }},
    {"exec", [] { ::execl("/bin/true", "true", static_cast<char*>(nullptr)); }},
};

// Lets a child run `body` and end as `way` says.
void die_after(std::function<void()> const& body, void (*way)() = ways[0].end) {
  child_process child{[&] {
    body();
    way();
  }};
  child.join();
}

}  // namespace

TEST_CASE("robust_list: every thread has one, and so has a forked child", "[os][robust_list]") {
  CHECK(os::robust_list::of_this_thread().usable());
  std::thread{[] { CHECK(os::robust_list::of_this_thread().usable()); }}.join();
  CHECK(run_in_child([] { CHECK(os::robust_list::of_this_thread().usable()); }).passed());
}

TEST_CASE("robust_list: where the system call is missing there is none", "[os][robust_list][fallback]") {
  int const error = GENERATE(ENOSYS, EPERM);
  CHECK(run_with_fault({{SYS_get_robust_list, error}}, [] {
          CHECK_FALSE(os::robust_list::of_this_thread().usable());
        }).passed());
}

TEST_CASE("robust_list: a list that is not glibc's is not used", "[os][robust_list]") {
  bool const other_shape = GENERATE(false, true);
  CHECK(run_in_child([&] {
          robust_list_head head{};
          head.list.next = &head.list;
          head.futex_offset = other_shape ? 8 : 0;
          REQUIRE(::syscall(SYS_set_robust_list, &head, sizeof head) == 0);
          CHECK_FALSE(os::robust_list::of_this_thread().usable());
          ::_exit(0);
        }).passed());
}

TEST_CASE("robust_list: the kernel marks a linked word when its owner ends, in whatever way", "[os][robust_list]") {
  shared_object<robust_word> word;
  for (auto const& way : ways) {
    CAPTURE(way.name);
    die_after([&] { claim(*word); }, way.end);
    CHECK(seen(*word) == owner_died);
  }
}

TEST_CASE("robust_list: it marks the words of one thread that ends, while the others go on", "[os][robust_list]") {
  robust_word ended{};
  robust_word kept{};
  claim(kept);
  std::thread{[&] { claim(ended); }}.join();
  while (seen(ended) != owner_died) std::this_thread::yield();  // the join may return a moment earlier
  CHECK(seen(kept) == own_id());
  give_back(kept);
}

TEST_CASE("robust_list: it marks the words of all threads that a kill ends", "[os][robust_list]") {
  shared_object<table> shared;
  die_after([&] {
    std::atomic<int> claimed{0};
    std::thread others[2];
    for (int i = 0; i < 2; ++i) {
      others[i] = std::thread{[&, i] {
        claim(shared->words[i]);
        claimed.fetch_add(1, std::memory_order_release);
        for (;;) ::pause();
      }};
    }
    claim(shared->words[2]);
    while (claimed.load(std::memory_order_acquire) < 2) std::this_thread::yield();
    ::kill(::getpid(), SIGKILL);
  });
  for (auto const& word : shared->words) CHECK(seen(word) == owner_died);
}

TEST_CASE("robust_list: a waiter is woken by the death of the owner, and its bit stays", "[os][robust_list]") {
  shared_object<robust_word> word;
  child_process owner{[&] {
    claim(*word);
    while ((seen(*word) & FUTEX_WAITERS) == 0) ::sched_yield();
    ::kill(::getpid(), SIGKILL);
  }};
  while (seen(*word) == 0) ::sched_yield();
  std::uint32_t const waited_for = word->value.fetch_or(FUTEX_WAITERS, std::memory_order_acq_rel) | FUTEX_WAITERS;
  while (seen(*word) == waited_for) os::futex_wait(&word->value, waited_for);
  CHECK(seen(*word) == (owner_died | FUTEX_WAITERS));
  CHECK(owner.join().signal == SIGKILL);
}

TEST_CASE("robust_list: a word that holds another thread's number is left alone", "[os][robust_list]") {
  shared_object<robust_word> word;
  die_after([&] {
    claim(*word);
    word->value.store(1, std::memory_order_relaxed);
  });
  CHECK(seen(*word) == 1);
}

TEST_CASE("robust_list: an announced word is marked though the kill came before the link", "[os][robust_list]") {
  shared_object<robust_word> word;
  SECTION("claimed already") {
    die_after([&] {
      os::robust_list::of_this_thread().announce(&word->links);
      word->value.store(own_id(), std::memory_order_relaxed);
    });
    CHECK(seen(*word) == owner_died);
  }
  SECTION("not yet claimed: it stays free") {
    die_after([&] { os::robust_list::of_this_thread().announce(&word->links); });
    CHECK(seen(*word) == 0);
  }
  SECTION("unlinked, not yet given back") {
    die_after([&] {
      claim(*word);
      auto list = os::robust_list::of_this_thread();
      list.announce(&word->links);
      list.unlink(&word->links);
    });
    CHECK(seen(*word) == owner_died);
  }
  SECTION("announced no longer") {
    die_after([&] {
      auto list = os::robust_list::of_this_thread();
      list.announce(&word->links);
      word->value.store(own_id(), std::memory_order_relaxed);
      list.announce(nullptr);
    });
    CHECK(seen(*word) != owner_died);
    CHECK(seen(*word) != 0);
  }
}

TEST_CASE("robust_list: what was unlinked is left alone, and the rest is marked", "[os][robust_list]") {
  shared_object<table> shared;
  int const unlinked = GENERATE(0, 1, 2);  // the oldest, the middle, the newest of the list
  CAPTURE(unlinked);
  die_after([&] {
    for (auto& word : shared->words) claim(word);
    give_back(shared->words[unlinked]);
  });
  for (int i = 0; i < 3; ++i) CHECK(seen(shared->words[i]) == (i == unlinked ? 0 : owner_died));
}

TEST_CASE("robust_list: it lives beside the robust mutexes of pthread", "[os][robust_list]") {
  shared_object<table> shared;
  auto& words = shared->words;
  auto& mutexes = shared->mutexes;
  SECTION("words and mutexes held together are all marked") {
    die_after([&] {
      for (int i = 0; i < 3; ++i) {
        mutexes[i].lock();
        claim(words[i]);
      }
    });
    for (int i = 0; i < 3; ++i) {
      CHECK(seen(words[i]) == owner_died);
      CHECK(mutexes[i].try_lock() == EOWNERDEAD);
    }
  }
  SECTION("mutexes unlocked around a word") {
    die_after([&] {
      mutexes[0].lock();
      claim(words[0]);
      mutexes[1].lock();
      claim(words[1]);
      mutexes[2].lock();
      mutexes[0].unlock();
      mutexes[2].unlock();
    });
    CHECK(seen(words[0]) == owner_died);
    CHECK(seen(words[1]) == owner_died);
    CHECK(mutexes[0].try_lock() == 0);
    CHECK(mutexes[1].try_lock() == EOWNERDEAD);
    CHECK(mutexes[2].try_lock() == 0);
  }
  SECTION("words unlinked between mutexes") {
    die_after([&] {
      claim(words[0]);
      mutexes[0].lock();
      claim(words[1]);
      mutexes[1].lock();
      claim(words[2]);
      for (int const i : {1, 0, 2}) give_back(words[i]);
    });
    for (int i = 0; i < 3; ++i) CHECK(seen(words[i]) == 0);
    CHECK(mutexes[0].try_lock() == EOWNERDEAD);
    CHECK(mutexes[1].try_lock() == EOWNERDEAD);
  }
  SECTION("all given back: nothing is marked") {
    die_after([&] {
      claim(words[0]);
      mutexes[0].lock();
      give_back(words[0]);
      mutexes[0].unlock();
    });
    CHECK(seen(words[0]) == 0);
    CHECK(mutexes[0].try_lock() == 0);
  }
}

TEST_CASE("robust_list: neighbours that are priority-inheriting mutexes keep their mark", "[os][robust_list]") {
  pthread_mutexattr_t attributes;
  ::pthread_mutexattr_init(&attributes);
  ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  ::pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
  struct inheriting {
    pthread_mutex_t mutexes[2];
    robust_word word;
  };
  shared_object<inheriting> shared;
  for (auto& mutex : shared->mutexes) ::pthread_mutex_init(&mutex, &attributes);
  ::pthread_mutexattr_destroy(&attributes);
  bool const unlink = GENERATE(false, true);
  die_after([&] {
    ::pthread_mutex_lock(&shared->mutexes[0]);
    claim(shared->word);
    ::pthread_mutex_lock(&shared->mutexes[1]);
    if (unlink) give_back(shared->word);
  });
  CHECK(seen(shared->word) == (unlink ? 0 : owner_died));
  for (auto& mutex : shared->mutexes) {
    CHECK(::pthread_mutex_trylock(&mutex) == EOWNERDEAD);
    ::pthread_mutex_consistent(&mutex);
    ::pthread_mutex_unlock(&mutex);
  }
}
