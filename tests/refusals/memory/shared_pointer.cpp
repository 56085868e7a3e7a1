// expect: tandem: a raw pointer leads into the memory of one process
#include <tandem/memory/shared.hpp>

int main() { tandem::shared<int*> pointer; }
