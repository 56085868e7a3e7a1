// expect: tandem: a temporary would be gone before the unit has ended
#include <string>

#include <tandem/execution.hpp>

int main() { tandem::process worker{[](std::string const& text) { return text.size(); }, tandem::borrow(std::string("gone"))}; }
