// SPDX-License-Identifier: BSL-1.0
// Options as bytes, for a process that has not its starter's memory. `start` stays behind: how a process came to be is
// known to it. What `inherit` stands for by default goes along, for it depends on that.
#ifndef TANDEM_EXECUTION_IMPL_OPTIONS_CODEC_HPP
#define TANDEM_EXECUTION_IMPL_OPTIONS_CODEC_HPP

#include <algorithm>  // for find, max_element
#include <cerrno>     // for errno
#include <cstddef>    // for size_t
#include <cstdint>    // for int64_t, uint8_t, uint64_t
#include <span>       // for span
#include <string>     // for string
#include <utility>    // for exchange, move
#include <vector>     // for vector

#include "tandem/core/codec.hpp"                      // for codec, reader, writer
#include "tandem/core/codec_optional.hpp"             // for codec<optional>
#include "tandem/core/codec_string.hpp"               // for codec<string>
#include "tandem/core/codec_vector.hpp"               // for codec<vector>
#include "tandem/core/errors.hpp"                     // for throw_errno
#include "tandem/execution/impl/child_setup.hpp"      // for inherits
#include "tandem/execution/impl/lifeline.hpp"         // for lifeline
#include "tandem/execution/impl/own_descriptors.hpp"  // for own_descriptors
#include "tandem/execution/options.hpp"               // for options
#include "tandem/memory/impl/region.hpp"              // for family_region
#include "tandem/os/descriptor.hpp"                   // for close, duplicate
#include "tandem/os/surroundings.hpp"                 // for duplicate_onto

namespace tandem::impl {

inline void encode_stream(writer& to, stdio const& stream) {
  to.write_flat(stream.is_merge());
  codec<fd>::encode(to, stream.descriptor());
}

inline stdio decode_stream(reader& from) {
  bool const merge = from.read_flat<bool>();
  auto descriptor = codec<fd>::decode(from);
  if (merge) return stdio::merge();
  return descriptor ? stdio(std::move(descriptor)) : stdio();
}

inline scheduling decode_policy(reader& from) {
  int const policy = from.read_flat<int>();
  int const priority = from.read_flat<int>();
  bool const real_time = priority >= 1 && priority <= 99;
  if (policy == SCHED_FIFO && real_time) return scheduling::fifo(priority);
  if (policy == SCHED_RR && real_time) return scheduling::round_robin(priority);
  for (auto const& one : {scheduling::inherit, scheduling::other, scheduling::batch, scheduling::idle}) {
    if (one.policy() == policy && priority == 0) return one;
  }
  bad_message("a scheduling policy that there is not");
}

/// A number that is not `taken`, and the file behind `descriptor` under it. @throws std::system_error (EMFILE)
inline int move_away(int descriptor, std::span<int const> taken) {
  int const moved = os::duplicate(descriptor, *std::max_element(taken.begin(), taken.end()) + 1);
  if (moved < 0) throw_errno("keep descriptors open under their numbers: dup", "options.keep");
  os::close(descriptor);
  return moved;
}

/// Gives the descriptors that have arrived for `options.keep` the numbers that they have in the starter. Whatever else
/// is on its way (`others`), or is the library's, and has such a number, gets another.
inline void place_kept(std::vector<fd>& arrived, std::vector<int> const& numbers, std::span<int> others) {
  if (numbers.empty()) return;
  auto const wanted = [&numbers](int one) {
    return one >= 0 && std::find(numbers.begin(), numbers.end(), one) != numbers.end();
  };
  for (int& other : others) {
    if (wanted(other)) other = move_away(other, numbers);
  }
  if (family_region::exists() && wanted(family().descriptor))
    family_region::move_descriptor(move_away(family().descriptor, numbers));
  if (wanted(lifeline::held())) lifeline::move_held(move_away(lifeline::held(), numbers));
  if (wanted(own_descriptors::program)) own_descriptors::move_program(move_away(own_descriptors::program, numbers));
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (arrived[i].get() != numbers[i] && wanted(arrived[i].get()))
      arrived[i] = fd(move_away(arrived[i].release(), numbers));
  }
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (arrived[i].get() == numbers[i]) continue;
    if (os::duplicate_onto(arrived[i].get(), numbers[i], O_CLOEXEC) != 0)
      throw_errno("keep descriptors open under their numbers: dup3", "options.keep " + std::to_string(numbers[i]));
    arrived[i] = fd(numbers[i]);  // and closes the other
  }
}

inline void encode_options(writer& to, options const& how) {
  to.write_size(how.keep.size());  // first: while nothing else that came along has been taken
  for (auto const& kept : how.keep) {
    to.write_flat(kept.get());
    to.write_descriptor(kept.get());
  }
  codec<std::string>::encode(to, how.name);
  codec<cpu_set>::encode(to, how.cpus);
  codec<std::optional<int>>::encode(to, how.nice);
  to.write_flat(how.policy.policy());
  to.write_flat(how.policy.priority());
  to.write_flat(std::uint64_t{how.stack_size});
  to.write_flat(how.lost_writes);
  to.write_flat(how.die_with_parent);
  to.write_flat(how.adopt_orphans);
  to.write_flat(how.terminal_signals);
  to.write_flat(how.report_crash);
  to.write_flat(std::int64_t{how.timeout.count()});
  to.write_flat(inherits(how));
  encode_stream(to, how.in);
  encode_stream(to, how.out);
  encode_stream(to, how.err);
  codec<std::optional<std::vector<std::string>>>::encode(to, how.environment);
  codec<std::string>::encode(to, how.directory);
}

/// @throws std::system_error: bad_message; EMFILE, EBADF where a descriptor does not get its number
inline options decode_options(reader& from) {
  options how;
  std::vector<int> numbers;
  for (auto left = from.read_size(2 * sizeof(int)); left != 0; --left) {
    numbers.push_back(from.read_flat<int>());
    how.keep.emplace_back(from.read_descriptor());
    if (numbers.back() <= 2) bad_message("a descriptor to keep that is none");
  }
  place_kept(how.keep, numbers, from.untaken());
  how.name = codec<std::string>::decode(from);
  how.cpus = codec<cpu_set>::decode(from);
  how.nice = codec<std::optional<int>>::decode(from);
  how.policy = decode_policy(from);
  how.stack_size = static_cast<std::size_t>(from.read_flat<std::uint64_t>());
  how.lost_writes = from.read_flat<lost_writes>();
  how.die_with_parent = from.read_flat<bool>();
  how.adopt_orphans = from.read_flat<bool>();
  how.terminal_signals = from.read_flat<terminal_signals>();
  how.report_crash = from.read_flat<bool>();
  how.timeout = std::chrono::nanoseconds(from.read_flat<std::int64_t>());
  how.inherit = from.read_flat<inherit>();
  how.in = decode_stream(from);
  how.out = decode_stream(from);
  how.err = decode_stream(from);
  how.environment = codec<std::optional<std::vector<std::string>>>::decode(from);
  how.directory = codec<std::string>::decode(from);
  return how;
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_OPTIONS_CODEC_HPP
