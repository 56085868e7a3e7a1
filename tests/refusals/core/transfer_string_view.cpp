// expect: use std::string or std::vector, which own what they hold
// SPDX-License-Identifier: BSL-1.0
#include <string_view>

#include "tandem/core.hpp"

void send(tandem::writer& to, std::string_view text) { tandem::encode(to, text); }
