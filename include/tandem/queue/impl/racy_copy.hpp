// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_QUEUE_IMPL_RACY_COPY_HPP
#define TANDEM_QUEUE_IMPL_RACY_COPY_HPP

#include <atomic>   // for atomic
#include <cstddef>  // for byte, size_t
#include <cstdint>  // for uint64_t
#include <cstring>  // for memcpy
#include <new>      // for launder

namespace tandem::impl {

/// A flat T that may be copied while it is overwritten: the copy is torn then, which the caller has to find out by a
/// version (a seqlock; Boehm 2012). No data race: word by word, by atomic operations.
template <class T> class racy_copy {
 public:
  /// Release: who copies a word of it sees what was stored before, the version of the value ahead of it.
  void store(T const& value) noexcept {
    std::uint64_t words[count]{};
    std::memcpy(words, &value, sizeof(T));
    for (std::size_t i = 0; i < count; ++i) words_[i].store(words[i], std::memory_order_release);
  }

  T load() const noexcept {
    std::uint64_t words[count];
    for (std::size_t i = 0; i < count; ++i) words[i] = words_[i].load(std::memory_order_acquire);
    alignas(T) std::byte space[sizeof(T)];
    std::memcpy(space, words, sizeof(T));
    return *std::launder(reinterpret_cast<T const*>(space));
  }

 private:
  static constexpr std::size_t count = (sizeof(T) + 7) / 8;
  std::atomic<std::uint64_t> words_[count]{};
};

}  // namespace tandem::impl

#endif  // TANDEM_QUEUE_IMPL_RACY_COPY_HPP
