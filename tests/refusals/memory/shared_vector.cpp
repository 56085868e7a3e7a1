// expect: tandem::shm::vector
#include <vector>

#include <tandem/memory/shared.hpp>

int main() { tandem::shared<std::vector<int>> numbers; }
