// expect: with its Out spelt out
#include <tandem/crew.hpp>

int main() {
  tandem::pipeline flow{tandem::stage([](auto& out) { out.push(1); }), tandem::stage([](int) {})};
}
