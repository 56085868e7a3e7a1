// expect: use tandem::shm::string
#include <string>

#include <tandem/memory/shared.hpp>

int main() { tandem::shared<std::string> text("private"); }
