// SPDX-License-Identifier: BSL-1.0
#include "support/leak_gate.hpp"
#include "tandem/execution/impl/lifeline.hpp"
#include "tandem/memory/impl/members.hpp"
#include "tandem/memory/impl/participants.hpp"

/// The family's memory is reserved once in a process, and kept; so is the lifeline of its children.
void tandem_test::warm_up() {
  tandem::impl::lifeline::read_end();
  tandem::impl::participants::self();
  tandem::impl::members::self();
}
