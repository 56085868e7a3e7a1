// expect: tandem: a raw pointer leads into memory that the receiver lacks
#include <tandem/execution.hpp>

int main() {
  int number = 1;
  auto worker = tandem::spawn(tandem::mode::thread, [](int* to) { *to = 2; }, &number);
}
