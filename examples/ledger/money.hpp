// SPDX-License-Identifier: BSL-1.0
// Amounts of money: whole cents, as text with a point.
#ifndef TANDEM_EXAMPLES_LEDGER_MONEY_HPP
#define TANDEM_EXAMPLES_LEDGER_MONEY_HPP

#include <charconv>     // for from_chars
#include <cstdint>      // for int64_t
#include <optional>     // for optional
#include <string>       // for string, to_string
#include <string_view>  // for string_view

namespace ledger {

using cents = std::int64_t;

/// "12", "12.50", "-0.05"; nothing for any other text, and for what does not fit.
inline std::optional<cents> money_from(std::string_view text) {
  bool const negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  auto const point = text.find('.');
  std::string digits(text.substr(0, point));
  std::string_view const fraction = point == text.npos ? "00" : text.substr(point + 1);
  if (digits.empty() || fraction.size() != 2) return std::nullopt;
  digits.append(fraction);
  if (digits.find_first_not_of("0123456789") != digits.npos) return std::nullopt;
  cents amount = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), amount).ec != std::errc()) return std::nullopt;
  return negative ? -amount : amount;
}

inline std::string to_string(cents amount) {
  std::string digits = std::to_string(amount);
  std::size_t const sign = amount < 0 ? 1 : 0;
  if (digits.size() < sign + 3) digits.insert(sign, sign + 3 - digits.size(), '0');
  return digits.insert(digits.size() - 2, ".");
}

}  // namespace ledger

#endif  // TANDEM_EXAMPLES_LEDGER_MONEY_HPP
