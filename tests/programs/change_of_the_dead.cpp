// A program that starts no unit of the library's, and shares mapped memory with a process of its own making: one that
// changes something and dies before it tells. Whoever waits looks for itself.
#include <sys/wait.h>
#include <unistd.h>
#include <tandem/tandem.hpp>

#include <cstdio>
#include <mutex>
#include <new>

struct table {
  tandem::mutex lock;
  tandem::condition_variable changed;
  bool set = false;
};
template <> inline constexpr bool tandem::enable_shareable<table> = true;

int main() {
  auto memory = tandem::shared_memory::anonymous(sizeof(table));
  auto seen = memory.map();
  auto* all = new (seen.bytes().data()) table;
  std::unique_lock hold(all->lock);
  pid_t const child = ::fork();
  if (child == 0) {
    all->lock.lock();  // as soon as the other waits
    all->set = true;
    all->lock.unlock();
    ::_exit(0);  // without notify
  }
  all->changed.wait(hold, [all] { return all->set; });
  ::waitpid(child, nullptr, 0);
  std::puts("seen");
}
// seen
