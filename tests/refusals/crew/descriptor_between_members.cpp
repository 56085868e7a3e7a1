// expect: descriptors do not go from member to member: lend them to run
#include <tandem/crew.hpp>
#include <tandem/resource.hpp>

int main() {
  tandem::team<tandem::process>(2).run([](tandem::team_member& me) { me.receive<tandem::fd>(0); });
}
