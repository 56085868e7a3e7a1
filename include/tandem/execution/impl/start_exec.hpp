// SPDX-License-Identifier: BSL-1.0
// Starting a process by running this program afresh. Nothing is inherited but what is named: the commons' memory file,
// the descriptors that are sent, the lifeline. Where the request is stands in one variable of the environment, which
// the new process takes out at once.
//
// Its modules lie elsewhere, so functions travel as module and offset, with a hash of the module's build ID: a module
// that was replaced on disk meanwhile is refused, not jumped into.
#ifndef TANDEM_EXECUTION_IMPL_START_EXEC_HPP
#define TANDEM_EXECUTION_IMPL_START_EXEC_HPP

#include <unistd.h>  // for environ, getpid

#include <cstddef>      // for byte, size_t
#include <cstdint>      // for uint32_t, uint64_t, uintptr_t
#include <cstdlib>      // for strtoull, unsetenv
#include <cstring>      // for memcpy
#include <exception>    // for current_exception
#include <memory>       // for shared_ptr
#include <mutex>        // for lock_guard, mutex
#include <span>         // for span
#include <string>       // for string
#include <string_view>  // for string_view
#include <vector>       // for vector

#include "tandem/core/codec_string.hpp"               // for codec<string>
#include "tandem/core/errors.hpp"                     // for throw_errc, throw_errno
#include "tandem/execution/impl/closure.hpp"          // for closure_words
#include "tandem/execution/impl/lifeline.hpp"         // for lifeline
#include "tandem/execution/impl/own_descriptors.hpp"  // for own_descriptors
#include "tandem/execution/impl/process_child.hpp"    // for refuse_request
#include "tandem/execution/impl/start_error.hpp"      // for start_of
#include "tandem/execution/impl/start_request.hpp"    // for arrival, start_request
#include "tandem/memory/impl/region.hpp"              // for family, family_region
#include "tandem/os/exec.hpp"                         // for exec_orders, open_own_program, run_program
#include "tandem/os/modules.hpp"                      // for module_table
#include "tandem/resource/fd.hpp"                     // for fd

namespace tandem::impl {

/// "TANDEM_START=" and numbers of eight or sixteen hexadecimal digits, which the child itself completes.
class exec_variable {
 public:
  static constexpr char name[] = "TANDEM_START";

  exec_variable() = default;
  exec_variable(region const& all, start_request const* request) {
    put(version, 0x1);
    put(pid, 0);
    put(line, 0);
    put(parent, static_cast<std::uint64_t>(::getpid()));
    put(commons, static_cast<std::uint64_t>(all.descriptor));
    put(bytes, all.table_bytes + all.heap_bytes);
    put(heap, reinterpret_cast<std::uintptr_t>(all.heap));
    put(request_at, all.offset(request));
    std::memcpy(text_, name, sizeof name - 1);
    text_[sizeof name - 1] = '=';
  }

  char* text() noexcept { return text_; }
  char* pid_text() noexcept { return digits(pid) + 8; }
  char* line_text() noexcept { return digits(line) + 8; }

  enum field : std::size_t { version, pid, line, parent, commons, bytes, heap, request_at, fields };

  /// The number in a field of what the environment holds behind the "=".
  static std::uint64_t get(char const* value, field which) noexcept {
    char part[17] = {};
    std::memcpy(part, value + which * 16, 16);
    return std::strtoull(part, nullptr, 16);
  }
  static constexpr std::size_t length = fields * 16;

 private:
  char* digits(field which) noexcept { return text_ + sizeof name + which * 16; }
  void put(field which, std::uint64_t value) noexcept { os::write_hex(digits(which), 16, value); }

  char text_[sizeof name + length + 1] = {};
};

/// What this process needs to run its program again: noted by tandem::initialize.
class own_program {
 public:
  static void note(int count, char** arguments) {
    std::lock_guard const hold(lock_);
    if (noted_) return;
    file_ = new fd(os::open_own_program());  // for as long as the process lives
    own_descriptors::program = file_->get();
    own_descriptors::program_moved = [](int to) noexcept {
      static_cast<void>(file_->release());
      file_->reset(to);
    };
    arguments_ = new std::vector<std::string>(arguments, arguments + count);
    noted_ = true;
  }

  /// Runs it with these descriptors open. @throws std::system_error naming the step; operation_not_permitted where
  /// main has not called tandem::initialize
  static pid_t run(start_request const& request, std::span<int const> descriptors,
                   std::vector<std::string>* environment, std::string const& unit) {
    std::lock_guard const hold(lock_);
    require(unit);
    if (!*file_) throw_errno(ENOENT, start_of(unit) + ": open", "/proc/self/exe");
    region const& all = family();
    exec_variable variable(all, &request);
    std::vector<char*> words;
    if (environment != nullptr) {
      for (auto& entry : *environment) words.push_back(entry.data());
    } else {
      for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) words.push_back(*entry);
    }
    words.push_back(variable.text());
    words.push_back(nullptr);
    std::vector<char*> arguments;
    for (auto& argument : *arguments_) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    std::vector<int> kept(descriptors.begin(), descriptors.end());
    kept.push_back(all.descriptor);
    os::exec_orders const orders{file_->get(),         arguments.data(),     words.data(),       kept,
                                 lifeline::read_end(), variable.line_text(), variable.pid_text()};
    lifeline::own_fork const ours;  // ThreadSanitizer makes a fork, with its handlers, of a vfork
    pid_t const pid = os::run_program(orders);
    if (pid < 0) throw_errno(start_of(unit) + ": execve", arguments_->empty() ? "" : arguments_->front());
    return pid;
  }

  /// What is loaded here now.
  static std::shared_ptr<os::module_table const> modules() {
    std::lock_guard const hold(lock_);
    auto const now = os::modules_generation::now();
    if (modules_ == nullptr || !(*modules_)->generation().loaded || (*modules_)->generation() != now) {
      if (modules_ == nullptr) modules_ = new std::shared_ptr<os::module_table const>;
      *modules_ = std::make_shared<os::module_table const>(os::module_table::current());
    }
    return *modules_;
  }

  /// @throws std::system_error (operation_not_permitted) where main has not called tandem::initialize
  static void require(std::string const& unit) {
    if (!noted_)
      throw_errc(std::errc::operation_not_permitted, start_of(unit) + " by start::exec",
                 "the program would run its main again: call tandem::initialize(argc, argv) at the top of main");
  }

 private:
  // Never destroyed: units may be started by static objects.
  static inline std::mutex lock_;
  static inline constinit bool noted_ = false;
  static inline constinit fd* file_ = nullptr;
  static inline constinit std::vector<std::string>* arguments_ = nullptr;
  static inline constinit std::shared_ptr<os::module_table const>* modules_ = nullptr;
};

/// Writes an address of code so that another process of this program finds it.
inline void encode_code(writer& to, os::module_info const& module, std::uintptr_t offset) {
  codec<std::string>::encode(to, module.path);
  to.write_flat(module.identity);
  to.write_flat(offset);
}

/// @throws std::system_error (executable_format_error) where the module is not here, or is another build
inline std::uintptr_t decode_code(reader& from, os::module_table const& here) {
  auto const path = codec<std::string>::decode(from);
  auto const identity = from.read_flat<std::uint64_t>();
  auto const offset = from.read_flat<std::uintptr_t>();
  os::module_info const* const module = here.find(std::string_view(path));
  std::string const what = path.empty() ? "the program" : path;
  if (module == nullptr)
    throw_errc(std::errc::executable_format_error, "find the workload", what + " is not loaded in a fresh process");
  if (module->identity != identity)
    throw_errc(std::errc::executable_format_error, "find the workload", what + " is another build than the starter's");
  return module->base + offset;
}

/// The prefix of a request: where its code is, and which words of the closure are addresses of code.
inline void encode_exec_prefix(writer& to, start_request const& request, closure_words const& words,
                               os::module_table const& known) {
  auto const entry = reinterpret_cast<std::uintptr_t>(request.entry);
  os::module_info const* const module = known.find(entry);
  if (module == nullptr)
    throw_errc(std::errc::executable_format_error, "start a process by start::exec", "its code lies in no module");
  encode_code(to, *module, entry - module->base);
  to.write_flat(static_cast<std::uint32_t>(words.code.size()));
  for (auto const& one : words.code) {
    to.write_flat(one.at);
    encode_code(to, *one.module, one.offset);
  }
}

/// In the fresh process: finds the request and serves it.
[[noreturn]] inline void serve_executed(char const* value) {
  using field = exec_variable::field;
  auto const number = [value](field which) { return exec_variable::get(value, which); };
  auto const commons = static_cast<int>(number(field::commons));
  auto const line = static_cast<int>(static_cast<std::uint32_t>(number(field::line)));
  auto const parent = static_cast<pid_t>(number(field::parent));
  auto const request_at = number(field::request_at);
  auto const bytes = static_cast<std::size_t>(number(field::bytes));
  auto* const heap = reinterpret_cast<std::byte*>(number(field::heap));
  ::unsetenv(exec_variable::name);
  quick_end::prepare();
  family_region::adopt(commons, bytes, heap);
  os::set_close_on_exec(commons);
  bool const bound = lifeline::adopt(line, parent);
  if (line >= 0) os::set_close_on_exec(line);

  auto& request = *reinterpret_cast<start_request*>(family().address(request_at));
  static std::vector<int> descriptors(request.descriptors);
  if (!descriptors.empty())
    std::memcpy(descriptors.data(), request.encoded + request.encoded_bytes, descriptors.size() * sizeof(int));
  for (int const descriptor : descriptors) os::set_close_on_exec(descriptor);

  start_entry* entry = nullptr;
  try {
    auto const here = os::module_table::current();
    reader from(request.bytes());
    auto const address = decode_code(from, here);
    for (auto count = from.read_flat<std::uint32_t>(); count != 0; --count) {
      auto const at = from.read_flat<std::uint32_t>();
      std::uintptr_t const word = decode_code(from, here);
      std::memcpy(request.closure + at, &word, sizeof word);
    }
    request.encoded += request.bytes().size() - from.left();
    request.encoded_bytes = from.left();
    entry = reinterpret_cast<start_entry*>(address);
  } catch (...) { refuse_request(request.member, std::current_exception()); }
  entry(request, arrival{descriptors, bound});
  os::leave_process(127);
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_START_EXEC_HPP
