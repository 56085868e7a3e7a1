// expect: tandem: a raw pointer leads into memory that the receiver lacks
// SPDX-License-Identifier: BSL-1.0
#include "tandem/core.hpp"

void send(tandem::writer& to, int* number) { tandem::encode(to, number); }
