// SPDX-License-Identifier: BSL-1.0
#include "tandem/memory/shared_memory.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include "memory/shared_memory_probes.hpp"
#include "os/probes.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "support/kill_at_each_instruction.hpp"
#include "support/place.hpp"
#include "support/random_kill.hpp"
#include "support/syscall_fault.hpp"
#include "support/temp_dir.hpp"
#include "tandem/core/byte_sink.hpp"
#include "tandem/core/transferable.hpp"

using namespace tandem_test;
using tandem::access, tandem::fd, tandem::if_exists, tandem::mapping, tandem::named_options, tandem::seal,
    tandem::shared_memory, tandem::space;

static_assert(std::is_nothrow_move_constructible_v<shared_memory> && std::is_nothrow_move_assignable_v<shared_memory>);
static_assert(!std::is_copy_constructible_v<shared_memory> && !std::is_default_constructible_v<shared_memory>);
static_assert(tandem::transferable<shared_memory> && tandem::may_carry_descriptors<shared_memory>);
static_assert(!tandem::shareable<shared_memory>);

namespace {

std::size_t const page = tandem::os::page_size();

/// In a child: a /dev/shm of its own, of `bytes`. False and errno where we may not.
bool take_small_memory_folder(std::size_t bytes) {
  auto const options = "mode=1777,size=" + std::to_string(bytes);
  auto const user = std::to_string(::geteuid()), group = std::to_string(::getegid());
  if (::geteuid() == 0) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  } else {
    if (::unshare(CLONE_NEWNS | CLONE_NEWUSER) != 0) return false;
    std::ofstream{"/proc/self/setgroups"} << "deny";
    std::ofstream{"/proc/self/uid_map"} << "0 " + user + " 1";
    std::ofstream{"/proc/self/gid_map"} << "0 " + group + " 1";
  }
  return ::mount("tmpfs", "/dev/shm", "tmpfs", 0, options.c_str()) == 0;
}

}  // namespace

TEST_CASE("shared_memory: anonymous memory is zeros, has its space, and is shared with forked children",
          "[memory][shared_memory]") {
  auto const memory = shared_memory::anonymous(page + 1, {.name = "frames"});
  CHECK(memory.size() == page + 1);
  CHECK(memory.access() == access::read_write);
  CHECK(has_its_space(memory));
  CHECK(close_on_exec(memory.descriptor().get()));
  CHECK(std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(memory.descriptor().get())).string() ==
        "/memfd:frames (deleted)");
  mapping const all = memory.map();
  for (auto const byte : all.const_bytes()) REQUIRE(byte == std::byte{0});
  CHECK(run_in_child([&] {
          all.as<int>() = 1;
          memory.map().as<int>(8) = 2;
        }).passed());
  CHECK(all.as<int>() == 1);
  CHECK(all.as<int>(8) == 2);
}

TEST_CASE("shared_memory: sparse memory takes no space until it is touched", "[memory][shared_memory]") {
  auto const memory = shared_memory::anonymous(std::size_t{1} << 36, {.space = space::sparse});
  CHECK(status_of(memory).st_blocks == 0);
  memory.map(access::read_write, std::size_t{1} << 35, 1).bytes()[0] = std::byte{1};
  CHECK(status_of(memory).st_blocks > 0);
  name_of_test const name;
  auto const named = shared_memory::create(name, {.size = page, .space = space::sparse});
  CHECK(status_of(named).st_blocks == 0);
  shared_memory::create(name, {.size = page, .if_exists = if_exists::replace});
  CHECK(has_its_space(shared_memory::open(name)));
}

TEST_CASE("shared_memory: unrelated processes find it by its name, with or without the slash",
          "[memory][shared_memory]") {
  name_of_test const name;
  auto const made = shared_memory::create(name, {.size = 3 * page});
  CHECK(has_its_space(made));
  CHECK(close_on_exec(made.descriptor().get()));
  made.map().as<int>() = 1;
  CHECK(run_in_child([&] {
          auto const opened = shared_memory::open(name.name.substr(1));
          CHECK(opened.size() == 3 * page);
          CHECK(opened.access() == access::read_write);
          mapping const all = opened.map();
          CHECK(all.as<int>() == 1);
          all.as<int>() = 2;
          CHECK(close_on_exec(opened.descriptor().get()));
        }).passed());
  CHECK(made.map().as<int>() == 2);
  CHECK(shared_memory::remove(name));
  CHECK_FALSE(shared_memory::remove(name));
  CHECK(error_of([&] { shared_memory::open(name); }) == ENOENT);
  CHECK(made.map().as<int>() == 2);
}

TEST_CASE("shared_memory: it has the names of shm_open", "[memory][shared_memory]") {
  name_of_test const name;
  auto const made = shared_memory::create(name, {.size = 4});
  made.map().as<int>() = 9;
  fd const other{::shm_open(name.name.c_str(), O_RDONLY, 0)};
  REQUIRE(other);
  CHECK(mapping{other}.as<int const>() == 9);
}

TEST_CASE("shared_memory: a name that is taken is not taken over silently", "[memory][shared_memory]") {
  name_of_test const name;
  shared_memory::create(name, {.size = page}).map().as<int>() = 1;
  CHECK(error_of([&] { shared_memory::create(name, {.size = page}); }) == EEXIST);
  CHECK_THROWS_WITH(shared_memory::create(name, {.size = page}), ContainsSubstring(name.name));
  CHECK(shared_memory::open(name).map().as<int>() == 1);
}

TEST_CASE("shared_memory: open or create makes it once, whoever comes at the same time", "[memory][shared_memory]") {
  name_of_test const name;
  auto& start = place<std::atomic<bool>>(false);
  for (long round = repetitions(20, 2000); round > 0; --round) {
    start = false;
    std::array<child_process, 4> all;
    for (auto& one : all) {
      one = child_process{[&] {
        while (!start) ::sched_yield();
        auto const memory = shared_memory::open_or_create(name, {.size = 4},
                                                          [](mapping& fresh) { fresh.as<std::atomic<int>>() = 100; });
        ++memory.map().as<std::atomic<int>>();
      }};
    }
    start = true;
    for (auto& one : all) CHECK(one.join().passed());
    CHECK(shared_memory::open(name).map().as<int>() == 104);
    shared_memory::remove(name);
  }
}

TEST_CASE("shared_memory: open or create refuses what is smaller, and takes what is larger",
          "[memory][shared_memory]") {
  name_of_test const name;
  shared_memory::create(name, {.size = page});
  CHECK(error_of([&] { shared_memory::open_or_create(name, {.size = page + 1}); }) == EEXIST);
  CHECK_THROWS_WITH(shared_memory::open_or_create(name, {.size = page + 1}),
                    ContainsSubstring(std::to_string(page) + " bytes, not the " + std::to_string(page + 1)));
  CHECK(shared_memory::open_or_create(name, {.size = 1}).size() == page);
}

TEST_CASE("shared_memory: contents come before the name, and what filling them throws leaves nothing",
          "[memory][shared_memory]") {
  name_of_test const name;
  auto const fail = [&](mapping& all) {
    CHECK(all.size() == page);
    CHECK(error_of([&] { shared_memory::open(name); }) == ENOENT);
    throw std::runtime_error{"no"};
  };
  CHECK_THROWS_AS(shared_memory::create(name, {.size = page}, fail), std::runtime_error);
  CHECK_THROWS_AS(shared_memory::open_or_create(name, {.size = page}, fail), std::runtime_error);
  CHECK_FALSE(std::filesystem::exists(name.path));
  shared_memory::create(name, {.size = page}, fill_with_ones);
  CHECK(shared_memory::open(name).map().const_bytes().back() == std::byte{1});
}

TEST_CASE("shared_memory: its permissions are those that were asked for, whatever the umask is",
          "[memory][shared_memory]") {
  name_of_test const first, second;
  auto const mask = ::umask(077);
  auto const open_to_all = shared_memory::create(first, {.size = page, .permissions = 0644});
  ::umask(mask);
  auto const ours = shared_memory::create(second, {.size = page});
  CHECK((status_of(open_to_all).st_mode & 0777) == 0644);
  CHECK((status_of(ours).st_mode & 0777) == 0600);
  if (::geteuid() != 0) {
    WARN("not root: that others are refused is not tried");
    return;
  }
  auto const child = as_unprivileged([&] {
    CHECK(error_of([&] { shared_memory::open(second); }) == EACCES);
    CHECK(error_of([&] { shared_memory::open(second, access::read_only); }) == EACCES);
    CHECK(error_of([&] { shared_memory::in_use(second); }) == EACCES);
    CHECK(error_of([&] { shared_memory::open_or_create(second, {.size = page}); }) == EACCES);
    CHECK(error_of([&] { shared_memory::open(first); }) == EACCES);
    CHECK(shared_memory::open(first, access::read_only).size() == page);
    CHECK(shared_memory::in_use(first));
    CHECK(error_of([&] { shared_memory::remove(first); }) == EPERM);
    CHECK(error_of([&] { shared_memory::create(first, {.size = page, .if_exists = if_exists::replace}); }) == EPERM);
    CHECK(error_of([&] { shared_memory::create(first, {.size = page, .if_exists = if_exists::replace_unused}); }) ==
          EACCES);
  });
  INFO(child.to_string());
  CHECK(child.passed());
}

TEST_CASE("shared_memory: who opens it read-only does not write to it", "[memory][shared_memory]") {
  name_of_test const name;
  auto const made = shared_memory::create(name, {.size = page});
  auto reader = shared_memory::open(name, access::read_only);
  CHECK(reader.access() == access::read_only);
  mapping const all = reader.map();
  CHECK(all.access() == access::read_only);
  made.map().as<int>() = 5;
  CHECK(all.as<int const>() == 5);
  CHECK(error_of([&] { reader.map(access::read_write); }) == EACCES);
  CHECK(error_of([&] { reader.resize(2 * page); }) == EBADF);
  CHECK(error_of([&] { reader.resize(1); }) == EBADF);
  CHECK(run_in_child([&] {
          ::signal(SIGSEGV, SIG_DFL);
          *const_cast<std::byte*>(all.const_bytes().data()) = std::byte{0};
        }).signal == SIGSEGV);
}

TEST_CASE("shared_memory: a new size is everybody's, and its space is taken", "[memory][shared_memory]") {
  name_of_test const name;
  auto memory = shared_memory::create(name, {.size = page}, fill_with_ones);
  CHECK(run_in_child([&] { shared_memory::open(name).resize(3 * page + 1); }).passed());
  CHECK(memory.size() == 3 * page + 1);
  CHECK(has_its_space(memory));
  mapping const all = memory.map();
  CHECK(all.const_bytes()[page - 1] == std::byte{1});
  CHECK(all.const_bytes()[page] == std::byte{0});
  memory.resize(64 * page, space::sparse);
  CHECK_FALSE(has_its_space(memory));
  memory.resize(64 * page);
  CHECK(has_its_space(memory));
  memory.resize(page);
  CHECK(memory.size() == page);
  CHECK(run_in_child([&] {
          ::signal(SIGBUS, SIG_DFL);
          all.bytes()[2 * page] = std::byte{1};
        }).signal == SIGBUS);
  memory.resize(0);
  memory.resize(0);
  CHECK(memory.map().empty());
}

TEST_CASE("shared_memory: seals forbid for good what they say", "[memory][shared_memory]") {
  auto memory = shared_memory::anonymous(2 * page);
  CHECK_FALSE(memory.is_sealed(seal::shrink));
  memory.seal({seal::shrink, seal::grow});
  CHECK((memory.is_sealed(seal::shrink) && memory.is_sealed(seal::grow) && !memory.is_sealed(seal::write)));
  CHECK(error_of([&] { memory.resize(page); }) == EPERM);
  CHECK(error_of([&] { memory.resize(3 * page); }) == EPERM);
  CHECK_THROWS_WITH(memory.resize(3 * page), ContainsSubstring("sealed"));
  memory.resize(2 * page);
  {
    mapping const writer = memory.map();
    CHECK(error_of([&] { memory.seal(seal::write); }) == EBUSY);
    CHECK_THROWS_WITH(memory.seal(seal::write), ContainsSubstring("seal::future_write"));
    memory.seal(seal::future_write);
    CHECK(error_of([&] { memory.map(); }) == EPERM);
    CHECK_THROWS_WITH(memory.map(), ContainsSubstring("sealed against writing"));
    writer.as<int>() = 4;
    CHECK(memory.map(access::read_only).as<int const>() == 4);
  }
  memory.seal(seal::write);
  memory.seal(seal::further_seals);
  CHECK(memory.is_sealed(seal::further_seals));
  CHECK(error_of([&] { memory.seal(seal::grow); }) == EPERM);
}

TEST_CASE("shared_memory: what has a name takes no seals, and says so", "[memory][shared_memory]") {
  name_of_test const name;
  auto memory = shared_memory::create(name, {.size = page});
  CHECK(error_of([&] { memory.seal(seal::shrink); }) == EPERM);
  CHECK_THROWS_WITH(memory.seal(seal::shrink), ContainsSubstring("only anonymous memory"));
  CHECK_FALSE(memory.is_sealed(seal::shrink));
}

TEST_CASE("shared_memory: ranges at any offset", "[memory][shared_memory]") {
  auto const memory = shared_memory::anonymous(3 * page);
  memory.map(access::read_write, page + 5, 10).bytes()[9] = std::byte{1};
  CHECK(memory.map().const_bytes()[page + 14] == std::byte{1});
  CHECK(memory.map(access::read_only, page + 14).size() == 2 * page - 14);
  CHECK(memory.map(access::read_only, 3 * page).empty());
  CHECK_THROWS_AS(memory.map(access::read_only, 3 * page + 1), std::out_of_range);
  CHECK_THROWS_AS(memory.map(access::read_only, page, 2 * page + 1), std::out_of_range);
}

TEST_CASE("shared_memory: a name that cannot be one is refused in words", "[memory][shared_memory]") {
  using namespace std::string_literals;
  for (auto const& name :
       {""s, "/"s, "a/b"s, "//a"s, "/a/"s, "."s, "/.."s, "a\0b"s, "/" + std::string(256, 'n'), "/.tandem-new-1"s}) {
    CAPTURE(name);
    CHECK_THROWS_AS(shared_memory::create(name, {.size = 1}), std::invalid_argument);
    CHECK_THROWS_AS(shared_memory::open_or_create(name, {.size = 1}), std::invalid_argument);
    CHECK_THROWS_AS(shared_memory::open(name), std::invalid_argument);
    CHECK_THROWS_AS(shared_memory::remove(name), std::invalid_argument);
    CHECK_THROWS_AS(shared_memory::in_use(name), std::invalid_argument);
  }
  CHECK_THROWS_WITH(shared_memory::open("a/b"),
                    "tandem: the name of a shared memory, \"a/b\": has a slash inside: one "
                    "may stand in front, no other");
  auto const longest = unique_name(std::string(200, 'n'));
  shared_memory::create(longest + std::string(255 - longest.size(), 'n'), {.size = 1});
  CHECK(shared_memory::remove(longest + std::string(255 - longest.size(), 'n')));
}

TEST_CASE("shared_memory: options that cannot be are refused in words", "[memory][shared_memory]") {
  name_of_test const name;
  CHECK_THROWS_WITH(shared_memory::create(name, {}), ContainsSubstring("size is 0"));
  CHECK_THROWS_AS(shared_memory::open_or_create(name, {}), std::invalid_argument);
  CHECK_THROWS_AS(shared_memory::anonymous(0), std::invalid_argument);
  CHECK_THROWS_WITH(shared_memory::create(name, {.size = 1, .permissions = 600000}), ContainsSubstring("octal"));
  CHECK_THROWS_AS(shared_memory::anonymous(1, {.name = std::string(250, 'n')}), std::invalid_argument);
  CHECK_THROWS_AS(shared_memory::anonymous(1, {.name = std::string("a\0b", 3)}), std::invalid_argument);
  CHECK(shared_memory::anonymous(1, {.name = std::string(249, 'n')}).size() == 1);
  CHECK_FALSE(std::filesystem::exists(name.path));
}

TEST_CASE("shared_memory: a name that something else has is refused", "[memory][shared_memory]") {
  name_of_test const name;
  std::filesystem::create_directory(name.path);
  CHECK(error_of([&] { shared_memory::open(name, access::read_only); }) == ENODEV);
  CHECK(error_of([&] { shared_memory::open_or_create(name, {.size = 1}); }) == EISDIR);
  std::filesystem::remove(name.path);
  REQUIRE(::mkfifo(name.path.c_str(), 0600) == 0);
  CHECK(error_of([&] { shared_memory::open(name); }) == ENODEV);
  shared_memory::remove(name);
  std::filesystem::create_symlink("nowhere", name.path);
  CHECK(error_of([&] { shared_memory::open(name); }) == ELOOP);
  CHECK(error_of([&] { shared_memory::open_or_create(name, {.size = 1}); }) == ELOOP);
}

TEST_CASE("shared_memory: more than there is is an error at creation, and leaves nothing", "[memory][shared_memory]") {
  name_of_test const name;
  auto const all = tandem::os::total_memory();
  CHECK(error_of([&] { shared_memory::anonymous(all + page); }) == ENOMEM);
  CHECK_THROWS_WITH(shared_memory::anonymous(all + page), ContainsSubstring("take space::sparse"));
  CHECK(error_of([&] { shared_memory::create(name, {.size = all + page}); }) == ENOMEM);
  CHECK(error_of([&] { shared_memory::create(name, {.size = SIZE_MAX, .space = space::sparse}); }) == EFBIG);
  CHECK(error_of([&] { shared_memory::anonymous(SIZE_MAX, {.space = space::sparse}); }) == EFBIG);
  struct statfs folder {};
  REQUIRE(::statfs("/dev/shm", &folder) == 0);
  auto const room = static_cast<std::size_t>(folder.f_blocks) * static_cast<std::size_t>(folder.f_bsize);
  if (room != 0 && room + page < all)
    CHECK(error_of([&] { shared_memory::create(name, {.size = room + page}); }) == ENOSPC);
  CHECK(run_in_child([&] {
          ::signal(SIGXFSZ, SIG_DFL);
          rlimit const limit{page, page};
          REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
          CHECK(error_of([&] { shared_memory::anonymous(page + 1); }) == EFBIG);
          CHECK(error_of([&] { shared_memory::create(name, {.size = page + 1}); }) == EFBIG);
          auto memory = shared_memory::anonymous(page);
          CHECK(error_of([&] { memory.resize(page + 1); }) == EFBIG);
          CHECK(memory.size() == page);
        }).passed());
  CHECK_FALSE(std::filesystem::exists(name.path));
}

TEST_CASE("shared_memory: a full memory file system is ENOSPC at creation and resize, and no SIGBUS later",
          "[memory][shared_memory]") {
  bool& skipped = place<bool>(false);
  auto const child = run_in_child([&] {
    if (!take_small_memory_folder(16 * page)) {
      WARN("no file system of our own (unshare, mount): " << std::strerror(errno));
      skipped = true;
      return;
    }
    CHECK(error_of([] { shared_memory::create("large", {.size = 17 * page}); }) == ENOSPC);
    auto first = shared_memory::create("first", {.size = 10 * page});
    CHECK(error_of([] { shared_memory::create("second", {.size = 7 * page}); }) == ENOSPC);
    CHECK(error_of([] { shared_memory::open("second"); }) == ENOENT);
    CHECK(error_of([&] { first.resize(17 * page); }) == ENOSPC);
    CHECK(first.size() == 10 * page);
    shared_memory::create("left", {.size = 5 * page});
    auto const replace = [](if_exists how) { shared_memory::create("left", {.size = 5 * page, .if_exists = how}); };
    replace(if_exists::replace_unused);  // in the space of the dead
    CHECK(error_of([&] { replace(if_exists::replace); }) == ENOSPC);
    CHECK(shared_memory::open("left").size() == 5 * page);
    shared_memory::remove("left");
    // Full to the last page: what has its space can be written.
    auto const rest = shared_memory::create("rest", {.size = 1 * page, .space = space::sparse});
    struct statfs folder {};
    REQUIRE(::statfs("/dev/shm", &folder) == 0);
    auto const last = shared_memory::create("last", {.size = static_cast<std::size_t>(folder.f_bfree) * page});
    mapping all = first.map();
    fill_with_ones(all);
    ::signal(SIGBUS, SIG_DFL);
    CHECK(run_in_child([&] { rest.map().bytes()[0] = std::byte{1}; }).signal == SIGBUS);
  });
  INFO(child.to_string());
  CHECK((child.passed() || skipped));
}

TEST_CASE("shared_memory: huge pages are huge pages, or an error in words", "[memory][shared_memory]") {
  int const probe = ::memfd_create("probe", MFD_CLOEXEC | MFD_HUGETLB);
  if (probe < 0) {
    CHECK(error_of([] { shared_memory::anonymous(std::size_t{1} << 21, {.huge_pages = true}); }) != 0);
    return;
  }
  auto const unit = tandem::os::mapping_unit(probe);
  ::close(probe);
  CHECK_THROWS_AS(shared_memory::anonymous(unit + 1, {.huge_pages = true}), std::invalid_argument);
  CHECK_THROWS_WITH(shared_memory::anonymous(page, {.huge_pages = true}), ContainsSubstring(std::to_string(unit)));
  CHECK(error_of([&] { shared_memory::anonymous(unit << 20, {.huge_pages = true}); }) == ENOMEM);
  CHECK_THROWS_WITH(shared_memory::anonymous(unit << 20, {.huge_pages = true}), ContainsSubstring("vm.nr_hugepages"));
  auto sparse = shared_memory::anonymous(unit, {.space = space::sparse, .huge_pages = true});
  CHECK(error_of([&] { sparse.resize(unit + page); }) == EINVAL);
  try {
    auto const memory = shared_memory::anonymous(2 * unit, {.huge_pages = true});
    mapping const part = memory.map(access::read_write, page + 1, unit);
    part.bytes().back() = std::byte{1};
    part.flush();
    CHECK(memory.map().const_bytes()[page + unit] == std::byte{1});
  } catch (std::system_error const& error) {
    CHECK(error.code() == std::errc::not_enough_memory);
    WARN("the pool of huge pages is empty: " << error.what());
  }
}

TEST_CASE("shared_memory: it travels as its descriptor, with its access", "[memory][shared_memory]") {
  name_of_test const name;
  shared_memory::create(name, {.size = page}).map().as<int>() = 3;
  auto const travel = [](shared_memory const& from) {
    tandem::byte_buffer buffer;
    tandem::writer to{buffer};
    tandem::encode(to, from);
    std::vector<int> descriptors;
    for (int const one : to.descriptors()) descriptors.push_back(tandem::os::duplicate(one));
    return tandem::decode<shared_memory>(std::span<std::byte const>{to.bytes()}, descriptors);
  };
  {
    auto const arrived = travel(shared_memory::open(name));
    CHECK(arrived.access() == access::read_write);
    CHECK(arrived.map().as<int>() == 3);
    CHECK(shared_memory::in_use(name));
  }
  CHECK_FALSE(shared_memory::in_use(name));
  CHECK(travel(shared_memory::open(name, access::read_only)).access() == access::read_only);
  auto gone = shared_memory::open(name);
  auto const here = std::move(gone);
  CHECK_FALSE(travel(gone).descriptor());

  auto const refused = [](fd received) {
    tandem::byte_buffer buffer;
    tandem::writer to{buffer};
    tandem::encode(to, received);
    std::vector<int> descriptors{received.release()};
    return error_of([&] { tandem::decode<shared_memory>(std::span<std::byte const>{to.bytes()}, descriptors); });
  };
  CHECK(refused(fd::open("/dev/null", O_RDWR)) == EBADMSG);
  CHECK(refused(fd::open(name.path, O_WRONLY)) == EBADMSG);
}

TEST_CASE("shared_memory: one that was moved from says EBADF", "[memory][shared_memory]") {
  auto memory = shared_memory::anonymous(page);
  auto const here = std::move(memory);
  CHECK(error_of([&] { memory.size(); }) == EBADF);
  CHECK(error_of([&] { memory.map(); }) == EBADF);
  CHECK(error_of([&] { memory.dup(); }) == EBADF);
  CHECK(error_of([&] { memory.resize(1); }) == EBADF);
  CHECK(error_of([&] { memory.seal(seal::grow); }) == EBADF);
  CHECK(error_of([&] { memory.is_sealed(seal::grow); }) == EBADF);
  memory = here.dup();
  CHECK(memory.size() == page);
}

TEST_CASE("shared_memory: no descriptors are EMFILE, and leave nothing", "[memory][shared_memory]") {
  name_of_test const name, other;
  CHECK(run_in_child([&] {
          auto const memory = shared_memory::create(name, {.size = page});
          descriptor_limit const none{0};
          CHECK(error_of([] { shared_memory::anonymous(page); }) == EMFILE);
          CHECK(error_of([&] { shared_memory::create(other, {.size = page}); }) == EMFILE);
          CHECK(error_of([&] { shared_memory::open(name); }) == EMFILE);
          CHECK(error_of([&] { shared_memory::in_use(name); }) == EMFILE);
          CHECK(error_of([&] { memory.dup(); }) == EMFILE);
        }).passed());
}
