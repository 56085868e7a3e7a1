// SPDX-License-Identifier: BSL-1.0
// What a process that does not come from a fork of its starter is told, in one block of the commons:
//
//   | start_request | the closure, where it will be called | options, arguments: encoded |
//
// The closure was constructed there by the starter, in the receiver's name, and its words were looked at; nothing in it
// leads into memory that the receiver lacks.
#ifndef TANDEM_EXECUTION_IMPL_START_REQUEST_HPP
#define TANDEM_EXECUTION_IMPL_START_REQUEST_HPP

#include <algorithm>  // for max
#include <atomic>     // for atomic
#include <cstddef>    // for byte, size_t
#include <cstdint>    // for uint32_t, uint64_t, uintptr_t
#include <cstring>    // for memcpy
#include <span>       // for span
#include <utility>    // for exchange

#include "tandem/core/byte_sink.hpp"       // for byte_sink
#include "tandem/execution/unit_id.hpp"    // for unit_id
#include "tandem/memory/commons.hpp"       // for commons
#include "tandem/memory/impl/objects.hpp"  // for hold
#include "tandem/memory/impl/token.hpp"    // for token

namespace tandem::impl {

struct start_request;

/// How a request reached the process that is to serve it.
struct arrival {
  std::span<int> descriptors;  // what was sent along: -1 once taken
  bool bound;                  // its life is bound to its starter's
};

/// Serves a request; never returns.
using start_entry = void(start_request&, arrival const&) noexcept;

struct start_request {
  start_entry* entry;  // as the starter sees it
  token member;
  std::uint32_t descriptors;  // how many are sent along
  unit_id starter;
  hold stop;  // the receiver's, on the word at `stop_word`
  std::atomic<std::uint32_t>* stop_word;
  std::byte* closure;
  std::uint64_t encoded_bytes;
  std::byte* encoded;  // and behind it the descriptors' numbers, for who has inherited them

  std::span<std::byte const> bytes() const noexcept { return {encoded, encoded_bytes}; }
};

/// A block of the commons, freed unless somebody takes it.
class request_block {
 public:
  explicit request_block(std::size_t bytes, std::size_t alignment) : at_(commons().allocate(bytes, alignment)) {}
  request_block(request_block&& other) noexcept : at_(std::exchange(other.at_, nullptr)) {}
  ~request_block() {
    if (at_ != nullptr) commons().deallocate(at_);
  }
  std::byte* get() const noexcept { return static_cast<std::byte*>(at_); }
  std::byte* release() noexcept { return static_cast<std::byte*>(std::exchange(at_, nullptr)); }

 private:
  void* at_;
};

/// Encoded bytes in a block of the commons, which a larger one follows as they grow.
class commons_sink : public byte_sink {
 public:
  commons_sink() noexcept : byte_sink{nullptr, 0, &enlarge} {}
  commons_sink(commons_sink const&) = delete;
  ~commons_sink() {
    if (data != nullptr) commons().deallocate(data);
  }
  std::byte* release() noexcept { return std::exchange(data, nullptr); }

 private:
  static void enlarge(byte_sink& sink, std::size_t used, std::size_t needed) {
    std::size_t const size = std::max({needed, 2 * sink.capacity, std::size_t{256}});
    auto* const larger = static_cast<std::byte*>(commons().allocate(size));
    if (used != 0) std::memcpy(larger, sink.data, used);
    if (sink.data != nullptr) commons().deallocate(sink.data);
    sink.data = larger;
    sink.capacity = size;
  }
};

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_START_REQUEST_HPP
