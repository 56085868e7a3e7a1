// expect: tandem: the value of an outcome is an object or void
// SPDX-License-Identifier: BSL-1.0
#include "tandem/core.hpp"

void look(tandem::outcome<int&> const&);
bool ask(int& n) { return tandem::outcome<int&>{n}.has_value(); }
