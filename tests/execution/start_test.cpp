// SPDX-License-Identifier: BSL-1.0
#include "tandem/execution/start.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <variant>
#include <vector>

#include "execution/kinds.hpp"
#include "execution/starts.hpp"
#include "support/build_kind.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/place.hpp"
#include "support/temp_dir.hpp"
#include "tandem/core.hpp"
#include "tandem/execution/borrow.hpp"
#include "tandem/execution/this_unit.hpp"
#include "tandem/memory/shared_array.hpp"
#include "tandem/memory/shared_memory.hpp"
#include "tandem/memory/shm.hpp"
#include "tandem/memory/weak.hpp"
#include "tandem/resource/event.hpp"
#include "tandem/resource/pipe.hpp"

using namespace std::chrono_literals;
using tandem::ending;
using tandem_test::by, tandem_test::ContainsSubstring, tandem_test::run_in_child, tandem_test::StartsWith;

namespace {

int twice(int n) { return 2 * n; }

struct point {
  double x, y;
};

/// A type that arrives, and says so wrongly.
struct unreadable {};

struct polymorphic {
  virtual ~polymorphic() = default;
  virtual int number() const { return 1; }
};
struct derived final : polymorphic {
  int number() const override { return 2; }
};

int global = 1;

}  // namespace

template <> struct tandem::codec<unreadable> {
  static void encode(tandem::writer& to, unreadable const&) { to.write_flat(1); }
  static unreadable decode(tandem::reader&) { throw std::runtime_error("cannot be read"); }
};

TEST_CASE("start: fork, exec or a zygote, compared by which", "[execution][start]") {
  static_assert(tandem::start{}.is_fork() && tandem::start{} == tandem::start::fork);
  static_assert(tandem::start::exec.is_exec() && tandem::start::exec != tandem::start::fork);
  static_assert(tandem::start::exec.from() == nullptr);
  tandem::zygote z, other;
  tandem::start const from = z;
  CHECK(from.from() == &z);
  CHECK(from == tandem::start(z));
  CHECK(from != tandem::start(other));
}

TEST_CASE("start: each method gives a child of its starter, with a value", "[execution][start]") {
  TANDEM_TEST_EACH_START(how);
  tandem::process worker{{.name = "child", .start = how}, [] { return std::pair(::getppid(), ::getpid()); }};
  pid_t const pid = worker.pid();
  auto const [parent, child] = worker.join().value();
  CHECK(parent == ::getpid());
  CHECK(child == pid);
}

TEST_CASE("start: each method tells a value, an exception, an exit, a signal and a timeout", "[execution][start]") {
  TANDEM_TEST_EACH_START(how);
  CHECK(tandem::process({.start = how}, &twice, 21).join().value() == 42);
  CHECK(tandem::process({.start = how}, [] {}).join().has_value());

  auto threw = tandem::process({.name = "thrower", .start = how}, [] { throw std::out_of_range("x"); }).join();
  CHECK(threw.error().how() == ending::threw);
  CHECK(threw.error().unit() == "thrower");
  CHECK_THROWS_AS(threw.value(), std::out_of_range);

  CHECK(tandem::process({.start = how}, [] { ::_exit(3); }).join().error().exit_code() == 3);
  CHECK(tandem::process({.start = how}, [] { std::exit(4); }).join().error().exit_code() == 4);
  CHECK(tandem::process({.start = how}, [] { ::raise(SIGKILL); }).join().error().signal() == SIGKILL);
  CHECK(tandem::process({.start = how}, [] { ::raise(SIGKILL); }).get_outcome().error().signal() == SIGKILL);

  auto late = tandem::process({.name = "late", .start = how, .timeout = 20ms}, [] { ::pause(); }).join();
  CHECK(late.error().timed_out());
  CHECK(late.error().signal() == SIGKILL);
  CHECK_THAT(late.error().to_string(), ContainsSubstring("timeout of 20 ms"));
}

TEST_CASE("start: arguments of every kind arrive by each method", "[execution][start]") {
  TANDEM_TEST_EACH_START(how);
  std::map<std::string, std::vector<int>> const table{{"a", {1, 2}}, {"b", {}}};
  std::string const borrowed(100'000, 'b');
  tandem::process worker{{.start = how},
                         [](std::string text, std::map<std::string, std::vector<int>> map, point where,
                            std::unique_ptr<int> owned, std::string const& lent, std::optional<std::string> none) {
                           return text + std::to_string(map.at("a").at(1)) + std::to_string(static_cast<int>(where.y)) +
                                  std::to_string(*owned) + std::to_string(lent.size()) + (none ? "some" : "none");
                         },
                         "literal",
                         table,
                         point{1, 3},
                         std::make_unique<int>(4),
                         tandem::borrow(borrowed),
                         std::optional<std::string>()};
  CHECK(worker.join().value() == "literal234100000none");
}

TEST_CASE("start: large arguments and results cross by each method", "[execution][start]") {
  TANDEM_TEST_EACH_START(how);
  std::vector<int> const sent(1'000'000, 7);
  auto got = tandem::process(
                 {.start = how},
                 [](std::vector<int> all) {
                   all.push_back(8);
                   return all;
                 },
                 sent)
                 .join()
                 .value();
  CHECK(got.size() == sent.size() + 1);
  CHECK(got.back() == 8);
}

TEST_CASE("start: a stop reaches the unit, and tokens that are arguments", "[execution][start][stop]") {
  TANDEM_TEST_EACH_START(how);
  tandem::process worker{{.start = how}, [](tandem::stop_token stop) { return stop.wait(); }};
  worker.request_stop();
  CHECK(worker.join().value());

  tandem::stop_source source;
  tandem::process other{{.start = how},
                        [](tandem::stop_token token, std::pair<tandem::stop_token, int> inside) {
                          return token.stop_possible() && inside.first.wait() && token.stop_requested();
                        },
                        std::pair(source.get_token(), 1)};
  // The unit's own token comes first; nobody requests a stop of it.
  other.request_stop();
  source.request_stop();
  CHECK(other.join().value());

  tandem::stop_source theirs;
  tandem::process asker{{.start = how}, [](tandem::stop_source ask) { return ask.request_stop(); }, theirs};
  CHECK(asker.join().value());
  CHECK(theirs.stop_requested());
}

TEST_CASE("start: a unit knows its name, its parent and its mode", "[execution][start]") {
  TANDEM_TEST_EACH_START(how);
  tandem::process worker{{.name = "known", .start = how}, [] {
                           return std::tuple(tandem::this_unit::name(), tandem::this_unit::parent().process,
                                             tandem::this_unit::mode() == tandem::mode::process,
                                             tandem::this_unit::get_id().process == ::getpid());
                         }};
  CHECK(worker.join().value() == std::tuple(std::string("known"), ::getpid(), true, true));
}

TEST_CASE("start: closures with what means the same elsewhere travel", "[execution][start][closure]") {
  TANDEM_TEST_EACH_START(how);
  auto const gives = [&](auto body) { return tandem::process({.start = how}, std::move(body)).join().value(); };
  std::string const brief = "short";
  std::vector<int> const empty;
  derived const object;
  auto* const in_commons = static_cast<int*>(tandem::commons().allocate(sizeof(int)));
  *in_commons = 5;
  CHECK(gives([] { return 1; }) == 1);
  CHECK(gives([n = -1, m = 2.5, c = 'x', b = true] { return n + m + c + (b ? 1 : 0); }) == 'x' + 2.5);
  CHECK(gives([all = std::array<double, 4>{1, -2, 3e300, 0.1}] { return all[1]; }) == -2);
  CHECK(gives([most = ~std::size_t{0}, small = std::size_t{4096}] { return most - small; }) == ~std::size_t{0} - 4096);
  CHECK(gives([low = 5, high = 0x7ffe] { return low + high; }) == 0x7ffe + 5);
  CHECK(gives([brief] { return brief.size(); }) == 5);
  CHECK(gives([empty] { return empty.size(); }) == 0);
  CHECK(gives([none = std::unique_ptr<int>()] { return none == nullptr; }));
  CHECK(gives([f = &twice] { return f(4); }) == 8);
  CHECK(gives([text = "literal"] { return std::string(text); }) == "literal");
  CHECK(gives([object] { return static_cast<polymorphic const&>(object).number(); }) == 2);
  CHECK(gives([in_commons] { return *in_commons; }) == 5);
  CHECK(gives([choice = std::variant<int, double>(2.5)] { return std::get<double>(choice); }) == 2.5);
  CHECK(gives([where = point{1, 2}, maybe = std::optional<int>(3)] { return where.y + *maybe; }) == 5);
  tandem::commons().deallocate(in_commons);
}

TEST_CASE("start: what the padding of a closure held does not matter", "[execution][start][closure]") {
  auto const kind = GENERATE(by::zygote, by::exec);
  tandem_test::start_method how(kind);
  auto const gives_over_an_address = [&](auto body, std::size_t padding) {
    using closure = decltype(body);
    alignas(closure) std::byte room[sizeof(closure)];
    auto* const stale = ::new (static_cast<void*>(room)) closure(body);
    void* const address = room;
    std::memcpy(room + sizeof(closure) - padding, reinterpret_cast<std::byte const*>(&address) + 8 - padding, padding);
    return tandem::process({.start = how}, *stale).join().value();
  };
  CHECK(gives_over_an_address([m = 2.5, c = 'x', b = true] { return m + c + (b ? 1 : 0); }, 6) == 2.5 + 'x' + 1);
  CHECK(gives_over_an_address([m = 2.5, n = std::int16_t{0x100}] { return m + n; }, 6) == 2.5 + 0x100);
}

TEST_CASE("start: closures that lead into private memory are refused in words, and nothing is lost",
          "[execution][start][closure]") {
  auto const kind = GENERATE(by::zygote, by::exec);
  tandem_test::start_method how(kind);
  tandem::shared<int> const held(1);
  auto const refused = [&](auto&& body) {
    std::string words;
    try {
      tandem::process worker{{.name = "unsent", .start = how}, std::forward<decltype(body)>(body)};
    } catch (std::invalid_argument const& error) { words = error.what(); }
    CHECK_THAT(words, ContainsSubstring("unsent") && ContainsSubstring("offset") && ContainsSubstring("shared<T>"));
    CHECK(held.use_count() == 1);
  };
  int local = 1;
  try {
    tandem::process nameless{{.start = how}, [&local] { return local; }};
    FAIL("no exception");
  } catch (std::invalid_argument const& error) {
    CHECK_THAT(error.what(), StartsWith("tandem: start a process: the closure"));
  }
  std::string const text(100, 'x');
  std::vector<int> const numbers(3);
  auto const counted = std::make_shared<int>(3);
  refused([&local] { return local; });
  refused([&] { return local + static_cast<int>(text.size()); });
  refused([text] { return text.size(); });
  refused([numbers] { return numbers.size(); });
  refused([counted] { return *counted; });
  refused([at = &local] { return *at; });
  refused([at = &global] { return *at; });
  refused([at = tandem::stop_source().get_token()] { return at.stop_requested(); });
  refused([f = std::function<std::size_t()>([text] { return text.size(); })] { return f(); });
  refused([n = 1, text, held = tandem::shared<int>(1)] { return n + static_cast<int>(text.size()) + *held; });

  auto owner = [number = std::make_unique<int>(7)] { return *number; };
  refused(std::move(owner));
  CHECK(owner() == 7);  // it was looked at before it was moved
}

TEST_CASE("start: what is borrowed and cannot be copied is for a fork alone", "[execution][start][borrow]") {
  struct fixed {
    explicit fixed(int n) : number(n) {}
    fixed(fixed const&) = delete;
    int number;
    int* self = &number;
  };
  fixed const object(3);
  auto const look = [](fixed const& it) { return it.number; };
  CHECK(tandem::process({.start = tandem::start::fork}, look, tandem::borrow(object)).join().value() == 3);
  auto const kind = GENERATE(by::zygote, by::exec);
  tandem_test::start_method how(kind);
  CHECK_THROWS_WITH(tandem::process({.name = "borrower", .start = how}, look, tandem::borrow(object)),
                    ContainsSubstring("borrower") && ContainsSubstring("codec"));
}

TEST_CASE("start: an argument that cannot be decoded is a failure of the unit, not a hang", "[execution][start]") {
  auto const kind = GENERATE(by::zygote, by::spare, by::exec);
  tandem_test::start_method how(kind);
  try {
    auto const result = tandem::process(
                            {.start = how}, [](unreadable) {}, unreadable{})
                            .join();
    CHECK(result.error().how() == ending::threw);
    CHECK_THAT(result.error().to_string(), ContainsSubstring("cannot be read"));
  } catch (std::runtime_error const& error) {  // where the start waits for the unit to be ready
    CHECK_THAT(error.what(), ContainsSubstring("cannot be read"));
  }
}

TEST_CASE("start: more descriptors in a closure than can be noted are refused", "[execution][start][closure]") {
  tandem_test::start_method how(by::zygote);
  struct many {
    std::array<tandem::fd, 65> all;
  } owned;
  CHECK_THROWS_WITH(tandem::process({.start = how}, [owned = std::move(owned)] { return owned.all.size(); }),
                    ContainsSubstring("64 descriptors"));
}

TEST_CASE("start: environment, directory and streams are those of the moment", "[execution][start]") {
  auto const which = GENERATE(by::fork, by::zygote, by::spare, by::exec);
  CAPTURE(which);
  auto const result = run_in_child([which] {
    tandem_test::start_method how(which);
    tandem_test::temp_dir const folder;
    tandem::pipe out;
    ::setenv("TANDEM_TEST_MOMENT", "now", 1);
    std::filesystem::current_path(folder.path());
    REQUIRE(::dup2(out.write_end.get(), 0) == 0);  // stdin, which Catch2 does not need
    auto const found =
        tandem::process({.start = how}, [] {
          char const* const value = std::getenv("TANDEM_TEST_MOMENT");
          static_cast<void>(!::write(0, "here", 4));
          return std::pair(std::string(value == nullptr ? "" : value), std::filesystem::current_path().string());
        }).join();
    CHECK(found.value() == std::pair(std::string("now"), std::filesystem::canonical(folder.path()).string()));
    char text[4];
    CHECK(::read(out.read_end.get(), text, 4) == 4);
    std::filesystem::current_path("/");
  });
  INFO(result.to_string());
  CHECK(result.passed());
}

TEST_CASE("start: a unit may start units of its own", "[execution][start]") {
  TANDEM_TEST_EACH_START(how);
  CHECK(tandem::process({.start = how},
                        [] {
                          int const forked = tandem::process([] { return 1; }).join().value();
                          tandem::zygote own;
                          return forked + tandem::process({.start = own}, [] { return 2; }).join().value() +
                                 tandem::thread([] { return 4; }).join().value();
                        })
            .join()
            .value() == 7);
}

TEST_CASE("start: suspended, resumed, terminated and detached alike", "[execution][start]") {
  TANDEM_TEST_EACH_START(how);
  tandem::shared<std::atomic<int>> there(0);
  auto const wait = [there] {
    there->store(1);
    for (;;) ::pause();
  };
  tandem::process worker{{.start = how}, wait};
  while (there->load() == 0) std::this_thread::yield();
  CHECK(worker.suspend());
  CHECK_FALSE(worker.try_join().has_value());
  CHECK(worker.resume());
  CHECK_FALSE(worker.join_for(1ms).has_value());
  worker.kill(SIGTERM);
  auto const ended = worker.join();
  CHECK(ended.error().signal() == SIGTERM);

  tandem::pipe end;
  tandem::process stray{{.start = how}, [](tandem::fd) {}, std::move(end.write_end)};
  pid_t const pid = stray.pid();
  stray.detach();
  CHECK(end.read_end.read_all().empty());
  while (::kill(pid, 0) == 0) tandem::process([] {}).join();  // a later start collects it
}
