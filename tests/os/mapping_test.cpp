// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/mapping.hpp"

#include <sys/stat.h>

#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/syscall_fault.hpp"

namespace os = tandem::os;
using namespace tandem_test;

namespace {

constexpr std::byte one{1};

// Whether the page at `at` belongs to a mapping. mincore(2) does not touch it.
bool mapped(void* at) {
  unsigned char in_core = 0;
  return ::mincore(at, os::page_size(), &in_core) == 0;
}

// The VmFlags of the mapping at `at`, from /proc/self/smaps.
std::string flags_of(void* at) {
  std::ostringstream range;
  range << std::hex << reinterpret_cast<std::uintptr_t>(at) << '-';
  std::ifstream maps{"/proc/self/smaps"};
  bool here = false;
  for (std::string line; std::getline(maps, line);) {
    if (line.rfind(range.str(), 0) == 0) here = true;
    if (here && line.rfind("VmFlags:", 0) == 0) return line + ' ';
  }
  return {};
}

}  // namespace

TEST_CASE("mapping: private memory is zeroed, writable, and a forked child's own copy", "[os][mapping]") {
  auto const page = os::page_size();
  std::byte* const at = os::map_private(2 * page);
  REQUIRE(at != nullptr);
  CHECK(at[0] == std::byte{0});
  CHECK(at[2 * page - 1] == std::byte{0});
  CHECK(run_in_child([&] { at[0] = one; }).passed());
  CHECK(at[0] == std::byte{0});
  os::unmap(at, 2 * page);
  CHECK_FALSE(mapped(at));
}

TEST_CASE("mapping: more than there is is nullptr and ENOMEM", "[os][mapping]") {
  auto const too_much = std::size_t{1} << 62;
  CHECK((os::map_private(too_much) == nullptr && errno == ENOMEM));
  CHECK((os::map_shared(-1, 0, too_much, nullptr) == nullptr && errno == ENOMEM));
}

TEST_CASE("mapping: nameless shared memory is one for parent and child", "[os][mapping]") {
  auto const page = os::page_size();
  std::byte* const at = os::map_shared(-1, 0, page, nullptr);
  REQUIRE(at != nullptr);
  CHECK(run_in_child([&] { at[7] = one; }).passed());
  CHECK(at[7] == one);
  os::unmap(at, page);
}

TEST_CASE("mapping: a wanted place is taken where it is free, and left alone where it is not", "[os][mapping]") {
  auto const page = os::page_size();
  std::byte* const taken = os::map_shared(-1, 0, 2 * page, nullptr);
  REQUIRE(taken != nullptr);
  taken[0] = one;
  std::byte* const elsewhere = os::map_shared(-1, 0, page, taken);
  REQUIRE(elsewhere != nullptr);
  CHECK(elsewhere != taken);
  CHECK(taken[0] == one);
  os::unmap(taken + page, page);
  CHECK(os::map_shared(-1, 0, page, taken + page) == taken + page);
  os::unmap(elsewhere, page);
  os::unmap(taken, 2 * page);
}

TEST_CASE("mapping: two mappings of one descriptor show the same memory, and a bad descriptor none", "[os][mapping]") {
  auto const page = os::page_size();
  int const file = os::create_memory_file("test", page);
  REQUIRE(file >= 0);
  std::byte* const first = os::map_shared(file, 0, page, nullptr);
  std::byte* const second = os::map_shared(file, 0, page, nullptr);
  REQUIRE((first != nullptr && second != nullptr));
  first[3] = one;
  CHECK(second[3] == one);
  os::unmap(first, page);
  os::unmap(second, page);
  ::close(file);
  CHECK((os::map_shared(file, 0, page, nullptr) == nullptr && errno == EBADF));
  CHECK((os::map_shared(file, 0, page, second) == nullptr && errno == EBADF));
}

TEST_CASE("mapping: an alias shows the same memory as the page, in both directions and across fork", "[os][mapping]") {
  auto const page = os::page_size();
  std::byte* const original = os::map_shared(-1, 0, page, nullptr);
  std::byte* const alias = os::map_private(page);
  REQUIRE(os::alias_page(original, alias, page));
  original[0] = one;
  CHECK(alias[0] == one);
  alias[1] = one;
  CHECK(original[1] == one);
  CHECK(run_in_child([&] { alias[2] = one; }).passed());
  CHECK(original[2] == one);
  os::unmap(original, page);
  CHECK(alias[0] == one);
  os::unmap(alias, page);
}

TEST_CASE("mapping: private memory has no alias", "[os][mapping]") {
  auto const page = os::page_size();
  std::byte* const original = os::map_private(page);
  original[0] = one;
  std::byte* const place = os::map_shared(-1, 0, page, nullptr);
  CHECK_FALSE(os::alias_page(original, place, page));
  CHECK(errno == EINVAL);
  os::unmap(original, page);
  os::unmap(place, page);
}

TEST_CASE("mapping: a forked child finds zeros in memory that is wiped, its parent does not", "[os][mapping]") {
  auto const page = os::page_size();
  std::byte* const at = os::map_private(page);
  REQUIRE(os::wipe_on_fork(at, page));
  at[0] = one;
  CHECK(run_in_child([&] {
          CHECK(at[0] == std::byte{0});
          at[0] = std::byte{2};
          CHECK(run_in_child([&] { CHECK(at[0] == std::byte{0}); }).passed());
          CHECK(at[0] == std::byte{2});
        }).passed());
  CHECK(at[0] == one);
  os::unmap(at, page);
}

TEST_CASE("mapping: shared memory cannot be wiped", "[os][mapping]") {
  auto const page = os::page_size();
  std::byte* const at = os::map_shared(-1, 0, page, nullptr);
  CHECK_FALSE(os::wipe_on_fork(at, page));
  CHECK(errno == EINVAL);
  os::unmap(at, page);
}

TEST_CASE("mapping: a forked child does not have memory that is dropped", "[os][mapping]") {
  auto const page = os::page_size();
  bool const shared = GENERATE(false, true);
  std::byte* const at = shared ? os::map_shared(-1, 0, page, nullptr) : os::map_private(page);
  at[0] = one;
  REQUIRE(os::drop_on_fork(at, page));
  CHECK(mapped(at));
  CHECK(run_in_child([&] { CHECK_FALSE(mapped(at)); }).passed());
  CHECK(at[0] == one);
  os::unmap(at, page);
}

TEST_CASE("mapping: a core dump leaves out what it is told to", "[os][mapping]") {
  auto const page = os::page_size();
  std::byte* const at = os::map_shared(-1, 0, page, nullptr);
  CHECK(flags_of(at).find(" dd ") == std::string::npos);
  CHECK(os::drop_from_core(at, page));
  CHECK(flags_of(at).find(" dd ") != std::string::npos);
  os::unmap(at, page);
}

TEST_CASE("mapping: advice to what is not mapped is refused", "[os][mapping]") {
  auto const page = os::page_size();
  std::byte* const at = os::map_private(page);
  os::unmap(at, page);
  CHECK((!os::wipe_on_fork(at, page) && errno == ENOMEM));
  CHECK((!os::drop_on_fork(at, page) && errno == ENOMEM));
  CHECK((!os::drop_from_core(at, page) && errno == ENOMEM));
  CHECK_FALSE(os::punch(at, page));
}

TEST_CASE("mapping: punched pages go back to the system and read as zeros, for every mapping of them",
          "[os][mapping]") {
  auto const page = os::page_size();
  int const file = os::create_memory_file("test", 4 * page);
  std::byte* const at = os::map_shared(file, 0, 4 * page, nullptr);
  std::byte* const again = os::map_shared(file, 0, 4 * page, nullptr);
  std::memset(at, 1, 4 * page);
  auto const blocks = [&] {
    struct stat status {};
    ::fstat(file, &status);
    return status.st_blocks;
  };
  auto const before = blocks();
  REQUIRE(os::punch(at + page, 2 * page));
  CHECK(blocks() < before);
  CHECK(at[page - 1] == one);
  CHECK(at[page] == std::byte{0});
  CHECK(again[3 * page - 1] == std::byte{0});
  CHECK(at[3 * page] == one);
  at[page] = one;
  CHECK(again[page] == one);
  os::unmap(at, 4 * page);
  os::unmap(again, 4 * page);
  ::close(file);
}

TEST_CASE("mapping: private memory is not punched", "[os][mapping]") {
  auto const page = os::page_size();
  std::byte* const at = os::map_private(page);
  at[0] = one;
  CHECK((!os::punch(at, page) && errno == EINVAL));
  CHECK(at[0] == one);
  os::unmap(at, page);
}

TEST_CASE("mapping: a memory file is sparse, close-on-exec, and nobody changes its size or its seals",
          "[os][mapping]") {
  auto const size = std::size_t{1} << 36;  // more than any machine that runs tests
  int const file = os::create_memory_file("test", size);
  REQUIRE(file >= 0);
  CHECK(close_on_exec(file));
  struct stat status {};
  CHECK(::fstat(file, &status) == 0);
  CHECK(static_cast<std::size_t>(status.st_size) == size);
  CHECK(status.st_blocks == 0);
  CHECK((::ftruncate(file, 0) == -1 && errno == EPERM));
  CHECK((::ftruncate(file, static_cast<off_t>(size) + 4096) == -1 && errno == EPERM));
  CHECK((::fcntl(file, F_ADD_SEALS, F_SEAL_WRITE) == -1 && errno == EPERM));
  CHECK(run_in_child([&] { CHECK((::ftruncate(file, 0) == -1 && errno == EPERM)); }).passed());
  ::close(file);
}

TEST_CASE("mapping: RLIMIT_FSIZE forbids a memory file with EFBIG, not with SIGXFSZ", "[os][mapping]") {
  auto const child = run_in_child([] {
    ::signal(SIGXFSZ, SIG_DFL);
    rlimit const limit{1 << 20, 1 << 20};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    CHECK((os::create_memory_file("test", (1 << 20) + 1) == -1 && errno == EFBIG));
    int const file = os::create_memory_file("test", 1 << 20);
    CHECK(file >= 0);
  });
  INFO(child.to_string());
  CHECK(child.passed());
}

TEST_CASE("mapping: a size that no file has is refused, and nothing stays open", "[os][mapping]") {
  CHECK(os::create_memory_file("test", SIZE_MAX) == -1);
  CHECK((errno == EINVAL || errno == EFBIG));
}

TEST_CASE("mapping: no room for a memory file is EMFILE", "[os][mapping]") {
  CHECK(run_in_child([] {
          descriptor_limit const few{0};
          CHECK((os::create_memory_file("test", 4096) == -1 && errno == EMFILE));
        }).passed());
}

TEST_CASE("mapping: kernels that do not know the no-exec seal make memory files without it",
          "[os][mapping][fallback]") {
  auto const child = run_with_fault({{SYS_memfd_create, EINVAL, {{.index = 1, .mask = 8, .value = 8}}}}, [] {
    int const file = os::create_memory_file("test", 4096);
    REQUIRE(file >= 0);
    CHECK((::ftruncate(file, 0) == -1 && errno == EPERM));
  });
  INFO(child.to_string());
  CHECK(child.passed());
}

TEST_CASE("mapping: where memory files are missing, the error is the system's", "[os][mapping][fallback]") {
  int const error = GENERATE(ENOSYS, EPERM);
  CHECK(run_with_fault({{SYS_memfd_create, error}}, [&] {
          CHECK((os::create_memory_file("test", 4096) == -1 && errno == error));
        }).passed());
}

TEST_CASE("mapping: whether something is mapped is told without touching it", "[os][mapping]") {
  std::byte* const page = os::map_private(os::page_size());
  REQUIRE(page != nullptr);
  auto const address = reinterpret_cast<std::uintptr_t>(page);
  CHECK(os::is_mapped(address + 7));
  os::unmap(page, os::page_size());
  CHECK_FALSE(os::is_mapped(address + 7));
  CHECK_FALSE(os::is_mapped(0x7ffe'0000'0005));
}

TEST_CASE("mapping: what a fork does not copy can be given back to it", "[os][mapping]") {
  std::byte* const page = os::map_shared(-1, 0, os::page_size(), nullptr);
  REQUIRE(page != nullptr);
  CHECK(os::drop_on_fork(page, os::page_size()));
  CHECK(run_in_child([page] { CHECK_FALSE(mapped(page)); }).passed());
  CHECK(os::keep_on_fork(page, os::page_size()));
  CHECK(run_in_child([page] { CHECK(mapped(page)); }).passed());
  os::unmap(page, os::page_size());
}

TEST_CASE("mapping: pages are fetched beforehand, where the kernel can", "[os][mapping]") {
  std::byte* const page = os::map_private(os::page_size());
  REQUIRE(page != nullptr);
  os::populate(page, os::page_size());
  os::populate_writable(page, os::page_size());
  *page = one;
  CHECK(*page == one);
  os::unmap(page, os::page_size());
}

TEST_CASE("mapping: part of a file is mapped shared, or copied as it is written to; read-only, or not",
          "[os][mapping]") {
  auto const page = os::page_size();
  int const file = os::create_memory_file("test", 2 * page);
  CHECK(os::mapping_unit(file) == page);
  std::byte* const shared = os::map_file(file, page, page, true, false);
  std::byte* const copied = os::map_file(file, page, page, true, true);
  std::byte* const read = os::map_file(file, page, page, false, false);
  REQUIRE((shared != nullptr && copied != nullptr && read != nullptr));
  *shared = one;
  CHECK((*copied == one && *read == one));
  *copied = std::byte{2};
  CHECK(*shared == one);
  CHECK(os::flush(shared, page) == 0);
  CHECK(os::advise(shared, page, MADV_SEQUENTIAL) == 0);
  CHECK((os::advise(shared, page, 12345) == -1 && errno == EINVAL));
  CHECK(os::protect(read, page, true) == 0);
  *read = std::byte{3};
  CHECK(*shared == std::byte{3});
  CHECK(os::protect(shared, page, false) == 0);
  CHECK(run_in_child([&] {
          ::signal(SIGSEGV, SIG_DFL);
          *shared = one;
        }).signal == SIGSEGV);
  for (std::byte* const at : {shared, copied, read}) os::unmap(at, page);
  CHECK((os::flush(shared, page) == -1 && errno == ENOMEM));
  CHECK((os::protect(shared, page, true) == -1 && errno == ENOMEM));
  ::close(file);
  CHECK((os::map_file(file, 0, page, false, false) == nullptr && errno == EBADF));
}

TEST_CASE("mapping: a memory file of huge pages is mapped in units of these", "[os][mapping]") {
  int const file = os::open_memory_file("test", MFD_HUGETLB);
  if (file < 0) return;  // this kernel has none
  CHECK(os::mapping_unit(file) > os::page_size());
  ::close(file);
  CHECK(os::mapping_unit(-1) == os::page_size());
}
