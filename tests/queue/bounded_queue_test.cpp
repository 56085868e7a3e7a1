// SPDX-License-Identifier: BSL-1.0
#include "tandem/queue/bounded_queue.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "queue/elements.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/place.hpp"
#include "support/probes.hpp"
#include "support/syscall_fault.hpp"
#include "tandem/core.hpp"
#include "tandem/memory/codec_shm_vector.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/memory/shm.hpp"
#include "tandem/sync/stop_token.hpp"

using namespace std::chrono_literals;
using tandem::bounded_queue;
using tandem_test::make, tandem_test::number_of, tandem_test::place, tandem_test::processes, tandem_test::require,
    tandem_test::run_in_child, tandem_test::threads;

namespace {

/// Cannot be encoded, or not be decoded, where it says so.
struct moody {
  int number = 0;
  bool refuses_encoding = false, refuses_decoding = false;
};

}  // namespace

template <> struct tandem::codec<moody> {
  static void encode(writer& to, moody const& value) {
    if (value.refuses_encoding) throw std::runtime_error("not today");
    to.write_flat(value.number);
    to.write_flat(value.refuses_decoding);
  }
  static moody decode(reader& from) {
    int const number = from.read_flat<int>();
    if (from.read_flat<bool>()) throw std::runtime_error("not today");
    return {number};
  }
};

TEMPLATE_TEST_CASE("bounded_queue: first in, first out, and no more than its capacity", "[queue][bounded_queue]",
                   std::uint8_t, long, tandem_test::wide, tandem_test::page, std::string) {
  auto const capacity = GENERATE(1, 2, 3, 7, 64, 100);
  bounded_queue<TestType> queue(capacity);
  CHECK(queue.capacity() == static_cast<std::size_t>(capacity));
  CHECK_FALSE(queue.try_pop());
  int in = 0, out = 0;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < capacity; ++i) CHECK(queue.try_push(make<TestType>(in++ % 100)));
    CHECK_FALSE(queue.try_push(make<TestType>(99)));
    int const taken = round % 2 == 0 ? capacity : (capacity + 1) / 2;
    for (int i = 0; i < taken; ++i) CHECK(number_of(queue.try_pop().value()) == out++ % 100);
    while (auto rest = queue.try_pop()) CHECK(number_of(*rest) == out++ % 100);
    CHECK(in == out);
  }
}

TEST_CASE("bounded_queue: closed, it gives what is left, and takes nothing more", "[queue][bounded_queue]") {
  bounded_queue<std::string> queue(4);
  CHECK(queue.push("one"));
  CHECK(queue.push("two"));
  queue.close();
  queue.close();
  CHECK(queue.is_closed());
  std::string const mine = "three";
  CHECK_FALSE(queue.push(mine));
  CHECK_FALSE(queue.try_push(mine));
  CHECK(queue.pop() == "one");
  CHECK(queue.try_pop() == "two");
  CHECK(queue.pop() == std::nullopt);
  CHECK(queue.try_pop() == std::nullopt);
}

TEST_CASE("bounded_queue: to close it wakes those who wait on both sides", "[queue][bounded_queue]") {
  bounded_queue<int> empty(1), full(1);
  full.push(1);
  threads::spawn_and_join(
      4,
      [&](int number) {
        if (number % 2 == 0)
          require(empty.pop() == std::nullopt, "there was something");
        else
          require(!full.push(2), "there was room");
      },
      [&] {
        empty.close();
        full.close();
      });
  CHECK(full.pop() == 1);
  CHECK(full.pop() == std::nullopt);
}

TEST_CASE("bounded_queue: deadlines and stops end a wait, and nothing is lost", "[queue][bounded_queue]") {
  bounded_queue<std::string> queue(1);
  CHECK(queue.pop_for(1ms) == std::nullopt);
  CHECK(queue.pop_until(tandem::deadline::after(-1s)) == std::nullopt);
  std::string text = "a text that is too long for the string itself";
  CHECK(queue.push_for(std::move(text), 1ms));
  std::string second = "another text that is too long for the string itself";
  std::string const copy = second;
  CHECK_FALSE(queue.push_for(std::move(second), 1ms));
  CHECK_FALSE(queue.try_push(std::move(second)));
  CHECK(second == copy);

  tandem::stop_source stop;
  std::thread waits([&] { static_cast<void>(queue.push(second, stop.get_token())); });
  std::thread other([&] {
    bounded_queue<int> nothing(1);
    static_cast<void>(nothing.pop(stop.get_token()));
  });
  stop.request_stop();
  waits.join();
  other.join();
  CHECK(queue.pop(stop.get_token()) == "a text that is too long for the string itself");
  CHECK(queue.pop(stop.get_token()) == std::nullopt);
}

TEST_CASE("bounded_queue: bad capacities are refused by name", "[queue][bounded_queue][errors]") {
  CHECK_THROWS_WITH(bounded_queue<int>(0), tandem_test::ContainsSubstring("capacity"));
  CHECK_THROWS_AS(bounded_queue<int>(-1), std::invalid_argument);
  CHECK_THROWS_AS(bounded_queue<int>(std::int64_t{1} << 32), std::invalid_argument);
  CHECK_THROWS_AS(bounded_queue<tandem_test::page>(std::int64_t{1} << 31), std::bad_alloc);
}

TEST_CASE("bounded_queue: an element that cannot be encoded never comes, one that cannot be decoded is gone",
          "[queue][bounded_queue][errors]") {
  bounded_queue<moody> queue(3);
  for (int i = 0; i < 10; ++i) {
    CHECK_THROWS_WITH(queue.push(moody{1, true, false}), "not today");
    CHECK(queue.push(moody{2, false, true}));
    CHECK_THROWS_WITH(queue.try_push(moody{3, true, false}), "not today");
    CHECK_THROWS_WITH(queue.pop(), "not today");
    CHECK(queue.push(moody{4}));
    CHECK(queue.pop().value().number == 4);
    CHECK_FALSE(queue.try_pop());
  }
}

TEMPLATE_TEST_CASE("bounded_queue: many producers, many consumers; each producer's in order, each once",
                   "[queue][bounded_queue]", (std::pair<threads, long>), (std::pair<threads, std::string>),
                   (std::pair<processes, long>), (std::pair<processes, tandem_test::wide>),
                   (std::pair<processes, tandem_test::page>), (std::pair<processes, std::string>)) {
  using peers = typename TestType::first_type;
  using T = typename TestType::second_type;
  constexpr int producers = 3, consumers = 3;
  int const each = static_cast<int>(tandem_test::repetitions(tandem_test::sanitized ? 2'000 : 20'000, 2'000'000));
  auto const capacity = GENERATE(1, 16, 1000);
  tandem::shared<bounded_queue<T>> queue(capacity);
  auto& seen = place<std::array<std::atomic<long>, producers>>();
  auto& done = place<std::atomic<int>>(0);
  peers::spawn_and_join(producers + consumers, [&](int number) {
    if (number < producers) {
      for (int i = 0; i < each; ++i) require(queue->push(make<T>(i * producers + number)), "it was closed");
      if (++done == producers) queue->close();
      return;
    }
    std::array<int, producers> last;
    last.fill(-1);
    while (auto const one = queue->pop()) {
      int const value = number_of(*one);
      auto& before = last[static_cast<std::size_t>(value % producers)];
      require(value / producers > before, "out of order, or twice");
      before = value / producers;
      seen[static_cast<std::size_t>(value % producers)] += value / producers + 1;
    }
  });
  for (auto const& sum : seen) CHECK(sum == static_cast<long>(each) * (each + 1) / 2);
}

TEST_CASE("bounded_queue: sleepers that may not fence others go on", "[queue][bounded_queue][errors]") {
  CHECK(tandem_test::run_with_fault(tandem_test::faults_from_string("membarrier=EPERM"), [] {
          bounded_queue<int> there(1), back(1);
          std::thread other([&] {
            while (auto const one = there.pop()) back.push(*one);
          });
          for (int i = 0; i < 1000; ++i) {
            there.push(i);
            if (i % 100 == 0) std::this_thread::sleep_for(1ms);  // both are asleep
            CHECK(back.pop() == i);
          }
          there.close();
          other.join();
        }).passed());
}

TEST_CASE("bounded_queue: handles, containers, move-only elements", "[queue][bounded_queue]") {
  SECTION("shared objects come through, and end when nobody has them") {
    tandem::shared<bounded_queue<tandem::shared<std::atomic<int>>>> queue(4);
    tandem::shared<std::atomic<int>> number(7);
    queue->push(number);
    queue->push(number);
    CHECK(number.use_count() == 3);
    CHECK(run_in_child([&] {
            auto const mine = queue->pop().value();
            *mine += 1;
          }).passed());
    CHECK(*number == 8);
    CHECK(number.use_count() == 2);
    CHECK(queue->pop() == number);
    CHECK(number.use_count() == 1);
  }
  SECTION("what is left is destroyed with the queue") {
    tandem::shared<std::atomic<int>> number(7);
    {
      tandem::shared<bounded_queue<tandem::shared<std::atomic<int>>>> queue(4);
      queue->push(number);
      queue->push(number);
      CHECK(number.use_count() == 3);
    }
    CHECK(number.use_count() == 1);
    auto const before = tandem::commons().statistics().live_blocks;
    {
      bounded_queue<std::vector<std::string>> queue(4);
      queue.push({"some", "words"});
    }
    CHECK(tandem::commons().statistics().live_blocks == before);
  }
  SECTION("a vector in the commons is handed over") {
    tandem::shared<bounded_queue<tandem::shm::vector<int>>> queue(2);
    tandem::shm::vector<int> many(100'000, 1);
    auto const* const where = many.data();
    queue->push(std::move(many));
    auto const got = queue->pop().value();
    CHECK(got.data() == where);
    CHECK(got.size() == 100'000);
  }
  SECTION("std's") {
    tandem::shared<bounded_queue<std::unique_ptr<int>>> pointers(2);
    pointers->push(std::make_unique<int>(5));
    CHECK(*pointers->pop().value() == 5);
    tandem::shared<bounded_queue<std::map<std::string, std::vector<int>>>> maps(2);
    maps->push({{"a", {1, 2}}, {"b", {}}});
    CHECK(run_in_child([&] { CHECK(maps->pop().value().at("a").size() == 2); }).passed());
  }
}
