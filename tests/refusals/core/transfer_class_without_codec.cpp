// expect: specialise tandem::codec<T>
// SPDX-License-Identifier: BSL-1.0
#include "tandem/core.hpp"

class account {
 public:
  explicit account(long cents) : cents_{cents} {}
  long cents() const { return cents_; }

 private:
  long cents_;
};

void send(tandem::writer& to, account const& mine) { tandem::encode(to, mine); }
