// SPDX-License-Identifier: BSL-1.0
#include "tandem/sync/waitable.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/catch.hpp"
#include "tandem/resource/event.hpp"
#include "tandem/resource/pipe.hpp"
#include "tandem/sync/stop_token.hpp"

using tandem::event, tandem::fd, tandem::waitable, tandem::impl::wait_access;

namespace {

struct with_wait_handle {
  int wait_handle() { return 7; }
  int native_handle() { return 8; }  // of something else
};
struct with_other_handle {
  unsigned long native_handle() { return 7; }
};
struct that_knows {
  int wait_handle() { throw std::string("not asked"); }

 private:
  friend struct tandem::impl::wait_access;
  bool known_ready() const { return true; }
  bool sleep_until(tandem::deadline) const { return true; }
};

}  // namespace

static_assert(waitable<event> && waitable<event&> && waitable<event const&> && waitable<fd> && waitable<fd const&>);
static_assert(waitable<with_wait_handle> && !waitable<with_wait_handle const>);
static_assert(waitable<event*> && waitable<event const*> && waitable<std::unique_ptr<event>&> &&
              waitable<std::shared_ptr<event>> && waitable<std::optional<event>&> && waitable<std::optional<fd>>);
static_assert(waitable<std::reference_wrapper<event>> && waitable<std::reference_wrapper<event const>>);
static_assert(!waitable<int> && !waitable<int*> && !waitable<with_other_handle> && !waitable<std::optional<int>> &&
              !waitable<std::string> && !waitable<std::vector<event>> && !waitable<tandem::stop_token> &&
              !waitable<std::reference_wrapper<int>> && !waitable<event**>);

TEST_CASE("waitable: the descriptor is the one of the thing itself, however it is reached", "[sync][waitable]") {
  event e;
  CHECK(wait_access::handle(e) == e.native_handle());
  event const& constant = e;
  CHECK(wait_access::handle(constant) == e.native_handle());
  event* pointer = &e;
  CHECK(wait_access::handle(pointer) == e.native_handle());
  auto reference = std::ref(e);
  CHECK(wait_access::handle(reference) == e.native_handle());
  std::optional<event> holder(std::move(e));
  CHECK(wait_access::handle(holder) == holder->native_handle());

  tandem::pipe p;
  CHECK(wait_access::handle(p.read_end) == p.read_end.get());
  with_wait_handle both;
  CHECK(wait_access::handle(both) == 7);
}

TEST_CASE("waitable: the handle is negative where there is nothing", "[sync][waitable]") {
  std::optional<event> none;
  CHECK(wait_access::handle(none) < 0);
  std::unique_ptr<fd> no_fd;
  CHECK(wait_access::handle(no_fd) < 0);
  fd empty;
  CHECK(wait_access::handle(empty) < 0);
  CHECK_FALSE(wait_access::known_ready(none));
  CHECK_FALSE(wait_access::sleep_until(none, tandem::deadline::never()).has_value());
}

TEST_CASE("waitable: what a type knows without its descriptor is used", "[sync][waitable]") {
  that_knows one;
  that_knows* const pointer = &one;
  auto reference = std::ref(one);
  CHECK((wait_access::known_ready(one) && wait_access::known_ready(pointer) && wait_access::known_ready(reference)));
  CHECK(wait_access::sleep_until(pointer, tandem::deadline::never()) == true);
  event e;
  CHECK_FALSE(wait_access::known_ready(e));
  CHECK_FALSE(wait_access::sleep_until(e, tandem::deadline::never()).has_value());
}
