// expect: tandem: register_exception<E>: E needs a constructor from std::string const&
// SPDX-License-Identifier: BSL-1.0
#include <exception>

#include "tandem/core.hpp"

class odd : public std::exception {
 public:
  odd(int line, int column) : line_{line}, column_{column} {}
  int sum() const { return line_ + column_; }

 private:
  int line_, column_;
};

void prepare() { tandem::register_exception<odd>(); }
