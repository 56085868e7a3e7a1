// SPDX-License-Identifier: BSL-1.0
#include "support/syscall_fault.hpp"

#include <linux/audit.h>    // for AUDIT_ARCH_X86_64
#include <linux/filter.h>   // for sock_filter
#include <linux/seccomp.h>  // for seccomp_data
#include <sys/prctl.h>      // for prctl
#include <unistd.h>         // for syscall

#include <cerrno>        // for errno
#include <cstddef>       // for offsetof
#include <stdexcept>     // for invalid_argument
#include <string>        // for string
#include <system_error>  // for system_error

namespace tandem_test {
namespace {

#ifdef __x86_64__
constexpr std::uint32_t our_architecture = AUDIT_ARCH_X86_64;
#else
constexpr std::uint32_t our_architecture = AUDIT_ARCH_AARCH64;
#endif

struct named_call {
  std::string_view name;
  long number;
};
constexpr named_call calls[] = {
    {"clone", SYS_clone},
    {"clone3", SYS_clone3},
    {"close_range", SYS_close_range},
    {"execveat", SYS_execveat},
    {"fallocate", SYS_fallocate},
    {"futex", SYS_futex},
    {"futex_waitv", 449},
    {"get_robust_list", SYS_get_robust_list},
    {"getrandom", SYS_getrandom},
    {"landlock_create_ruleset", 444},
    {"madvise", SYS_madvise},
    {"membarrier", SYS_membarrier},
    {"memfd_create", SYS_memfd_create},
    {"mmap", SYS_mmap},
    {"pidfd_getfd", SYS_pidfd_getfd},
    {"pidfd_open", SYS_pidfd_open},
    {"pidfd_send_signal", SYS_pidfd_send_signal},
    {"prctl", SYS_prctl},
    {"process_vm_readv", SYS_process_vm_readv},
    {"rseq", SYS_rseq},
    {"set_robust_list", SYS_set_robust_list},
    {"statx", SYS_statx},
    {"waitid", SYS_waitid},
};

struct named_error {
  std::string_view name;
  int number;
};
constexpr named_error errors[] = {{"EACCES", EACCES}, {"EAGAIN", EAGAIN}, {"EINVAL", EINVAL}, {"EMFILE", EMFILE},
                                  {"ENOMEM", ENOMEM}, {"ENOSYS", ENOSYS}, {"EPERM", EPERM}};

template <class Table> auto number_of(Table const& table, std::string_view name, char const* kind) {
  for (auto const& entry : table) {
    if (entry.name == name) return entry.number;
  }
  throw std::invalid_argument("TANDEM_TEST_FAULT: no " + std::string(kind) + " is known as '" + std::string(name) +
                              "'");
}

}  // namespace

std::vector<syscall_fault> kernel_5_4() {
  constexpr std::uint32_t no_exec_seal = 8;                 // MFD_NOEXEC_SEAL
  constexpr std::uint32_t pidfd_get_info = 0xff << 8 | 11;  // PIDFD_GET_INFO, whatever the size of its struct
  constexpr std::uint32_t populate_read = 22, populate_write = 23;
  return {
      {SYS_close_range, ENOSYS},                                                                // 5.9
      {SYS_pidfd_getfd, ENOSYS},                                                                // 5.6
      {444, ENOSYS},                                                                            // 5.13: Landlock
      {441, ENOSYS},                                                                            // 5.11: epoll_pwait2
      {449, ENOSYS},                                                                            // 5.16: futex_waitv
      {SYS_madvise, EINVAL, {{.index = 2, .value = populate_read}}},                            // 5.14
      {SYS_madvise, EINVAL, {{.index = 2, .value = populate_write}}},                           // 5.14
      {SYS_memfd_create, EINVAL, {{.index = 1, .mask = no_exec_seal, .value = no_exec_seal}}},  // 6.3
      {SYS_ioctl, ENOTTY, {{.index = 1, .mask = 0xffff, .value = pidfd_get_info}}},             // 6.13
  };
}

void inject(std::vector<syscall_fault> const& faults) {
  constexpr auto load = BPF_LD | BPF_W | BPF_ABS;
  constexpr auto equal = BPF_JMP | BPF_JEQ | BPF_K;
  constexpr auto give = BPF_RET | BPF_K;
  std::vector<sock_filter> program = {
      BPF_STMT(load, offsetof(seccomp_data, arch)),
      BPF_JUMP(equal, our_architecture, 1, 0),
      BPF_STMT(give, SECCOMP_RET_ALLOW),
  };
  for (auto const& fault : faults) {
    auto const answer = SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(fault.error);
    program.push_back(BPF_STMT(load, offsetof(seccomp_data, nr)));
    if (!fault.only_if) {
      program.push_back(BPF_JUMP(equal, static_cast<std::uint32_t>(fault.number), 0, 1));
    } else {
      auto const low_half = static_cast<std::uint32_t>(
          offsetof(seccomp_data, args) + sizeof(std::uint64_t) * static_cast<std::size_t>(fault.only_if->index));
      program.push_back(BPF_JUMP(equal, static_cast<std::uint32_t>(fault.number), 0, 4));
      program.push_back(BPF_STMT(load, low_half));
      program.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, fault.only_if->mask));
      program.push_back(BPF_JUMP(equal, fault.only_if->value, 0, 1));
    }
    program.push_back(BPF_STMT(give, answer));
  }
  program.push_back(BPF_STMT(give, SECCOMP_RET_ALLOW));

  sock_fprog const filter{static_cast<unsigned short>(program.size()), program.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    throw std::system_error(errno, std::generic_category(), "prctl: PR_SET_NO_NEW_PRIVS");
  if (::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter) != 0) {
    throw std::system_error(errno, std::generic_category(), "seccomp: SECCOMP_SET_MODE_FILTER");
  }
}

child_result run_with_fault(std::vector<syscall_fault> const& faults, std::function<void()> const& body) {
  return run_in_child([&] {
    inject(faults);
    body();
  });
}

std::vector<syscall_fault> faults_from_string(std::string_view text) {
  if (text == "kernel-5.4") return kernel_5_4();
  std::vector<syscall_fault> faults;
  while (!text.empty()) {
    auto const entry = text.substr(0, text.find(','));
    text.remove_prefix(entry.size() == text.size() ? entry.size() : entry.size() + 1);
    auto const equals = entry.find('=');
    if (equals == std::string_view::npos)
      throw std::invalid_argument("TANDEM_TEST_FAULT: '" + std::string(entry) + "' is not CALL=ERROR");
    faults.push_back({number_of(calls, entry.substr(0, equals), "system call"),
                      number_of(errors, entry.substr(equals + 1), "error")});
  }
  return faults;
}

}  // namespace tandem_test
