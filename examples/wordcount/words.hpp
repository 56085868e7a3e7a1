// SPDX-License-Identifier: BSL-1.0
// Words and their counts. A word is a run of the letters A-Z and a-z, in lower case, as
//   LC_ALL=C tr -cs 'A-Za-z' '\n' | LC_ALL=C tr 'A-Z' 'a-z'
// has it on each line; all other bytes separate.
#ifndef TANDEM_EXAMPLES_WORDCOUNT_WORDS_HPP
#define TANDEM_EXAMPLES_WORDCOUNT_WORDS_HPP

#include <array>        // for array
#include <cstdint>      // for uint64_t
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

/// Words and how often each came. The letters of all of them are one string, the rest is plain numbers: to send it to
/// another process is to copy two blocks, however many words there are.
struct word_list {
  struct entry {
    std::uint64_t times;
    std::uint64_t begin;  // in letters
    std::uint64_t length;
    std::uint64_t hash;
  };
  std::string letters;
  std::vector<entry> entries;

  std::string_view word(entry const& of) const { return std::string_view(letters).substr(of.begin, of.length); }
};

/// A word_list in which words are found: a hash table with open addressing, of numbers of entries.
class word_table {
 public:
  void add(std::string_view word, std::uint64_t hash, std::uint64_t times = 1) {
    for (std::size_t at = start(hash);; at = next(at)) {
      if (index_[at] == 0) {
        list_.entries.push_back({times, list_.letters.size(), word.size(), hash});
        list_.letters += word;
        index_[at] = list_.entries.size();
        if (list_.entries.size() * 2 > index_.size()) grow();
        return;
      }
      auto& known = list_.entries[index_[at] - 1];
      if (known.hash == hash && list_.word(known) == word) {
        known.times += times;
        return;
      }
    }
  }

  void add(word_list const& other) {
    for (auto const& entry : other.entries) add(other.word(entry), entry.hash, entry.times);
  }

  word_list const& list() const { return list_; }
  word_list take() && { return std::move(list_); }

 private:
  std::size_t start(std::uint64_t hash) const { return (hash ^ hash >> 32) & (index_.size() - 1); }
  std::size_t next(std::size_t at) const { return (at + 1) & (index_.size() - 1); }

  void grow() {
    index_.assign(index_.size() * 4, 0);
    for (std::size_t i = 0; i < list_.entries.size(); ++i) {
      std::size_t at = start(list_.entries[i].hash);
      while (index_[at] != 0) at = next(at);
      index_[at] = i + 1;
    }
  }

  word_list list_;
  std::vector<std::size_t> index_ = std::vector<std::size_t>(1 << 14);  // entry + 1; 0: free
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
