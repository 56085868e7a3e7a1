// SPDX-License-Identifier: BSL-1.0
// Words and their counts. A word is a run of the letters A-Z and a-z, in lower case, as
//   LC_ALL=C tr -cs 'A-Za-z' '\n' | LC_ALL=C tr 'A-Z' 'a-z'
// has it on each line; all other bytes separate.
#ifndef TANDEM_EXAMPLES_WORDCOUNT_WORDS_HPP
#define TANDEM_EXAMPLES_WORDCOUNT_WORDS_HPP

#include <array>        // for array
#include <cstdint>      // for uint32_t, uint64_t
#include <cstring>      // for memcmp
#include <span>         // for span
#include <string>       // for string
#include <string_view>  // for string_view
#include <utility>      // for move
#include <vector>       // for vector

namespace wordcount {

/// A letter's lower case; 0 for all other bytes.
inline constexpr std::array<char, 256> lower_case = [] {
  std::array<char, 256> table{};
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    table[static_cast<unsigned char>(letter)] = letter;
    table[static_cast<unsigned char>(letter - 'a' + 'A')] = letter;
  }
  return table;
}();

inline char lower(char byte) { return lower_case[static_cast<unsigned char>(byte)]; }

/// The hash of a word grows with each letter, so that the scan that finds the word's end has it at once.
inline constexpr std::uint32_t hash_of_nothing = 2166136261U;
inline std::uint32_t hash_on(std::uint32_t hash, char letter) {
  return (hash ^ static_cast<unsigned char>(letter)) * 16777619U;
}
inline std::uint32_t hash_of(std::string_view word) {
  std::uint32_t hash = hash_of_nothing;
  for (char const letter : word) hash = hash_on(hash, letter);
  return hash;
}

/// How often each word came: a table with open addressing, the letters of all words in one string.
class word_table {
 public:
  void add(std::string_view word, std::uint32_t hash, std::uint64_t times = 1) {
    std::size_t const mask = slots_.size() - 1;
    for (std::size_t at = spread(hash) & mask;; at = (at + 1) & mask) {
      slot& here = slots_[at];
      if (here.times == 0) {
        here = {times, letters_.size(), word.size(), hash};
        letters_ += word;
        if (++used_ * 2 > slots_.size()) grow();
        return;
      }
      if (here.hash == hash && here.length == word.size() &&
          std::memcmp(letters_.data() + here.offset, word.data(), word.size()) == 0) {
        here.times += times;
        return;
      }
    }
  }

  std::size_t size() const { return used_; }

  /// Calls `f(word, times)` for each word, in no order.
  template <class F> void for_each(F f) const {
    for (slot const& one : slots_) {
      if (one.times != 0) f(std::string_view(letters_).substr(one.offset, one.length), one.times);
    }
  }

 private:
  struct slot {
    std::uint64_t times = 0;  // 0: free
    std::size_t offset = 0;
    std::size_t length = 0;
    std::uint32_t hash = 0;
  };

  /// Lets the upper bits of a hash, the better mixed ones, have a say.
  static std::size_t spread(std::uint32_t hash) { return hash ^ hash >> 15; }

  void grow() {
    std::vector<slot> const old = std::exchange(slots_, std::vector<slot>(slots_.size() * 2));
    std::size_t const mask = slots_.size() - 1;
    for (slot const& one : old) {
      if (one.times == 0) continue;
      std::size_t at = spread(one.hash) & mask;
      while (slots_[at].times != 0) at = (at + 1) & mask;
      slots_[at] = one;
    }
  }

  std::string letters_;
  std::vector<slot> slots_ = std::vector<slot>(1 << 13);
  std::size_t used_ = 0;
};

/// Counts the words of a stream of bytes, which comes in parts.
class word_scan {
 public:
  explicit word_scan(word_table& to) : to_(to) {}

  /// Passes over the rest of a word whose beginning is somebody else's.
  void skip_rest_of_word() { skipping_ = true; }

  /// Takes the next bytes, and leaves them in lower case.
  void feed(std::span<char> bytes) {
    char* at = bytes.data();
    char* const end = at + bytes.size();
    if (skipping_) {
      while (at != end && lower(*at) != 0) ++at;
      skipping_ = at == end;
    }
    if (!unfinished_.empty()) {
      for (char letter; at != end && (letter = lower(*at)) != 0; ++at) unfinished_ += letter;
      if (at != end) finish();
    }
    while (at != end) {
      while (at != end && lower(*at) == 0) ++at;
      char* const begin = at;
      std::uint32_t hash = hash_of_nothing;
      for (char letter; at != end && (letter = lower(*at)) != 0; ++at) {
        *at = letter;
        hash = hash_on(hash, letter);
      }
      std::string_view const word(begin, static_cast<std::size_t>(at - begin));
      if (at == end)
        unfinished_ = word;
      else
        to_.add(word, hash);
    }
  }

  /// Whether the last byte was a letter of a word that counts.
  bool in_word() const { return !unfinished_.empty(); }

  /// There are no more bytes.
  void finish() {
    if (in_word()) to_.add(unfinished_, hash_of(unfinished_));
    unfinished_.clear();
  }

 private:
  word_table& to_;
  std::string unfinished_;  // may grow as long as a file: a word is as long as it is
  bool skipping_ = false;
};

}  // namespace wordcount

#endif  // TANDEM_EXAMPLES_WORDCOUNT_WORDS_HPP
