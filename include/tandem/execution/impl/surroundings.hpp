// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_IMPL_SURROUNDINGS_HPP
#define TANDEM_EXECUTION_IMPL_SURROUNDINGS_HPP

#include <cstdint>     // for uint64_t
#include <filesystem>  // for current_path
#include <string>      // for string
#include <vector>      // for vector

#include "tandem/execution/options.hpp"  // for options
#include "tandem/os/descriptor.hpp"      // for duplicate
#include "tandem/os/surroundings.hpp"    // for environment_hash, file_identity, identity_of

namespace tandem::impl {

/// What a zygote has found around it at its birth. A process that it starts later must have what its starter has then:
/// environment, working directory, standard streams.
class surroundings {
 public:
  static surroundings now() noexcept {
    surroundings found;
    found.environment_ = os::environment_hash();
    found.directory_ = os::identity_of_directory();
    for (int i = 0; i < 3; ++i) found.streams_[i] = os::identity_of(i);
    return found;
  }

  /// Asks in `how` for what has changed since. Five system calls where nothing has.
  /// @throws std::system_error where the working directory has no name any more, or a descriptor cannot be duplicated
  void bring_along(options& how) const {
    surroundings const here = now();
    if (!how.environment && here.environment_ != environment_) {
      auto& entries = how.environment.emplace();
      for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) entries.emplace_back(*entry);
    }
    if (here.directory_ != directory_ && (how.directory.empty() || how.directory.front() != '/'))
      how.directory = (std::filesystem::current_path() / how.directory).string();
    stdio* const streams[] = {&how.in, &how.out, &how.err};
    for (int i = 0; i < 3; ++i) {
      if (streams[i]->is_inherited() && here.streams_[i] != streams_[i])
        *streams[i] = here.streams_[i] == os::file_identity{} ? stdio::null() : stdio(fd(os::duplicate(i)));
    }
  }

 private:
  std::uint64_t environment_ = 0;
  os::file_identity directory_;
  os::file_identity streams_[3];
};

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_SURROUNDINGS_HPP
