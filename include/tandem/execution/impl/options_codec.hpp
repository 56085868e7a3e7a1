// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_IMPL_OPTIONS_CODEC_HPP
#define TANDEM_EXECUTION_IMPL_OPTIONS_CODEC_HPP
#include "tandem/core/codec_string.hpp"
#include "tandem/execution/options.hpp"
namespace tandem::impl {
inline void encode_options(writer& to, options const& how) {
  codec<std::string>::encode(to, how.name);
  to.write_flat(how.die_with_parent);
  to.write_flat(how.terminal_signals);
  to.write_flat(how.report_crash);
  to.write_flat(how.timeout.count());
}
inline options decode_options(reader& from) {
  options how;
  how.name = codec<std::string>::decode(from);
  how.die_with_parent = from.read_flat<bool>();
  how.terminal_signals = from.read_flat<terminal_signals>();
  how.report_crash = from.read_flat<bool>();
  how.timeout = std::chrono::nanoseconds(from.read_flat<std::int64_t>());
  return how;
}
}  // namespace tandem::impl
#endif
