// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_ZYGOTE_HPP
#define TANDEM_EXECUTION_ZYGOTE_HPP

#include <cstdint>  // for uint32_t

#include "tandem/execution/impl/zygote_owner.hpp"  // for zygote_owner

namespace tandem {

namespace impl {
struct zygote_access;
}

/// A small process, kept as a template from which others are started: `zygote z;` at the top of main, then
/// `process p{{.start = z}, f, arguments...}`. Starting costs the same however large the program has become, and is
/// safe however many threads it has. A process that comes from it has the program's memory as it was when the zygote
/// was made; environment, working directory and standard streams are those of the moment it is started, while umask,
/// nice value, signal mask and ignored signals are the zygote's. It is a child of the one that asked.
///
/// Made while the program has one thread, it starts processes whose ends no wait() of the program can take. Made later
/// it works as well, but their ends are SIGCHLD's as any child's.
///
/// A killed zygote is replaced by one that stands by for it; should both be killed, a new one is made of the program as
/// it is then. A function of a module that was loaded after the zygote is started by a fork instead.
/// @par Shared memory          No: it belongs to the process that made it; a child that wants one makes its own.
/// @par Threads and processes  Processes may be started from it by several threads at once.
/// @par Peer death             It ends with its owner. Its death delays a start, and loses none.
class zygote {
 public:
  struct options {
    /// How many processes are kept ready, so that a start is a wake-up; at most 64. Each is a process of the size of
    /// the program as it was. They are made again in the background: when half are gone, when somebody asks how many
    /// are ready, and now and then.
    std::uint32_t spares = 0;
  };

  /// @throws std::system_error naming the step; std::invalid_argument naming the option
  zygote() : zygote(options{}) {}
  explicit zygote(options how) : owner_(how.spares) {}
  zygote(zygote const&) = delete;

  /// Ends it and its spares. What was started from it goes on.
  ~zygote() = default;

  /// How many processes are ready at this moment.
  std::uint32_t ready() noexcept { return owner_.ready(); }

 private:
  friend struct impl::zygote_access;

  impl::zygote_owner owner_;
};

namespace impl {
struct zygote_access {
  static zygote_owner& owner(zygote& of) noexcept { return of.owner_; }
};
}  // namespace impl

}  // namespace tandem

#endif  // TANDEM_EXECUTION_ZYGOTE_HPP
