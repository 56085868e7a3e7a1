// expect: a raw pointer leads into memory that the receiver lacks
#include <tandem/crew.hpp>

int main() {
  tandem::pipeline flow(tandem::stage([](tandem::outlet<int*>&) {}), tandem::stage([](int*) {}));
}
