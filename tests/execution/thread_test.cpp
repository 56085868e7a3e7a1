// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/thread.hpp"

#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include "execution/kinds.hpp"
#include "support/catch.hpp"
#include "tandem/execution/this_unit.hpp"

using namespace std::chrono_literals;
using tandem_test::collected_failures, tandem_test::ContainsSubstring;

TEST_CASE("thread: shares its starter's memory", "[execution][thread]") {
  int shared = 1;
  tandem::thread worker{[&] { shared = 2; }};
  CHECK(worker.join().has_value());
  CHECK(shared == 2);
}

TEST_CASE("thread: takes what std::jthread takes, references and pointers too", "[execution][thread]") {
  int target = 0;
  int other = 0;
  tandem::thread by_reference{[](int& to) { to = 3; }, std::ref(target)};
  tandem::thread by_pointer{[](int* to) { *to = 4; }, &other};
  tandem::thread moved_in{[](std::unique_ptr<int> owned) { return *owned; }, std::make_unique<int>(5)};
  by_reference.join();
  by_pointer.join();
  CHECK(moved_in.join().value() == 5);
  CHECK(target == 3);
  CHECK(other == 4);
}

TEST_CASE("thread: an exception object comes back itself", "[execution][thread]") {
  struct own {
    int number;
  };
  tandem::thread worker{[]() -> int { throw own{7}; }};
  auto result = worker.join();
  REQUIRE_FALSE(result.has_value());
  CHECK(result.error().how() == tandem::ending::threw);
  try {
    static_cast<void>(result.value());
    FAIL("no exception");
  } catch (own const& thrown) { CHECK(thrown.number == 7); }
}

TEST_CASE("thread: a result that cannot be copied comes back", "[execution][thread]") {
  tandem::thread worker{[] { return std::make_unique<std::string>("owned"); }};
  CHECK(*worker.get_outcome().value() == "owned");
  auto result = worker.join();
  CHECK(*result.value() == "owned");
}

TEST_CASE("thread: joining itself is an error and no deadlock", "[execution][thread]") {
  tandem::thread<void>* self = nullptr;
  std::atomic<bool> ready{false};
  tandem::thread<void> worker{[&] {
    ready.wait(false);
    try {
      self->join();
    } catch (std::system_error const& error) {
      if (error.code() == std::errc::resource_deadlock_would_occur) return;
    }
    throw std::logic_error("joined itself");
  }};
  self = &worker;
  ready = true;
  ready.notify_all();
  CHECK(worker.join().has_value());
}

TEST_CASE("thread: a detached one runs on, and its failure is reported", "[execution][thread]") {
  collected_failures failures;
  std::atomic<int> done{0};
  struct at_exit {
    std::atomic<int>* done;
    ~at_exit() {
      done->store(1);
      done->notify_all();
    }
  };
  {
    tandem::thread worker{{.name = "free"}, [&done] {
                            thread_local at_exit last{nullptr};
                            last.done = &done;
                            throw std::runtime_error("nobody looks");
                          }};
    worker.detach();
    CHECK_FALSE(worker.joinable());
  }
  done.wait(0);  // thread_local objects go after the thread has given up its state
  auto const texts = failures.take();
  REQUIRE(texts.size() == 1);
  CHECK_THAT(texts[0], ContainsSubstring("free") && ContainsSubstring("nobody looks"));
}

TEST_CASE("thread: native_handle and hardware_concurrency are std's", "[execution][thread]") {
  tandem::thread worker{[](tandem::stop_token stop) { stop.wait(); }};
  CHECK(worker.native_handle() != pthread_t{});
  CHECK(tandem::thread<>::hardware_concurrency() == std::thread::hardware_concurrency());
}
