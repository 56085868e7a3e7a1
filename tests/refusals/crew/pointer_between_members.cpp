// expect: a raw pointer leads into memory that the receiver lacks
#include <tandem/crew.hpp>

int main() {
  tandem::team<tandem::thread>(2).run([](tandem::team_member& me) {
    int mine = 1;
    me.all_gather(&mine);
  });
}
