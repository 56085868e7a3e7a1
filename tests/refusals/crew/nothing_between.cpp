// expect: only the last may return void
#include <tandem/crew.hpp>

int main() {
  tandem::pipeline flow(tandem::stage([](tandem::outlet<int>& out) { out.push(1); }), tandem::stage([](int) {}), tandem::stage([](int) {}));
}
