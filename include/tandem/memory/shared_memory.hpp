// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_SHARED_MEMORY_HPP
#define TANDEM_MEMORY_SHARED_MEMORY_HPP

#include <fcntl.h>     // for O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR
#include <sys/mman.h>  // for MFD_ALLOW_SEALING, MFD_HUGETLB

#include <cerrno>            // for errno, EBUSY, ENOENT, ENOMEM, ENOSPC, EPERM
#include <concepts>          // for invocable
#include <cstddef>           // for size_t
#include <cstdint>           // for SIZE_MAX
#include <initializer_list>  // for initializer_list
#include <stdexcept>         // for invalid_argument
#include <string>            // for string, to_string
#include <string_view>       // for string_view
#include <system_error>      // for errc
#include <utility>           // for move

#include "tandem/core/codec.hpp"                // for codec, reader, writer
#include "tandem/core/errors.hpp"               // for throw_errc, throw_errno
#include "tandem/memory/impl/grow_file.hpp"     // for grow_file
#include "tandem/memory/impl/named_memory.hpp"  // for memory_in_making, open_named_memory
#include "tandem/memory/mapping.hpp"            // for access, mapping, space
#include "tandem/os/file_space.hpp"             // for reserve_file_space, set_file_size
#include "tandem/os/file_status.hpp"            // for file_status, get_open_mode, get_status
#include "tandem/os/mapping.hpp"                // for mapping_unit, open_memory_file
#include "tandem/os/seals.hpp"                  // for add_seals, get_seals
#include "tandem/os/unnamed_file.hpp"           // for remove_name, set_permissions
#include "tandem/os/use_mark.hpp"               // for is_used
#include "tandem/resource/fd.hpp"               // for fd

namespace tandem {

/// What nobody shall do any more to an anonymous shared memory, for good.
enum class seal {
  shrink = os::seal_shrink,              ///< no mapping of it can lose its end, and be SIGBUS there
  grow = os::seal_grow,                  ///< `resize` to more
  write = os::seal_write,                ///< change it, by whatever way; none may have it mapped for writing
  future_write = os::seal_future_write,  ///< change it, but through the mappings that are there already
  further_seals = os::seal_seals,        ///< seal it further
};

/// What `create` does where the name is taken.
enum class if_exists {
  fail,            ///< throws EEXIST
  replace_unused,  ///< takes the name from who is dead, and the space; EEXIST if somebody living uses what has it
  replace,         ///< takes the name when the new one is whole. Who uses the other keeps it, nameless
};

/// Of an anonymous shared memory.
struct anonymous_options {
  std::string name = "tandem";            ///< what /proc/PID/maps shows: "/memfd:tandem". Leads nowhere
  tandem::space space = space::reserved;  ///< sparse: memory is taken as it is touched
  bool huge_pages = false;                ///< of huge pages from the system's pool (vm.nr_hugepages), or not at all
};

/// Of a named shared memory.
struct named_options {
  std::size_t size = 0;                           ///< in bytes; of an existing one: at least
  unsigned permissions = 0600;                    ///< exactly these: the umask does not count
  tandem::space space = space::reserved;          ///< sparse: memory is taken as it is touched
  tandem::if_exists if_exists = if_exists::fail;  ///< of `create`
};

/// Memory that processes share: an open memory file, to be mapped. Anonymous, and handed over by a fork, as an argument
/// or a result; or with a name, by which programs that know nothing of each other find it (shm_open(3)'s names).
///
///     auto frames = tandem::shared_memory::create("/frames", {.size = 1 << 20});   // here
///     auto frames = tandem::shared_memory::open("/frames");                        // there
///     frames.map().as<std::atomic<int>>() = 1;
///
/// It begins with zeros. All of its space is taken when it is made, or resized, so that memory that is full is an error
/// there; `space::sparse` takes it later, where it is SIGBUS.
///
/// A name appears when all is there: size, space, contents. It stays, also when all who used it are dead, until it is
/// removed (or the system restarted). Whether anybody living uses it, `in_use` tells: whoever has it open, by this
/// class, or mapped. Who is left behind by a crash can thus be opened as it is, removed, or replaced.
///
/// May be an argument, a result or a capture: the receiver gets a descriptor of its own for the same memory. One that
/// was moved from is empty, and travels as such; of its functions only assignment is for use.
/// @par Shared memory         No: the descriptor means nothing to another process. Send it.
/// @par Threads and processes A value; its functions may be called concurrently, but for moving and assigning. The
/// memory itself is everybody's who has it: use std::atomic there.
/// @par Peer death            The memory stays as it is. The kernel ends the dead one's use of it. A death inside
/// `create` leaves nothing, or the whole with its name.
class shared_memory {
 public:
  /// Memory without a name: gone with its last handle and mapping, also if all who have it are killed.
  /// @throws std::system_error  ENOMEM: more than there is (of `huge_pages`: than the system's pool has free); EFBIG:
  /// RLIMIT_FSIZE; EMFILE; std::invalid_argument: a size of 0, or of `huge_pages` that is no multiple of theirs; a name
  /// of more than 249 bytes.
  static shared_memory anonymous(std::size_t size, anonymous_options const& options = {}) {
    constexpr auto step = "create anonymous shared memory";
    require_size(size);
    if (options.name.size() > 249 || options.name.find('\0') != options.name.npos)
      throw std::invalid_argument{
          "tandem: anonymous_options::name is longer than 249 bytes, or has a zero byte inside"};
    fd made{os::open_memory_file(options.name.c_str(), MFD_ALLOW_SEALING | (options.huge_pages ? MFD_HUGETLB : 0U))};
    if (!made) throw_errno(step, options.huge_pages ? "with huge pages" : "");
    std::size_t const unit = os::mapping_unit(made.get());
    if (options.huge_pages && size % unit != 0)
      throw std::invalid_argument{"tandem: a shared memory of huge pages has a size in units of " +
                                  std::to_string(unit) + " bytes, not " + std::to_string(size)};
    bool const sparse = options.space == space::sparse;
    if (!options.huge_pages) {
      impl::grow_file(made.get(), size, sparse, true, step, options.name);
    } else if ((sparse ? os::set_file_size(made.get(), size) : os::reserve_file_space(made.get(), size)) != 0) {
      throw_errno(errno == ENOSPC ? ENOMEM : errno, step,
                  std::to_string(size / unit) + " huge pages: the pool has fewer free ones (vm.nr_hugepages)");
    }
    return shared_memory{std::move(made), tandem::access::read_write};
  }

  /// Makes memory with a name. The name is one word, and may begin with a slash.
  /// @throws std::system_error  EEXIST: the name is taken (see `if_exists`); ENOSPC, ENOMEM: there is not so much;
  /// EFBIG: RLIMIT_FSIZE; EACCES, EPERM: the one to be replaced is somebody else's; EMFILE. std::invalid_argument: no
  /// such name, a size of 0, permissions beyond 0777.
  static shared_memory create(std::string_view name, named_options const& options) {
    return create(name, options, [](mapping&) {});
  }

  /// The same, with contents: `fill(mapping&)` writes them before anybody can open it. What it throws leaves nothing.
  template <std::invocable<mapping&> F>
  static shared_memory create(std::string_view name, named_options const& options, F&& fill) {
    auto const path = impl::path_of_memory(name);
    check(options);
    os::file_status there;
    if (options.if_exists != if_exists::replace && os::get_status(path.c_str(), there) == 0)
      make_way(path, name, options.if_exists);  // before the space of two is needed
    impl::memory_in_making made{name};
    complete(made.file(), name, options, fill);
    while (!made.give_name(path, name)) make_way(path, name, options.if_exists);
    return shared_memory{made.take(), tandem::access::read_write};
  }

  /// Opens what has this name.
  /// @throws std::system_error  ENOENT: nothing has; EACCES: its permissions do not allow it; EBUSY: somebody who
  /// replaces it does not go on; ENODEV, ELOOP: no memory; EMFILE. std::invalid_argument: no such name.
  /// @par Blocks  Never, but where a `replace_unused` is under way: for a second at most.
  static shared_memory open(std::string_view name, tandem::access access = tandem::access::read_write) {
    fd opened = impl::open_named_memory(impl::path_of_memory(name), access == tandem::access::read_write, name);
    if (!opened) throw_errc(std::errc::no_such_file_or_directory, "open shared memory", name);
    return shared_memory{std::move(opened), access};
  }

  /// Opens what has this name, to read and write; where nothing has, makes it. Of several that call it at once, all get
  /// the same.
  /// @throws what `create` and `open` do. EEXIST: there is one with fewer than `options.size` bytes.
  static shared_memory open_or_create(std::string_view name, named_options const& options) {
    return open_or_create(name, options, [](mapping&) {});
  }

  /// The same, with contents for what is made: `fill(mapping&)` writes them before anybody can open it. Where another
  /// is faster it has filled in vain.
  template <std::invocable<mapping&> F>
  static shared_memory open_or_create(std::string_view name, named_options const& options, F&& fill) {
    auto const path = impl::path_of_memory(name);
    check(options);
    for (;;) {
      if (fd opened = impl::open_named_memory(path, true, name)) {
        shared_memory found{std::move(opened), tandem::access::read_write};
        if (found.size() < options.size)
          throw_errc(std::errc::file_exists, "open or create shared memory",
                     std::string{name}
                         .append(": it has ")
                         .append(std::to_string(found.size()))
                         .append(" bytes, not the ")
                         .append(std::to_string(options.size))
                         .append(" of the options: open and resize it, or remove it"));
        return found;
      }
      impl::memory_in_making made{name};
      complete(made.file(), name, options, fill);
      if (made.give_name(path, name)) return shared_memory{made.take(), tandem::access::read_write};
    }
  }

  /// Takes the name away: nobody can open it any more, who has it keeps it. False if nothing has this name.
  /// @throws std::system_error  EACCES, EPERM: it is somebody else's; std::invalid_argument: no such name.
  static bool remove(std::string_view name) {
    if (os::remove_name(impl::path_of_memory(name).c_str()) == 0) return true;
    if (errno != ENOENT) throw_errno("remove shared memory", name);
    return false;
  }

  /// Whether a living process has what bears this name, by this class: open, mapped, or on its way through a socket.
  /// False if nothing has this name. Of programs that open it by shm_open(3) alone nothing is known.
  /// @throws std::system_error  EACCES: it may not be read; std::invalid_argument: no such name.
  static bool in_use(std::string_view name) {
    constexpr auto step = "ask whether shared memory is in use";
    fd const opened{os::open(impl::path_of_memory(name).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK)};
    if (!opened && errno == ENOENT) return false;
    int const used = opened ? os::is_used(opened.get()) : -1;
    if (used < 0) throw_errno(step, name);
    return used == 1;
  }

  /// One more handle to the same memory. @throws std::system_error  EMFILE; EBADF if moved from.
  shared_memory dup() const { return shared_memory{file_.dup(), access_}; }

  /// In bytes, now: others may resize it. @throws std::system_error  EBADF if moved from.
  std::size_t size() const {
    os::file_status status;
    if (os::get_status(file_.get(), status) != 0) throw_errno("ask for the size of shared memory");
    return status.bytes;
  }

  tandem::access access() const noexcept { return access_; }
  fd const& descriptor() const noexcept { return file_; }

  /// Makes it larger, or smaller, for everybody. Mappings stay as they are: what is new needs a new one, and what is
  /// gone is SIGBUS in all that have it, here and elsewhere. `seal::shrink` forbids that. Of several who resize at
  /// once, to less or sparse, any may win.
  /// @throws std::system_error  EPERM: it is sealed; EBADF: it is open for reading only; ENOSPC, ENOMEM, EFBIG: there
  /// is not so much; then it is as it was. EINVAL: of huge pages, not a multiple of theirs.
  void resize(std::size_t size, tandem::space space = space::reserved) {
    constexpr auto step = "resize shared memory";
    if (access_ == tandem::access::read_only)
      throw_errc(std::errc::bad_file_descriptor, step, "it is open for reading only");
    std::size_t const unit = os::mapping_unit(file_.get());
    if (unit != os::page_size() && size % unit != 0)
      throw_errc(std::errc::invalid_argument, step, "its huge pages want a multiple of " + std::to_string(unit));
    if (size != 0 && size >= this->size()) {
      impl::grow_file(file_.get(), size, space == space::sparse, true, step, "to more");
    } else if (os::set_file_size(file_.get(), size) != 0) {
      throw_errno(step, errno == EPERM ? "it is sealed" : "");
    }
  }

  /// Forbids something, to everybody and for good. For anonymous memory.
  /// @throws std::system_error  EPERM: it has a name (or had), or is sealed against seals, or open for reading only;
  /// EBUSY: `seal::write`, and somebody has it mapped for writing.
  void seal(std::initializer_list<tandem::seal> kinds) {
    int all = 0;
    for (auto const kind : kinds) all |= static_cast<int>(kind);
    if (os::add_seals(file_.get(), all) == 0) return;
    throw_errno("seal shared memory",
                errno == EBUSY   ? "somebody has it mapped for writing: seal it when these mappings are gone, or take "
                                   "seal::future_write"
                : errno == EPERM ? "only anonymous memory takes seals, if it is open for writing and not sealed "
                                   "against further ones"
                                 : "");
  }
  void seal(tandem::seal kind) { seal({kind}); }

  /// Whether it has this seal. What has a name can have none but `further_seals`.
  /// @throws std::system_error  EBADF if moved from.
  bool is_sealed(tandem::seal kind) const {
    int const seals = os::get_seals(file_.get());
    if (seals < 0 && errno != EINVAL) throw_errno("ask for the seals of shared memory");
    return seals > 0 && (seals & static_cast<int>(kind)) != 0;
  }

  /// All of it, with the access it was opened with.
  /// @throws std::system_error  ENOMEM; EPERM: sealed against writing; EBADF if moved from.
  mapping map() const { return map(access_); }

  /// `length` bytes from `offset` on, which may be any; to the end, if no length is given.
  /// @throws std::out_of_range, where there is no such range; std::system_error: EACCES: it is open for reading only;
  /// EPERM: sealed against writing; ENOMEM; EBADF if moved from.
  mapping map(tandem::access access, std::size_t offset = 0, std::size_t length = SIZE_MAX) const {
    return mapping{file_, {.access = access, .offset = offset, .length = length}};
  }

 private:
  friend struct codec<shared_memory>;

  shared_memory(fd file, tandem::access access) noexcept : file_{std::move(file)}, access_{access} {}

  static void require_size(std::size_t size) {
    if (size == 0) throw std::invalid_argument{"tandem: a shared memory's size is 0: say how many bytes, .size = 4096"};
  }

  static void check(named_options const& options) {
    require_size(options.size);
    if ((options.permissions & ~0777U) != 0)
      throw std::invalid_argument{"tandem: named_options::permissions goes beyond 0777: write it in octal, 0600"};
  }

  static void make_way(std::string const& path, std::string_view name, tandem::if_exists how) {
    if (how == if_exists::replace) {
      remove(name);
    } else if (how == if_exists::fail || !impl::remove_unused_memory(path, name)) {
      throw_errc(std::errc::file_exists, "create shared memory",
                 std::string{name}.append(how == if_exists::fail ? ": open it, remove it, or see if_exists"
                                                                 : ": it is in use"));
    }
  }

  template <class F>
  static void complete(fd const& file, std::string_view name, named_options const& options, F& fill) {
    constexpr auto step = "create shared memory";
    if (os::set_permissions(file.get(), options.permissions) != 0) throw_errno(step, name);
    impl::grow_file(file.get(), options.size, options.space == space::sparse, true, step, name);
    mapping whole{file, {.access = tandem::access::read_write}};
    fill(whole);
  }

  fd file_;
  tandem::access access_ = tandem::access::read_only;
};

/// It travels as its descriptor does: the receiver shares the memory.
template <> struct codec<shared_memory> {
  static constexpr std::size_t least_size = codec<fd>::least_size;
  static constexpr bool carries_descriptors = true;

  static void encode(writer& to, shared_memory const& value) { codec<fd>::encode(to, value.file_); }

  static shared_memory decode(reader& from) {
    fd received = codec<fd>::decode(from);
    if (!received) return shared_memory{fd{}, access::read_only};
    os::file_status status;
    int const mode = os::get_open_mode(received.get());
    if (os::get_status(received.get(), status) != 0 || !status.is_regular || (mode != O_RDONLY && mode != O_RDWR))
      throw_errc(std::errc::bad_message, "decode", "shared memory");
    return shared_memory{std::move(received), mode == O_RDWR ? access::read_write : access::read_only};
  }
};

}  // namespace tandem

#endif  // TANDEM_MEMORY_SHARED_MEMORY_HPP
