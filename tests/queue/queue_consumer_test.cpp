// SPDX-License-Identifier: BSL-1.0
#include "tandem/queue/queue_consumer.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/catch.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/thread.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/queue/bounded_queue.hpp"
#include "tandem/queue/queue_producer.hpp"

using namespace std::chrono_literals;
using tandem::bounded_queue, tandem::shared;

TEST_CASE("queue_consumer: takes what is there, in the ways of the queue", "[queue][queue_consumer]") {
  shared<bounded_queue<std::string>> queue(4);
  auto in = queue->consumer();
  CHECK(in.capacity() == 4);
  CHECK_FALSE(in.try_pop());
  CHECK_FALSE(in.pop_for(1ms));
  tandem::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(in.pop(stop.get_token()));
  queue->push("one");
  queue->push("two");
  queue->push("three");
  CHECK(in.try_pop() == "one");
  auto other = in;
  CHECK(other.pop() == "two");
  CHECK(in.pop_for(1h) == "three");
  in.close();
  CHECK(other.is_closed());
  CHECK(other.pop() == std::nullopt);
}

TEST_CASE("queue_consumer: the last one's end refuses what comes", "[queue][queue_consumer]") {
  shared<bounded_queue<std::string>> queue(4);
  std::optional one = queue->consumer();
  std::optional two = std::move(*one);
  CHECK_FALSE(*one);
  one.reset();
  CHECK(queue->push("one"));
  two.reset();
  CHECK_FALSE(queue->push("two"));
  CHECK_FALSE(queue->is_closed());
  CHECK(queue->pop() == "one");
}

TEMPLATE_TEST_CASE("queue_consumer: several share the work", "[queue][queue_consumer]", tandem::thread<long>,
                   tandem::process<long>) {
  shared<bounded_queue<std::string>> queue(3);
  auto out = queue->producer();
  std::vector<TestType> units;
  for (int i = 0; i < 3; ++i)
    units.emplace_back(
        [](auto in) {
          long sum = 0;
          while (auto const word = in.pop()) sum += static_cast<long>(word->size());
          return sum;
        },
        queue->consumer());
  long sent = 0;
  for (unsigned i = 0; i < 2000; ++i) {
    std::string const word(i % 200, 'x');
    sent += static_cast<long>(word.size());
    CHECK(out.push(word));
  }
  out.close();
  long taken = 0;
  for (auto& one : units) taken += one.join().value();
  CHECK(taken == sent);
}
