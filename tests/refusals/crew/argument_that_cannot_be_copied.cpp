// expect: each member has a copy of the function and of its arguments: one of them cannot be copied
#include <memory>

#include <tandem/crew.hpp>

int main() {
  tandem::team<tandem::process>(2).run([](tandem::team_member&, std::unique_ptr<int>) {}, std::make_unique<int>(1));
}
