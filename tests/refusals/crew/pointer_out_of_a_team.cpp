// expect: a raw pointer leads into memory that the receiver lacks
#include <tandem/crew.hpp>

int main() {
  static int value = 0;
  tandem::team<tandem::process>(2).run([](tandem::team_member&) { return &value; });
}
