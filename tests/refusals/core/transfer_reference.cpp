// expect: tandem: a reference leads into memory that the receiver lacks
// SPDX-License-Identifier: BSL-1.0
#include <tuple>

#include "tandem/core.hpp"

void send(tandem::writer& to, std::tuple<int, int&> const& pair) { tandem::encode(to, pair); }
