// The three settings of lost_writes. Built at -O0 and -O2, by each compiler, with and without AddressSanitizer.
#include <tandem/tandem.hpp>

#include <cstdio>
#include <string>
#include <thread>
#include <vector>

namespace {

int reports = 0;
void count_report(tandem::failure const&) noexcept { ++reports; }

// What the compiler cannot see through, as little as it sees through a real workload.
template <class T> void touch(T& object) { asm volatile("" : : "r"(&object) : "memory"); }

char const* run(tandem::lost_writes setting, bool write) {
  int count = 0;
  std::string text = "read only";
  std::vector<int> numbers(100, 1);
  touch(count);
  reports = 0;
  tandem::process worker{{.name = "writer", .lost_writes = setting}, [&] {
                           touch(count);
                           if (write) count += static_cast<int>(text.size());
                           touch(count);
                           return count + static_cast<int>(numbers.size());
                         }};
  auto result = worker.join();
  if (!result) return "failed";
  return reports != 0 ? "reported" : "silent";
}

void all(char const* where) {
  using enum tandem::lost_writes;
  std::printf("%s: fail: write %s, read %s\n", where, run(fail, true), run(fail, false));
  std::printf("%s: report: write %s, read %s\n", where, run(report, true), run(report, false));
  std::printf("%s: ignore: write %s, read %s\n", where, run(ignore, true), run(ignore, false));
}

}  // namespace

int main() {
  tandem::set_unobserved_failure_handler(&count_report);
  all("main");
  std::thread(all, "thread").join();
}
// main: fail: write failed, read silent
// main: report: write reported, read silent
// main: ignore: write silent, read silent
// thread: fail: write failed, read silent
// thread: report: write reported, read silent
// thread: ignore: write silent, read silent
