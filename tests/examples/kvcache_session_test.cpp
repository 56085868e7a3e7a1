// SPDX-License-Identifier: BSL-1.0
// The protocol of the example kvcache: what is answered to what, in however many pieces it comes.
#include "kvcache/session.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "support/catch.hpp"

using kvcache::board, kvcache::notice, kvcache::session, kvcache::table;
using tandem_test::ContainsSubstring;

namespace {

constexpr std::size_t longest = 2000;

struct server {
  table all{{.memory = 256 << 10, .longest_value = longest}};
  board notices{.notices = tandem::shared<notice[]>(1), .started = 0, .memory = 256 << 10};
  kvcache::instant at{.now = 1'000'000'000'000, .unix_seconds = 1'700'000'000};

  void pass(kvcache::moment seconds) {
    at.now += seconds * 1'000'000'000;
    at.unix_seconds += seconds;
  }
};

/// A client's connection.
struct talk {
  server& with;
  session one{with.all, with.notices};

  explicit talk(server& to) : with(to) {}
  std::string say(std::string_view bytes) {
    std::string answer;
    one.receive(bytes);
    for (bool all = false; !all; one.was_sent(one.output().size())) {
      all = one.answer(with.at);
      answer += one.output();
    }
    with.at.now += 1'000;  // the time that an answer takes
    return answer;
  }
};

std::string say(std::string_view bytes) {
  server fresh;
  return talk(fresh).say(bytes);
}

std::string const long_key(250, 'k'), longer_key(251, 'k');

}  // namespace

TEST_CASE("kvcache session: stores and gets", "[examples][kvcache]") {
  CHECK(say("get a\r\n") == "END\r\n");
  CHECK(say("set a 5 0 3\r\nxyz\r\nget a\r\n") == "STORED\r\nVALUE a 5 3\r\nxyz\r\nEND\r\n");
  CHECK(say("set a 4294967295 0 0\r\n\r\nget a\r\n") == "STORED\r\nVALUE a 4294967295 0\r\n\r\nEND\r\n");
  CHECK(say("set a 0 0 1\r\nx\r\nset b 0 0 1\r\ny\r\nget a c b a\r\n") ==
        "STORED\r\nSTORED\r\nVALUE a 0 1\r\nx\r\nVALUE b 0 1\r\ny\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
  CHECK(say("set " + long_key + " 0 0 1\r\nx\r\nget " + long_key + "\r\n") ==
        "STORED\r\nVALUE " + long_key + " 0 1\r\nx\r\nEND\r\n");
  CHECK(say("set a 0 0 1\nx\r\nget  a  \n") == "STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
  CHECK(say("set a 0 0 1 noreply\r\nx\r\nget a\r\n") == "VALUE a 0 1\r\nx\r\nEND\r\n");
}

TEST_CASE("kvcache session: values are bytes, whatever they are", "[examples][kvcache]") {
  std::string value;
  for (int i = 0; i < 512; ++i) value += static_cast<char>(i);
  value += "\r\nEND\r\nget a\r\nset a 0 0 1\r\n";
  auto const size = std::to_string(value.size());
  CHECK(say("set a 0 0 " + size + "\r\n" + value + "\r\nget a\r\n") ==
        "STORED\r\nVALUE a 0 " + size + "\r\n" + value + "\r\nEND\r\n");
  CHECK(say("set \x01\xff 0 0 1\r\nx\r\nget \x01\xff\r\n") == "STORED\r\nVALUE \x01\xff 0 1\r\nx\r\nEND\r\n");
}

TEST_CASE("kvcache session: the conditions of the other verbs", "[examples][kvcache]") {
  CHECK(say("add a 0 0 1\r\nx\r\nadd a 0 0 1\r\ny\r\nget a\r\n") ==
        "STORED\r\nNOT_STORED\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
  CHECK(say("replace a 0 0 1\r\nx\r\nset a 0 0 1\r\ny\r\nreplace a 7 0 1\r\nz\r\nget a\r\n") ==
        "NOT_STORED\r\nSTORED\r\nSTORED\r\nVALUE a 7 1\r\nz\r\nEND\r\n");
  CHECK(say("append a 0 0 1\r\nx\r\nset a 3 0 1\r\ny\r\nappend a 9 0 2\r\n++\r\nprepend a 9 0 2\r\n--\r\nget a\r\n") ==
        "NOT_STORED\r\nSTORED\r\nSTORED\r\nSTORED\r\nVALUE a 3 5\r\n--y++\r\nEND\r\n");
  CHECK(say("delete a\r\nset a 0 0 1\r\nx\r\ndelete a\r\nget a\r\n") == "NOT_FOUND\r\nSTORED\r\nDELETED\r\nEND\r\n");
  CHECK(say("set a 0 0 1\r\nx\r\ndelete a noreply\r\nget a\r\n") == "STORED\r\nEND\r\n");
  CHECK(say("delete a 0\r\ndelete a 0 noreply\r\ndelete a 5\r\n") ==
        "NOT_FOUND\r\nCLIENT_ERROR bad command line format.  Usage: delete <key> [noreply]\r\n");
}

TEST_CASE("kvcache session: cas stores if nobody else has", "[examples][kvcache]") {
  server all;
  talk one(all);
  CHECK(one.say("cas a 0 0 1 1\r\nx\r\n") == "NOT_FOUND\r\n");
  CHECK(one.say("set a 0 0 1\r\nx\r\n") == "STORED\r\n");
  auto const seen = one.say("gets a\r\n");
  auto const version = seen.substr(12, seen.find('\r') - 12);
  CHECK(seen == "VALUE a 0 1 " + version + "\r\nx\r\nEND\r\n");
  CHECK(one.say("cas a 0 0 1 " + version + "\r\ny\r\n") == "STORED\r\n");
  CHECK(one.say("cas a 0 0 1 " + version + "\r\nz\r\n") == "EXISTS\r\n");
  CHECK(one.say("cas a 0 0 1 " + version + " noreply\r\nz\r\nget a\r\n") == "VALUE a 0 1\r\ny\r\nEND\r\n");
  CHECK(one.say("gets a b\r\n").substr(0, 12) == "VALUE a 0 1 ");
  auto const before = one.say("gets a\r\n");
  one.say("touch a 100\r\n");
  CHECK(one.say("gets a\r\n") == before);
  one.say("append a 0 0 0\r\n\r\n");
  CHECK(one.say("gets a\r\n") != before);
}

TEST_CASE("kvcache session: incr and decr", "[examples][kvcache]") {
  CHECK(say("incr n 1\r\ndecr n 1\r\n") == "NOT_FOUND\r\nNOT_FOUND\r\n");
  CHECK(say("set n 7 0 2\r\n10\r\nincr n 5\r\ndecr n 6\r\ndecr n 100\r\nget n\r\n") ==
        "STORED\r\n15\r\n9\r\n0\r\nVALUE n 7 1\r\n0\r\nEND\r\n");
  CHECK(say("set n 0 0 20\r\n18446744073709551615\r\nincr n 1\r\nincr n 18446744073709551615\r\n") ==
        "STORED\r\n0\r\n18446744073709551615\r\n");
  for (std::string const delta : {"x", "-1", "1.5", "18446744073709551616"})
    CHECK(say("incr n " + delta + "\r\n") == "CLIENT_ERROR invalid numeric delta argument\r\n");
  for (std::string const value : {"", "x", "1x", "-1", "18446744073709551616", "100000000000000000000000"}) {
    CAPTURE(value);
    CHECK(say("set n 0 0 " + std::to_string(value.size()) + "\r\n" + value + "\r\nincr n 1\r\n") ==
          "STORED\r\nCLIENT_ERROR cannot increment or decrement non-numeric value\r\n");
  }
  CHECK(say("set n 0 0 1\r\n1\r\nincr n 1 noreply\r\nget n\r\n") == "STORED\r\nVALUE n 0 1\r\n2\r\nEND\r\n");
}

TEST_CASE("kvcache session: what expires", "[examples][kvcache]") {
  server all;
  talk one(all);
  auto const is_there = [&] { return one.say("get a\r\n") != "END\r\n"; };
  one.say("set a 0 100 1\r\nx\r\n");
  all.pass(99);
  CHECK(is_there());
  all.pass(1);
  CHECK(!is_there());
  one.say("set a 0 -1 1\r\nx\r\n");
  CHECK(!is_there());
  one.say("set a 0 1700001000 1\r\nx\r\n");  // since 1970
  all.pass(899);
  CHECK(is_there());
  all.pass(1);
  CHECK(!is_there());
  one.say("set a 0 2592001 1\r\nx\r\n");  // more than 30 days: in February of 1970
  CHECK(!is_there());
  one.say("set a 0 99999999999 1\r\nx\r\n");
  CHECK(is_there());
  CHECK(one.say("touch a 10\r\n") == "TOUCHED\r\n");
  all.pass(10);
  CHECK(!is_there());
  CHECK(one.say("touch a 10\r\n") == "NOT_FOUND\r\n");
  CHECK(one.say("touch a x\r\n") == "CLIENT_ERROR invalid exptime argument\r\n");
  one.say("set a 0 10 1\r\nx\r\n");
  CHECK(one.say("gat 20 a b\r\n") == "VALUE a 0 1\r\nx\r\nEND\r\n");
  all.pass(19);
  CHECK(is_there());
  CHECK_THAT(one.say("gats 0 a\r\n"), ContainsSubstring("VALUE a 0 1 "));
  all.pass(1'000'000);
  CHECK(is_there());
}

TEST_CASE("kvcache session: flush_all", "[examples][kvcache]") {
  CHECK(say("set a 0 0 1\r\nx\r\nflush_all\r\nget a\r\nset a 0 0 1\r\ny\r\nget a\r\n") ==
        "STORED\r\nOK\r\nEND\r\nSTORED\r\nVALUE a 0 1\r\ny\r\nEND\r\n");
  CHECK(say("set a 0 0 1\r\nx\r\nflush_all noreply\r\nget a\r\n") == "STORED\r\nEND\r\n");
  CHECK(say("flush_all 0\r\nflush_all -1\r\nflush_all 0 noreply\r\nflush_all 1 2 3\r\nflush_all x\r\n") ==
        "OK\r\nOK\r\nERROR\r\nCLIENT_ERROR invalid exptime argument\r\n");
  server all;
  talk one(all);
  CHECK(one.say("set a 0 0 1\r\nx\r\nflush_all 10\r\n") == "STORED\r\nOK\r\n");
  all.pass(9);
  CHECK(one.say("get a\r\n") == "VALUE a 0 1\r\nx\r\nEND\r\n");
  all.pass(1);
  CHECK(one.say("get a\r\n") == "END\r\n");
}

TEST_CASE("kvcache session: what is no command is refused, and the next one understood", "[examples][kvcache]") {
  for (std::string const line : {"",
                                 " ",
                                 "bogus",
                                 "GET a",
                                 "get",
                                 "gets",
                                 "gat",
                                 "gat  ",
                                 "set",
                                 "set a",
                                 "set a 0 0",
                                 "cas a 0 0 1",
                                 "delete",
                                 "delete a 0 noreply x",
                                 "incr",
                                 "incr a",
                                 "touch",
                                 "touch a",
                                 "verbosity",
                                 "verbosity 1 2 3 4",
                                 "stats bogus",
                                 "stats noreply",
                                 "stats reset x",
                                 "noreply",
                                 "set a 0 0 1 noreply x",
                                 "mg a v",
                                 "shutdown"}) {
    CAPTURE(line);
    CHECK(say(line + "\r\nget a\r\n") == "ERROR\r\nEND\r\n");
  }
  for (std::string const line :
       {"set a x 0 1", "set a -1 0 1", "set a 4294967296 0 1", "set a 0 x 1", "set a 0 1.5 1", "set a 0 0 x",
        "set a 0 0 -1", "set a 0 0 99999999999", "set a 0x1 0 1", "cas a 0 0 1 x", "verbosity x"}) {
    CAPTURE(line);
    CHECK(say(line + "\r\nget a\r\n") == "CLIENT_ERROR bad command line format\r\nEND\r\n");
  }
  for (std::string const line : {"get ", "gets a ", "delete ", "gat 0 "}) {
    CAPTURE(line);
    CHECK(say(line + longer_key + "\r\nget a\r\n") == "CLIENT_ERROR bad command line format\r\nEND\r\n");
  }
  CHECK(say("set " + longer_key + " 0 0 1\r\nx\r\n") == "CLIENT_ERROR bad command line format\r\nERROR\r\n");
  CHECK(say("incr " + longer_key + " 1\r\n") == "CLIENT_ERROR bad command line format\r\n");
  CHECK(say("touch " + longer_key + " 1\r\n") == "CLIENT_ERROR bad command line format\r\n");
  CHECK(say(std::string("get a\0b\r\nget a\r\n", 16)) == "ERROR\r\nEND\r\n");
}

TEST_CASE("kvcache session: a bad data chunk changes nothing", "[examples][kvcache]") {
  CHECK(say("set a 0 0 1\r\nx\r\nset a 0 0 1\r\nyz\r\nget a\r\n") ==
        "STORED\r\nCLIENT_ERROR bad data chunk\r\nERROR\r\nVALUE a 0 1\r\nx\r\nEND\r\n");
  CHECK(say("set a 0 0 2\r\nx\r\nget a\r\n") == "CLIENT_ERROR bad data chunk\r\nERROR\r\n");
}

TEST_CASE("kvcache session: a value that is too large is skipped, and the old one gone", "[examples][kvcache]") {
  auto const set = [](std::size_t size, std::string const& more = "") {
    return "set a 0 0 " + std::to_string(size) + more + "\r\n" + std::string(size, 'x') + "\r\n";
  };
  CHECK(say(set(longest)) == "STORED\r\n");
  CHECK(say(set(1) + set(longest + 1) + "get a\r\n") == "STORED\r\nSERVER_ERROR object too large for cache\r\nEND\r\n");
  CHECK(say(set(100'000, " noreply") + "get a\r\n") == "END\r\n");
  CHECK(say(set(longest) + "append a 0 0 1\r\nx\r\n") == "STORED\r\nSERVER_ERROR object too large for cache\r\n");
}

TEST_CASE("kvcache session: lines have a limit", "[examples][kvcache]") {
  server all;
  talk one(all);
  CHECK(one.say(std::string(kvcache::longest_line, 'x')) == "");
  CHECK(!one.one.is_over());
  CHECK(one.say("xx") == "CLIENT_ERROR line too long\r\n");
  CHECK(one.one.is_over());
  std::string keys;
  for (int i = 0; i < 1000; ++i) keys += " " + long_key;
  CHECK(say("get" + keys + "\r\n") == "END\r\n");
}

TEST_CASE("kvcache session: version, verbosity, quit, stats", "[examples][kvcache]") {
  CHECK(say("version\r\n") == "VERSION " + kvcache::version() + "\r\n");
  CHECK(say("verbosity 1\r\nverbosity 1 noreply\r\nverbosity noreply\r\n") == "OK\r\n");
  server all;
  talk one(all);
  CHECK(one.say("set a 0 0 1\r\nx\r\nquit\r\nget a\r\n") == "STORED\r\n");
  CHECK(one.one.is_over());
  auto const stats = talk(all).say("get a b\r\nstats\r\n");
  for (std::string const line :
       {"curr_items 1", "cmd_get 2", "get_hits 1", "get_misses 1", "cmd_set 1", "total_items 1", "evictions 0",
        "limit_maxbytes 262144", "threads 1", "bytes 2", "repaired_shards 0"})
    CHECK_THAT(stats, ContainsSubstring("STAT " + line + "\r\n"));
  CHECK(tandem_test::EndsWith("\r\nEND\r\n").match(stats));
  CHECK(talk(all).say("stats reset\r\n") == "RESET\r\n");
  CHECK_THAT(talk(all).say("stats\r\n"), ContainsSubstring("STAT get_hits 0\r\n"));
  CHECK_THAT(talk(all).say("stats settings\r\n"), ContainsSubstring("STAT item_size_max 2000\r\n"));
}

TEST_CASE("kvcache session: in pieces it is answered as in one", "[examples][kvcache]") {
  std::string const all =
      "set a 0 0 5\r\nab\r\nc\r\nget a b\r\nset b 1 0 1 noreply\r\nx\r\nbogus\r\nset c 0 0 1\r\nxx\r\nset big 0 0 "
      "2001\r\n" +
      std::string(2001, '\n') +
      "\r\nappend a 0 0 2\r\n\r\n\r\nget a b c\r\nincr a 1\r\ndelete a\r\nget a\n\r\nversion\r\n";
  auto const whole = say(all);
  CHECK_THAT(whole, ContainsSubstring("VALUE a 0 7\r\nab\r\nc\r\n\r\nVALUE b 1 1\r\nx\r\nEND\r\n"));
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    server fresh;
    talk one(fresh);
    auto const begin = one.say(all.substr(0, cut));
    REQUIRE(begin + one.say(all.substr(cut)) == whole);
  }
  server fresh;
  talk one(fresh);
  std::string answers;
  for (char const byte : all) answers += one.say({&byte, 1});
  CHECK(answers == whole);
}

TEST_CASE("kvcache session: answers no more than a client takes", "[examples][kvcache]") {
  server all;
  talk one(all);
  one.say("set a 0 0 2000\r\n" + std::string(2000, 'x') + "\r\n");
  std::string many = "get";
  for (int i = 0; i < 100'000; ++i) many += " a";
  auto& quiet = one.one;
  quiet.receive(many + "\r\nget b\r\n");
  std::size_t sent = 0, most = 0;
  while (!quiet.answer(all.at)) {
    most = std::max(most, quiet.output().size());
    sent += quiet.output().size();
    quiet.was_sent(quiet.output().size());
  }
  CHECK(most < kvcache::enough_to_send + 3000);
  CHECK(sent + quiet.output().size() == 100'000 * std::string("VALUE a 0 2000\r\n\r\n").size() + 100'000 * 2000 + 10);
}
