// expect: tandem: a raw pointer leads into memory that the receiver lacks
#include <tandem/execution.hpp>

int main() {
  tandem::process worker{[] { return new int(1); }};
}
