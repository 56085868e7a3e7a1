// expect: (std::string for text)
// SPDX-License-Identifier: BSL-1.0
#include "tandem/core.hpp"

void send(tandem::writer& to, char const* text) { tandem::encode(to, text); }
