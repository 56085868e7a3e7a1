// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/lock_order.hpp"

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <system_error>
#include <thread>
#include <tuple>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/last_words.hpp"
#include "tandem/os/process_table.hpp"
#include "tandem/sync.hpp"

namespace {

std::atomic<int> told{0};
std::optional<tandem::lock_order_violation> last;

/// Notes what the handler is told, while it lives.
class listener {
 public:
  listener()
      : before_(tandem::set_lock_order_handler([](tandem::lock_order_violation const& found) noexcept {
          ++told;
          last = found;
        })) {
    told = 0;
    last.reset();
  }
  ~listener() { tandem::set_lock_order_handler(before_); }

 private:
  tandem::lock_order_handler before_;
};

template <class A, class B> void in_order(A& first, B& second) {
  std::lock_guard const outer(first);
  std::lock_guard const inner(second);
}

}  // namespace

TEMPLATE_TEST_CASE("lock_order: two locks in both orders are told, with both who did so", "[sync][lock_order]",
                   (std::tuple<tandem::mutex, tandem::mutex>), (std::tuple<tandem::timed_mutex, tandem::shared_mutex>),
                   (std::tuple<tandem::recursive_mutex, tandem::mutex>)) {
  if (TANDEM_CHECKED == 0) return;
  listener const listens;
  std::tuple_element_t<0, TestType> a;
  std::tuple_element_t<1, TestType> b;
  pid_t other = 0;
  std::thread([&] {
    ::pthread_setname_np(::pthread_self(), "teller");
    other = tandem::os::thread_id();
    in_order(a, b);
    in_order(a, b);
  }).join();
  CHECK(told == 0);
  for (int i = 0; i < 2; ++i) in_order(b, a);
  REQUIRE(told == 1);
  CHECK(last->held == &b);
  CHECK(last->wanted == &a);
  CHECK(last->now.thread == tandem::os::thread_id());
  CHECK(last->before.thread == other);
  CHECK(std::string(last->before.name) == "teller");
  in_order(a, b);
  CHECK(told == 1);
}

TEST_CASE("lock_order: what cannot end in a deadlock is not told", "[sync][lock_order]") {
  listener const listens;
  tandem::mutex a, b;
  tandem::recursive_mutex again;
  tandem::shared_mutex readers;
  in_order(a, b);
  {
    std::lock_guard const outer(b);  // does not wait for a
    if (a.try_lock()) a.unlock();
  }
  { std::scoped_lock const both(b, a); }
  CHECK(told == 0);
  in_order(again, a);
  {
    std::scoped_lock const hold(again);
    in_order(a, again);  // has it
  }
  { std::shared_lock const one(readers), two(readers, std::try_to_lock); }
  CHECK(told == 0);
}

TEST_CASE("lock_order: readers count, conditions too", "[sync][lock_order]") {
  if (TANDEM_CHECKED == 0) return;
  listener const listens;
  tandem::mutex a;
  tandem::shared_mutex readers;
  {
    std::shared_lock const outer(readers);
    std::lock_guard const inner(a);
  }
  {
    std::lock_guard const outer(a);
    std::shared_lock const inner(readers);
  }
  CHECK(told == 1);
  tandem::mutex b, c;
  tandem::condition_variable changed;
  in_order(c, b);
  {
    std::unique_lock lock(c);
    std::lock_guard const inner(b);
    changed.wait_for(lock, std::chrono::milliseconds(1));  // locks c again, behind b
  }
  CHECK(told == 2);
}

TEST_CASE("lock_order: a lock that is no more is forgotten", "[sync][lock_order]") {
  listener const listens;
  alignas(tandem::mutex) std::byte space[2 * sizeof(tandem::mutex)];
  auto* const both = reinterpret_cast<tandem::mutex*>(space);
  for (int i = 0; i < 5000; ++i) {  // many more than are remembered at once
    std::construct_at(both);
    std::construct_at(both + 1);
    in_order(both[i % 2], both[1 - i % 2]);
    std::destroy_at(both);
    std::destroy_at(both + 1);
  }
  CHECK(told == 0);
  if (TANDEM_CHECKED == 0) return;
  tandem::mutex a, b;
  in_order(a, b);
  in_order(b, a);
  CHECK(told == 1);
}

TEST_CASE("lock_order: a forked child holds none of its parent's locks", "[sync][lock_order][fork]") {
  listener const listens;
  tandem::mutex a, b;
  in_order(a, b);
  std::lock_guard const hold(b);
  CHECK(tandem_test::run_in_child([&] {
          CHECK(a.try_lock());
          a.unlock();
          a.lock();
          a.unlock();
          CHECK(told == 0);
        }).passed());
}

TEST_CASE("lock_order: a lock taken twice is an error, also where no process is in sight",
          "[sync][lock_order][errors]") {
  if (TANDEM_CHECKED == 0) return;
  tandem::mutex a;
  tandem::shared_mutex readers;
  std::lock_guard const hold(a);
  std::lock_guard const other(readers);
  for (int i = 0; i < 2; ++i) {
    try {
      if (i == 0) a.lock();
      if (i == 1) readers.lock();
      FAIL("it was locked twice");
    } catch (std::system_error const& error) { CHECK(error.code() == std::errc::resource_deadlock_would_occur); }
  }
}

TEST_CASE("lock_order: said on stderr, once, where nobody else is told", "[sync][lock_order]") {
  if (TANDEM_CHECKED == 0) return;
  auto const words = tandem_test::last_words([] {
    tandem::mutex a, b;
    in_order(a, b);
    in_order(b, a);
    in_order(a, b);
    std::abort();
  });
  CHECK_THAT(words, tandem_test::ContainsSubstring("tandem: locks in two orders"));
  CHECK(words.find('\n') == words.size() - 1);
}
