// SPDX-License-Identifier: BSL-1.0
// An encoded value on its way through shared memory: a block of the commons, which one word owns.
//
//     { size, sender, holds } | the value's bytes | the holds on shared objects that were sent with it
//
// A handle to a shared object that is encoded leaves a hold in its sender's name behind, until the receiver has one of
// its own. Here the receiver gives it back then. It strikes each from the list before it does so: should it die in
// between, one stays until the sender's end; none is given back twice.
#ifndef TANDEM_QUEUE_IMPL_ENCODED_BLOCK_HPP
#define TANDEM_QUEUE_IMPL_ENCODED_BLOCK_HPP

#include <atomic>   // for atomic
#include <cstddef>  // for byte, size_t
#include <cstdint>  // for uint32_t, uint64_t
#include <cstring>  // for memcpy
#include <span>     // for span
#include <utility>  // for exchange
#include <vector>   // for vector

#include "tandem/core/byte_sink.hpp"                 // for byte_sink
#include "tandem/core/codec.hpp"                     // for decode, encode
#include "tandem/core/errors.hpp"                    // for throw_errc
#include "tandem/core/writer.hpp"                    // for writer
#include "tandem/memory/commons.hpp"                 // for commons
#include "tandem/memory/impl/free_block.hpp"         // for block_bytes_at, free_block_at
#include "tandem/memory/impl/objects.hpp"            // for hold, objects
#include "tandem/memory/impl/region.hpp"             // for family
#include "tandem/memory/impl/sent_holds.hpp"         // for sent_holds
#include "tandem/memory/impl/stays_where_it_is.hpp"  // for stays_where_it_is
#include "tandem/os/socket.hpp"                      // for close_all
#include "tandem/queue/impl/descriptor_road.hpp"     // for descriptor_road

namespace tandem::impl {

class encoded_block {
 public:
  /// @pre nothing is in it @throws what T's codec throws, std::bad_alloc: nothing is in it then
  template <class T> void fill(T& value) {
    sink to;
    sent_holds const log;
    writer out(to);
    out.write_flat(header{});
    try {
      tandem::encode(out, value);
      header known{out.size() - sizeof(header), objects::self(), static_cast<std::uint32_t>(log.holds().size()), 0, 0};
      for (hold const one : log.holds()) out.write_flat(one);
      if (!out.descriptors().empty()) {
        known.descriptors = static_cast<std::uint32_t>(out.descriptors().size());
        known.message = road().send(out.descriptors());
      }
      std::memcpy(to.data, &known, sizeof known);
    } catch (...) {
      for (hold const one : log.holds()) objects::give_back(one, objects::self());
      throw;
    }
    // release: whoever finds the block, after this one's death too, finds it whole
    at_.store(family().offset(std::exchange(to.data, nullptr)), std::memory_order_release);
  }

  /// @throws what T's codec throws; nothing is in it afterwards
  template <class T> T take() {
    struct emptied {
      encoded_block& me;
      ~emptied() { me.discard(); }
    } const at_end{*this};
    return decoded<T>();
  }

  /// The same; it stays. @throws what T's codec throws
  template <class T> T read() const {
    stays_where_it_is const for_the_codecs;
    return decoded<T>();
  }

  bool is_empty() const noexcept { return at_.load(std::memory_order_acquire) == 0; }

  /// Frees the block, and gives back what was sent with it. Also after the death of one who was doing so.
  void discard() noexcept {
    auto const whole = content();
    if (!whole.empty()) {
      header known;
      std::memcpy(&known, whole.data(), sizeof known);
      for (std::uint32_t i = 0; i < known.holds; ++i) {
        std::byte* const at = whole.data() + sizeof(header) + known.bytes + i * sizeof(hold);
        hold one;
        std::memcpy(&one, at, sizeof one);
        std::memset(at, 0, sizeof one);
        std::atomic_signal_fence(std::memory_order_seq_cst);  // struck off first
        if (one) objects::give_back(one, known.sender);
      }
    }
    free_block_at(at_.exchange(0, std::memory_order_acq_rel));
  }

 private:
  struct header {
    std::uint64_t bytes;
    token sender;
    std::uint32_t holds;
    std::uint64_t message;  // that has its descriptors
    std::uint32_t descriptors;
  };

  template <class T> T decoded() const {
    auto const whole = content();
    if (whole.empty()) throw_errc(std::errc::bad_message, "pop", "somebody has scribbled over the queue");
    header known;
    std::memcpy(&known, whole.data(), sizeof known);
    auto const bytes = whole.subspan(sizeof(header), known.bytes);
    if (known.descriptors == 0) return tandem::decode<T>(bytes);
    struct received {
      std::vector<int> numbers;
      ~received() { os::close_all(numbers); }  // those that were not taken
    } came{road().receive(known.message, known.descriptors)};
    return tandem::decode<T>(bytes, came.numbers);
  }

  static descriptor_road::travel& road() {
    if (auto* const now = descriptor_road::travel::now()) return *now;
    throw_errc(std::errc::operation_not_supported, "encode", "there is no road for a descriptor here");
  }

  /// Grows in the commons.
  struct sink : byte_sink {
    sink() noexcept : byte_sink{nullptr, 0, &enlarge} {}
    sink(sink const&) = delete;
    ~sink() { commons().deallocate(data); }

    static void enlarge(byte_sink& me, std::size_t used, std::size_t needed) {
      std::size_t const capacity = needed < 2 * me.capacity ? 2 * me.capacity : needed < 96 ? 96 : needed;
      auto* const more = static_cast<std::byte*>(commons().allocate(capacity));
      if (used != 0) std::memcpy(more, me.data, used);
      commons().deallocate(me.data);
      me.data = more;
      me.capacity = capacity;
    }
  };

  /// The block, as far as it is one: a scribbler may have been here.
  std::span<std::byte> content() const noexcept {
    std::uint64_t const offset = at_.load(std::memory_order_acquire);
    std::size_t const room = block_bytes_at(offset);
    if (room < sizeof(header)) return {};
    std::byte* const at = family().address(offset);
    header known;
    std::memcpy(&known, at, sizeof known);
    std::size_t const rest = room - sizeof(header);
    if (known.bytes > rest || known.holds > (rest - known.bytes) / sizeof(hold)) return {};
    return {at, sizeof(header) + known.bytes + known.holds * sizeof(hold)};
  }

  std::atomic<std::uint64_t> at_{0};  // an offset into the region; 0: nothing
};

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_ENCODED_BLOCK_HPP
