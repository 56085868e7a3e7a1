// SPDX-License-Identifier: BSL-1.0
// The calendar types of chrono are flat; its durations and time points are without this header.
#ifndef TANDEM_CORE_CODEC_CHRONO_HPP
#define TANDEM_CORE_CODEC_CHRONO_HPP

#include <chrono>  // for year_month_day and its kin

#include "tandem/core/codec.hpp"  // for codec
#include "tandem/core/flat.hpp"   // for enable_flat

namespace tandem {

template <> inline constexpr bool enable_flat<std::chrono::day> = true;
template <> inline constexpr bool enable_flat<std::chrono::month> = true;
template <> inline constexpr bool enable_flat<std::chrono::year> = true;
template <> inline constexpr bool enable_flat<std::chrono::weekday> = true;
template <> inline constexpr bool enable_flat<std::chrono::weekday_indexed> = true;
template <> inline constexpr bool enable_flat<std::chrono::weekday_last> = true;
template <> inline constexpr bool enable_flat<std::chrono::month_day> = true;
template <> inline constexpr bool enable_flat<std::chrono::month_day_last> = true;
template <> inline constexpr bool enable_flat<std::chrono::month_weekday> = true;
template <> inline constexpr bool enable_flat<std::chrono::month_weekday_last> = true;
template <> inline constexpr bool enable_flat<std::chrono::year_month> = true;
template <> inline constexpr bool enable_flat<std::chrono::year_month_day> = true;
template <> inline constexpr bool enable_flat<std::chrono::year_month_day_last> = true;
template <> inline constexpr bool enable_flat<std::chrono::year_month_weekday> = true;
template <> inline constexpr bool enable_flat<std::chrono::year_month_weekday_last> = true;

}  // namespace tandem

#endif  // TANDEM_CORE_CODEC_CHRONO_HPP
