// SPDX-License-Identifier: BSL-1.0
#include "tandem/memory/shm.hpp"

#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "support/catch.hpp"
#include "support/child.hpp"
#include "tandem/memory/commons.hpp"
#include "tandem/memory/shared.hpp"

namespace shm = tandem::shm;

static_assert(sizeof(shm::string) == sizeof(std::string));
static_assert(std::is_same_v<shm::map<int, long>::mapped_type, long>);

namespace {

shm::string name_of(int number) {
  return shm::string("a name that is too long for the string itself: ") + std::to_string(number).c_str();
}

template <class T> void add(shm::vector<T>& to, int number) { to.push_back(name_of(number)); }
template <class T> void add(shm::deque<T>& to, int number) { to.push_back(name_of(number)); }
template <class T> void add(shm::list<T>& to, int number) { to.push_back(name_of(number)); }
template <class T> void add(shm::set<T>& to, int number) { to.insert(name_of(number)); }
template <class T> void add(shm::multiset<T>& to, int number) { to.insert(name_of(number)); }
template <class T> void add(shm::unordered_set<T>& to, int number) { to.insert(name_of(number)); }
template <class K, class T> void add(shm::map<K, T>& to, int number) { to[name_of(number)] = number; }
template <class K, class T> void add(shm::multimap<K, T>& to, int number) { to.emplace(name_of(number), number); }
template <class K, class T> void add(shm::unordered_map<K, T>& to, int number) { to[name_of(number)] = number; }

shm::string const& text_of(shm::string const& element) { return element; }
template <class T> shm::string const& text_of(std::pair<shm::string const, T> const& element) { return element.first; }

}  // namespace

TEMPLATE_TEST_CASE("shm: a container filled by one process is read, emptied and freed by another", "[memory][shm]",
                   shm::vector<shm::string>, shm::deque<shm::string>, shm::list<shm::string>, shm::set<shm::string>,
                   shm::multiset<shm::string>, shm::unordered_set<shm::string>, (shm::map<shm::string, int>),
                   (shm::multimap<shm::string, int>), (shm::unordered_map<shm::string, int>)) {
  auto const before = tandem::commons().statistics().live_blocks;
  auto* const shared = new (tandem::commons().allocate(sizeof(TestType), alignof(TestType))) TestType;
  auto const end = tandem_test::run_in_child([shared] {
    for (int i = 0; i < 300; ++i) add(*shared, i);
  });
  CHECK(end.passed());
  CHECK(shared->size() == 300);
  std::size_t in_commons = 0;
  shm::set<shm::string> names;
  for (auto const& element : *shared) {
    names.insert(text_of(element));
    if (tandem::commons().owns(&element) && tandem::commons().owns(text_of(element).data())) ++in_commons;
  }
  CHECK(in_commons == 300);
  CHECK(names.count(name_of(299)) == 1);
  CHECK(names.size() == 300);
  names.clear();
  shared->erase(shared->begin());
  CHECK(shared->size() == 299);
  std::destroy_at(shared);
  tandem::commons().deallocate(shared);
  CHECK(tandem::commons().statistics().live_blocks == before);
}

TEST_CASE("shm: a string hashes as std's with the same characters", "[memory][shm]") {
  CHECK(std::hash<shm::string>{}("words") == std::hash<std::string>{}("words"));
  shm::string const zero_inside("a\0b", 3);
  CHECK(std::hash<shm::string>{}(zero_inside) == std::hash<std::string>{}(std::string("a\0b", 3)));
}

TEST_CASE("shm: a short string is in the object itself, a long one in the commons", "[memory][shm]") {
  shm::string const small("short"), large(100, 'x');
  CHECK_FALSE(tandem::commons().owns(small.data()));
  CHECK(tandem::commons().owns(large.data()));
}

TEST_CASE("shm: its containers can be shared objects", "[memory][shm]") {
  tandem::shared<tandem::shm::vector<int>> const numbers(std::size_t{3}, 7);
  tandem::shared<tandem::shm::string> const text("both sides see it");
  CHECK(numbers->size() == 3);
  CHECK(*text == "both sides see it");
  static_assert(tandem::shareable<tandem::shm::map<tandem::shm::string, int>>);
  static_assert(!tandem::shareable<tandem::shm::vector<int*>>);
}
