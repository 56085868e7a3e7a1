// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_CODEC_UNORDERED_HPP
#define TANDEM_CORE_CODEC_UNORDERED_HPP

#include <unordered_map>  // for unordered_map, unordered_multimap
#include <unordered_set>  // for unordered_set, unordered_multiset

#include "tandem/core/impl/codec_range.hpp"  // for map_codec, set_codec

namespace tandem {

template <class K, class V, class Hash, class Equal, class Allocator>
struct codec<std::unordered_map<K, V, Hash, Equal, Allocator>>
    : impl::map_codec<std::unordered_map<K, V, Hash, Equal, Allocator>> {};

template <class K, class V, class Hash, class Equal, class Allocator>
struct codec<std::unordered_multimap<K, V, Hash, Equal, Allocator>>
    : impl::map_codec<std::unordered_multimap<K, V, Hash, Equal, Allocator>> {};

template <class K, class Hash, class Equal, class Allocator>
struct codec<std::unordered_set<K, Hash, Equal, Allocator>>
    : impl::set_codec<std::unordered_set<K, Hash, Equal, Allocator>> {};

template <class K, class Hash, class Equal, class Allocator>
struct codec<std::unordered_multiset<K, Hash, Equal, Allocator>>
    : impl::set_codec<std::unordered_multiset<K, Hash, Equal, Allocator>> {};

}  // namespace tandem

#endif  // TANDEM_CORE_CODEC_UNORDERED_HPP
