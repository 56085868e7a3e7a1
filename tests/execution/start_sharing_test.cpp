// SPDX-License-Identifier: BSL-1.0
// What units share, and what they own, by each start method.
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>

#include "execution/starts.hpp"
#include "support/catch.hpp"
#include "support/place.hpp"
#include "support/temp_dir.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/process.hpp"
#include "tandem/execution/start.hpp"
#include "tandem/memory/shared.hpp"
#include "tandem/memory/shared_array.hpp"
#include "tandem/memory/shared_memory.hpp"
#include "tandem/memory/shm.hpp"
#include "tandem/memory/weak.hpp"
#include "tandem/resource/pipe.hpp"

TEST_CASE("start: shared objects are one on both sides, and let go at the end", "[execution][start]") {
  TANDEM_TEST_EACH_START(how);
  tandem::shared<std::atomic<int>> count(0);
  tandem::process worker{{.start = how},
                         [count](tandem::shared<std::atomic<int>> again) {
                           ++*count;
                           ++*again;
                           return count;
                         },
                         count};
  CHECK(worker.join().value() == count);
  CHECK(*count == 2);
  CHECK(count.use_count() == 1);
}

namespace {

struct settings {
  std::atomic<int> port = 80;
  int unused = 0;
};

}  // namespace

TEST_CASE("start: arrays, parts and weak references of each start method lead to the same objects",
          "[execution][start]") {
  TANDEM_TEST_EACH_START(method);
  tandem::shared<settings> whole;
  tandem::shared<int[]> const numbers(1000, 1);
  tandem::shared const port(whole, &settings::port);
  tandem::weak const seen = whole;
  tandem::process adder(
      {.start = method},
      [numbers, port](tandem::shared<int[]> again, tandem::weak<settings> weak, auto part) {
        again[999] = static_cast<int>(numbers.size());
        *port += 1;
        *part += 1;
        if (auto const locked = weak.lock()) (*locked)->port += 1;
        return tandem::shared<int[]>(3, numbers == again ? 5 : 0);
      },
      numbers, seen, port);
  auto const result = adder.join().value();
  CHECK(result[2] == 5);
  CHECK(numbers[999] == 1000);
  CHECK(whole->port == 83);
  CHECK(numbers.use_count() == 1);
  CHECK(whole.use_count() == 2);
  CHECK(result.use_count() == 1);
}

TEST_CASE("start: a vector in the commons moves as argument and as result of each start method, and is not copied",
          "[execution][start]") {
  TANDEM_TEST_EACH_START(method);
  auto const before = tandem::commons().statistics().big_blocks;
  {
    tandem::shm::vector<double> numbers(100'000, 0.5);
    auto const there = reinterpret_cast<std::uintptr_t>(numbers.data());
    tandem::process doubler(
        {.start = method},
        [](tandem::shm::vector<double> argument, std::uintptr_t address) {
          if (reinterpret_cast<std::uintptr_t>(argument.data()) != address) throw 1;
          for (auto& one : argument) one *= 2;
          return argument;
        },
        std::move(numbers), there);
    auto const result = doubler.join().value();
    CHECK(reinterpret_cast<std::uintptr_t>(result.data()) == there);
    CHECK(result.size() == 100'000);
    CHECK(result.back() == 1.0);
  }
  {
    tandem::process nobody_asks({.start = method}, [] { return tandem::shm::vector<double>(100'000, 0.5); });
    tandem::shm::vector<double> captured(100'000, 0.5);
    tandem::process by_capture({.start = method}, [captured] { return captured.back(); });
    tandem::process throws(
        {.start = method}, [](tandem::shm::vector<double> const&) { throw std::runtime_error("no"); }, captured);
    CHECK(by_capture.join().value() == 0.5);
    CHECK(throws.join().error().type() == "std::runtime_error");
    CHECK(captured.back() == 0.5);
  }
  CHECK(tandem::commons().statistics().big_blocks == before);
}

TEST_CASE("start: containers in the commons are used by each method", "[execution][start]") {
  TANDEM_TEST_EACH_START(how);
  tandem::shared<tandem::shm::string> text("short");
  tandem::process worker{{.start = how}, [text] { text->assign(1000, 'x'); }};
  CHECK(worker.join().has_value());
  CHECK(text->size() == 1000);
}

TEST_CASE("start: descriptors arrive as arguments, in closures, and come back as results", "[execution][start]") {
  TANDEM_TEST_EACH_START(how);
  tandem::pipe first, second;
  {
    tandem::process worker{{.start = how}, [](tandem::fd to) { to.write("argument"); }, std::move(first.write_end)};
    CHECK(first.read_end.read_all() == "argument");
    CHECK(worker.join().has_value());
  }
  {
    tandem::process worker{{.start = how}, [to = std::move(second.write_end)] { to.write("capture"); }};
    CHECK(second.read_end.read_all() == "capture");
    CHECK(worker.join().has_value());
  }
  tandem::process worker{{.start = how}, [] {
                           tandem::pipe made;
                           made.write_end.write("result");
                           return std::move(made.read_end);
                         }};
  CHECK(worker.join().value().read_all() == "result");
}

TEST_CASE("start: shared memory arrives as an argument, in closures, and comes back as a result",
          "[execution][start]") {
  TANDEM_TEST_EACH_START(how);
  auto const memory = tandem::shared_memory::anonymous(4096);
  auto const number = memory.map();
  {
    tandem::process worker{
        {.start = how}, [](tandem::shared_memory theirs) { theirs.map().as<int>() = 1; }, memory.dup()};
    CHECK(worker.join().has_value());
    CHECK(number.as<int>() == 1);
  }
  {
    tandem::process worker{{.start = how}, [theirs = memory.dup()] { theirs.map().as<int>() = 2; }};
    CHECK(worker.join().has_value());
    CHECK(number.as<int>() == 2);
  }
  tandem::process worker{{.start = how}, [] {
                           auto made = tandem::shared_memory::anonymous(4096);
                           made.map().as<int>() = 3;
                           made.seal(tandem::seal::shrink);
                           return made;
                         }};
  auto const made = worker.join().value();
  CHECK(made.is_sealed(tandem::seal::shrink));
  CHECK(made.map().as<int>() == 3);
}
