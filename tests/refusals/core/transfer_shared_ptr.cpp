// expect: tandem: std::shared_ptr leads into memory that the receiver lacks: use tandem::shared<T>
// SPDX-License-Identifier: BSL-1.0
#include <memory>

#include "tandem/core.hpp"

void send(tandem::writer& to, std::shared_ptr<int> const& number) { tandem::encode(to, number); }
