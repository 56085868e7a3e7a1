// SPDX-License-Identifier: BSL-1.0
// What tandem::thread and tandem::process have in common: one body for both.
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "execution/kinds.hpp"
#include "support/catch.hpp"
#include "tandem/tandem.hpp"

using namespace std::chrono_literals;
using tandem_test::collected_failures, tandem_test::processes_only, tandem_test::threads_only,
    tandem_test::ContainsSubstring;

namespace {

int doubled(int n) { return 2 * n; }

struct stepwise_counter {
  int by = 1;
  int step(int n) const { return n + by; }
};

struct place_of_two {
  int x = 0;
  std::string label;
  friend bool operator==(place_of_two const&, place_of_two const&) = default;
};

bool throws_code(std::errc code, auto call) {
  try {
    call();
  } catch (std::system_error const& error) { return error.code() == code; }
  return false;
}

}  // namespace

TEMPLATE_TEST_CASE("unit: gives back what the workload returns", "[execution]", threads_only, processes_only) {
  CHECK(TestType::start(doubled, 21).join().value() == 42);
  CHECK(TestType::start([](std::string text) { return text + "!"; }, std::string(1000, 'x')).join()->size() == 1001);
  CHECK(TestType::start([] {
          return std::vector<std::string>{"a", "b"};
        })
            .join()
            .value() == std::vector<std::string>{"a", "b"});
  CHECK(TestType::start([] {
          return std::map<int, place_of_two>{{1, {2, "two"}}};
        })
            .join()
            .value() == std::map<int, place_of_two>{{1, {2, "two"}}});
  CHECK(TestType::start(&stepwise_counter::step, stepwise_counter{5}, 1).join().value() == 6);
  CHECK(*TestType::start([] { return std::make_unique<int>(9); }).join().value() == 9);
  CHECK(TestType::start([] {}).join().has_value());
  static_assert(std::is_same_v<decltype(TestType::start(doubled, 1)), typename TestType::template unit<int>>);
  static_assert(std::is_same_v<decltype(TestType::start([] {})), typename TestType::template unit<void>>);
}

TEMPLATE_TEST_CASE("unit: results of any size come back whole", "[execution]", threads_only, processes_only) {
  for (std::size_t bytes : {0UL, 1UL, 4031UL, 4032UL, 4033UL, 100'000UL, 20'000'000UL}) {
    auto result = TestType::start([bytes] {
                    std::vector<unsigned char> data(bytes);
                    for (std::size_t i = 0; i < bytes; ++i) data[i] = static_cast<unsigned char>(i * 7);
                    return data;
                  }).join();
    REQUIRE(result.has_value());
    REQUIRE(result->size() == bytes);
    bool same = true;
    for (std::size_t i = 0; i < bytes; ++i) same &= (*result)[i] == static_cast<unsigned char>(i * 7);
    CHECK(same);
  }
}

TEMPLATE_TEST_CASE("unit: a literal is text, whatever the workload takes", "[execution]", threads_only,
                   processes_only) {
  CHECK(TestType::start([](std::string name) { return "hello, " + name; }, "world").join().value() == "hello, world");
}

TEMPLATE_TEST_CASE("unit: standard exceptions come back as the type thrown", "[execution]", threads_only,
                   processes_only) {
  auto out_of_range = TestType::start([]() -> int { throw std::out_of_range("index 9"); }).join();
  REQUIRE_FALSE(out_of_range.has_value());
  CHECK(out_of_range.error().how() == tandem::ending::threw);
  CHECK(out_of_range.error().type() == "std::out_of_range");
  CHECK(out_of_range.error().what() == "index 9");
  CHECK_THROWS_AS(out_of_range.value(), std::out_of_range);

  auto system = TestType::start([] { throw std::system_error(ENOSPC, std::generic_category(), "disk"); }).join();
  try {
    system.value();
    FAIL("no exception");
  } catch (std::system_error const& error) {
    CHECK(error.code() == std::errc::no_space_on_device);
    CHECK_THAT(error.what(), ContainsSubstring("disk"));
  }
  CHECK_THROWS_AS(TestType::start([] { throw std::bad_alloc(); }).join().value(), std::bad_alloc);
}

TEMPLATE_TEST_CASE("unit: nested exceptions keep their chain", "[execution]", threads_only, processes_only) {
  auto result = TestType::start([] {
                  try {
                    throw std::invalid_argument("inner");
                  } catch (...) { std::throw_with_nested(std::runtime_error("outer")); }
                }).join();
  try {
    result.value();
    FAIL("no exception");
  } catch (std::runtime_error const& outer) {
    CHECK(std::string(outer.what()) == "outer");
    CHECK_THROWS_AS(std::rethrow_if_nested(outer), std::invalid_argument);
  }
}

TEMPLATE_TEST_CASE("unit: the stop token comes first where the workload takes one", "[execution][stop]", threads_only,
                   processes_only) {
  auto worker = TestType::start(
      [](tandem::stop_token stop, int n) {
        stop.wait();
        return n;
      },
      8);
  CHECK_FALSE(worker.get_stop_token().stop_requested());
  CHECK(worker.request_stop());
  CHECK_FALSE(worker.request_stop());
  CHECK(worker.join().value() == 8);
}

TEMPLATE_TEST_CASE("unit: its handle and its stop sources make one request, whichever is there first",
                   "[execution][stop]", threads_only, processes_only) {
  bool const source_first = GENERATE(false, true);
  auto worker = TestType::start([](tandem::stop_token stop) { return stop.wait(); });
  int calls = 0;
  auto const count = [&calls] { ++calls; };
  std::optional<tandem::stop_source> early;
  std::optional<tandem::stop_callback<decltype(count)>> callback;
  if (source_first) {
    early = worker.get_stop_source();
    callback.emplace(early->get_token(), count);
  }
  CHECK(worker.request_stop());
  CHECK(calls == (source_first ? 1 : 0));
  tandem::stop_source const late = worker.get_stop_source();
  CHECK(late.stop_requested());
  CHECK_FALSE(late.request_stop());
  if (early) CHECK(*early == late);
  tandem::stop_callback const at_once(late.get_token(), count);
  CHECK(calls == (source_first ? 2 : 1));
  CHECK(worker.join().value());
  CHECK(late.get_token().stop_requested());
}

TEMPLATE_TEST_CASE("unit: sleep_for wakes at a stop request", "[execution][stop]", threads_only, processes_only) {
  auto worker =
      TestType::start([] { return tandem::this_unit::sleep_for(1h) ? std::string("slept") : std::string("stopped"); });
  worker.get_stop_source().request_stop();
  CHECK(worker.join().value() == "stopped");
}

TEMPLATE_TEST_CASE("unit: a token captured by value stays connected", "[execution][stop]", threads_only,
                   processes_only) {
  tandem::stop_source source;
  auto worker = TestType::start([token = source.get_token()] { return token.wait(); });
  source.request_stop();
  CHECK(worker.join().value());
}

TEMPLATE_TEST_CASE("unit: a source that is an argument can stop its starter", "[execution][stop]", threads_only,
                   processes_only) {
  tandem::stop_source source;
  auto worker = TestType::start([](tandem::stop_source stop) { return stop.request_stop(); }, source);
  CHECK(source.get_token().wait());
  CHECK(worker.join().value());
  CHECK_FALSE(source.request_stop());
}

TEMPLATE_TEST_CASE("unit: the destructor requests a stop and joins", "[execution]", threads_only, processes_only) {
  tandem::shared<std::atomic<int>> ended(0);
  {
    auto worker = TestType::start([ended](tandem::stop_token stop) {
      stop.wait();
      ++*ended;
    });
  }
  CHECK(*ended == 1);
}

TEMPLATE_TEST_CASE("unit: a failure that nobody looked at reaches the handler, with the unit's name", "[execution]",
                   threads_only, processes_only) {
  collected_failures failures;
  TestType::start(tandem::options{.name = "seen"}, [] { throw std::runtime_error("looked at"); }).join().has_value();
  CHECK(failures.take().empty());
  TestType::start(tandem::options{.name = "unseen"}, [] { throw std::runtime_error("not looked at"); }).join();
  auto const dropped = failures.take();
  REQUIRE(dropped.size() == 1);
  CHECK_THAT(dropped[0], ContainsSubstring("unseen") && ContainsSubstring("not looked at"));
  {
    auto worker =
        TestType::start(tandem::options{.name = "destroyed"}, [] { throw std::runtime_error("with its handle"); });
  }
  auto const destroyed = failures.take();
  REQUIRE(destroyed.size() == 1);
  CHECK_THAT(destroyed[0], ContainsSubstring("destroyed") && ContainsSubstring("with its handle"));
}

TEMPLATE_TEST_CASE("unit: a handle that owns nothing says so", "[execution]", threads_only, processes_only) {
  typename TestType::template unit<int> empty;
  CHECK_FALSE(empty.joinable());
  CHECK(empty.get_id() == tandem::unit_id{});
  CHECK(empty.name().empty());
  CHECK_FALSE(empty.request_stop());
  CHECK_FALSE(empty.get_stop_token().stop_possible());
  CHECK(throws_code(std::errc::invalid_argument, [&] { empty.join(); }));
  CHECK(throws_code(std::errc::invalid_argument, [&] { empty.try_join(); }));
  CHECK(throws_code(std::errc::invalid_argument, [&] { empty.get_outcome(); }));
  CHECK(throws_code(std::errc::invalid_argument, [&] { empty.detach(); }));

  auto once = TestType::start(doubled, 1);
  CHECK(once.join().has_value());
  CHECK(throws_code(std::errc::invalid_argument, [&] { once.join(); }));
}

TEMPLATE_TEST_CASE("unit: timed joins give up and leave the handle its unit", "[execution]", threads_only,
                   processes_only) {
  auto worker = TestType::start([](tandem::stop_token stop) {
    stop.wait();
    return 5;
  });
  CHECK_FALSE(worker.try_join().has_value());
  CHECK_FALSE(worker.join_for(1ms).has_value());
  CHECK_FALSE(worker.join_until(std::chrono::system_clock::now() + 1ms).has_value());
  CHECK(worker.joinable());
  worker.request_stop();
  auto result = worker.join_for(1h);
  REQUIRE(result.has_value());
  CHECK(result->value() == 5);
  CHECK_FALSE(worker.joinable());
}

TEMPLATE_TEST_CASE("unit: get_outcome gives the outcome and join hands it over", "[execution]", threads_only,
                   processes_only) {
  auto worker = TestType::start([] { return std::string("early"); });
  auto& outcome = worker.get_outcome();
  CHECK(outcome.value() == "early");
  CHECK(worker.joinable());
  auto moved = std::move(worker);
  CHECK(&moved.get_outcome() == &outcome);
  CHECK(moved.join().value() == "early");
}

TEMPLATE_TEST_CASE("unit: moves and swaps as std::jthread", "[execution]", threads_only, processes_only) {
  auto one = TestType::start([] { return 1; });
  auto two = TestType::start([] { return 2; });
  auto const id = one.get_id();
  swap(one, two);
  CHECK(two.get_id() == id);
  one.swap(two);
  auto moved = std::move(one);
  CHECK_FALSE(one.joinable());
  CHECK(moved.get_id() == id);
  moved = std::move(two);  // joins the first
  CHECK(moved.join().value() == 2);
}

TEMPLATE_TEST_CASE("unit: knows its name, its mode, itself and its parent", "[execution]", threads_only,
                   processes_only) {
  struct seen {
    std::string name;
    tandem::mode mode;
    tandem::unit_id id, parent;
  };
  auto worker = TestType::start(tandem::options{.name = "parser"}, [] {
    return seen{tandem::this_unit::name(), tandem::this_unit::mode(), tandem::this_unit::get_id(),
                tandem::this_unit::parent()};
  });
  auto const id = worker.get_id();
  CHECK(worker.name() == "parser");
  auto const result = worker.join().value();
  CHECK(result.name == "parser");
  CHECK(result.mode == TestType::mode);
  CHECK(result.id == id);
  CHECK(result.parent == tandem::this_unit::get_id());
  CHECK_FALSE(TestType::start([] { return tandem::this_unit::name(); }).join()->empty());
}

TEMPLATE_TEST_CASE("unit: shows its name to the system", "[execution]", threads_only, processes_only) {
  auto worker = TestType::start(tandem::options{.name = "a-name-longer-than-15"}, [] {
    char name[16] = {};
    ::pthread_getname_np(::pthread_self(), name, sizeof name);
    return std::string(name);
  });
  CHECK(worker.join().value() == "a-name-longer-t");
}

TEMPLATE_TEST_CASE("unit: a borrowed object is read without a copy", "[execution][borrow]", threads_only,
                   processes_only) {
  std::vector<int> const numbers{1, 2, 3};
  auto worker = TestType::start(
      [](std::vector<int> const& all, std::uintptr_t there) {
        return reinterpret_cast<std::uintptr_t>(&all) == there && all.size() == 3;
      },
      tandem::borrow(numbers), reinterpret_cast<std::uintptr_t>(&numbers));
  CHECK(worker.join().value());
}

TEMPLATE_TEST_CASE("unit: a descriptor goes there and another comes back", "[execution][fd]", threads_only,
                   processes_only) {
  tandem::pipe there;
  auto worker = TestType::start(
      [](tandem::fd in) {
        char text[6] = {};
        if (::read(in.get(), text, 5) != 5) throw std::runtime_error("nothing to read");
        tandem::pipe back;
        if (::write(back.write_end.get(), text, 5) != 5) throw std::runtime_error("cannot write");
        return std::move(back.read_end);
      },
      std::move(there.read_end));
  REQUIRE(::write(there.write_end.get(), "hello", 5) == 5);
  auto result = worker.join();
  REQUIRE(result.has_value());
  char text[6] = {};
  CHECK(::read(result->get(), text, 5) == 5);
  CHECK(std::string(text) == "hello");
}

TEMPLATE_TEST_CASE("unit: arguments are gone when the outcome is known", "[execution]", threads_only, processes_only) {
  tandem::shared<std::atomic<int>> held(0);
  auto worker = TestType::start([held] { return 1; });
  CHECK(worker.get_outcome().value() == 1);
  CHECK(held.use_count() == 1);
  worker.join();
}

TEMPLATE_TEST_CASE("unit: starts units of its own, of both kinds", "[execution]", threads_only, processes_only) {
  auto worker = TestType::start([] {
    tandem::thread inner_thread{[] { return 1; }};
    tandem::process inner_process{[] { return 2; }};
    return inner_thread.join().value() + inner_process.join().value();
  });
  CHECK(worker.join().value() == 3);
}
