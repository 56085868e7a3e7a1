// expect: tandem: a raw pointer leads into memory that the receiver lacks
// SPDX-License-Identifier: BSL-1.0
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tandem/core.hpp"

struct row {
  std::string name;
  std::vector<char const*> cells;
};

void send(tandem::writer& to, std::map<int, std::optional<row>> const& table) { tandem::encode(to, table); }
