// expect: tandem: a reference leads into memory that the receiver lacks
#include <functional>

#include <tandem/execution.hpp>

int main() {
  int number = 1;
  tandem::process worker{[](int& to) { to = 2; }, std::ref(number)};
}
