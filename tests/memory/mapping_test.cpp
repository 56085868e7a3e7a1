// SPDX-License-Identifier: BSL-1.0
#include "tandem/memory/mapping.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <type_traits>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "support/syscall_fault.hpp"
#include "support/temp_dir.hpp"
#include "tandem/core/transferable.hpp"
#include "tandem/memory/shared_memory.hpp"
#include "tandem/os/mapping.hpp"

using namespace tandem_test;
using tandem::access, tandem::advice, tandem::fd, tandem::mapping, tandem::space;

static_assert(std::is_nothrow_move_constructible_v<mapping> && std::is_nothrow_move_assignable_v<mapping>);
static_assert(!std::is_copy_constructible_v<mapping> && !std::is_copy_assignable_v<mapping>);
static_assert(!tandem::transferable<mapping>);
static_assert(std::is_same_v<decltype(std::declval<mapping>().const_bytes()), std::span<std::byte const>>);
static_assert(std::is_same_v<decltype(std::declval<mapping>().as<char const>()), char const&>);

namespace {

std::size_t const page = tandem::os::page_size();

struct text_file {
  temp_dir dir;
  std::string path = (dir / "file").string();

  explicit text_file(std::string const& text) { std::ofstream{path} << text; }
  std::string text() const {
    std::ifstream from{path};
    return {std::istreambuf_iterator<char>{from}, {}};
  }
};

std::string text_in(mapping const& all) {
  auto const bytes = all.const_bytes();
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}

struct point {
  int x, y;
};

}  // namespace

TEST_CASE("mapping: an ordinary file is read as bytes, and stays mapped without descriptor and name",
          "[memory][mapping]") {
  text_file const file{"some text"};
  mapping const all = mapping::file(file.path);
  CHECK(text_in(all) == "some text");
  CHECK(all.size() == 9);
  CHECK(all.access() == access::read_only);
  std::filesystem::remove(file.path);
  CHECK(text_in(all) == "some text");
  CHECK_FALSE(all.empty());
}

TEST_CASE("mapping: what is written is in the file, and with its device after a flush", "[memory][mapping]") {
  text_file const file{"some text"};
  mapping const all{fd::open(file.path, O_RDWR), {.access = access::read_write}};
  std::memcpy(all.bytes().data(), "SOME", 4);
  all.flush();
  all.flush(2, 3);
  all.flush(9);
  CHECK(file.text() == "SOME text");
}

TEST_CASE("mapping: a file is created, or made larger, where a size is asked for, and its space is taken",
          "[memory][mapping]") {
  temp_dir const dir;
  auto const path = (dir / "made").string();
  {
    mapping const made = mapping::file(path, {.access = access::read_write, .size = 3 * page + 5});
    CHECK(made.size() == 3 * page + 5);
    made.as<int>() = 7;
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK(static_cast<std::size_t>(status.st_blocks) * 512 >= 3 * page);
  }
  CHECK(mapping::file(path, {.access = access::read_write, .size = 10}).size() == 3 * page + 5);
  std::filesystem::resize_file(path, std::size_t{1} << 40);  // a hole, which nobody asked to fill
  CHECK(mapping::file(path, {.access = access::read_write, .length = page, .size = 10}).size() == page);
  std::filesystem::resize_file(path, 3 * page + 5);
  mapping const larger = mapping::file(path, {.access = access::read_write, .size = 4 * page, .space = space::sparse});
  CHECK(larger.size() == 4 * page);
  CHECK(larger.as<int const>() == 7);
}

TEST_CASE("mapping: any range of a file is mapped, not only pages", "[memory][mapping]") {
  temp_dir const dir;
  auto const path = (dir / "numbers").string();
  std::size_t const size = 3 * page + 100;
  {
    mapping const all = mapping::file(path, {.access = access::read_write, .size = size});
    for (std::size_t i = 0; i < size; ++i) all.bytes()[i] = static_cast<std::byte>(i % 251);
  }
  for (std::size_t const offset : {std::size_t{0}, std::size_t{1}, page - 1, page, page + 7, 3 * page, size - 1}) {
    for (std::size_t const length : {std::size_t{1}, page, page + 1, size - offset}) {
      if (length > size - offset) continue;
      CAPTURE(offset, length);
      mapping const part = mapping::file(path, {.offset = offset, .length = length});
      REQUIRE(part.size() == length);
      CHECK(part.const_bytes().front() == static_cast<std::byte>(offset % 251));
      CHECK(part.const_bytes().back() == static_cast<std::byte>((offset + length - 1) % 251));
    }
    CHECK(mapping::file(path, {.offset = offset}).size() == size - offset);
  }
  mapping const part = mapping::file(path, {.access = access::read_write, .offset = page + 3, .length = 2 * page});
  part.bytes().front() = std::byte{255};
  part.flush(1, page);
  part.advise(advice::will_need, 5, page);
  CHECK(mapping::file(path).const_bytes()[page + 3] == std::byte{255});
}

TEST_CASE("mapping: a range that is not in the file is refused, with both in words", "[memory][mapping]") {
  text_file const file{"some text"};
  auto const refused = [&](std::size_t offset, std::size_t length) {
    CHECK_THROWS_AS(mapping::file(file.path, {.offset = offset, .length = length}), std::out_of_range);
  };
  refused(0, 10);
  refused(9, 1);
  refused(10, 0);
  refused(10, SIZE_MAX);
  refused(1, SIZE_MAX - 1);
  refused(SIZE_MAX, SIZE_MAX);
  CHECK_THROWS_WITH(mapping::file(file.path, {.offset = 5, .length = 6}),
                    "tandem: map: " + file.path + ": offset 5 and length 6 lead out of what there is, 9 bytes");
}

TEST_CASE("mapping: one of no bytes is empty, as is one that was moved from", "[memory][mapping]") {
  text_file const file{""};
  for (mapping const& none : {mapping{}, mapping::file(file.path),
                              mapping::file(file.path, {.access = access::read_write, .offset = 0, .length = 0})}) {
    CHECK(none.empty());
    CHECK(none.bytes().empty());
    CHECK(none.const_bytes().empty());
    CHECK(none.as_array<int>().empty());
    none.flush();
    none.advise(advice::random);
    CHECK_THROWS_AS(none.as<char const>(), std::out_of_range);
  }
  mapping first = mapping::file(file.path, {.access = access::read_write, .size = 10});
  auto const* const at = first.const_bytes().data();
  mapping second{std::move(first)};
  CHECK(first.empty());
  CHECK(second.const_bytes().data() == at);
  first = std::move(second);
  CHECK(second.empty());
  mapping& same = first;
  first = std::move(same);
  CHECK(first.const_bytes().data() == at);
  swap(first, second);
  CHECK(second.size() == 10);
  second = mapping{};
  CHECK(second.empty());
}

TEST_CASE("mapping: a read-only one says so where it is to be written, and is SIGSEGV to who does not ask",
          "[memory][mapping]") {
  text_file const file{"12345678"};
  mapping const all = mapping::file(file.path);
  CHECK(error_of([&] { all.bytes(); }) == EACCES);
  CHECK(error_of([&] { all.as<int>(); }) == EACCES);
  CHECK(error_of([&] { all.as_array<int>(); }) == EACCES);
  CHECK_THROWS_WITH(all.bytes(), ContainsSubstring("const_bytes()"));
  CHECK(all.as<char const>(3) == '4');
  CHECK(all.as_array<char const>(6).size() == 2);
  CHECK(run_in_child([&] {
          ::signal(SIGSEGV, SIG_DFL);
          *const_cast<std::byte*>(all.const_bytes().data()) = std::byte{0};
        }).signal == SIGSEGV);
}

TEST_CASE("mapping: writing is forbidden and allowed again", "[memory][mapping]") {
  text_file const file{"12345678"};
  mapping all = mapping::file(file.path, {.access = access::read_write});
  all.protect(access::read_only);
  CHECK(error_of([&] { all.bytes(); }) == EACCES);
  CHECK(run_in_child([&] {
          ::signal(SIGSEGV, SIG_DFL);
          *const_cast<std::byte*>(all.const_bytes().data()) = std::byte{0};
        }).signal == SIGSEGV);
  all.protect(access::read_write);
  all.bytes()[0] = std::byte{'x'};
  CHECK(file.text() == "x2345678");

  mapping reader = mapping::file(file.path);
  CHECK(error_of([&] { reader.protect(access::read_write); }) == EACCES);
  CHECK(reader.access() == access::read_only);
  mapping{}.protect(access::read_only);
}

TEST_CASE("mapping: what is written to a copy on write stays out of the file", "[memory][mapping]") {
  text_file const file{"12345678"};
  mapping const copy{fd::open(file.path, O_RDONLY), {.access = access::read_write, .copy_on_write = true}};
  copy.bytes()[0] = std::byte{'x'};
  copy.flush();
  CHECK(text_in(copy) == "x2345678");
  CHECK(file.text() == "12345678");
  CHECK(run_in_child([&] { copy.bytes()[0] = std::byte{'y'}; }).passed());
  CHECK(text_in(copy) == "x2345678");
  CHECK(text_in(mapping::file(file.path, {.copy_on_write = true})) == "12345678");
}

TEST_CASE("mapping: objects are where their bytes are, aligned and inside", "[memory][mapping]") {
  auto const memory = tandem::shared_memory::anonymous(100);
  mapping const all = memory.map();
  all.as<point>(8) = {1, 2};
  CHECK(all.as<int const>(12) == 2);
  all.as<std::atomic<int>>(16).store(3);
  CHECK(run_in_child([&] { ++all.as<std::atomic<int>>(16); }).passed());
  CHECK(all.as<std::atomic<int> const>(16).load() == 4);
  all.as<std::array<short, 50>>()[49] = 5;
  CHECK(all.as_array<short const>().size() == 50);
  CHECK(all.as_array<short const>(98).front() == 5);
  CHECK(all.as_array<std::int64_t>(8, 11).size() == 11);
  CHECK(all.as_array<int>(100).empty());
  CHECK(all.as_array<int>(4, 0).empty());

  CHECK_THROWS_AS(all.as<int>(97), std::out_of_range);
  CHECK_THROWS_AS(all.as<int>(SIZE_MAX), std::out_of_range);
  CHECK_THROWS_AS((all.as<std::array<char, 101>>()), std::out_of_range);
  CHECK_THROWS_AS(all.as_array<std::int64_t>(8, 12), std::out_of_range);
  CHECK_THROWS_AS(all.as_array<int>(0, SIZE_MAX / 4 + 2), std::out_of_range);
  CHECK_THROWS_AS(all.as_array<int>(101), std::out_of_range);
  CHECK_THROWS_AS(all.as<int>(2), std::invalid_argument);
  CHECK_THROWS_WITH(all.as<int>(2), ContainsSubstring("offset 2") && ContainsSubstring("a multiple of 4"));
  mapping const odd = memory.map(access::read_only, 1);
  CHECK_THROWS_AS(odd.as<int const>(0), std::invalid_argument);
  CHECK(odd.as<point const>(7).x == 1);
}

TEST_CASE("mapping: each advice is taken, or refused in words", "[memory][mapping]") {
  auto const memory = tandem::shared_memory::anonymous(4 * page);
  mapping const all = memory.map();
  for (auto const kind : {advice::normal, advice::sequential, advice::random, advice::will_need, advice::populate,
                          advice::drop_from_core, advice::drop_on_fork}) {
    CAPTURE(static_cast<int>(kind));
    all.advise(kind, page + 1, page);
  }
  all.bytes()[0] = std::byte{1};
  memory.map(access::read_only).advise(advice::populate);
  CHECK(run_in_child([&] {
          ::signal(SIGSEGV, SIG_DFL);
          all.bytes()[page] = std::byte{1};  // dropped there
        }).signal == SIGSEGV);
  for (auto const kind : {advice::huge_pages, advice::no_huge_pages}) {
    int const error = error_of([&] { all.advise(kind); });
    CHECK((error == 0 || error == EINVAL));
  }
  CHECK(run_with_fault({{SYS_madvise, EINVAL}}, [&] {
          CHECK_THROWS_WITH(all.advise(advice::huge_pages), ContainsSubstring("no transparent huge pages"));
          CHECK(error_of([&] { all.advise(advice::random); }) == EINVAL);
          all.advise(advice::populate, 0, page);  // by hand
        }).passed());
  CHECK(run_with_fault({{SYS_madvise, ENOMEM}}, [&] {
          CHECK(error_of([&] { all.advise(advice::populate, 0, page); }) == ENOMEM);
        }).passed());
  CHECK_THROWS_AS(all.advise(static_cast<advice>(99)), std::invalid_argument);
  CHECK_THROWS_AS(all.advise(advice::random, 0, 4 * page + 1), std::out_of_range);
  CHECK_THROWS_AS(all.advise(advice::random, 4 * page + 1), std::out_of_range);
  CHECK_THROWS_AS(all.flush(1, 4 * page), std::out_of_range);
}

TEST_CASE("mapping: what cannot be mapped is refused", "[memory][mapping]") {
  text_file const file{"some text"};
  auto const map = [](fd const& from, tandem::mapping_options const& options = {}) { mapping{from, options}; };
  CHECK(error_of([&] { map(fd{}); }) == EBADF);
  CHECK(error_of([&] { map(fd::open("/dev/null", O_RDWR)); }) == ENODEV);
  CHECK(error_of([&] { map(fd::open("/", O_RDONLY)); }) == ENODEV);
  CHECK(error_of([&] { map(fd::open(file.path, O_RDONLY), {.access = access::read_write}); }) == EACCES);
  CHECK(error_of([&] { map(fd::open(file.path, O_WRONLY)); }) == EACCES);
  CHECK(error_of([&] { map(fd::open(file.path, O_RDONLY), {.access = access::read_write, .size = 20}); }) == EBADF);
  CHECK(error_of([&] { mapping::file(file.path + "-not"); }) == ENOENT);
  CHECK_THROWS_WITH(mapping::file(file.path + "-not"), ContainsSubstring(file.path + "-not"));
  CHECK_THROWS_AS(mapping::file(file.path, {.size = 20}), std::invalid_argument);
  CHECK_THROWS_WITH(mapping::file(file.path, {.access = access::read_write, .copy_on_write = true, .size = 20}),
                    ContainsSubstring("mapping_options::size"));
  CHECK(file.text() == "some text");
  std::filesystem::permissions(file.path, std::filesystem::perms::none);
  CHECK(as_unprivileged([&] { CHECK(error_of([&] { mapping::file(file.path); }) == EACCES); }).passed());
}

TEST_CASE("mapping: a file that there is no space for is an error, and no SIGBUS", "[memory][mapping]") {
  text_file const file{"some text"};
  CHECK(error_of([&] { mapping::file(file.path, {.access = access::read_write, .size = std::size_t{1} << 62}); }) != 0);
  CHECK(file.text() == "some text");
  CHECK(error_of([&] { mapping::file(file.path, {.access = access::read_write, .size = SIZE_MAX}); }) == EFBIG);
  CHECK(run_with_fault({{SYS_fallocate, ENOSPC}}, [&] {
          CHECK(error_of([&] { mapping::file(file.path, {.access = access::read_write, .size = page}); }) == ENOSPC);
        }).passed());
  CHECK(run_with_fault({{SYS_fallocate, EOPNOTSUPP}}, [&] {
          CHECK_THROWS_WITH(mapping::file(file.path, {.access = access::read_write, .size = page}),
                            ContainsSubstring("take space::sparse"));
          mapping::file(file.path, {.access = access::read_write, .size = page, .space = space::sparse});
        }).passed());
  CHECK(run_in_child([&] {
          rlimit const limit{2 * page, 2 * page};
          REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
          CHECK(error_of([&] { mapping::file(file.path, {.access = access::read_write, .size = 3 * page}); }) == EFBIG);
        }).passed());
}

TEST_CASE("mapping: no room for addresses, and a device that fails, are the system's errors", "[memory][mapping]") {
  text_file const file{"some text"};
  fd const open = fd::open(file.path, O_RDONLY);
  mapping const all{open};
  CHECK(run_with_fault({{SYS_msync, EIO}}, [&] { CHECK(error_of([&] { all.flush(); }) == EIO); }).passed());
  auto const big = tandem::shared_memory::anonymous(std::size_t{1} << 62, {.space = space::sparse});
  CHECK(error_of([&] { big.map(); }) == ENOMEM);
}
