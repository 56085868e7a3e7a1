// SPDX-License-Identifier: BSL-1.0
// A crash report on its way: as a crashing process leaves it in its page of the family's table (crash_reporter.hpp),
// for its starter to read (crash_reader.hpp).
#ifndef TANDEM_EXECUTION_IMPL_CRASH_RECORD_HPP
#define TANDEM_EXECUTION_IMPL_CRASH_RECORD_HPP

#include <cstddef>  // for byte, size_t
#include <cstdint>  // for int32_t, uint16_t, uint32_t, uint64_t

#include "tandem/memory/impl/members.hpp"  // for member_slot

namespace tandem::impl {

/// What the page holds, in the part of small_outcome that the outcome leaves to it where reports are asked for: bytes
/// of an outcome never lie there. Frames are counted as they come, so that what a handler wrote before it came to harm
/// is there.
struct crash_record {
  // member_slot::crash, set with release when what it tells of is written
  static constexpr std::uint32_t begun = 1;     // taken by the first thread that crashed
  static constexpr std::uint32_t readable = 2;  // the signal and where it came; frames so far
  static constexpr std::uint32_t complete = 3;  // all that could be found out

  static constexpr std::size_t outcome_bytes = 1016;  // what is left to the outcome
  static constexpr std::size_t most_frames = 40, most_modules = 12, text_bytes = 1800;

  struct frame {
    std::uint64_t address;
    std::uint64_t function;  // where it begins, if `name` is known
    std::uint16_t module;    // 1 + its index; 0: not known
    std::uint16_t name;      // 1 + where it is in `text`; 0: not known
    std::uint32_t reserved;
  };
  struct module {
    std::uint64_t base;
    std::uint16_t path;  // 1 + where it is in `text`
    std::uint16_t reserved[3];
  };

  std::int32_t signal;
  std::int32_t code;
  std::uint64_t fault_address;
  std::uint64_t stack_end;  // the same in processes that have the same addresses
  std::int32_t thread;
  std::uint32_t frames_known;
  char thread_name[16];
  frame frames[most_frames];
  module modules[most_modules];
  char text[text_bytes];  // of strings that end with 0

  static std::byte* place(member_slot& slot) noexcept { return slot.small_outcome + outcome_bytes; }
  static std::byte const* place(member_slot const& slot) noexcept { return slot.small_outcome + outcome_bytes; }
};
static_assert(sizeof(crash_record) <= sizeof(member_slot::small_outcome) - crash_record::outcome_bytes &&
                  (offsetof(member_slot, small_outcome) + crash_record::outcome_bytes) % alignof(crash_record) == 0,
              "a format in shared memory");

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_CRASH_RECORD_HPP
