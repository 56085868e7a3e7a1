// expect: use the like-named type in tandem
#include <mutex>

#include <tandem/memory/shared.hpp>

int main() { tandem::shared<std::mutex> lock; }
