// expect: tandem::enable_shareable<T>
#include <tandem/memory/shared.hpp>

class opaque {
  int* private_ = nullptr;
};

int main() { tandem::shared<opaque> object; }
