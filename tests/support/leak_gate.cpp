// SPDX-License-Identifier: BSL-1.0
#include "support/leak_gate.hpp"

#include <unistd.h>  // for readlink, usleep

#include <filesystem>  // for directory_iterator
#include <sstream>     // for istringstream
#include <utility>     // for exchange

#include "support/build_kind.hpp"
#include "support/process_tree.hpp"
#include "support/watchdog.hpp"

namespace tandem_test {
namespace {

// malloc's arenas and the cache of thread stacks come and go as they like.
constexpr std::size_t private_mappings_tolerated = 128;

std::vector<std::string>& kept_parts() {
  static std::vector<std::string> parts;
  return parts;
}

bool is_kept(std::string const& name) {
  for (auto const& part : kept_parts()) {
    if (name.find(part) != std::string::npos) return true;
  }
  return false;
}

bool leak_expected = false;

// Names of other test binaries, which may run at the same time, are not ours: ours carry our process id, as a number of
// its own.
bool carries_our_id(std::string const& name) {
  auto const id = std::to_string(::getpid());
  for (auto at = name.find(id); at != std::string::npos; at = name.find(id, at + 1)) {
    bool const begins = at == 0 || name[at - 1] < '0' || name[at - 1] > '9';
    bool const ends = at + id.size() == name.size() || name[at + id.size()] < '0' || name[at + id.size()] > '9';
    if (begins && ends) return true;
  }
  return false;
}

template <class Use> void for_each_entry(std::string const& folder, Use use) {
  std::error_code gone;
  for (auto entry = std::filesystem::directory_iterator(folder, gone);
       !gone && entry != std::filesystem::directory_iterator(); entry.increment(gone)) {
    use(entry->path());
  }
}

/// Whose process descriptor it is, by its line "Pid: N"; -1 once that was reaped.
std::string whose(std::string const& fdinfo) {
  std::istringstream lines{text_of(fdinfo)};
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("Pid:", 0) == 0) return " " + line;
  }
  return "";
}

}  // namespace

leak_gate::picture leak_gate::take() {
  picture result;
  for_each_entry("/proc/self/fd", [&](std::filesystem::path const& path) {
    char target[512];
    auto const length = ::readlink(path.c_str(), target, sizeof target);
    if (length < 0) return;
    std::string text(target, static_cast<std::size_t>(length));
    if (text.rfind("/proc/" + std::to_string(::getpid()) + "/fd", 0) == 0) return;  // the folder we read
    std::string const number = path.filename().string();
    if (text == "anon_inode:[pidfd]") text += whose("/proc/self/fdinfo/" + number);
    result.descriptors.emplace(std::stoi(number), std::move(text));
  });
  for (auto const child : children_of(::getpid())) result.children.emplace(child, describe_process(child));
  for (auto const orphan : watchdog::orphans()) result.children.emplace(orphan, describe_process(orphan));
  for (auto const thread : threads_of(::getpid())) {
    auto name = text_of("/proc/self/task/" + std::to_string(thread) + "/comm");
    if (!name.empty()) name.pop_back();
    result.threads.emplace(thread, std::move(name));
  }
  std::istringstream maps{text_of("/proc/self/maps")};
  for (std::string line; std::getline(maps, line);) {  // 7f00-7f10 rw-s offset device inode   file
    std::istringstream fields{line};
    std::string range, rights, offset, device, inode, file;
    fields >> range >> rights >> offset >> device >> inode;
    std::getline(fields >> std::ws, file);
    if (rights.size() < 4 || rights[3] != 's') {
      ++result.private_mappings;
      continue;
    }
    auto const dash = range.find('-');
    result.shared[file] +=
        std::stoull(range.substr(dash + 1), nullptr, 16) - std::stoull(range.substr(0, dash), nullptr, 16);
  }
  for_each_entry("/dev/shm", [&](std::filesystem::path const& path) {
    if (carries_our_id(path.filename().string())) result.names.insert(path.string());
  });
  std::istringstream sockets{text_of("/proc/net/unix")};
  for (std::string line; std::getline(sockets, line);) {
    auto const at = line.find(" @");
    if (at != std::string::npos && carries_our_id(line.substr(at + 2)))
      result.names.insert("abstract socket " + line.substr(at + 1));
  }
  std::error_code none;  // the harness has given us a folder of our own
  for_each_entry(std::filesystem::temp_directory_path(none).string(),
                 [&](std::filesystem::path const& path) { result.names.insert(path.string()); });
  return result;
}

leak_gate::leak_gate() : before_(take()) {}

std::vector<std::string> leak_gate::difference(picture const& after) const {
  std::vector<std::string> found;
  for (auto const& [number, target] : after.descriptors) {
    auto const old = before_.descriptors.find(number);
    if (old != before_.descriptors.end() && old->second == target) continue;
    bool first_of_its_kind = is_kept(target);
    for (auto const& [other, earlier] : before_.descriptors) {
      if (is_kept(earlier) && earlier == target) first_of_its_kind = false;
    }
    if (!first_of_its_kind) found.push_back("descriptor " + std::to_string(number) + " -> " + target);
  }
  for (auto const& [number, target] : before_.descriptors) {
    if (!after.descriptors.contains(number))
      found.push_back("descriptor " + std::to_string(number) + " -> " + target + " was closed");
  }
  for (auto const& [id, text] : after.children) {
    if (!before_.children.contains(id)) found.push_back("child: " + text);
  }
  for (auto const& [id, name] : after.threads) {
    if (!before_.threads.contains(id)) found.push_back("thread " + std::to_string(id) + " (" + name + ")");
  }
  for (auto const& [file, bytes] : after.shared) {
    auto const old = before_.shared.find(file);
    auto const earlier = old == before_.shared.end() ? 0 : old->second;
    if (bytes > earlier && !(earlier == 0 && is_kept(file))) {
      found.push_back("shared mapping of " + file + ": " + std::to_string(bytes - earlier) + " bytes more");
    }
  }
  if (!sanitized && after.private_mappings > before_.private_mappings + private_mappings_tolerated) {
    found.push_back(std::to_string(after.private_mappings - before_.private_mappings) + " private mappings more");
  }
  for (auto const& name : after.names) {
    if (!before_.names.contains(name)) found.push_back("name: " + name);
  }
  return found;
}

std::vector<std::string> leak_gate::leaks(std::chrono::milliseconds patience) const {
  auto const until = std::chrono::steady_clock::now() + patience;
  for (useconds_t nap = 500;; nap *= 2) {
    auto found = difference(take());
    if (found.empty() || std::chrono::steady_clock::now() >= until) return found;
    ::usleep(nap);
  }
}

void leak_gate::keep(std::string part) { kept_parts().push_back(std::move(part)); }

void leak_gate::expect_leaks(char const* /*why*/) { leak_expected = true; }

bool leak_gate::take_expectation() { return std::exchange(leak_expected, false); }

}  // namespace tandem_test
