// expect: a raw pointer leads into memory that the receiver lacks
#include <tandem/crew.hpp>

int main() {
  int here = 0;
  tandem::supervisor<tandem::process> crew;
  crew.add({}, [](int*) {}, &here);
}
