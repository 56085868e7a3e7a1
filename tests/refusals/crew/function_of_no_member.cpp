// expect: tandem: team: the function is called as f(team_member&, arguments...)
#include <tandem/crew.hpp>

int main() {
  tandem::team<tandem::process>(2).run([](int) {}, 5);
}
