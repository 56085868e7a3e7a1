// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/symbols.hpp"

#include <dlfcn.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"
#include "support/temp_dir.hpp"

namespace os = tandem::os;
using namespace tandem_test;

namespace {

[[gnu::noinline]] int hidden_function(int number) {
  asm("");
  return number + 1;
}

struct elf_file {
  int descriptor;
  explicit elf_file(std::string const& path) : descriptor(os::open_regular_file(path.c_str())) {}
  elf_file(elf_file const&) = delete;
  ~elf_file() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

std::uint64_t offset_here(void const* address) {
  Dl_info known{};
  REQUIRE(::dladdr(address, &known) != 0);
  return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(known.dli_fbase);
}

}  // namespace

TEST_CASE("symbols: finds functions that are not exported, and where in them", "[os][symbols]") {
  CHECK(hidden_function(1) == 2);
  elf_file const program("/proc/self/exe");
  REQUIRE(program.descriptor >= 0);
  std::vector<os::function_lookup> lookups(3);
  lookups[0].offset = offset_here(reinterpret_cast<void*>(&hidden_function));
  lookups[1].offset = lookups[0].offset + 1;
  lookups[2].offset = ~std::uint64_t{0} / 2;  // nowhere
  os::symbol_reader(program.descriptor).find(lookups);
  CHECK_THAT(lookups[0].name, ContainsSubstring("hidden_function"));
  CHECK(lookups[0].inside == 0);
  CHECK(lookups[1].name == lookups[0].name);
  CHECK(lookups[1].inside == 1);
  CHECK(lookups[2].name.empty());
}

TEST_CASE("symbols: finds the exported functions of a stripped library", "[os][symbols]") {
  Dl_info known{};
  auto* const function = ::dlsym(RTLD_NEXT, "qsort");
  REQUIRE(::dladdr(function, &known) != 0);
  elf_file const library(known.dli_fname);
  REQUIRE(library.descriptor >= 0);
  std::vector<os::function_lookup> lookups(1);
  lookups[0].offset = offset_here(function);
  os::symbol_reader(library.descriptor).find(lookups);
  CHECK_THAT(lookups[0].name, ContainsSubstring("qsort"));
}

TEST_CASE("symbols: open_regular_file opens files alone, and never waits", "[os][symbols]") {
  temp_dir const dir;
  REQUIRE(::mkfifo((dir / "pipe").c_str(), 0600) == 0);
  std::ofstream(dir / "file") << "text";
  CHECK(elf_file((dir / "file").string()).descriptor >= 0);
  for (std::string const& path : {(dir / "pipe").string(), dir.path().string(), std::string("/dev/null"),
                                  (dir / "none").string(), std::string("/proc/self/maps"), std::string("/proc/kmsg")})
    CHECK(elf_file(path).descriptor == -1);
}

TEST_CASE("symbols: a file that is no module, cut, or damaged anywhere gives nothing or something, never harm",
          "[os][symbols][hostile]") {
  INFO("TANDEM_TEST_SEED=" << test_seed());
  std::mt19937_64 random(test_seed());
  temp_dir const dir;
  Dl_info known{};
  REQUIRE(::dladdr(::dlsym(RTLD_NEXT, "dlsym"), &known) != 0);
  auto* const smallest = ::dlsym(RTLD_NEXT, "_Unwind_Backtrace");  // libgcc_s: some 100 KB
  REQUIRE(::dladdr(smallest, &known) != 0);
  std::ifstream in(known.dli_fname, std::ios::binary);
  std::string const whole{std::istreambuf_iterator<char>(in), {}};
  REQUIRE(whole.size() > 1000);
  std::vector<os::function_lookup> const wanted(3, {offset_here(smallest)});
  long const rounds = repetitions(300, 20000);
  for (long i = 0; i < rounds; ++i) {
    std::string damaged = whole;
    if (i % 3 == 0) damaged.resize(random() % damaged.size());
    std::size_t const head = std::min<std::size_t>(damaged.size(), sizeof(ElfW(Ehdr)));
    for (auto n = random() % 8; n-- != 0 && !damaged.empty();)
      damaged[random() % damaged.size()] = static_cast<char>(random());
    if (head > 16 && i % 3 == 1) damaged[16 + random() % (head - 16)] = static_cast<char>(random());
    ElfW(Ehdr) header;
    if (damaged.size() > sizeof header && i % 3 == 2) {  // its section headers
      std::memcpy(&header, whole.data(), sizeof header);
      for (auto n = random() % 6; n-- != 0;) {
        std::size_t const where = header.e_shoff + random() % (header.e_shnum * sizeof(ElfW(Shdr)));
        if (where < damaged.size()) damaged[where] = static_cast<char>(random());
      }
    }
    std::ofstream(dir / "module", std::ios::binary | std::ios::trunc) << damaged;
    elf_file const module((dir / "module").string());
    auto lookups = wanted;
    os::symbol_reader(module.descriptor).find(lookups);
    for (auto const& one : lookups) REQUIRE(one.name.size() <= 1024);
  }
  os::symbol_reader(-1).find({});
}

TEST_CASE("symbols: many tables that claim much are not all read", "[os][symbols]") {
  temp_dir const dir;
  // A header, and after it 60000 sections that all are the same endless table of symbols.
  ElfW(Ehdr) head{};
  std::ifstream("/proc/self/exe", std::ios::binary).read(reinterpret_cast<char*>(&head), sizeof head);
  head.e_phnum = 0;
  head.e_shoff = sizeof head;
  head.e_shnum = 60000;
  ElfW(Shdr) section{};
  section.sh_type = SHT_SYMTAB;
  section.sh_offset = 0;
  section.sh_size = std::uint64_t{1} << 40;
  std::string bytes(reinterpret_cast<char const*>(&head), sizeof head);
  for (int i = 0; i < head.e_shnum; ++i) bytes.append(reinterpret_cast<char const*>(&section), sizeof section);
  std::ofstream(dir / "module", std::ios::binary) << bytes;
  REQUIRE(::truncate((dir / "module").c_str(), off_t{1} << 26) == 0);  // sparse
  elf_file const module((dir / "module").string());
  std::vector<os::function_lookup> lookups(1, {0x1000});
  os::symbol_reader(module.descriptor).find(lookups);  // the watchdog would tell
  CHECK(lookups[0].name.empty());
}
