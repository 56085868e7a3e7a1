// expect: or tandem::shared<T> to write to it from both sides, or tandem::borrow(x) to read an argument
// SPDX-License-Identifier: BSL-1.0
#include "tandem/core.hpp"

void send(tandem::writer& to, int* number) { tandem::codec<int*>::encode(to, number); }
