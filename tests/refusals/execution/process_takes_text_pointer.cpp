// expect: std::string for text
#include <tandem/execution.hpp>

int main(int, char** argv) { tandem::process worker{[](std::string name) { return name; }, argv[0]}; }
