// SPDX-License-Identifier: BSL-1.0
// std's containers in the commons. Elements that allocate must do so in the commons too: vector<shm::string>, not
// vector<std::string>.
#ifndef TANDEM_MEMORY_SHM_HPP
#define TANDEM_MEMORY_SHM_HPP

#include <deque>          // for deque
#include <list>           // for list
#include <map>            // for map, multimap
#include <set>            // for set, multiset
#include <string>         // for basic_string, char_traits
#include <string_view>    // for string_view, hash
#include <unordered_map>  // for unordered_map
#include <unordered_set>  // for unordered_set
#include <utility>        // for pair
#include <vector>         // for vector

#include "tandem/core/shareable.hpp"            // for enable_shareable, shareable
#include "tandem/memory/codec_shm_vector.hpp"   // for how vectors travel
#include "tandem/memory/commons_allocator.hpp"  // for commons_allocator

namespace tandem::shm {

using string = std::basic_string<char, std::char_traits<char>, commons_allocator<char>>;

template <class T> using vector = std::vector<T, commons_allocator<T>>;

template <class T> using deque = std::deque<T, commons_allocator<T>>;

template <class T> using list = std::list<T, commons_allocator<T>>;

template <class Key, class T, class Compare = std::less<Key>>
using map = std::map<Key, T, Compare, commons_allocator<std::pair<Key const, T>>>;

template <class Key, class T, class Compare = std::less<Key>>
using multimap = std::multimap<Key, T, Compare, commons_allocator<std::pair<Key const, T>>>;

template <class Key, class Compare = std::less<Key>> using set = std::set<Key, Compare, commons_allocator<Key>>;

template <class Key, class Compare = std::less<Key>>
using multiset = std::multiset<Key, Compare, commons_allocator<Key>>;

template <class Key, class T, class Hash = std::hash<Key>, class Equal = std::equal_to<Key>>
using unordered_map = std::unordered_map<Key, T, Hash, Equal, commons_allocator<std::pair<Key const, T>>>;

template <class Key, class Hash = std::hash<Key>, class Equal = std::equal_to<Key>>
using unordered_set = std::unordered_set<Key, Hash, Equal, commons_allocator<Key>>;

}  // namespace tandem::shm

// A container in the commons is shareable where what it holds is.
namespace tandem {

template <> inline constexpr bool enable_shareable<shm::string> = true;
template <class T> inline constexpr bool enable_shareable<shm::vector<T>> = impl::is_shareable<T>();
template <class T> inline constexpr bool enable_shareable<shm::deque<T>> = impl::is_shareable<T>();
template <class T> inline constexpr bool enable_shareable<shm::list<T>> = impl::is_shareable<T>();
template <class Key, class T, class Compare>
inline constexpr bool enable_shareable<shm::map<Key, T, Compare>> =
    impl::is_shareable<Key>() && impl::is_shareable<T>();
template <class Key, class T, class Compare>
inline constexpr bool enable_shareable<shm::multimap<Key, T, Compare>> =
    impl::is_shareable<Key>() && impl::is_shareable<T>();
template <class Key, class Compare>
inline constexpr bool enable_shareable<shm::set<Key, Compare>> = impl::is_shareable<Key>();
template <class Key, class Compare>
inline constexpr bool enable_shareable<shm::multiset<Key, Compare>> = impl::is_shareable<Key>();
template <class Key, class T, class Hash, class Equal>
inline constexpr bool enable_shareable<shm::unordered_map<Key, T, Hash, Equal>> =
    impl::is_shareable<Key>() && impl::is_shareable<T>();
template <class Key, class Hash, class Equal>
inline constexpr bool enable_shareable<shm::unordered_set<Key, Hash, Equal>> = impl::is_shareable<Key>();

}  // namespace tandem

/// As that of std::string with the same characters. std hashes only strings with its own allocators.
template <> struct std::hash<tandem::shm::string> {
  std::size_t operator()(tandem::shm::string const& text) const noexcept {
    return std::hash<std::string_view>{}(std::string_view{text.data(), text.size()});
  }
};

#endif  // TANDEM_MEMORY_SHM_HPP
