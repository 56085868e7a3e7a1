// expect: one of these can be neither copied nor dup()ed
#include <memory>
#include <tandem/crew.hpp>

int main() {
  tandem::supervisor<tandem::thread> crew;
  crew.add({}, [](std::unique_ptr<int> const&) {}, std::make_unique<int>(1));
}
