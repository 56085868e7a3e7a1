// expect: tandem: a mapping shows flat types
#include <string>

#include <tandem/memory/shared_memory.hpp>

int main() { tandem::shared_memory::anonymous(4096).map().as<std::string>() = "private"; }
