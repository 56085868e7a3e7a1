// SPDX-License-Identifier: BSL-1.0
// One client's side of the protocol of memcached, the one that is text: bytes come in, bytes go out.
// https://github.com/memcached/memcached/blob/master/doc/protocol.txt
#ifndef TANDEM_EXAMPLES_KVCACHE_SESSION_HPP
#define TANDEM_EXAMPLES_KVCACHE_SESSION_HPP

#include <unistd.h>  // for getpid

#include <algorithm>     // for min
#include <array>         // for array
#include <charconv>      // for from_chars
#include <cstddef>       // for size_t
#include <cstdint>       // for int32_t, int64_t, uint32_t, uint64_t
#include <optional>      // for optional
#include <string>        // for string, to_string
#include <string_view>   // for string_view
#include <system_error>  // for errc
#include <utility>       // for move, pair

#include <tandem/tandem.hpp>

#include "board.hpp"
#include "table.hpp"

namespace kvcache {

inline constexpr std::size_t longest_line = std::size_t{256} << 10;  // a thousand keys
inline constexpr std::size_t enough_to_send = std::size_t{256} << 10;

/// The memcached whose words these are, first: libmemcached refuses a server whose version is below 1, and its tools
/// expect by it what is an error.
inline std::string version() {
  return "1.6.0-tandem-" + std::to_string(TANDEM_VERSION_MAJOR) + "." + std::to_string(TANDEM_VERSION_MINOR) + "." +
         std::to_string(TANDEM_VERSION_PATCH);
}

/// One moment, by two clocks.
struct instant {
  moment now;
  std::int64_t unix_seconds;
};

/// Takes the first word, which blanks end; empty where there is none.
inline std::string_view take_word(std::string_view& from) {
  from.remove_prefix(std::min(from.find_first_not_of(' '), from.size()));
  auto const word = from.substr(0, from.find(' '));
  from.remove_prefix(word.size());
  return word;
}

/// A number in decimal and nothing else.
template <class T> std::optional<T> to_number(std::string_view text) {
  T value{};
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

class session {
 public:
  session(table const& in, board const& all) : table_(in), board_(all) {}

  void receive(std::string_view bytes) { in_ += bytes; }

  /// Answers what has come. Returns false where enough waits to be sent before the rest is answered.
  bool answer(instant at) {
    at_ = at;
    send_first_ = false;
    while (!is_over() && out_.size() < enough_to_send && !send_first_) {
      if (!step()) {
        forget_what_was_read();
        return true;
      }
    }
    return is_over();
  }

  /// What is to be sent.
  std::string_view output() const { return std::string_view(out_).substr(sent_); }
  void was_sent(std::size_t count) {
    sent_ += count;
    if (sent_ == out_.size()) {
      sent_ = 0;
      out_.clear();
      if (out_.capacity() > 2 * enough_to_send) out_.shrink_to_fit();
    }
  }

  /// The client has left, or must: nothing more is read.
  bool is_over() const { return over_; }

 private:
  static constexpr std::string_view bad_format = "CLIENT_ERROR bad command line format";
  static constexpr std::string_view too_large = "SERVER_ERROR object too large for cache";

  /// A line that waits for its data.
  struct storing {
    verb how;
    std::string key;
    std::uint32_t flags;
    moment expires;
    std::size_t size;
    std::uint64_t version;
  };
  /// A get that has keys left.
  struct getting {
    std::string keys;
    std::size_t at;
    bool with_version;
    std::optional<moment> expires;
  };

  /// False where more must come first.
  bool step() {
    if (skip_ != 0) {
      std::size_t const count = std::min(skip_, rest().size());
      read_ += count;
      skip_ -= count;
      return skip_ == 0;
    }
    if (getting_) return get_one(), true;
    if (storing_) return store();
    auto const end = in_.find('\n', std::max(read_, looked_));
    if (end == std::string::npos) {
      looked_ = in_.size();
      if (rest().size() > longest_line) {
        reply("CLIENT_ERROR line too long");
        over_ = true;
      }
      return false;
    }
    auto line = std::string_view(in_).substr(read_, end - read_);
    read_ = end + 1;
    if (line.ends_with('\r')) line.remove_suffix(1);
    quiet_ = false;
    ++at_.now;  // so that what follows is later than what came before
    obey(line);
    return true;
  }

  std::string_view rest() const { return std::string_view(in_).substr(read_); }
  void forget_what_was_read() {
    if (read_ == in_.size()) {
      in_.clear();
      if (in_.capacity() > longest_line) in_.shrink_to_fit();
    } else {
      in_.erase(0, read_);
    }
    looked_ = looked_ > read_ ? looked_ - read_ : 0;
    read_ = 0;
  }

  void reply(std::string_view line) {
    if (!quiet_) out_.append(line).append("\r\n");
  }
  void refuse(std::string_view line) {
    quiet_ = false;
    reply(line);
  }

  void obey(std::string_view line) {
    auto words = line;
    auto const command = take_word(words);
    if (line.find('\0') != std::string_view::npos) return reply("ERROR");
    if (command == "get" || command == "gets") return begin_get(words, command == "gets", std::nullopt);
    if (command == "gat" || command == "gats") {
      auto const time = take_word(words);
      auto const expires = to_number<std::int64_t>(time);
      if (time.empty()) return reply("ERROR");
      if (!expires) return reply("CLIENT_ERROR invalid exptime argument");
      return begin_get(words, command == "gats", when(*expires));
    }
    std::array<std::string_view, 8> word{};
    std::size_t count = 0;
    while (count < word.size() && !(word[count] = take_word(words)).empty()) ++count;
    quiet_ = count != 0 && word[count - 1] == "noreply";
    auto const takes = [&](std::size_t least, std::size_t most) {
      if (least <= count && count <= most) return true;
      refuse("ERROR");
      return false;
    };
    static constexpr std::pair<std::string_view, verb> verbs[] = {{"set", verb::set},         {"add", verb::add},
                                                                  {"replace", verb::replace}, {"append", verb::append},
                                                                  {"prepend", verb::prepend}, {"cas", verb::cas}};
    for (auto const& [name, how] : verbs) {
      std::size_t const cas = how == verb::cas ? 1 : 0;
      if (command == name) return takes(4 + cas, 5 + cas) ? begin_store(how, word) : void();
    }
    if (command == "delete") {
      if (takes(1, 3)) remove(word, count);
    } else if (command == "incr" || command == "decr") {
      if (takes(2, 3)) add(word[0], word[1], command == "incr");
    } else if (command == "touch") {
      if (takes(2, 3)) touch(word[0], word[1]);
    } else if (command == "flush_all") {
      if (takes(0, 2)) flush(count - (quiet_ ? 1 : 0) == 0 ? "0" : word[0]);
    } else if (command == "verbosity") {
      if (takes(1, 3)) reply(quiet_ || to_number<std::uint32_t>(word[0]) ? "OK" : bad_format);
    } else if (command == "stats") {
      quiet_ = false;
      if (takes(0, 1)) tell_statistics(word[0]);
    } else if (command == "version") {
      refuse("VERSION " + kvcache::version());
    } else if (command == "quit") {
      over_ = true;
    } else {
      refuse("ERROR");
    }
  }

  bool is_key(std::string_view word) {
    if (word.size() <= longest_key) return true;
    reply(bad_format);
    return false;
  }

  /// What the protocol says by a number of seconds: from now, or, where it is large, since 1970.
  moment when(std::int64_t seconds) const {
    constexpr std::int64_t month = 60 * 60 * 24 * 30, second = 1'000'000'000;
    if (seconds == 0) return never;
    if (seconds > month) seconds = seconds > at_.unix_seconds ? seconds - at_.unix_seconds : -1;
    if (seconds < 0) return 0;
    return seconds > (never - at_.now) / second ? never : at_.now + seconds * second;
  }

  void begin_get(std::string_view keys, bool with_version, std::optional<moment> expires) {
    auto left = keys;
    auto key = take_word(left);
    if (key.empty() && !expires) return reply("ERROR");
    for (; !key.empty(); key = take_word(left))
      if (!is_key(key)) return;
    getting_ = getting{std::string(keys), 0, with_version, expires};
  }
  void get_one() {
    auto left = std::string_view(getting_->keys).substr(getting_->at);
    auto const key = take_word(left);
    if (key.empty()) {
      getting_.reset();
      return reply("END");
    }
    auto const see = [&](item_head const& head, auto append_value_to) {
      out_.append("VALUE ").append(key).append(" ").append(std::to_string(head.flags));
      out_.append(" ").append(std::to_string(head.value_size));
      if (getting_->with_version) out_.append(" ").append(std::to_string(head.version));
      out_.append("\r\n");
      append_value_to(out_);
      out_.append("\r\n");
    };
    table_.get(key, at_.now, see, getting_->expires);
    getting_->at = getting_->keys.size() - left.size();
  }

  void begin_store(verb how, std::array<std::string_view, 8> const& word) {
    if (!is_key(word[0])) return;
    auto const flags = to_number<std::uint32_t>(word[1]);
    auto const expires = to_number<std::int64_t>(word[2]);
    auto const size = to_number<std::int32_t>(word[3]);
    auto const wanted = how == verb::cas ? to_number<std::uint64_t>(word[4]) : 0;
    if (!flags || !expires || !size || *size < 0 || !wanted) return reply(bad_format);
    auto const bytes = static_cast<std::size_t>(*size);
    if (bytes > table_.longest_value()) {
      skip_ = bytes + 2;
      table_.remove(word[0], at_.now);  // as memcached does: who set a new value does not get the old one
      return reply(too_large);
    }
    storing_ = storing{how, std::string(word[0]), *flags, when(*expires), bytes, *wanted};
  }
  /// False where not all of the data has come.
  bool store() {
    auto const& what = *storing_;
    auto const data = rest().substr(0, what.size + 2);
    if (data.size() < what.size + 2) return false;
    if (table_.sabotaged_by() == sabotage::early_answer && !quiet_) {
      reply("STORED");
      return send_first_ = quiet_ = true;
    }
    if (data.ends_with("\r\n"))
      reply(words_for(table_.store(what.how, {what.key, data.substr(0, what.size), what.flags, what.expires}, at_.now,
                                   what.version)));
    else
      reply("CLIENT_ERROR bad data chunk");
    read_ += data.size();
    looked_ = read_;
    storing_.reset();
    return true;
  }
  static std::string_view words_for(result what) {
    switch (what) {
      case result::stored:
        return "STORED";
      case result::not_stored:
        return "NOT_STORED";
      case result::exists:
        return "EXISTS";
      case result::not_found:
        return "NOT_FOUND";
      case result::too_large:
        break;
    }
    return too_large;
  }

  void remove(std::array<std::string_view, 8> const& word, std::size_t count) {
    if (!is_key(word[0])) return;
    if (count > 1 && word[1] != "0" && !(count == 2 && quiet_))
      return reply("CLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]");
    reply(table_.remove(word[0], at_.now) ? "DELETED" : "NOT_FOUND");
  }

  void add(std::string_view key, std::string_view by, bool up) {
    if (!is_key(key)) return;
    auto const delta = to_number<std::uint64_t>(by);
    if (!delta) return reply("CLIENT_ERROR invalid numeric delta argument");
    auto const made = table_.add(key, *delta, up, at_.now);
    switch (made.what) {
      case sum::done:
        return reply(std::to_string(made.value));
      case sum::not_found:
        return reply("NOT_FOUND");
      case sum::not_a_number:
        return reply("CLIENT_ERROR cannot increment or decrement non-numeric value");
    }
  }

  void touch(std::string_view key, std::string_view time) {
    if (!is_key(key)) return;
    auto const expires = to_number<std::int64_t>(time);
    if (!expires) return reply("CLIENT_ERROR invalid exptime argument");
    reply(table_.touch(key, when(*expires), at_.now) ? "TOUCHED" : "NOT_FOUND");
  }

  void flush(std::string_view delay) {
    auto const seconds = to_number<std::int64_t>(delay);
    if (!seconds) return reply("CLIENT_ERROR invalid exptime argument");
    table_.flush(*seconds > 0 ? when(*seconds) : at_.now, at_.now);
    reply("OK");
  }

  void tell(std::string_view name, std::string_view value) {
    out_.append("STAT ").append(name).append(" ").append(value).append("\r\n");
  }
  void tell(std::string_view name, std::uint64_t value) { tell(name, std::to_string(value)); }

  void tell_statistics(std::string_view of) {
    if (of == "reset") {
      table_.forget_counts();
      return reply("RESET");
    }
    if (of == "settings") {
      tell("maxbytes", board_.memory);
      tell("item_size_max", table_.longest_value());
      tell("num_threads", board_.notices.size());
      tell("evictions", "on");
      tell("cas_enabled", "yes");
      return reply("END");
    }
    if (!of.empty()) return reply("ERROR");
    auto const all = table_.counted();
    std::uint64_t connections = 0, accepted = 0;
    for (auto const& one : board_.notices) {
      connections += one.connections;
      accepted += one.accepted;
    }
    tell("pid", static_cast<std::uint64_t>(::getpid()));
    tell("uptime", static_cast<std::uint64_t>(at_.unix_seconds - board_.started));
    tell("time", static_cast<std::uint64_t>(at_.unix_seconds));
    tell("version", kvcache::version());
    tell("pointer_size", 8 * sizeof(void*));
    tell("threads", board_.notices.size());
    tell("curr_connections", connections);
    tell("total_connections", accepted);
    tell("cmd_get", all[event::get_hit] + all[event::get_miss]);
    tell("cmd_set", all[event::set]);
    tell("cmd_touch", all[event::touch_hit] + all[event::touch_miss]);
    static constexpr std::pair<char const*, event> names[] = {
        {"get_hits", event::get_hit},          {"get_misses", event::get_miss},    {"delete_hits", event::delete_hit},
        {"delete_misses", event::delete_miss}, {"incr_hits", event::incr_hit},     {"incr_misses", event::incr_miss},
        {"decr_hits", event::decr_hit},        {"decr_misses", event::decr_miss},  {"cas_hits", event::cas_hit},
        {"cas_misses", event::cas_miss},       {"cas_badval", event::cas_badval},  {"touch_hits", event::touch_hit},
        {"touch_misses", event::touch_miss},   {"total_items", event::stored},     {"evictions", event::evicted},
        {"reclaimed", event::expired},         {"repaired_shards", event::repair},
    };
    for (auto const& [name, what] : names) tell(name, all[what]);
    tell("curr_items", all.items);
    tell("bytes", all.bytes);
    tell("limit_maxbytes", board_.memory);
    reply("END");
  }

  table const& table_;
  board const& board_;
  instant at_{};
  std::string in_, out_;
  std::size_t read_ = 0, looked_ = 0;  // of in_: what was read, and where no line ends before
  std::size_t sent_ = 0;               // of out_
  std::size_t skip_ = 0;               // of what comes: data that is not wanted
  std::optional<storing> storing_;
  std::optional<getting> getting_;
  bool quiet_ = false;       // noreply
  bool send_first_ = false;  // what waits to be sent, before the next step
  bool over_ = false;
};

}  // namespace kvcache

#endif  // TANDEM_EXAMPLES_KVCACHE_SESSION_HPP
