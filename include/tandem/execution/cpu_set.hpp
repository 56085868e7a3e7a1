// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_CPU_SET_HPP
#define TANDEM_EXECUTION_CPU_SET_HPP

#include <bit>               // for countr_zero, popcount
#include <cerrno>            // for errno, EINVAL
#include <climits>           // for CHAR_BIT
#include <cstddef>           // for ptrdiff_t, size_t
#include <cstdint>           // for uint64_t
#include <initializer_list>  // for initializer_list
#include <iterator>          // for forward_iterator_tag
#include <span>              // for span
#include <stdexcept>         // for invalid_argument
#include <string>            // for string, to_string
#include <vector>            // for vector

#include "tandem/core/codec.hpp"     // for codec, reader, writer
#include "tandem/core/errors.hpp"    // for throw_errc, throw_errno
#include "tandem/os/scheduling.hpp"  // for cpus_of_thread

namespace tandem {

/// A set of CPUs by the system's numbers, such as `{0, 2}`: a std::set<unsigned> in the kernel's own form, as large as
/// its greatest number needs.
/// @par Shared memory         No: it owns memory.
/// @par Threads and processes A value: concurrent reads are fine. Transferable.
/// @par Peer death            Does not concern it.
class cpu_set {
 public:
  using value_type = unsigned;
  using word = unsigned long;

  /// The greatest number that it takes: far above any machine's.
  static constexpr unsigned most = (1U << 20) - 1;

  /// Walks the numbers in ascending order.
  class iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = unsigned;
    using difference_type = std::ptrdiff_t;
    using pointer = unsigned const*;
    using reference = unsigned;

    iterator() noexcept = default;
    unsigned operator*() const noexcept { return at_; }
    iterator& operator++() noexcept {
      at_ = set_->next(at_ + 1);
      return *this;
    }
    iterator operator++(int) noexcept {
      auto const before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(iterator const&, iterator const&) noexcept = default;

   private:
    friend class cpu_set;
    iterator(cpu_set const* set, unsigned at) noexcept : set_(set), at_(at) {}

    cpu_set const* set_ = nullptr;
    unsigned at_ = 0;
  };
  using const_iterator = iterator;

  /// Empty: no choice is made where one is asked for. Allocates nothing.
  cpu_set() noexcept = default;

  /// @throws std::invalid_argument as `insert`; std::bad_alloc
  cpu_set(std::initializer_list<unsigned> cpus) {
    for (unsigned const cpu : cpus) insert(cpu);
  }

  /// Those that the calling thread may use, and so those that a unit may be given without further rights.
  /// @throws std::system_error as sched_getaffinity(2); std::bad_alloc
  static cpu_set available() {
    cpu_set all;
    for (std::size_t words = 16;; words *= 2) {  // 1024 CPUs are enough, nearly always
      all.words_.assign(words, 0);
      if (os::cpus_of_thread(0, all.words_.data(), words) >= 0) break;
      if (errno != EINVAL || words > most / bits) throw_errno("look for the available CPUs: sched_getaffinity");
    }
    all.trim();
    return all;
  }

  /// Adds one; false where it was there. @throws std::invalid_argument above `most`; std::bad_alloc
  bool insert(unsigned cpu) {
    if (cpu > most) {
      throw std::invalid_argument("tandem: cpu_set: no machine has a CPU " + std::to_string(cpu) + " (at most " +
                                  std::to_string(most) + ")");
    }
    if (contains(cpu)) return false;
    if (cpu / bits >= words_.size()) words_.resize(cpu / bits + 1);
    words_[cpu / bits] |= word{1} << cpu % bits;
    return true;
  }

  /// Takes one out; false where it was not there.
  bool erase(unsigned cpu) noexcept {
    if (!contains(cpu)) return false;
    words_[cpu / bits] &= ~(word{1} << cpu % bits);
    trim();
    return true;
  }

  void clear() noexcept { words_.clear(); }

  bool contains(unsigned cpu) const noexcept {
    return cpu / bits < words_.size() && (words_[cpu / bits] >> cpu % bits & 1) != 0;
  }

  /// How many. @par Cost  Looks at each word of the mask.
  std::size_t size() const noexcept {
    std::size_t count = 0;
    for (word const one : words_) count += static_cast<std::size_t>(std::popcount(one));
    return count;
  }
  bool empty() const noexcept { return words_.empty(); }

  iterator begin() const noexcept { return {this, next(0)}; }
  iterator end() const noexcept { return {this, end_number()}; }

  /// The kernel's mask (CPU_SET(3)): CPU 0 in the lowest bit; no word of zeros at its end.
  std::span<word const> mask() const noexcept { return words_; }

  /// "{0, 2}".
  std::string to_string() const {
    std::string text = "{";
    for (unsigned const cpu : *this) text.append(text.size() > 1 ? ", " : "").append(std::to_string(cpu));
    return text + '}';
  }

  friend bool operator==(cpu_set const&, cpu_set const&) noexcept = default;

 private:
  static constexpr unsigned bits = sizeof(word) * CHAR_BIT;

  unsigned end_number() const noexcept { return static_cast<unsigned>(words_.size()) * bits; }

  unsigned next(unsigned from) const noexcept {
    for (std::size_t i = from / bits; i < words_.size(); ++i) {
      word const rest = i == from / bits ? words_[i] >> from % bits << from % bits : words_[i];
      if (rest != 0) return static_cast<unsigned>(i) * bits + static_cast<unsigned>(std::countr_zero(rest));
    }
    return end_number();
  }

  void trim() noexcept {
    while (!words_.empty() && words_.back() == 0) words_.pop_back();
  }

  std::vector<word> words_;  // the last one is not zero: equal sets are equal masks
};

/// By its numbers.
template <> struct codec<cpu_set> {
  static constexpr std::size_t least_size = sizeof(std::uint64_t);
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, cpu_set const& value) {
    to.write_size(value.size());
    for (unsigned const cpu : value) to.write_flat(cpu);
  }

  static cpu_set decode(reader& from) {
    cpu_set decoded;
    for (auto left = from.read_size(sizeof(unsigned)); left != 0; --left) {
      auto const cpu = from.read_flat<unsigned>();
      if (cpu > cpu_set::most || !decoded.insert(cpu)) throw_errc(std::errc::bad_message, "decode", "cpu_set");
    }
    return decoded;
  }
};

}  // namespace tandem

#endif  // TANDEM_EXECUTION_CPU_SET_HPP
