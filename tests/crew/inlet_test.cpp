// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/inlet.hpp"

#include <optional>
#include <vector>

#include "support/catch.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/outlet.hpp"
#include "tandem/execution/thread.hpp"
#include "tandem/memory/shared.hpp"

using tandem::inlet, tandem::outlet;

TEST_CASE("inlet: gives what came in batches one by one, to the end", "[crew][inlet]") {
  tandem::shared<inlet<int>::queue> queue(8);
  inlet<int> in(queue->consumer());
  queue->push({1, 2, 3});
  queue->push({4});
  queue->close();
  for (int i = 1; i <= 4; ++i) CHECK(in.pop() == i);
  CHECK_FALSE(in.pop());
  CHECK_FALSE(in.pop());
}

TEST_CASE("inlet: a stop drops what is left", "[crew][inlet]") {
  tandem::shared<inlet<int>::queue> queue(8);
  tandem::stop_source stop;
  inlet<int> in(queue->consumer(), stop.get_token());
  queue->push({1, 2, 3});
  CHECK(in.pop() == 1);
  CHECK_FALSE(in.stop_requested());
  stop.request_stop();
  CHECK(in.stop_requested());
  CHECK(in.get_stop_token() == stop.get_token());
  CHECK_FALSE(in.pop());
}

TEST_CASE("inlet: who waits for more hands on what it has made", "[crew][inlet]") {
  tandem::shared<inlet<int>::queue> before(8), behind(8);
  tandem::thread between(
      [](auto from, auto to) {
        outlet<int> out(std::move(to), 64);
        inlet<int> in(std::move(from), out);
        while (auto const one = in.pop()) out.push(*one + 1);
      },
      before->consumer(), behind->producer());
  auto there = before->producer();
  there.push({1, 2});
  CHECK(behind->pop() == std::vector<int>{2, 3});  // though it is no full batch
  there.close();
  CHECK(between.join().has_value());
}
