// expect: In is what the stage before it makes
#include <string>

#include <tandem/crew.hpp>

int main() {
  tandem::pipeline flow(tandem::stage([](tandem::outlet<int>& out) { out.push(1); }), tandem::stage([](std::string const&) {}));
}
