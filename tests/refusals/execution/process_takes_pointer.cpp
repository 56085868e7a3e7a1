// expect: tandem: a raw pointer leads into memory that the receiver lacks
#include <tandem/execution.hpp>

int main() {
  int number = 1;
  tandem::process worker{[](int* to) { *to = 2; }, &number};
}
