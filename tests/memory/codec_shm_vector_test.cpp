// SPDX-License-Identifier: BSL-1.0
#include "tandem/memory/codec_shm_vector.hpp"

#include <csignal>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "core/round_trip.hpp"
#include "memory/live.hpp"
#include "support/catch.hpp"
#include "support/child.hpp"
#include "tandem/core/codec_string.hpp"
#include "tandem/core/transferable.hpp"
#include "tandem/memory/shm.hpp"

using tandem_test::bytes_of, tandem_test::child_process, tandem_test::live_blocks, tandem_test::lost_objects;
namespace impl = tandem::impl;

namespace {

using numbers = tandem::shm::vector<double>;

/// What the sender's end would do: gives back what it kept for the sake of its receivers.
void forget(std::span<std::byte const> message) {
  std::uint32_t index = 0;
  std::memcpy(&index, message.data(), sizeof index);
  impl::hold const of_the_message{index, index * 8};
  if (impl::objects::drop(of_the_message, impl::members::self(), 0)) impl::objects::lose(index);
}

static_assert(tandem::transferable<numbers> && tandem::transferable<tandem::shm::vector<tandem::shm::string>>);
static_assert(!tandem::may_carry_descriptors<numbers>);

}  // namespace

TEST_CASE("codec of shm::vector: hands the elements over where they lie", "[memory][codec_shm_vector]") {
  auto const blocks = live_blocks();
  {
    numbers sent(100'000, 0.5);
    auto const* const where = sent.data();
    auto const message = bytes_of(sent);
    CHECK(sent.empty());
    CHECK(message.size() == sizeof(std::uint32_t));
    auto const received = tandem::decode<numbers>(message);
    CHECK(received.data() == where);
    CHECK(received.size() == 100'000);
    CHECK(received[99'999] == 0.5);
    CHECK(tandem::decode<numbers>(message).empty());  // it was taken already
    auto const lost_before = lost_objects();
    forget(message);
    CHECK(lost_objects() == lost_before);
    CHECK(received[0] == 0.5);
  }
  CHECK(live_blocks() == blocks);
}

TEST_CASE("codec of shm::vector: of a const one a copy travels", "[memory][codec_shm_vector]") {
  numbers const sent(3, 0.5);
  auto const message = bytes_of(sent);
  CHECK(sent.size() == 3);
  auto const received = tandem::decode<numbers>(message);
  CHECK(received == sent);
  CHECK(received.data() != sent.data());
  forget(message);
}

TEST_CASE("codec of shm::vector: empty ones, and ones of what lies elsewhere in the commons",
          "[memory][codec_shm_vector]") {
  numbers empty;
  auto const nothing = bytes_of(empty);
  CHECK(tandem::decode<numbers>(nothing).empty());
  forget(nothing);
  tandem::shm::vector<tandem::shm::string> words = {"short", "one that does not fit into the string itself"};
  auto const message = bytes_of(words);
  auto const received = tandem::decode<tandem::shm::vector<tandem::shm::string>>(message);
  CHECK(received.size() == 2);
  CHECK(received[1] == "one that does not fit into the string itself");
  forget(message);
}

TEST_CASE("codec of shm::vector: elements that only travel are copied", "[memory][codec_shm_vector]") {
  std::vector<std::string, tandem::commons_allocator<std::string>> const words = {"one that is long enough", "two"};
  CHECK(tandem::decode<std::remove_const_t<decltype(words)>>(bytes_of(words)) == words);
}

TEST_CASE("codec of shm::vector: what a dead sender had sent to nobody is freed",
          "[memory][codec_shm_vector][processes][death]") {
  auto const blocks = live_blocks();
  auto const lost_before = lost_objects();
  auto const member = impl::members::claim();
  auto child = child_process([member] {
    impl::members::become(member);
    numbers large(1'000'000, 0.5);
    static_cast<void>(bytes_of(large));
    ::raise(SIGKILL);
  });
  CHECK(child.join().signal == SIGKILL);
  CHECK(live_blocks() > blocks);
  impl::objects::bury(member);
  impl::members::release(member);
  CHECK(live_blocks() == blocks);
  CHECK(lost_objects() == lost_before + 1);
}

TEST_CASE("codec of shm::vector: what cannot be one is refused, and not touched", "[memory][codec_shm_vector]") {
  auto scribbled = [](std::size_t word, std::uint64_t with) {
    numbers sent(1000, 0.5);
    auto const message = bytes_of(sent);
    std::uint32_t index = 0;
    std::memcpy(&index, message.data(), sizeof index);
    // {elements; begin, end, end of capacity}
    auto* const words = static_cast<std::uint64_t*>(impl::objects::address(index));
    words[1 + word] += with;
    CHECK_THROWS_AS(tandem::decode<numbers>(message), std::system_error);
    forget(message);  // frees what the parcel says
  };
  auto const blocks = live_blocks();
  SECTION("another start") { scribbled(0, 8); }
  SECTION("more elements than capacity") { scribbled(1, 1 << 20); }
  SECTION("more capacity than the block") { scribbled(2, 1 << 20); }
  SECTION("another place") { scribbled(0, std::uint64_t{1} << 40); }
  CHECK(live_blocks() == blocks);
}

TEST_CASE("codec of shm::vector: bytes that name none are refused", "[memory][codec_shm_vector]") {
  numbers sent(10, 0.5);
  auto const message = bytes_of(sent);
  CHECK_THROWS_AS(tandem::decode<tandem::shm::vector<int>>(message), std::system_error);
  std::uint32_t const none = 0xfffffff0;
  CHECK_THROWS_AS(tandem::decode<numbers>(std::as_bytes(std::span(&none, 1))), std::system_error);
  forget(message);
}
