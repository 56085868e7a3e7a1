// expect: use tandem::shared<T>
#include <memory>

#include <tandem/execution.hpp>

int main() { tandem::unit worker{tandem::mode::process, [](std::shared_ptr<int> n) { return *n; }, std::make_shared<int>(1)}; }
