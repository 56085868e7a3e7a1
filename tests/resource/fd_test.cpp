// SPDX-License-Identifier: BSL-1.0
#include "tandem/resource/fd.hpp"

#include <sys/stat.h>

#include <array>
#include <csignal>
#include <set>
#include <system_error>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "os/probes.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "support/error_of.hpp"
#include "support/temp_dir.hpp"
#include "tandem/core/byte_sink.hpp"
#include "tandem/core/codec_vector.hpp"
#include "tandem/core/transferable.hpp"
#include "tandem/os/socket.hpp"

using namespace tandem_test;
using tandem::fd;

static_assert(!std::is_copy_constructible_v<fd> && !std::is_copy_assignable_v<fd>);
static_assert(std::is_nothrow_move_constructible_v<fd> && std::is_nothrow_move_assignable_v<fd>);
static_assert(!std::is_convertible_v<int, fd>, "taking a descriptor over is to be seen");
static_assert(!std::is_convertible_v<fd, int> && !std::is_convertible_v<fd, bool>);
static_assert(sizeof(fd) == sizeof(int));
static_assert(tandem::transferable<fd> && tandem::may_carry_descriptors<fd>);
static_assert(tandem::transferable<std::vector<fd>> && tandem::may_carry_descriptors<std::vector<fd>>);
static_assert(!tandem::flat<fd>);
[[maybe_unused]] constinit fd const initialised_before_all_code;

namespace {

fd null() { return fd::open("/dev/null", O_RDWR); }

struct pipe_ends {
  fd read_end;
  fd write_end;
};

pipe_ends two_ends() {
  int ends[2];
  REQUIRE(tandem::os::open_pipe(ends) == 0);
  return {fd{ends[0]}, fd{ends[1]}};
}

// What encode wrote and lent, as a transport would hold it: with duplicates of the descriptors.
struct message {
  std::vector<std::byte> bytes;
  std::vector<int> descriptors;

  template <class T> static message of(T const& value) {
    tandem::byte_buffer buffer;
    tandem::writer to{buffer};
    tandem::encode(to, value);
    message made;
    made.bytes.assign(to.bytes().begin(), to.bytes().end());
    for (int const one : to.descriptors()) made.descriptors.push_back(tandem::os::duplicate(one));
    return made;
  }
  template <class T> T decoded() { return tandem::decode<T>(std::span<std::byte const>{bytes}, descriptors); }
  ~message() { tandem::os::close_all(descriptors); }
  message() = default;
  message(message&&) = default;
};

}  // namespace

TEST_CASE("fd: it owns a descriptor, and closes it at the end", "[resource][fd]") {
  int number = -1;
  {
    fd const owner = null();
    number = owner.get();
    CHECK(owner);
    CHECK(tandem::os::is_open(number));
  }
  CHECK_FALSE(tandem::os::is_open(number));
}

TEST_CASE("fd: an empty one owns nothing, and closes nothing", "[resource][fd]") {
  fd empty;
  CHECK_FALSE(empty);
  CHECK(empty.get() == -1);
  CHECK(empty.release() == -1);
  empty.reset();
  CHECK(fd{-7}.get() == -1);
  empty.reset(-7);
  CHECK(empty.get() == -1);
}

TEST_CASE("fd: a move leaves the source empty, and closes what the target had", "[resource][fd]") {
  fd first = null();
  fd second = null();
  int const kept = first.get();
  int const closed = second.get();
  second = std::move(first);
  CHECK_FALSE(first);
  CHECK(second.get() == kept);
  CHECK(tandem::os::is_open(kept));
  CHECK_FALSE(tandem::os::is_open(closed));
  fd const third{std::move(second)};
  CHECK_FALSE(second);
  CHECK(third.get() == kept);
}

TEST_CASE("fd: a move to itself keeps it", "[resource][fd]") {
  fd one = null();
  fd& same = one;
  int const number = one.get();
  one = std::move(same);
  CHECK(one.get() == number);
  CHECK(tandem::os::is_open(number));
}

TEST_CASE("fd: release gives up, reset replaces", "[resource][fd]") {
  fd one = null();
  int const number = one.release();
  CHECK_FALSE(one);
  CHECK(tandem::os::is_open(number));
  one.reset(number);
  CHECK(one.get() == number);
  int const other = ::dup(number);
  one.reset(other);
  CHECK_FALSE(tandem::os::is_open(number));
  CHECK(one.get() == other);
  one.reset();
  CHECK_FALSE(tandem::os::is_open(other));
}

TEST_CASE("fd: swap, comparisons and hash go by the number", "[resource][fd]") {
  fd first = null();
  fd second = null();
  int const a = first.get();
  int const b = second.get();
  first.swap(second);
  CHECK(first.get() == b);
  swap(first, second);
  CHECK(first.get() == a);
  CHECK(first == first);
  CHECK(first != second);
  CHECK((first < second) == (a < b));
  CHECK(fd{} < first);
  CHECK(fd{} == fd{});
  CHECK(std::hash<fd>{}(first) == std::hash<fd>{}(first));
  std::unordered_set<fd> hashed;
  hashed.insert(std::move(first));
  hashed.insert(std::move(second));
  CHECK(hashed.size() == 2);
  std::set<fd> ordered;
  ordered.insert(null());
  ordered.insert(fd{});
  CHECK_FALSE(*ordered.begin());
}

TEST_CASE("fd: what it opens and duplicates is close-on-exec", "[resource][fd]") {
  fd const one = null();
  fd const copy = one.dup();
  CHECK(copy != one);
  CHECK(close_on_exec(one.get()));
  CHECK(close_on_exec(copy.get()));
}

TEST_CASE("fd: a duplicate shares the open file's position", "[resource][fd]") {
  temp_dir const folder;
  fd const file = fd::open(folder / "file", O_RDWR | O_CREAT, 0600);
  fd const copy = file.dup();
  file.write("abc");
  CHECK(::lseek(copy.get(), 0, SEEK_CUR) == 3);
}

TEST_CASE("fd: open takes strings and paths, creates with a mode, and says which file it could not open",
          "[resource][fd]") {
  temp_dir const folder;
  auto const path = folder / "file";
  CHECK(error_of([&] { fd::open(path, O_RDONLY); }) == ENOENT);
  CHECK_THROWS_WITH(fd::open(path.string(), O_RDONLY), ContainsSubstring("open: " + path.string()));
  fd::open(path.c_str(), O_WRONLY | O_CREAT, 0600).write("text");
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(fd::open(path, O_RDONLY).read_all() == "text");
  CHECK(as_unprivileged([&] { CHECK(error_of([] { fd::open("/root/x", O_RDONLY); }) == EACCES); }).passed());
}

TEST_CASE("fd: at the limit of open files open and dup throw EMFILE", "[resource][fd]") {
  auto const child = run_in_child([] {
    fd const one = null();
    descriptor_limit const few{0};
    CHECK(error_of([] { null(); }) == EMFILE);
    CHECK(error_of([&] { one.dup(); }) == EMFILE);
  });
  INFO(child.to_string());
  CHECK(child.passed());
}

TEST_CASE("fd: an empty one cannot be duplicated, read, or written", "[resource][fd]") {
  fd const empty;
  std::array<std::byte, 1> byte{};
  CHECK(error_of([&] { empty.dup(); }) == EBADF);
  CHECK(error_of([&] { empty.read(byte); }) == EBADF);
  CHECK(error_of([&] { empty.read_all(); }) == EBADF);
  CHECK(error_of([&] { empty.write(byte); }) == EBADF);
  CHECK(error_of([&] { empty.write_some(byte); }) == EBADF);
}

TEST_CASE("fd: reads what is there, and 0 at the end", "[resource][fd]") {
  auto pipe = two_ends();
  pipe.write_end.write("hello");
  pipe.write_end.write(std::array{std::byte{'!'}});
  std::array<char, 4> text{};
  CHECK(pipe.read_end.read(text) == 4);
  CHECK(std::string{text.data(), 4} == "hell");
  std::array<std::byte, 8> bytes{};
  CHECK(pipe.read_end.read(bytes) == 2);
  CHECK(bytes[1] == std::byte{'!'});
  pipe.write_end.reset();
  CHECK(pipe.read_end.read(bytes) == 0);
  CHECK(pipe.read_end.read(std::span<std::byte>{}) == 0);
}

TEST_CASE("fd: writes all that it is given, and reads to the end, also beyond a pipe's capacity", "[resource][fd]") {
  auto pipe = two_ends();
  std::string text(300'000, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i * 2654435761U >> 13);
  child_process child{[&] {
    pipe.read_end.reset();
    pipe.write_end.write(text);
  }};
  pipe.write_end.reset();
  CHECK(pipe.read_end.read_all() == text);
  CHECK(pipe.read_end.read_all().empty());
  CHECK(child.join().passed());
}

TEST_CASE("fd: a write that nobody reads throws EPIPE, and no SIGPIPE comes", "[resource][fd][sigpipe]") {
  auto const child = run_in_child([&] {
    ::signal(SIGPIPE, SIG_DFL);
    auto pipe = two_ends();
    pipe.read_end.reset();
    CHECK(error_of([&] { pipe.write_end.write("x"); }) == EPIPE);
    CHECK(error_of([&] { pipe.write_end.write_some(std::as_bytes(std::span{"x"})); }) == EPIPE);
    pipe.write_end.write("");
  });
  INFO(child.to_string());
  CHECK(child.passed());
}

TEST_CASE("fd: a non-blocking one throws EAGAIN, and write_some says how far it came", "[resource][fd]") {
  int ends[2];
  REQUIRE(tandem::os::open_pipe(ends, O_NONBLOCK) == 0);
  fd const read_end{ends[0]};
  fd const write_end{ends[1]};
  std::array<std::byte, 1> byte{};
  CHECK(error_of([&] { read_end.read(byte); }) == EAGAIN);
  std::vector<std::byte> const block(100'000);
  std::size_t written = 0;
  CHECK(error_of([&] {
          for (;;) written += write_end.write_some(block);
        }) == EAGAIN);
  CHECK(written == static_cast<std::size_t>(::fcntl(write_end.get(), F_GETPIPE_SZ)));
  CHECK(error_of([&] { write_end.write(block); }) == EAGAIN);
}

TEST_CASE("fd: a full device throws ENOSPC", "[resource][fd]") {
  CHECK(error_of([] { fd::open("/dev/full", O_WRONLY).write("x"); }) == ENOSPC);
}

TEST_CASE("fd: it survives the codec as another descriptor of the same open file", "[resource][fd][codec]") {
  auto pipe = two_ends();
  auto sent = message::of(pipe.write_end);
  CHECK(sent.descriptors.size() == 1);
  fd const received = sent.decoded<fd>();
  CHECK(received);
  CHECK(received != pipe.write_end);
  CHECK(sent.descriptors[0] == -1);  // taken over
  received.write("x");
  std::array<char, 1> text{};
  CHECK(pipe.read_end.read(text) == 1);
  CHECK(pipe.write_end);  // lent only
}

TEST_CASE("fd: an empty one survives the codec as empty, and takes no descriptor", "[resource][fd][codec]") {
  auto sent = message::of(fd{});
  CHECK(sent.descriptors.empty());
  CHECK_FALSE(sent.decoded<fd>());
}

TEST_CASE("fd: several survive the codec in their order", "[resource][fd][codec]") {
  auto pipe = two_ends();
  std::vector<fd> descriptors;
  descriptors.push_back(pipe.read_end.dup());
  descriptors.emplace_back();
  descriptors.push_back(pipe.write_end.dup());
  auto sent = message::of(descriptors);
  auto const received = sent.decoded<std::vector<fd>>();
  REQUIRE(received.size() == 3);
  CHECK_FALSE(received[1]);
  received[2].write("y");
  std::array<char, 1> text{};
  CHECK(received[0].read(text) == 1);
}

TEST_CASE("fd: hostile bytes are bad_message, and leak nothing", "[resource][fd][codec]") {
  fd const one = null();
  auto const refused = [](message& bytes) { return error_of([&] { bytes.decoded<fd>(); }) == EBADMSG; };
  SECTION("no bytes") {
    message sent;
    CHECK(refused(sent));
  }
  SECTION("neither present nor absent") {
    auto sent = message::of(one);
    sent.bytes[0] = std::byte{2};
    CHECK(refused(sent));
  }
  SECTION("a number that did not come along") {
    auto sent = message::of(one);
    sent.bytes[1] = std::byte{1};
    CHECK(refused(sent));
    sent.bytes[4] = std::byte{0xff};
    CHECK(refused(sent));
  }
  SECTION("the same twice") {
    auto sent = message::of(one);
    auto const once = sent.bytes;
    sent.bytes.insert(sent.bytes.end(), once.begin(), once.end());
    tandem::reader from{sent.bytes, sent.descriptors};
    CHECK(tandem::decode<fd>(from));
    CHECK(error_of([&] { tandem::decode<fd>(from); }) == EBADMSG);
  }
  SECTION("left over bytes") {
    auto sent = message::of(one);
    sent.bytes.push_back(std::byte{0});
    CHECK(refused(sent));
  }
}
