// expect: tandem: std::function hides what it captured
// SPDX-License-Identifier: BSL-1.0
#include <functional>

#include "tandem/core.hpp"

void send(tandem::writer& to, std::function<void()> const& work) { tandem::encode(to, work); }
