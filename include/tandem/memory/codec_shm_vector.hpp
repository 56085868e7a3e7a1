// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_MEMORY_CODEC_SHM_VECTOR_HPP
#define TANDEM_MEMORY_CODEC_SHM_VECTOR_HPP

#include <atomic>        // for atomic
#include <concepts>      // for copy_constructible
#include <cstddef>       // for byte, size_t
#include <cstdint>       // for uint32_t, uint64_t
#include <memory>        // for destroy_at
#include <new>           // for placement new
#include <system_error>  // for errc
#include <utility>       // for move
#include <vector>        // for vector

#include "tandem/core/codec.hpp"                     // for codec, reader, writer
#include "tandem/core/codec_vector.hpp"              // for the codec of other vectors
#include "tandem/core/errors.hpp"                    // for throw_errc
#include "tandem/core/shareable.hpp"                 // for shareable
#include "tandem/memory/commons_allocator.hpp"       // for commons_allocator
#include "tandem/memory/impl/counted.hpp"            // for block_of, counted
#include "tandem/memory/impl/heap_audit.hpp"         // for heap_audit
#include "tandem/memory/impl/heap_blocks.hpp"        // for blocks
#include "tandem/memory/impl/region.hpp"             // for family
#include "tandem/memory/impl/stays_where_it_is.hpp"  // for stays_where_it_is

namespace tandem {
namespace impl {

/// A vector on its way.
template <class Vector> struct parcel {
  std::atomic<std::uint64_t> elements;  // where they are; 0 once it was taken out. What a death leaves of it is freed
  Vector content;
};

template <class Vector> struct block_of<parcel<Vector>> {
  static constexpr std::size_t alignment = alignof(parcel<Vector>), least_bytes = sizeof(parcel<Vector>);
  static constexpr bool is_parcel = true;
  static void destroy(std::byte* block) noexcept { std::destroy_at(reinterpret_cast<parcel<Vector>*>(block)); }
};

}  // namespace impl

/// A vector in the commons travels as it lies there, by its number: at the same cost, however large. One that may be
/// changed is handed over, and empty afterwards, as a result or an argument is; of a const one a copy.
template <class T>
  requires shareable<T>
struct codec<std::vector<T, commons_allocator<T>>> {
  using vector = std::vector<T, commons_allocator<T>>;
  static constexpr std::size_t least_size = sizeof(std::uint32_t);
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, vector const& value) { send(to, vector(value)); }
  static void encode(writer& to, vector& value) { send(to, std::move(value)); }

  static vector decode(reader& from) {
    auto const received = impl::counted<impl::parcel<vector>>::receive(from.read_flat<std::uint32_t>());
    auto& parcel = *reinterpret_cast<impl::parcel<vector>*>(received.block());
    if (impl::stays_where_it_is::is_in_force()) return copied(parcel.content);
    alignas(vector) std::byte space[sizeof(vector)];
    auto& taken = *::new (space) vector(std::move(parcel.content));
    if (!lies_in_the_commons(taken))  // and is not destroyed
      throw_errc(std::errc::bad_message, "decode", "a vector that is not in the commons");
    parcel.elements.store(0, std::memory_order_release);
    vector result(std::move(taken));
    std::destroy_at(&taken);
    return result;
  }

 private:
  static void send(writer& to, vector&& value) {
    impl::counted<impl::parcel<vector>> const sent(sizeof(impl::parcel<vector>), [&value](std::byte* block) {
      std::uint64_t const at = value.data() == nullptr ? 0 : impl::family().offset(value.data());
      ::new (block) impl::parcel<vector>{at, std::move(value)};
    });
    to.write_flat(sent.send());
  }

  static vector copied(vector const& content) {
    if constexpr (std::copy_constructible<T>) {
      if (!lies_in_the_commons(content))
        throw_errc(std::errc::bad_message, "decode", "a vector that is not in the commons");
      return content;
    } else {
      throw_errc(std::errc::operation_not_supported, "decode",
                 "a vector of what cannot be copied cannot be delivered more than once");
    }
  }

  static bool lies_in_the_commons(vector const& taken) noexcept {
    auto const size = taken.size(), capacity = taken.capacity();
    if (taken.data() == nullptr) return size == 0 && capacity == 0;
    return size <= capacity && capacity <= impl::heap_audit::block_bytes(impl::blocks::map(), taken.data()) / sizeof(T);
  }
};

}  // namespace tandem

#endif  // TANDEM_MEMORY_CODEC_SHM_VECTOR_HPP
