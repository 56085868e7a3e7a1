// expect: the function is kept, and copied at each start: this one cannot be copied
#include <memory>
#include <tandem/crew.hpp>

int main() {
  tandem::supervisor<tandem::thread> crew;
  crew.add({}, [only = std::make_unique<int>(1)] {});
}
