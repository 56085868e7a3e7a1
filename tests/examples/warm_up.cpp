// SPDX-License-Identifier: BSL-1.0
#include <tandem/memory.hpp>

#include "support/leak_gate.hpp"

/// The family's memory is reserved once in a process, and kept.
void tandem_test::warm_up() { tandem::shared<int> const first; }
