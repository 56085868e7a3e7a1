// SPDX-License-Identifier: BSL-1.0
#include "support/process_tree.hpp"

#include <fcntl.h>        // for open
#include <sys/syscall.h>  // for SYS_pidfd_open
#include <unistd.h>       // for read, close, syscall

#include <algorithm>   // for find
#include <charconv>    // for from_chars
#include <csignal>     // for SIGKILL
#include <cstdlib>     // for atoi
#include <filesystem>  // for directory_iterator
#include <sstream>     // for istringstream

namespace tandem_test {

std::string text_of(std::string const& path) {
  std::string text;
  int const file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return text;
  char buffer[4096];
  for (ssize_t n; (n = ::read(file, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
  ::close(file);
  return text;
}

namespace {

std::vector<pid_t> numbers_in(std::string const& folder) {
  std::vector<pid_t> found;
  std::error_code gone;
  for (auto entry = std::filesystem::directory_iterator(folder, gone);
       !gone && entry != std::filesystem::directory_iterator(); entry.increment(gone)) {
    auto const name = entry->path().filename().string();
    pid_t number = 0;
    auto const [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (error == std::errc{} && end == name.data() + name.size()) found.push_back(number);
  }
  return found;
}

// The fields of /proc/<pid>/stat behind the name, which may hold any character: state, parent, ...
std::string stat_behind_name(pid_t process) {
  auto const stat = text_of("/proc/" + std::to_string(process) + "/stat");
  auto const end_of_name = stat.rfind(')');
  return end_of_name == std::string::npos || end_of_name + 2 >= stat.size() ? std::string{}
                                                                            : stat.substr(end_of_name + 2);
}

pid_t parent_of(pid_t process) {
  auto const fields = stat_behind_name(process);
  return fields.size() < 3 ? 0 : std::atoi(fields.c_str() + 2);
}

}  // namespace

std::vector<pid_t> threads_of(pid_t process) { return numbers_in("/proc/" + std::to_string(process) + "/task"); }

std::vector<pid_t> children_of(pid_t process) {
  std::vector<pid_t> found;
  static bool const kernel_lists_children =
      ::access(("/proc/self/task/" + std::to_string(::getpid()) + "/children").c_str(), R_OK) == 0;
  if (!kernel_lists_children) {  // built without CONFIG_PROC_CHILDREN
    for (auto const candidate : numbers_in("/proc")) {
      if (parent_of(candidate) == process) found.push_back(candidate);
    }
    return found;
  }
  auto const folder = "/proc/" + std::to_string(process) + "/task/";
  for (auto const thread : threads_of(process)) {
    std::istringstream list{text_of(folder + std::to_string(thread) + "/children")};
    for (pid_t child; list >> child;) found.push_back(child);
  }
  return found;
}

std::vector<pid_t> descendants_of(pid_t process, pid_t except) {
  std::vector<pid_t> found = children_of(process);
  std::erase(found, except);
  for (std::size_t i = 0; i < found.size(); ++i) {
    for (auto const child : children_of(found[i])) {
      if (child != except && std::find(found.begin(), found.end(), child) == found.end()) found.push_back(child);
    }
  }
  return found;
}

char state_of(pid_t process) {
  auto const fields = stat_behind_name(process);
  return fields.empty() ? '\0' : fields[0];
}

std::string describe_process(pid_t process) {
  auto name = text_of("/proc/" + std::to_string(process) + "/comm");
  if (!name.empty() && name.back() == '\n') name.pop_back();
  auto const state = state_of(process);
  return "process " + std::to_string(process) + " (" + name + ", " +
         (state == 'Z' ? std::string("zombie") : "state " + std::string(1, state == '\0' ? '?' : state)) + ")";
}

void kill_descendants_of(pid_t process, pid_t except) {
  for (int round = 0; round < 100; ++round) {
    auto const family = descendants_of(process, except);
    // All handles first: with its parent dead, nobody could tell any more that a process belongs to the family.
    std::vector<int> handles;
    for (auto const member : family) {
      auto const state = state_of(member);
      if (state == 'Z' || state == 'X' || state == '\0') continue;
      int const handle = static_cast<int>(::syscall(SYS_pidfd_open, member, 0));
      if (handle < 0) continue;
      auto const parent = parent_of(member);  // is whoever has this number now still one of them?
      if (parent == process || std::find(family.begin(), family.end(), parent) != family.end()) {
        handles.push_back(handle);
      } else {
        ::close(handle);
      }
    }
    if (handles.empty()) return;
    for (auto const handle : handles) {
      ::syscall(SYS_pidfd_send_signal, handle, SIGKILL, nullptr, 0);
      ::close(handle);
    }
    ::usleep(2000);
  }
}

}  // namespace tandem_test
