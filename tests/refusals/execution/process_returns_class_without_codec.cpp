// expect: specialise tandem::codec<T>
#include <tandem/execution.hpp>

class opaque {
 public:
  virtual ~opaque() = default;
};

int main() {
  tandem::process worker{[] { return opaque(); }};
}
