// SPDX-License-Identifier: BSL-1.0
// A failure as bytes, but for an exception: that is the business of the exception transport, which in turn needs these.
#ifndef TANDEM_CORE_IMPL_FAILURE_FIELDS_HPP
#define TANDEM_CORE_IMPL_FAILURE_FIELDS_HPP

#include "tandem/core/codec_optional.hpp"  // for codec<optional>
#include "tandem/core/codec_string.hpp"    // for codec<string>
#include "tandem/core/codec_vector.hpp"    // for codec<vector>
#include "tandem/core/failure.hpp"         // for failure, ending

namespace tandem::impl {

inline void encode_fields(writer& to, failure const& value) {
  to.write_flat(value.how());
  to.write_flat(value.exit_code());
  to.write_flat(value.signal());
  to.write_flat(value.core_dumped());
  to.write_flat(failure_access::timeout(value).count());
  codec<std::string>::encode(to, value.unit());
  codec<std::string>::encode(to, value.type());
  codec<std::string>::encode(to, value.what());
  codec<std::optional<crash_report>>::encode(to, value.crash());
  codec<resource_usage>::encode(to, value.usage());
}

inline failure decode_fields(reader& from) {
  auto const how = from.read_flat<ending>();
  if (how < ending::threw || how > ending::lost) bad_message("a failure that ended in no known way");
  auto const exit_code = from.read_flat<int>();
  auto const signal = from.read_flat<int>();
  auto const core_dumped = from.read_flat<bool>();
  auto const timeout = std::chrono::nanoseconds(from.read_flat<std::chrono::nanoseconds::rep>());
  auto unit = codec<std::string>::decode(from);
  auto type = codec<std::string>::decode(from);
  auto what = codec<std::string>::decode(from);
  auto crash = codec<std::optional<crash_report>>::decode(from);
  auto const usage = codec<resource_usage>::decode(from);
  switch (how) {
    case ending::exited:
      return failure::exited(std::move(unit), exit_code, usage);
    case ending::signaled:
      if (timeout.count() > 0) return failure::timed_out(std::move(unit), timeout, usage);
      return failure::signaled(std::move(unit), signal, core_dumped, usage, std::move(crash));
    case ending::lost:
      return failure::lost(std::move(unit), std::move(what), usage);
    case ending::threw:
      break;
  }
  return failure::remote(std::move(unit), {std::move(type), std::move(what), nullptr}, usage);
}

}  // namespace tandem::impl

#endif  // TANDEM_CORE_IMPL_FAILURE_FIELDS_HPP
