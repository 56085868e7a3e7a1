// expect: use std::string or std::vector, which own what they hold
// SPDX-License-Identifier: BSL-1.0
#include <span>

#include "tandem/core.hpp"

void send(tandem::writer& to, std::span<int> numbers) { tandem::encode(to, numbers); }
