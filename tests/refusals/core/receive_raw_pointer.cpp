// expect: tandem: a raw pointer leads into memory that the receiver lacks
// SPDX-License-Identifier: BSL-1.0
#include "tandem/core.hpp"

int* receive(tandem::reader& from) { return tandem::decode<int*>(from); }
