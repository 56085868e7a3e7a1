// expect: specialise tandem::enable_shareable<T>
// SPDX-License-Identifier: BSL-1.0
#include "tandem/core/impl/require_shareable.hpp"

// As tandem::shared<T> does.
template <class T> struct place { place() { tandem::impl::require_shareable<T>(); } };
class account {
 public:
  long cents() const { return cents_; }

 private:
  long cents_ = 0;
};

place<account> const here;
