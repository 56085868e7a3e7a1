// SPDX-License-Identifier: BSL-1.0
#include "tandem/crew/team_member.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/seed.hpp"
#include "tandem/core.hpp"
#include "tandem/crew/team.hpp"
#include "tandem/execution/this_unit.hpp"
#include "tandem/memory/shared.hpp"

using tandem::member_lost, tandem::process, tandem::shared, tandem::team, tandem::team_member, tandem::thread;
using tandem_test::ContainsSubstring;

namespace {

/// What is too large for a slot, and yet flat.
struct wide {
  std::array<long, 40> parts;
  friend bool operator==(wide const&, wide const&) = default;
};

template <class T> T make(std::size_t n);
template <> int make(std::size_t n) { return static_cast<int>(n); }
template <> wide make(std::size_t n) {
  wide one{};
  one.parts.fill(static_cast<long>(n));
  return one;
}
template <> std::string make(std::size_t n) { return std::string(n * 20, 'x') + std::to_string(n); }
template <> std::vector<double> make(std::size_t n) { return std::vector<double>(n * 1000, static_cast<double>(n)); }
template <> std::unique_ptr<int> make(std::size_t n) { return std::make_unique<int>(static_cast<int>(n)); }

template <class T> bool same(T const& a, T const& b) { return a == b; }
template <> bool same(std::unique_ptr<int> const& a, std::unique_ptr<int> const& b) { return *a == *b; }
template <class T> bool same(std::vector<T> const& a, std::vector<T> const& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](T const& x, T const& y) { return same(x, y); });
}

/// The values of the ranks, moved by `step`.
template <class T> std::vector<T> of_all(std::size_t size, std::size_t step) {
  std::vector<T> all;
  for (std::size_t rank = 0; rank < size; ++rank) all.push_back(make<T>(rank + step));
  return all;
}

/// What went wrong in a member; empty where nothing did.
template <class T> std::string try_all(team_member& me) {
  std::size_t const size = me.size(), rank = me.rank();
  for (std::size_t step = 0; step < 12; ++step) {
    std::size_t const root = step % size;
    auto const mine = make<T>(rank + step);
    if (!same(me.broadcast(mine, root), make<T>(root + step))) return "broadcast";
    if (!same(me.all_gather(mine), of_all<T>(size, step))) return "all_gather";
    auto const gathered = me.gather(mine, root);
    if (!same(gathered, rank == root ? of_all<T>(size, step) : std::vector<T>())) return "gather";
    auto const given = me.scatter(rank == root ? of_all<T>(size, step) : std::vector<T>(), root);
    if (!same(given, mine)) return "scatter";
    std::vector<T> for_each;
    for (std::size_t to = 0; to < size; ++to) for_each.push_back(make<T>(rank * size + to));
    auto const exchanged = me.all_to_all(for_each);
    if (exchanged.size() != size) return "all_to_all";
    for (std::size_t from = 0; from < size; ++from)
      if (!same(exchanged[from], make<T>(from * size + rank))) return "all_to_all";
    if (step % 3 == 0) me.barrier();
    for (std::size_t n = 0; n < 3; ++n) me.send((rank + 1) % size, make<T>(n + step));
    for (std::size_t n = 0; n < 3; ++n)
      if (!same(me.receive<T>((rank + size - 1) % size), make<T>(n + step))) return "send, receive";
  }
  return "";
}

/// What each has thrown, by rank; empty where it returned.
template <class Team, class F> std::vector<std::string> complaints(Team crew, F f) {
  std::vector<std::string> all;
  for (auto const& one : crew.run_outcomes(f)) all.push_back(one ? "" : one.error().to_string());
  return all;
}

}  // namespace

TEMPLATE_PRODUCT_TEST_CASE("team_member: values of any transferable type go round", "[crew][team]", (std::pair),
                           ((team<thread>, int), (team<thread>, wide), (team<thread>, std::string),
                            (team<thread>, std::vector<double>), (team<thread>, std::unique_ptr<int>),
                            (team<process>, int), (team<process>, wide), (team<process>, std::string),
                            (team<process>, std::vector<double>), (team<process>, std::unique_ptr<int>))) {
  for (std::size_t const size : {1U, 2U, 5U})
    CHECK(typename TestType::first_type(size).run(try_all<typename TestType::second_type>) ==
          std::vector<std::string>(size));
}

TEMPLATE_TEST_CASE("team_member: nobody passes a barrier before all have come", "[crew][team]", team<thread>,
                   team<process>) {
  long const rounds = tandem_test::repetitions(tandem_test::sanitized ? 300 : 3000, 300'000);
  for (std::size_t const size : {2U, 3U, 6U}) {
    shared<std::atomic<long>> come(0), early(0);
    TestType(size).run([=](team_member& me) {
      for (long round = 1; round <= rounds; ++round) {
        come->fetch_add(1, std::memory_order_relaxed);
        me.barrier();
        if (come->load(std::memory_order_relaxed) < round * static_cast<long>(me.size())) ++*early;
        me.barrier();
      }
    });
    CHECK(*early == 0);
  }
}

TEMPLATE_TEST_CASE("team_member: what is put together", "[crew][team]", team<thread>, team<process>) {
  using texts = std::vector<std::string>;
  auto const results = TestType(4).run([](team_member& me) {
    std::string const mine(1, static_cast<char>('a' + me.rank()));
    auto const most = [](int a, int b) { return std::max(a, b); };
    int const number = static_cast<int>(me.rank()) + 1;
    texts all{me.all_reduce(mine), me.reduce(mine, std::plus<>(), 2).value_or("-"), me.scan(mine),
              me.exclusive_scan(mine, "<")};
    all.push_back(std::to_string(me.all_reduce(number)));
    all.push_back(std::to_string(me.all_reduce(number, std::multiplies<>())));
    all.push_back(std::to_string(me.all_reduce(number, most)));
    all.push_back(std::to_string(me.scan(number, std::multiplies<>())));
    all.push_back(me.reduce(number) ? "root" : "");
    return all;
  });
  CHECK(results[0] == texts{"abcd", "-", "a", "<", "10", "24", "4", "1", "root"});
  CHECK(results[1] == texts{"abcd", "-", "ab", "<a", "10", "24", "4", "2", ""});
  CHECK(results[2] == texts{"abcd", "abcd", "abc", "<ab", "10", "24", "4", "6", ""});
  CHECK(results[3] == texts{"abcd", "-", "abcd", "<abc", "10", "24", "4", "24", ""});
}

TEST_CASE("team_member: floating-point sums are the same to the bit, everywhere and each time", "[crew][team]") {
  auto const sum = [](team_member& me) {
    double const mine = std::pow(0.1, static_cast<double>(me.rank() * 3)) / 3;
    return me.all_reduce(mine);
  };
  double by_hand = 1.0 / 3;
  for (int rank = 1; rank < 5; ++rank) by_hand += std::pow(0.1, rank * 3.0) / 3;
  for (int run = 0; run < 20; ++run) {
    CHECK(team<thread>(5).run(sum) == std::vector<double>(5, by_hand));
    CHECK(team<process>(5).run(sum) == std::vector<double>(5, by_hand));
  }
}

TEMPLATE_TEST_CASE("team_member: a string literal is text", "[crew][team]", team<thread>, team<process>) {
  auto const texts = TestType(2).run([](team_member& me) {
    me.send(1 - me.rank(), "hello");
    return me.receive<std::string>(1 - me.rank()) + me.broadcast(" and ", 1) + me.all_gather("bye").at(1);
  });
  CHECK(texts == std::vector<std::string>(2, "hello and bye"));
}

TEMPLATE_TEST_CASE("team_member: shared objects are handed on, and live as long as somebody holds them", "[crew][team]",
                   team<thread>, team<process>) {
  auto const counts = TestType(3).run([](team_member& me) {
    std::optional<shared<std::atomic<int>>> its;
    if (me.rank() == 0) its.emplace(0);
    auto const ours = *me.broadcast(its);
    its.reset();
    ++*ours;
    me.barrier();
    auto const from_all = me.all_gather(shared<int>(static_cast<int>(me.rank())));  // the last step: nobody is gone yet
    int sum = 0;
    for (auto const& one : from_all) sum += *one;
    return *ours * 10 + sum;
  });
  CHECK(counts == std::vector<int>(3, 33));
}

TEMPLATE_TEST_CASE("team_member: what a member has sent is received after its return", "[crew][team]", team<thread>,
                   team<process>) {
  auto const sums = TestType(2).run([](team_member& me) {
    int sum = 0;
    if (me.rank() == 0) {
      for (int i = 0; i < 1000; ++i) me.send(1, i);
      me.send(1, shared<int>(5));
    } else {
      tandem::this_unit::sleep_for(std::chrono::milliseconds(20));
      for (int i = 0; i < 1000; ++i) sum += me.receive<int>(0);
      sum += *me.receive<shared<int>>(0);
    }
    return sum;
  });
  CHECK(sums[1] == 499'505);
}

TEMPLATE_TEST_CASE("team_member: scratch is the same memory for all, zeroed, and aligned", "[crew][team]", team<thread>,
                   team<process>) {
  struct alignas(64) line {
    std::array<char, 64> bytes;
  };
  for (int run = 0; run < 3; ++run) {
    auto const sums = TestType(3).run([](team_member& me) {
      auto const numbers = me.scratch<std::uint32_t>(1000);
      auto const lines = me.scratch<line>(3);
      auto const none = me.scratch<double>(0);
      if (numbers.size() != 1000 || lines.size() != 3 || !none.empty()) return -1L;
      if (reinterpret_cast<std::uintptr_t>(lines.data()) % 64 != 0) return -2L;
      for (auto const one : numbers)
        if (one != 0) return -3L;
      me.barrier();
      for (std::size_t i = me.rank(); i < numbers.size(); i += me.size()) numbers[i] = static_cast<std::uint32_t>(i);
      for (int i = 0; i < 1000; ++i) ++std::atomic_ref(lines[0].bytes[0]);
      me.barrier();
      return static_cast<long>(std::accumulate(numbers.begin(), numbers.end(), 0U)) + lines[0].bytes[0];
    });
    CHECK(sums == std::vector<long>(3, 499'500 + static_cast<char>(3000)));
  }
}

TEMPLATE_TEST_CASE("team_member: members that are not at the same step are told so, all of them", "[crew][team]",
                   team<thread>, team<process>) {
  auto const all_say = [](std::vector<std::string> const& said, std::string const& words) {
    for (std::size_t rank = 0; rank < said.size(); ++rank)
      CHECK(said[rank] == "'team " + std::to_string(rank) +
                              "' threw std::logic_error: tandem: team: the members are not at the same step: " + words);
  };
  auto const is_second = [](team_member& me) {
    me.barrier();
    return me.rank() == 2;
  };
  all_say(complaints(TestType(3),
                     [is_second](team_member& me) {
                       if (is_second(me))
                         me.all_reduce(1.0);
                       else
                         me.barrier();
                     }),
          "rank 0 is in barrier, rank 2 in all_reduce of double");
  all_say(complaints(TestType(3),
                     [is_second](team_member& me) {
                       if (is_second(me))
                         me.all_gather(std::string("1"));
                       else
                         me.all_gather(1);
                     }),
          "rank 0 is in all_gather of int, rank 2 in all_gather of std::string");
  all_say(complaints(TestType(3), [is_second](team_member& me) { me.broadcast(1, is_second(me) ? 1 : 0); }),
          "rank 0 is in broadcast of int, root 0, rank 2 in broadcast of int, root 1");
  all_say(complaints(TestType(3), [is_second](team_member& me) { me.scratch<int>(is_second(me) ? 7 : 8); }),
          "rank 0 is in scratch of int, 8 of them, rank 2 in scratch of int, 7 of them");
  all_say(complaints(TestType(3),
                     [is_second](team_member& me) {
                       if (is_second(me))
                         me.reduce(1, std::plus<>());
                       else
                         me.reduce(1, std::multiplies<>());
                     }),
          "rank 0 is in reduce of int by std::multiplies<void>, root 0, rank 2 in reduce of int by std::plus<void>, "
          "root 0");
}

TEMPLATE_TEST_CASE("team_member: after a step that failed, each collective call fails", "[crew][team]", team<thread>,
                   team<process>) {
  auto const counts = TestType(2).run([](team_member& me) {
    int refused = 0;
    for (int i = 0; i < 5; ++i) {
      try {
        if (me.rank() == 0)
          me.barrier();
        else
          me.broadcast(i);
      } catch (std::logic_error const&) { ++refused; }
    }
    return refused;
  });
  CHECK(counts == std::vector<int>(2, 5));
  auto const ended = TestType(3).run_outcomes([](team_member& me) {
    int lost = 0;
    if (me.rank() == 0) throw std::runtime_error("it");
    for (int i = 0; i < 5; ++i) {
      try {
        me.barrier();
      } catch (member_lost const&) { ++lost; }
    }
    try {
      me.receive<int>(0);
    } catch (member_lost const&) { ++lost; }
    return lost;
  });
  CHECK(ended[1] == 6);
  CHECK(ended[2] == 6);
}

TEMPLATE_TEST_CASE("team_member: a letter of another type is named, and stays", "[crew][team]", team<thread>,
                   team<process>) {
  auto const words = TestType(2).run([](team_member& me) {
    std::string said;
    me.send(1 - me.rank(), std::vector<int>{1, 2, 3});
    try {
      me.receive<std::string>(1 - me.rank());
    } catch (std::logic_error const& error) { said = error.what(); }
    return said + std::to_string(me.receive<std::vector<int>>(1 - me.rank()).size());
  });
  CHECK_THAT(words[0], ContainsSubstring("tandem: receive: rank 1 has sent std::vector<int"));
  CHECK_THAT(words[0], ContainsSubstring("where rank 0 asks for std::string3"));
}

TEMPLATE_TEST_CASE("team_member: who waits for a letter is told when none will come", "[crew][team]", team<thread>,
                   team<process>) {
  auto const returned = complaints(TestType(2), [](team_member& me) {
    if (me.rank() == 1) return me.send(0, 5);
    me.receive<int>(1);
    me.receive<int>(1);
  });
  CHECK_THAT(returned[0],
             ContainsSubstring("tandem::member_lost: tandem: team: rank 1 has returned, and others wait for it in "
                               "receive of int"));
  CHECK(returned[1].empty());
  auto const failed = complaints(TestType(3), [](team_member& me) {
    if (me.rank() == 2) {
      me.send(0, 5);
      throw std::runtime_error("lost");
    }
    if (me.rank() == 0) me.receive<int>(2);  // it was sent before
    me.receive<int>(1 - me.rank());
  });
  CHECK_THAT(failed[0], ContainsSubstring("rank 2 has failed: 'team 2' threw std::runtime_error: lost"));
  CHECK_THAT(failed[1], ContainsSubstring("rank 2 has failed: 'team 2' threw std::runtime_error: lost"));
}

TEMPLATE_TEST_CASE("team_member: members that wait for each other are told so", "[crew][team]", team<thread>,
                   team<process>) {
  auto const all_say = [](std::vector<std::string> const& said, std::vector<std::string> const& words) {
    for (std::size_t rank = 0; rank < words.size(); ++rank)
      CHECK_THAT(said[rank], ContainsSubstring(words[rank]) && ContainsSubstring("and all others wait as well"));
  };
  all_say(complaints(TestType(2),
                     [](team_member& me) {
                       if (me.rank() == 1) me.receive<int>(0);
                       me.barrier();
                     }),
          {"tandem: team: rank 0 waits in barrier", "tandem: team: rank 1 waits in receive of int from rank 0"});
  all_say(complaints(TestType(3),
                     [](team_member& me) {
                       if (me.rank() == 2) return;
                       me.send(1 - me.rank(), 5);
                       me.receive<int>(1 - me.rank());
                       me.receive<double>(1 - me.rank());
                     }),
          {"rank 0 waits in receive of double from rank 1", "rank 1 waits in receive of double from rank 0"});
  auto const codes = TestType(2).run([](team_member& me) {
    int deadlocks = 0;
    for (int i = 0; i < 2; ++i) {  // and from then on
      try {
        me.receive<int>(1 - me.rank());
      } catch (std::system_error const& error) {
        deadlocks += error.code() == std::errc::resource_deadlock_would_occur;
      }
    }
    return deadlocks;
  });
  CHECK(codes == std::vector<int>(2, 2));
}

TEMPLATE_TEST_CASE("team_member: to wait long for one that works is no deadlock", "[crew][team]", team<thread>,
                   team<process>) {
  auto const results = TestType(4).run([](team_member& me) {
    if (me.rank() == 0) {
      tandem::this_unit::sleep_for(std::chrono::milliseconds(350));
      me.send(1, 7);
      tandem::this_unit::sleep_for(std::chrono::milliseconds(350));
    }
    int const got = me.rank() == 1 ? me.receive<int>(0) : 0;
    return me.all_reduce(got);
  });
  CHECK(results == std::vector<int>(4, 7));
}

TEMPLATE_TEST_CASE("team_member: what is asked for must be possible", "[crew][team]", team<thread>, team<process>) {
  auto const results = TestType(2).run([](team_member& me) {
    std::vector<std::string> said;
    auto const of = [&said](auto action) {
      try {
        action();
        said.emplace_back("nothing");
      } catch (std::logic_error const& error) { said.emplace_back(error.what()); }
    };
    of([&] { me.broadcast(1, 2); });
    of([&] { me.scatter(std::vector<int>(2), 2); });
    of([&] { me.gather(1, 9); });
    of([&] { me.reduce(1, std::plus<>(), 2); });
    of([&] { me.send(2, 1); });
    of([&] { me.receive<int>(2); });
    of([&] { me.receive<int>(me.rank()); });
    of([&] { me.all_to_all(std::vector<int>(3)); });
    of([&] { me.scatter(std::vector<int>(1), me.rank()); });
    try {
      me.scratch<double>(SIZE_MAX / 2);
    } catch (std::bad_array_new_length const&) { said.emplace_back("no such size"); }
    me.send(me.rank(), 7);
    if (me.receive<int>(me.rank()) != 7) said.emplace_back("to itself");
    me.barrier();  // and all is well
    return said;
  });
  std::vector<std::string> const words{"tandem: broadcast: root is 2, in a team of 2",
                                       "tandem: scatter: root is 2, in a team of 2",
                                       "tandem: gather: root is 9, in a team of 2",
                                       "tandem: reduce: root is 2, in a team of 2",
                                       "tandem: send: to is 2, in a team of 2",
                                       "tandem: receive: from is 2, in a team of 2",
                                       "tandem: receive: a member waits for itself: it has sent itself nothing",
                                       "tandem: all_to_all: values are 3, not one for each of 2 members",
                                       "tandem: scatter: values are 1, not one for each of 2 members",
                                       "no such size"};
  CHECK(results == std::vector<std::vector<std::string>>(2, words));
}

namespace values_with_moods {

/// Cannot be encoded, or not be decoded, where it says so.
struct picky {
  int refuses = 0;  // 1: to be encoded; 2: to be decoded
};

}  // namespace values_with_moods

using values_with_moods::picky;

template <> struct tandem::codec<picky> {
  static constexpr std::size_t least_size = 4;
  static constexpr bool carries_descriptors = false;
  static void encode(writer& to, picky const& one) {
    if (one.refuses == 1) throw std::domain_error("not to be encoded");
    to.write_flat(one.refuses);
  }
  static picky decode(reader& from) {
    int const refuses = from.read_flat<int>();
    if (refuses == 2) throw std::domain_error("not to be decoded");
    return {refuses};
  }
};

TEMPLATE_TEST_CASE("team_member: a codec that throws, throws where it is called, and no step is lost", "[crew][team]",
                   team<thread>, team<process>) {
  auto const counts = TestType(2).run([](team_member& me) {
    int refused = 0;
    auto const count = [&refused](auto action) {
      try {
        action();
      } catch (std::domain_error const&) { ++refused; }
    };
    count([&] { me.all_gather(picky{1}); });  // has not come to the step
    me.all_gather(picky{0});
    count([&] { me.all_gather(picky{2}); });  // has come to it
    count([&] { me.send(1 - me.rank(), picky{1}); });
    me.send(1 - me.rank(), picky{2});
    me.send(1 - me.rank(), picky{3});
    count([&] { me.receive<picky>(1 - me.rank()); });
    return refused * 10 + me.receive<picky>(1 - me.rank()).refuses;
  });
  CHECK(counts == std::vector<int>(2, 43));
}

TEMPLATE_TEST_CASE("team_member: many letters in all directions keep their order", "[crew][team]", team<thread>,
                   team<process>) {
  long const many = tandem_test::repetitions(tandem_test::sanitized ? 200 : 2000, 100'000);
  auto const wrong = TestType(4).run([many](team_member& me) {
    long failures = 0;
    for (long i = 0; i < many; ++i) {
      for (std::size_t to = 0; to < me.size(); ++to) {
        if (i % 3 == 0)
          me.send(to, std::to_string(i));
        else
          me.send(to, i);
      }
      if (i % 10 != 9) continue;
      for (std::size_t from = 0; from < me.size(); ++from)
        for (long n = i - 9; n <= i; ++n)
          failures += (n % 3 == 0 ? std::stol(me.receive<std::string>(from)) : me.receive<long>(from)) != n;
    }
    return failures;
  });
  CHECK(wrong == std::vector<long>(4, 0));
}
