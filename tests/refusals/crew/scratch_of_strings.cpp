// expect: tandem: scratch: T is flat
#include <string>

#include <tandem/crew.hpp>

int main() {
  tandem::team<tandem::process>(2).run([](tandem::team_member& me) { me.scratch<std::string>(5); });
}
