// SPDX-License-Identifier: BSL-1.0
// ns for a task of a pool: submitted and waited for together, and each with its future; with nothing in it, and with a
// microsecond's work. Two workers everywhere.
#include <atomic>   // for atomic
#include <chrono>   // for steady_clock
#include <cstddef>  // for size_t
#include <future>   // for async
#include <memory>   // for make_unique, unique_ptr
#include <numeric>  // for iota
#include <string>   // for string
#include <vector>   // for vector

#include "support/question.hpp"
#include "tandem/crew/pool.hpp"
#include "tandem/memory/shared.hpp"

#if TANDEM_BENCH_BS_THREAD_POOL
#include <BS_thread_pool.hpp>
#endif
#if TANDEM_BENCH_TBB
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#endif

namespace tandem_bench {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t workers = 2, batch = 1000;

/// About a microsecond's work, whose result says that it was done.
int microsecond(int seed) {
  auto value = static_cast<unsigned>(seed);
  for (int i = 0; i < 400; ++i) value = value * 1664525U + 1013904223U;
  return static_cast<int>(value >> 1);
}
int nothing(int n) { return n + 1; }

/// One pool for all rounds of a peer, made when it is first needed.
template <class Pool> Pool& only() {
  static Pool pool(workers);
  return pool;
}

/// Tasks whose futures are waited for, a batch at a time.
template <class Submit> auto with_futures(Submit submit, int (*work)(int)) {
  return [submit, work](std::size_t times) {
    auto const begin = clock::now();
    for (std::size_t done = 0; done < times; done += batch) {
      std::vector<decltype(submit(work, 0))> all;
      all.reserve(batch);
      for (std::size_t i = 0; i < batch; ++i) all.push_back(submit(work, static_cast<int>(i)));
      for (std::size_t i = 0; i < batch; ++i) check(all[i].get() == work(static_cast<int>(i)), "the result");
    }
    return (clock::now() - begin) / (times < batch ? batch : 1) * (times < batch ? times : 1);
  };
}

template <template <class> class Unit> auto ours(int (*work)(int)) {
  return with_futures([](int (*f)(int), int n) { return only<tandem::pool<Unit>>().submit(f, n); }, work);
}

auto by_async(int (*work)(int)) {
  return with_futures([](int (*f)(int), int n) { return std::async(std::launch::async, f, n); }, work);
}

#if TANDEM_BENCH_BS_THREAD_POOL
constexpr char const* no_bs = "";
using bs_pool = BS::thread_pool<>;
auto by_bs(int (*work)(int)) {
  return with_futures([](int (*f)(int), int n) { return only<bs_pool>().submit_task([f, n] { return f(n); }); }, work);
}
auto bs_detached() {
  return [](std::size_t times) {
    auto& pool = only<bs_pool>();
    auto const begin = clock::now();
    std::atomic<std::size_t> done{0};
    for (std::size_t i = 0; i < times; ++i) pool.detach_task([&done] { done.fetch_add(1, std::memory_order_relaxed); });
    pool.wait();
    check(done == times, "how many ran");
    return clock::now() - begin;
  };
}
#else
constexpr char const* no_bs = "BS_thread_pool.hpp is not in TANDEM_BENCH_PEERS";
auto by_bs(int (*work)(int)) { return by_async(work); }
auto bs_detached() {
  return [](std::size_t) { return clock::duration(1); };
}
#endif

#if TANDEM_BENCH_TBB
constexpr char const* no_tbb = "";
auto tbb_group() {
  return [](std::size_t times) {
    static oneapi::tbb::task_arena arena(static_cast<int>(workers), 0);
    std::atomic<std::size_t> done{0};
    auto const begin = clock::now();
    arena.execute([&] {
      oneapi::tbb::task_group group;
      for (std::size_t i = 0; i < times; ++i) group.run([&done] { done.fetch_add(1, std::memory_order_relaxed); });
      group.wait();
    });
    check(done == times, "how many ran");
    return clock::now() - begin;
  };
}
#else
constexpr char const* no_tbb = "libtbb-dev is not installed";
auto tbb_group() {
  return [](std::size_t) { return clock::duration(1); };
}
#endif

/// Tasks that nobody has a future of, and one wait for all.
template <template <class> class Unit> auto posted() {
  return [](std::size_t times) {
    auto& pool = only<tandem::pool<Unit>>();
    tandem::shared<std::atomic<std::size_t>> done(0U);
    auto const begin = clock::now();
    auto& count = *done;
    if constexpr (tandem::impl::mode_of<Unit> == tandem::mode::thread) {
      for (std::size_t i = 0; i < times; ++i) pool.submit([&count] { count.fetch_add(1, std::memory_order_relaxed); });
    } else {
      for (std::size_t i = 0; i < times; ++i) pool.submit([&count] { count.fetch_add(1, std::memory_order_relaxed); });
    }
    pool.wait();
    check(*done == times, "how many ran");
    return clock::now() - begin;
  };
}

template <template <class> class Unit> auto mapped() {
  return [](std::size_t times) {
    auto& pool = only<tandem::pool<Unit>>();
    std::vector<int> numbers(times);
    std::iota(numbers.begin(), numbers.end(), 0);
    auto const begin = clock::now();
    auto const results = pool.map(numbers, &microsecond);
    auto const took = clock::now() - begin;
    check(results.size() == times && results.back() == microsecond(static_cast<int>(times) - 1), "the results");
    return took;
  };
}

auto plain_loop() {
  return [](std::size_t times) {
    std::vector<int> results;
    results.reserve(times);
    auto const begin = clock::now();
    for (std::size_t i = 0; i < times; ++i) results.push_back(microsecond(static_cast<int>(i)));
    auto const took = clock::now() - begin;
    check(results.back() == microsecond(static_cast<int>(times) - 1), "the results");
    return took / workers;  // what that many cores would need
  };
}

}  // namespace

void questions() {
  question("C1: a task that is posted; all are waited for together", unit::ns)
      .peer_if(TANDEM_BENCH_BS_THREAD_POOL, "BS::thread_pool::detach_task", bs_detached(), no_bs)
      .peer("tandem::pool<thread>", posted<tandem::thread>())
      .peer("tandem::pool<process>", posted<tandem::process>())
      .peer_if(TANDEM_BENCH_TBB, "tbb::task_group", tbb_group(), no_tbb)
      .budget("tandem::pool<thread>", at_most(1.0), "BS::thread_pool::detach_task");
  question("C1, C2: an empty task with its future", unit::ns)
      .base("std::async", by_async(&nothing))
      .peer_if(TANDEM_BENCH_BS_THREAD_POOL, "BS::thread_pool::submit_task", by_bs(&nothing), no_bs)
      .peer("tandem::pool<thread>", ours<tandem::thread>(&nothing))
      .peer("tandem::pool<process>", ours<tandem::process>(&nothing))
      .budget("tandem::pool<thread>", at_most(1 / 1.3), "BS::thread_pool::submit_task")
      .budget("tandem::pool<process>", at_most(1 / 0.8), "BS::thread_pool::submit_task");
  question("C3: a task of a microsecond with its future", unit::ns)
      .base("tandem::pool<thread>", ours<tandem::thread>(&microsecond))
      .peer("tandem::pool<process>", ours<tandem::process>(&microsecond))
      .peer_if(TANDEM_BENCH_BS_THREAD_POOL, "BS::thread_pool::submit_task", by_bs(&microsecond), no_bs)
      .budget("tandem::pool<process>", at_most(1 / 0.8));
  question("C4: map of a function of a microsecond, an element", unit::ns)
      .base("a plain loop, divided by two cores", plain_loop())
      .peer("tandem::pool<thread>", mapped<tandem::thread>())
      .peer("tandem::pool<process>", mapped<tandem::process>())
      .budget("tandem::pool<thread>", at_most(1 / 0.9))
      .budget("tandem::pool<process>", at_most(1 / 0.9));
}

}  // namespace tandem_bench
