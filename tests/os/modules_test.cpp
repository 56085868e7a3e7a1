// SPDX-License-Identifier: BSL-1.0
#include "tandem/os/modules.hpp"

#include <dlfcn.h>
#include <gnu/libc-version.h>

#include <cstdint>
#include <string>

#include "support/catch.hpp"

using tandem::os::module_table, tandem::os::modules_generation;

namespace {

int changing = 1;
int const constant = 2;
int function() { return changing + constant; }

std::uintptr_t address_of(auto* of) { return reinterpret_cast<std::uintptr_t>(of); }

}  // namespace

TEST_CASE("modules: an address is found in its module, and whether it may change", "[os][modules]") {
  auto const table = module_table::current();
  auto const* const program = table.find(address_of(&function));
  REQUIRE(program != nullptr);
  CHECK(program->path.empty());
  CHECK(program->identity != 0);
  CHECK(table.find(address_of(&changing)) == program);
  CHECK(module_table::is_constant(*program, address_of(&function)));
  CHECK(module_table::is_constant(*program, address_of(&constant)));
  CHECK(module_table::is_constant(*program, address_of("a literal")));
  CHECK_FALSE(module_table::is_constant(*program, address_of(&changing)));

  auto const* const library = table.find(address_of(&::gnu_get_libc_version));  // nothing that a sanitizer replaces
  REQUIRE(library != nullptr);
  CHECK(library->path.find("libc") != std::string::npos);
  CHECK(table.find(std::string_view(library->path)) == library);
  CHECK(library->identity != program->identity);
  int local = 0;
  CHECK(table.find(address_of(&local)) == nullptr);
  CHECK(table.find(std::string_view("no such module")) == nullptr);
}

TEST_CASE("modules: the same build has the same identity, wherever it lies", "[os][modules]") {
  auto const first = module_table::current();
  auto const second = module_table::current();
  REQUIRE(first.all().size() == second.all().size());
  for (std::size_t i = 0; i < first.all().size(); ++i) CHECK(first.all()[i].identity == second.all()[i].identity);
}

TEST_CASE("modules: the generation tells that one was loaded", "[os][modules]") {
  auto const before = modules_generation::now();
  CHECK(before == modules_generation::now());
  CHECK(before == module_table::current().generation());
  void* const module = ::dlopen("libanl.so.1", RTLD_NOW | RTLD_LOCAL);
  if (module == nullptr) {
    WARN("SKIP(a module to load): dlopen -> " << ::dlerror());
    return;
  }
  CHECK(before != modules_generation::now());
  ::dlclose(module);
}
