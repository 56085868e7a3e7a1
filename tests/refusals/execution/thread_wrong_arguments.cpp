// expect: tandem: the workload cannot be called with these arguments
#include <string>

#include <tandem/execution.hpp>

int main() { tandem::thread worker{[](int n) { return n; }, std::string("text")}; }
