// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_CODEC_LIST_HPP
#define TANDEM_CORE_CODEC_LIST_HPP

#include <deque>  // for deque
#include <list>   // for list

#include "tandem/core/impl/codec_range.hpp"  // for sequence_codec

namespace tandem {

template <class T, class Allocator>
struct codec<std::deque<T, Allocator>> : impl::sequence_codec<std::deque<T, Allocator>> {};

template <class T, class Allocator>
struct codec<std::list<T, Allocator>> : impl::sequence_codec<std::list<T, Allocator>> {};

}  // namespace tandem

#endif  // TANDEM_CORE_CODEC_LIST_HPP
