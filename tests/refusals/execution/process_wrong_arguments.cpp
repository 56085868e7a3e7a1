// expect: tandem: the workload cannot be called with these arguments
#include <tandem/execution.hpp>

int main() { tandem::process worker{[](int n) { return n; }, 1, 2}; }
