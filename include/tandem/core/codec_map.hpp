// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_CODEC_MAP_HPP
#define TANDEM_CORE_CODEC_MAP_HPP

#include <map>  // for map, multimap
#include <set>  // for set, multiset

#include "tandem/core/impl/codec_range.hpp"  // for map_codec, set_codec

namespace tandem {

template <class K, class V, class Less, class Allocator>
struct codec<std::map<K, V, Less, Allocator>> : impl::map_codec<std::map<K, V, Less, Allocator>> {};

template <class K, class V, class Less, class Allocator>
struct codec<std::multimap<K, V, Less, Allocator>> : impl::map_codec<std::multimap<K, V, Less, Allocator>> {};

template <class K, class Less, class Allocator>
struct codec<std::set<K, Less, Allocator>> : impl::set_codec<std::set<K, Less, Allocator>> {};

template <class K, class Less, class Allocator>
struct codec<std::multiset<K, Less, Allocator>> : impl::set_codec<std::multiset<K, Less, Allocator>> {};

}  // namespace tandem

#endif  // TANDEM_CORE_CODEC_MAP_HPP
