// As long as no other process is in sight nobody looks for himself now and then: each of these sleepers is woken by the
// one notification that is for it, or this program does not end.
#include <tandem/tandem.hpp>

#include <atomic>
#include <cstdio>
#include <mutex>
#include <thread>

namespace {

/// Runs `sleep` in a thread; when that is asleep, `wake` here.
template <class Sleep, class Wake> void woken(char const* what, Sleep sleep, Wake wake) {
  std::atomic<pid_t> id{0};
  std::thread sleeper([&] {
    id = tandem::os::thread_id();
    sleep();
  });
  while (id == 0 || tandem::os::look_up_task(tandem::os::process_id(), id).state != 'S') std::this_thread::yield();
  wake();
  sleeper.join();
  std::puts(what);
}

}  // namespace

int main() {
  tandem::mutex lock;
  lock.lock();
  woken(
      "mutex", [&] { lock.lock(); }, [&] { lock.unlock(); });
  lock.unlock();

  tandem::shared_mutex shared;
  shared.lock_shared();
  woken(
      "writer", [&] { shared.lock(); }, [&] { shared.unlock_shared(); });
  shared.unlock();

  tandem::condition_variable changed;
  bool set = false;
  woken(
      "condition_variable",
      [&] {
        std::unique_lock hold(lock);
        changed.wait(hold, [&] { return set; });
      },
      [&] {
        std::lock_guard const hold(lock);
        set = true;
        changed.notify_one();
      });

  tandem::counting_semaphore<> semaphore(0);
  woken(
      "semaphore", [&] { semaphore.acquire(); }, [&] { semaphore.release(); });

  tandem::latch latch(1);
  woken(
      "latch", [&] { latch.wait(); }, [&] { latch.count_down(); });

  tandem::barrier<> barrier(2);
  woken(
      "barrier", [&] { barrier.arrive_and_wait(); }, [&] { static_cast<void>(barrier.arrive()); });

  // ... but for the ends of those that are expected by name: the dead wake nobody here.
  tandem::barrier<> of_two(2, tandem::on_death::drop);
  woken(
      "of the dead", [&] { of_two.arrive_and_wait(); }, [&] { std::thread([&] { of_two.enroll(); }).join(); });

  tandem::permits permits(1);
  auto held = permits.acquire();
  woken(
      "permits", [&] { auto const next = permits.acquire(); }, [&] { held.release(); });

  tandem::once_flag flag;
  std::atomic<bool> inside{false}, done{false};
  std::thread first([&] {
    tandem::call_once(flag, [&] {
      inside = true;
      while (!done) std::this_thread::yield();
    });
  });
  while (!inside) std::this_thread::yield();
  woken(
      "once", [&] { tandem::call_once(flag, [] {}); }, [&] { done = true; });
  first.join();
}
// mutex
// writer
// condition_variable
// semaphore
// latch
// barrier
// of the dead
// permits
// once
