// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_START_HPP
#define TANDEM_EXECUTION_START_HPP

namespace tandem {

class zygote;

/// How a process comes to be: `start::fork`, `start::exec`, or a zygote (`{.start = z}`, which refers to it).
///
/// | | what the workload may be | cost | starts from |
/// |---|---|---|---|
/// | `fork` | any callable | grows with the program's memory | a copy of the starter, as it is now |
/// | a zygote | one that travels, transferable arguments | the same for any program | a copy of the program as it was
/// when the zygote was made | | `exec` | the same | that of running the program | the program afresh: other addresses,
/// nothing inherited |
///
/// @par Shared memory          No: a zygote belongs to the process that made it.
/// @par Threads and processes  A value.
/// @par Peer death             See zygote.
class start {
 public:
  static start const fork;
  static start const exec;

  /// As start::fork.
  constexpr start() noexcept = default;
  /// From `z`, which must live until the process is started.
  constexpr start(zygote& z) noexcept : how_(kind::zygote), zygote_(&z) {}

  constexpr bool is_fork() const noexcept { return how_ == kind::fork; }
  constexpr bool is_exec() const noexcept { return how_ == kind::exec; }
  /// The zygote; nullptr for the other two.
  constexpr zygote* from() const noexcept { return zygote_; }

  friend constexpr bool operator==(start const&, start const&) noexcept = default;

 private:
  enum class kind { fork, exec, zygote };
  constexpr explicit start(kind how) noexcept : how_(how) {}

  kind how_ = kind::fork;
  tandem::zygote* zygote_ = nullptr;
};

inline constexpr start start::fork{kind::fork};
inline constexpr start start::exec{kind::exec};

}  // namespace tandem

#endif  // TANDEM_EXECUTION_START_HPP
