// expect: returns nothing for each element
#include <tandem/crew.hpp>

int main() {
  tandem::pipeline flow(tandem::stage([](tandem::outlet<int>& out) { out.push(1); }), tandem::stage([](int i) { return i; }));
}
