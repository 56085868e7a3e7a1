// SPDX-License-Identifier: BSL-1.0
// One function in each of the other translation unit and the shared library; both start a unit and give its handle
// back.
#ifndef UNITS_HPP
#define UNITS_HPP

#include <tandem/tandem.hpp>

#include <atomic>

tandem::unit<int> start_in_other(tandem::mode mode, tandem::shared<std::atomic<int>> counter);
tandem::unit<int> start_in_plugin(tandem::mode mode, tandem::shared<std::atomic<int>> counter);

// The address of a variable of the library's, as each sees it.
void* state_in_other();
void* state_in_plugin();

#endif  // UNITS_HPP
