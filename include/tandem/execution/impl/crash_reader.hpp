// SPDX-License-Identifier: BSL-1.0
// The starter's side of a crash report: takes the bytes in a dead process's page for a stranger's. They are copied
// once; each number is checked where it is used.
#ifndef TANDEM_EXECUTION_IMPL_CRASH_READER_HPP
#define TANDEM_EXECUTION_IMPL_CRASH_READER_HPP

#include <unistd.h>  // for readlink

#include <algorithm>  // for min
#include <atomic>     // for memory_order_acquire
#include <cstddef>    // for size_t
#include <cstdint>    // for uint16_t, uint32_t, uint64_t
#include <cstring>    // for memcpy
#include <optional>   // for optional
#include <string>     // for string
#include <vector>     // for vector

#include "tandem/core/crash_report.hpp"            // for crash_report
#include "tandem/core/impl/thrown.hpp"             // for demangle
#include "tandem/execution/impl/crash_record.hpp"  // for crash_record
#include "tandem/memory/impl/members.hpp"          // for member_slot
#include "tandem/os/fault.hpp"                     // for is_fault
#include "tandem/os/modules.hpp"                   // for module_table
#include "tandem/os/stack.hpp"                     // for __libc_stack_end
#include "tandem/os/symbols.hpp"                   // for function_lookup, open_regular_file, symbol_reader
#include "tandem/resource/fd.hpp"                  // for fd

namespace tandem::impl {

inline std::string hexadecimal(std::uint64_t number) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  do text.insert(text.begin(), digits[number % 16]);
  while ((number /= 16) != 0);
  return "0x" + text;
}

/// The name as people know it, without what a compiler adds to a copy of a function (".constprop.0"). The demangler is
/// not for names made by an enemy: one that refers to its own parts over and over grows without end; such a one stays
/// as it is.
inline std::string function_text(std::string const& name) {
  std::size_t references = 0;
  for (std::size_t i = 0; i + 1 < name.size(); ++i) {
    char const next = name[i + 1];
    references += (name[i] == 'S' || name[i] == 'T') &&
                  (next == '_' || (next >= '0' && next <= '9') || (next >= 'A' && next <= 'Z'));
  }
  bool const readable = name.starts_with("_Z") && name.size() < 1024 && references <= 32;
  return readable ? demangle(name.substr(0, name.find('.')).c_str()) : name;
}

/// Turns a record that was copied out of a page into a report: a record that cannot be read so gives none.
class crash_reader {
 public:
  explicit crash_reader(crash_record const& record) noexcept : record_(record) {}

  std::optional<crash_report> read() const {
    if (!os::is_fault(record_.signal)) return {};
    crash_report report;
    report.signal = record_.signal;
    report.code = record_.code;
    report.fault_address = static_cast<std::uintptr_t>(record_.fault_address);
    report.thread = record_.thread;
    report.thread_name = printable(record_.thread_name, sizeof record_.thread_name);
    std::vector<place> places(std::min<std::size_t>(record_.frames_known, crash_record::most_frames));
    for (std::size_t i = 0; i < places.size(); ++i) places[i] = find(i);
    name(places);
    for (auto const& one : places) report.backtrace.push_back(line(one));
    return report;
  }

 private:
  struct place {
    std::uint64_t address = 0;
    std::string path = {};     // of the module; empty: not known
    std::uint64_t before = 0;  // 1 where the address is behind the call that is meant
    std::uint64_t offset = 0;
    std::string function = {};
    std::uint64_t inside = 0;
  };

  static std::string printable(char const* text, std::size_t most) {
    std::string result;
    for (std::size_t i = 0; i < most && text[i] != '\0'; ++i)
      result += static_cast<unsigned char>(text[i]) < 0x20 || text[i] == 0x7f ? '?' : text[i];
    return result;
  }

  /// The string at `at` - 1.
  std::string text(std::uint16_t at) const {
    if (at == 0 || at > crash_record::text_bytes) return {};
    return printable(record_.text + (at - 1), crash_record::text_bytes + 1U - at);
  }

  /// What the process has written of a frame; of one whose module it could not tell: what is at that address here, if
  /// the addresses are the same.
  place find(std::size_t index) const {
    auto const& frame = record_.frames[index];
    place found;
    found.address = frame.address;
    found.before = index == 0 ? 0 : 1;
    if (frame.module != 0 && frame.module <= crash_record::most_modules) {
      auto const& module = record_.modules[frame.module - 1];
      found.path = text(module.path);
      found.offset = frame.address - module.base;
      found.function = text(frame.name);
      found.inside = frame.address - frame.function;
    } else if (record_.stack_end == reinterpret_cast<std::uintptr_t>(__libc_stack_end)) {
      if (auto const* const module = here().find(static_cast<std::uintptr_t>(frame.address - found.before))) {
        found.path = module->path.empty() ? program() : module->path;
        found.offset = frame.address - module->begin / 4096 * 4096;
      }
    }
    return found;
  }

  os::module_table const& here() const {
    if (!here_) here_ = os::module_table::current();
    return *here_;
  }

  static std::string program() {
    char path[4096];
    auto const n = ::readlink("/proc/self/exe", path, sizeof path);
    return n > 0 ? std::string(path, static_cast<std::size_t>(n)) : std::string("program");
  }

  /// Looks for better names in the modules' files: those of functions that are not exported.
  static void name(std::vector<place>& places) {
    std::string const mine = program();
    std::vector<bool> done(places.size());
    for (std::size_t first = 0; first < places.size(); ++first) {
      if (done[first] || places[first].path.empty()) continue;
      std::vector<std::size_t> same;
      std::vector<os::function_lookup> lookups;
      for (std::size_t i = first; i < places.size(); ++i) {
        if (places[i].path != places[first].path) continue;
        done[i] = true;
        same.push_back(i);
        lookups.push_back({places[i].offset - places[i].before});
      }
      auto const& path = places[first].path;  // the program's own file is there even if its name is gone
      fd const file(path.front() == '/' ? os::open_regular_file(path == mine ? "/proc/self/exe" : path.c_str()) : -1);
      if (!file) continue;
      os::symbol_reader(file.get()).find(lookups);
      for (std::size_t i = 0; i < same.size(); ++i) {
        if (lookups[i].name.empty()) continue;
        places[same[i]].function = printable(lookups[i].name.data(), lookups[i].name.size());
        places[same[i]].inside = lookups[i].inside + places[same[i]].before;
      }
    }
  }

  static std::string line(place const& one) {
    if (one.path.empty()) return hexadecimal(one.address);
    std::string const offset = hexadecimal(one.offset);
    if (one.function.empty()) return one.path + "+" + offset;
    return one.path + "(" + function_text(one.function) + "+" + hexadecimal(one.inside) + ") [" + offset + "]";
  }

  crash_record const& record_;
  mutable std::optional<os::module_table> here_;
};

/// What a process that is dead has left of a report; nothing where it had none to leave.
inline std::optional<crash_report> read_crash_report(member_slot const& slot) {
  // acquire: pairs with the release in crash_reporter
  std::uint32_t const stage = slot.crash.load(std::memory_order_acquire);
  if (stage != crash_record::readable && stage != crash_record::complete) return {};
  crash_record record;  // others may still write there: one look, then only at the copy
  std::memcpy(static_cast<void*>(&record), crash_record::place(slot), sizeof record);
  auto report = crash_reader(record).read();
  if (report) report->truncated = stage != crash_record::complete;
  return report;
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_CRASH_READER_HPP
