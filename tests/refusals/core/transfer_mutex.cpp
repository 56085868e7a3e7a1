// expect: use tandem::shared<tandem::mutex>
// SPDX-License-Identifier: BSL-1.0
#include <mutex>

#include "tandem/core.hpp"

void send(tandem::writer& to, std::mutex& lock) { tandem::encode(to, lock); }
