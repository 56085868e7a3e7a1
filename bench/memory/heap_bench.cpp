// SPDX-License-Identifier: BSL-1.0
// ns for freeing a block and allocating another, of 16 to 512 bytes, among 2000 that live; millions of such pairs a
// second on two sides; ns for each element of a hash map, from its insertion to the map's end.
#include <pthread.h>   // for pthread_mutex_t
#include <sys/mman.h>  // for mmap
#include <sys/wait.h>  // for waitpid
#include <unistd.h>    // for _exit, fork

#include <array>            // for array
#include <atomic>           // for atomic
#include <chrono>           // for steady_clock
#include <cstddef>          // for byte, size_t
#include <cstdint>          // for uint64_t
#include <cstdlib>          // for free, malloc
#include <memory>           // for unique_ptr
#include <memory_resource>  // for monotonic_buffer_resource, unsynchronized_pool_resource
#include <new>              // for placement new
#include <string>           // for string, to_string
#include <thread>           // for thread
#include <unordered_map>    // for unordered_map
#include <vector>           // for vector

#include "support/question.hpp"
#include "tandem/memory/commons.hpp"
#include "tandem/memory/named_heap.hpp"
#include "tandem/memory/shm.hpp"

#if TANDEM_BENCH_BOOST
#include <boost/interprocess/indexes/iset_index.hpp>
#include <boost/interprocess/managed_external_buffer.hpp>
#include <boost/interprocess/managed_shared_memory.hpp>
#include <boost/interprocess/mem_algo/rbtree_best_fit.hpp>
#include <boost/interprocess/sync/mutex_family.hpp>
#endif

namespace tandem_bench {
namespace {

using clock = std::chrono::steady_clock;
using seconds = std::chrono::duration<double>;

void* map_shared(std::size_t bytes) {
  void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  check(at != MAP_FAILED, "mmap");
  return at;
}

// A heap is allocate(bytes) and deallocate(block, bytes), on whatever side. Each question makes its own.

struct private_malloc {
  void* allocate(std::size_t bytes) { return std::malloc(bytes); }
  void deallocate(void* block, std::size_t) { std::free(block); }
};

struct tandem_commons {
  void* allocate(std::size_t bytes) { return tandem::commons().allocate(bytes); }
  void deallocate(void* block, std::size_t) { tandem::commons().deallocate(block); }
};

std::string name_of_ours(char const* kind) {
  return std::string("tandem_bench_") + kind + '_' + std::to_string(::getpid());
}

class tandem_named {
 public:
  tandem_named() { tandem::named_heap::remove(name_); }  // it stays as long as it is open
  void* allocate(std::size_t bytes) { return heap_.allocate(bytes); }
  void deallocate(void* block, std::size_t) { heap_.deallocate(block); }

 private:
  std::string name_ = name_of_ours("tandem");
  tandem::named_heap heap_ = tandem::heap::named(name_, std::size_t{1} << 28);
};

// std's pool in shared memory, under a mutex that works across processes: what one would write by hand.
class pool_and_mutex {
 public:
  void* allocate(std::size_t bytes) {
    hold const held(*all_);
    return all_->pool.allocate(bytes);
  }
  void deallocate(void* block, std::size_t bytes) {
    hold const held(*all_);
    all_->pool.deallocate(block, bytes);
  }

 private:
  static constexpr std::size_t space = std::size_t{1} << 30;

  struct parts {
    pthread_mutex_t mutex;
    std::pmr::monotonic_buffer_resource memory;
    std::pmr::unsynchronized_pool_resource pool;

    explicit parts(std::byte* at) : memory(at, space - 65536, std::pmr::null_memory_resource()), pool(&memory) {
      pthread_mutexattr_t attributes;
      ::pthread_mutexattr_init(&attributes);
      ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
      ::pthread_mutex_init(&mutex, &attributes);
    }
  };
  struct hold {
    explicit hold(parts& held) : all(held) { ::pthread_mutex_lock(&all.mutex); }
    hold(hold const&) = delete;
    ~hold() { ::pthread_mutex_unlock(&all.mutex); }
    parts& all;
  };

  struct unmap {
    void operator()(parts* all) const { ::munmap(all, space); }
  };
  static parts* make() {
    auto* const at = static_cast<std::byte*>(map_shared(space));
    return new (at) parts(at + 65536);
  }

  std::unique_ptr<parts, unmap> all_{make()};
};

#if TANDEM_BENCH_BOOST
// What managed_shared_memory is inside, without its name: best fit, under an interprocess mutex.
class boost_managed {
 public:
  void* allocate(std::size_t bytes) { return memory_.allocate(bytes); }
  void deallocate(void* block, std::size_t) { memory_.deallocate(block); }

 private:
  static constexpr std::size_t space = std::size_t{1} << 28;
  using algorithm = boost::interprocess::rbtree_best_fit<boost::interprocess::mutex_family>;
  using memory = boost::interprocess::basic_managed_external_buffer<char, algorithm, boost::interprocess::iset_index>;

  struct unmap {
    void operator()(void* at) const { ::munmap(at, space); }
  };
  std::unique_ptr<void, unmap> at_{map_shared(space)};
  memory memory_{boost::interprocess::create_only, at_.get(), space};
};

class boost_named {
 public:
  boost_named() { boost::interprocess::shared_memory_object::remove(name_.c_str()); }
  void* allocate(std::size_t bytes) { return memory_.allocate(bytes); }
  void deallocate(void* block, std::size_t) { memory_.deallocate(block); }

 private:
  std::string name_ = name_of_ours("boost");
  boost::interprocess::managed_shared_memory memory_{boost::interprocess::create_only, name_.c_str(),
                                                     std::size_t{1} << 28};
};
#else
using boost_managed = private_malloc;
using boost_named = private_malloc;
#endif
constexpr char const* no_boost = "libboost-dev is not installed";

class xorshift {
 public:
  explicit xorshift(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15U + 1) {}
  std::uint64_t operator()() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

 private:
  std::uint64_t state_;
};

constexpr std::size_t living = 2000;

// Replaces blocks at random. Each carries a mark of its own; that all are there is looked at before and after.
template <class Heap> class churn {
 public:
  churn(Heap& heap, std::uint64_t seed) : heap_(heap), random_(seed), blocks_(living) {
    for (auto& one : blocks_) one = make(random_());
  }
  churn(churn const&) = delete;
  ~churn() {
    for (auto& one : blocks_) heap_.deallocate(one.at, one.bytes);
  }

  void replace(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      auto const chance = random_();
      auto& one = blocks_[chance % living];
      heap_.deallocate(one.at, one.bytes);
      one = make(chance >> 32);
    }
  }

  bool is_whole() const {
    bool whole = true;
    for (auto const& one : blocks_) whole &= *one.at == mark(one.at, one.bytes);
    return whole;
  }

 private:
  struct block {
    std::uintptr_t* at;
    std::size_t bytes;
  };
  static std::uintptr_t mark(std::uintptr_t* at, std::size_t bytes) {
    return reinterpret_cast<std::uintptr_t>(at) + bytes;
  }
  block make(std::uint64_t chance) {
    std::size_t const bytes = 16 + chance % 497;
    auto* const at = static_cast<std::uintptr_t*>(heap_.allocate(bytes));
    *at = mark(at, bytes);
    return {at, bytes};
  }

  Heap& heap_;
  xorshift random_;
  std::vector<block> blocks_;
};

template <class Heap> auto alone() {
  return [](std::size_t count) {
    static Heap heap;
    churn<Heap> one(heap, 1);
    one.replace(4000);
    auto const begin = clock::now();
    one.replace(count);
    clock::duration const took = clock::now() - begin;
    check(one.is_whole(), "a block was lost");
    return took;
  };
}

// What two sides know of each other.
struct meeting {
  std::atomic<int> ready, wrong;
  std::array<seconds, 2> took;
};

template <class Heap> void one_side(Heap& heap, meeting& all, int side, std::size_t count) {
  pin_side(side);
  churn<Heap> one(heap, static_cast<std::uint64_t>(side) + 1);
  one.replace(4000);
  ++all.ready;
  while (all.ready < 2) {}
  auto const begin = clock::now();
  one.replace(count);
  all.took[static_cast<std::size_t>(side)] = clock::now() - begin;
  if (!one.is_whole()) ++all.wrong;
}

seconds conclude(meeting& all) {
  check(all.wrong == 0, "a block was lost");
  seconds const mean = (all.took[0] + all.took[1]) / 2;
  ::munmap(&all, sizeof all);
  return mean;
}

template <class Heap> auto in_two_processes() {
  return [](std::size_t count) {
    static Heap heap;
    auto& all = *new (map_shared(sizeof(meeting))) meeting{};
    std::array<pid_t, 2> children{};
    for (int side = 0; side < 2; ++side) {
      pid_t const child = ::fork();
      if (child == 0) {
        one_side(heap, all, side, count);
        ::_exit(0);
      }
      check(child > 0, "fork");
      children[static_cast<std::size_t>(side)] = child;
    }
    for (pid_t const child : children) {
      int status = 0;
      check(::waitpid(child, &status, 0) == child && status == 0, "a side has failed");
    }
    return conclude(all);
  };
}

template <class Heap> auto in_two_threads() {
  return [](std::size_t count) {
    static Heap heap;
    auto& all = *new (map_shared(sizeof(meeting))) meeting{};
    std::thread other([&] { one_side(heap, all, 1, count); });
    std::thread one([&] { one_side(heap, all, 0, count); });
    one.join();
    other.join();
    return conclude(all);
  };
}

// One side allocates, the other frees what it is handed.
struct handover {
  static constexpr std::size_t slots = 1024;
  alignas(64) std::atomic<std::size_t> given;
  alignas(64) std::atomic<std::size_t> taken;
  std::atomic<int> wrong;
  std::atomic<std::uint64_t*> ring[slots];
};

template <class Heap> void give(Heap& heap, handover& all, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    auto* const block = static_cast<std::uint64_t*>(heap.allocate(264));
    *block = i;
    while (i - all.taken.load(std::memory_order_acquire) >= handover::slots) {}
    all.ring[i % handover::slots].store(block, std::memory_order_relaxed);
    all.given.store(i + 1, std::memory_order_release);
  }
}

template <class Heap> void take(Heap& heap, handover& all, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    while (all.given.load(std::memory_order_acquire) <= i) {}
    auto* const block = all.ring[i % handover::slots].load(std::memory_order_relaxed);
    if (*block != i) ++all.wrong;
    heap.deallocate(block, 264);
    all.taken.store(i + 1, std::memory_order_release);
  }
}

template <class Heap> auto handed_over(bool to_a_process) {
  return [to_a_process](std::size_t count) {
    static Heap heap;
    auto& all = *new (map_shared(sizeof(handover))) handover{};
    auto const begin = clock::now();
    if (to_a_process) {
      pid_t const child = ::fork();
      if (child == 0) {
        pin_side(1);
        take(heap, all, count);
        ::_exit(0);
      }
      give(heap, all, count);
      int status = 0;
      check(::waitpid(child, &status, 0) == child && status == 0, "the taker has failed");
    } else {
      std::thread taker([&] {
        pin_side(1);
        take(heap, all, count);
      });
      give(heap, all, count);
      taker.join();
    }
    clock::duration const took = clock::now() - begin;
    check(all.wrong == 0, "a block was overwritten");
    ::munmap(&all, sizeof all);
    return took;
  };
}

template <class Map> auto map_life(std::size_t elements) {
  return [elements] {
    Map map;
    for (std::size_t i = 0; i < elements; ++i) map[i * 0x9e3779b97f4a7c15U] = i;
    std::size_t sum = 0;
    for (std::size_t i = 0; i < elements; ++i) sum += map.find(i * 0x9e3779b97f4a7c15U)->second;
    check(sum == elements * (elements - 1) / 2, "the sum of what was found");
  };
}

template <class Heap> auto big_block(std::size_t bytes) {
  return [bytes] {
    static Heap heap;
    auto* const block = static_cast<char volatile*>(heap.allocate(bytes));
    for (std::size_t i = 0; i < bytes; i += 4096) block[i] = 1;
    heap.deallocate(const_cast<char*>(block), bytes);
  };
}

}  // namespace

void questions() {
  question("M1: heap, free and allocate 16 to 512 B, one thread", unit::ns)
      .base("glibc malloc", alone<private_malloc>())
      .peer("tandem::commons", alone<tandem_commons>())
      .peer("pmr pool + pshared mutex", alone<pool_and_mutex>())
      .peer_if(TANDEM_BENCH_BOOST, "Boost managed memory", alone<boost_managed>(), no_boost)
      .budget("tandem::commons", at_most(0.9));

  question("M2: the same in two processes at once", unit::million_per_s)
      .about("Pairs on both sides. malloc's two heaps are private: no side could free what the other has allocated.")
      .placed(placement::two_cpus)
      .per_call(2)
      .base("glibc malloc, two heaps", in_two_processes<private_malloc>())
      .peer("tandem::commons", in_two_processes<tandem_commons>())
      .peer("pmr pool + pshared mutex", in_two_processes<pool_and_mutex>())
      .peer_if(TANDEM_BENCH_BOOST, "Boost managed memory", in_two_processes<boost_managed>(), no_boost)
      .budget("tandem::commons", at_least(1.1))
      .budget("tandem::commons", at_least(25), "pmr pool + pshared mutex");

  question("the same in two threads at once", unit::million_per_s)
      .placed(placement::two_cpus)
      .per_call(2)
      .base("glibc malloc", in_two_threads<private_malloc>())
      .peer("tandem::commons", in_two_threads<tandem_commons>());

  question("named heaps, free and allocate 16 to 512 B, one program", unit::ns)
      .about(
          "As M1. One thread of a program at a time is inside of a named heap, and programs are not in each other's "
          "way.")
      .base("glibc malloc", alone<private_malloc>())
      .peer("tandem::named_heap", alone<tandem_named>())
      .peer_if(TANDEM_BENCH_BOOST, "Boost managed_shared_memory", alone<boost_named>(), no_boost);

  question("the same in two programs at once", unit::million_per_s)
      .placed(placement::two_cpus)
      .per_call(2)
      .base("glibc malloc, two heaps", in_two_processes<private_malloc>())
      .peer("tandem::named_heap", in_two_processes<tandem_named>())
      .peer_if(TANDEM_BENCH_BOOST, "Boost managed_shared_memory", in_two_processes<boost_named>(), no_boost);

  for (bool const to_a_process : {false, true}) {
    question q(to_a_process ? "one process allocates, another frees" : "one thread allocates, another frees",
               unit::million_per_s);
    q.placed(placement::two_cpus);
    if (!to_a_process) q.base("glibc malloc", handed_over<private_malloc>(false));
    if (to_a_process) q.base("pmr pool + pshared mutex", handed_over<pool_and_mutex>(true));
    q.peer("tandem::commons", handed_over<tandem_commons>(to_a_process));
  }

  std::size_t const elements = quick() ? 2000 : 200'000;
  question("M3: unordered_map, insert, find and destroy, per element", unit::ns)
      .per_call(static_cast<double>(elements))
      .base("std on malloc", map_life<std::unordered_map<std::uint64_t, std::uint64_t>>(elements))
      .peer("tandem::shm", map_life<tandem::shm::unordered_map<std::uint64_t, std::uint64_t>>(elements))
      .budget("tandem::shm", at_most(1.0));

  std::size_t const big = quick() ? std::size_t{1} << 20 : std::size_t{64} << 20;
  question("64 MB, allocated, touched and freed again and again", unit::ms)
      .base("glibc malloc", big_block<private_malloc>(big))
      .peer("tandem::commons", big_block<tandem_commons>(big));
}

}  // namespace tandem_bench
