// expect: or tandem::borrow(x) to read an argument
// SPDX-License-Identifier: BSL-1.0
#include <functional>

#include "tandem/core.hpp"

void send(tandem::writer& to, int& number) { tandem::encode(to, std::ref(number)); }
