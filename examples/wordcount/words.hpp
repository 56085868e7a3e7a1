// SPDX-License-Identifier: BSL-1.0
// Words and their counts. A word is a run of the letters A-Z and a-z, in lower case, as
//   LC_ALL=C tr -cs 'A-Za-z' '\n' | LC_ALL=C tr 'A-Z' 'a-z'
// has it on each line; all other bytes separate.
#ifndef TANDEM_EXAMPLES_WORDCOUNT_WORDS_HPP
#define TANDEM_EXAMPLES_WORDCOUNT_WORDS_HPP

#include <array>        // for array
#include <cstdint>      // for uint64_t
#include <span>         // for span
#include <stdexcept>    // for length_error
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

/// The hash of a word grows with each letter (FNV-1a), so that the scan that finds the word's end has it at once.
inline constexpr std::uint64_t hash_of_nothing = 0xcbf29ce484222325;
inline std::uint64_t hash_on(std::uint64_t hash, char letter) {
  return (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
}
inline std::uint64_t hash_of(std::string_view word) {
  std::uint64_t hash = hash_of_nothing;
  for (char const letter : word) hash = hash_on(hash, letter);
  return hash;
}

/// Words, each ended by a line feed, and how often each came. Two blocks of memory, however many words there are: to
/// send them to another process is to copy two blocks.
struct word_list {
  std::string letters;
  std::vector<std::uint64_t> times;

  /// Calls `f(word, times)` for each.
  template <class F> void for_each(F f) const {
    std::size_t begin = 0;
    for (auto const count : times) {
      std::size_t const end = letters.find('\n', begin);
      f(std::string_view(letters).substr(begin, end - begin), count);
      begin = end + 1;
    }
  }
};

/// A word_list in which words are found: by a hash table with open addressing.
class word_table {
 public:
  void add(std::string_view word, std::uint64_t hash, std::uint64_t times = 1) {
    for (std::size_t at = start(hash);; at = (at + 1) & (slots_.size() - 1)) {
      slot const& here = slots_[at];
      if (here.number == 0) return append(at, word, hash, times);
      if (here.hash == short_hash(hash) && is(here, word)) {
        list_.times[here.number - 1] += times;
        return;
      }
    }
  }

  void add(word_list const& other) {
    other.for_each([this](std::string_view word, std::uint64_t times) { add(word, hash_of(word), times); });
  }

  word_list const& list() const { return list_; }
  word_list take() && { return std::move(list_); }

 private:
  struct slot {
    std::uint64_t begin;   // of the word, in the letters
    std::uint32_t number;  // of the word in the list, and 1; 0: free
    std::uint32_t hash;
  };

  static std::uint32_t short_hash(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }
  std::size_t start(std::uint64_t hash) const { return (hash ^ hash >> 32) & (slots_.size() - 1); }

  bool is(slot const& here, std::string_view word) const {
    std::string_view const at = std::string_view(list_.letters).substr(here.begin);
    return at.starts_with(word) && at[word.size()] == '\n';
  }

  void append(std::size_t at, std::string_view word, std::uint64_t hash, std::uint64_t times) {
    if (list_.times.size() == UINT32_MAX) throw std::length_error("more different words than can be numbered");
    slots_[at] = {list_.letters.size(), static_cast<std::uint32_t>(list_.times.size() + 1), short_hash(hash)};
    list_.times.push_back(times);
    list_.letters.append(word).push_back('\n');
    if (list_.times.size() * 2 > slots_.size()) grow();
  }

  void grow() {
    slots_.assign(slots_.size() * 4, slot{});
    std::size_t begin = 0;
    std::uint32_t number = 0;
    list_.for_each([&](std::string_view word, std::uint64_t) {
      std::uint64_t const hash = hash_of(word);
      std::size_t at = start(hash);
      while (slots_[at].number != 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = {begin, ++number, short_hash(hash)};
      begin += word.size() + 1;
    });
  }

  word_list list_;
  std::vector<slot> slots_ = std::vector<slot>(1 << 14);
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
      std::uint64_t hash = hash_of_nothing;
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
