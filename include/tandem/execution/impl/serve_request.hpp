// SPDX-License-Identifier: BSL-1.0
// The receiver's side of a request: from the bytes to the workload, and to the end of the process.
#ifndef TANDEM_EXECUTION_IMPL_SERVE_REQUEST_HPP
#define TANDEM_EXECUTION_IMPL_SERVE_REQUEST_HPP

#include <cstdint>   // for uint32_t
#include <cstring>   // for memcpy
#include <new>       // for launder
#include <optional>  // for optional
#include <tuple>     // for tuple

#include "tandem/core/codec.hpp"                    // for codec, reader
#include "tandem/execution/impl/lifeline.hpp"       // for lifeline
#include "tandem/execution/impl/options_codec.hpp"  // for decode_options
#include "tandem/execution/impl/process_child.hpp"  // for child_orders, run_child
#include "tandem/execution/impl/start_request.hpp"  // for arrival, start_request
#include "tandem/execution/impl/workload.hpp"       // for call_workload, process_rules
#include "tandem/memory/shared.hpp"                 // for shared_access
#include "tandem/sync/stop_token.hpp"               // for stop_access, stop_state

namespace tandem::impl {

/// A borrowed object, as it arrived: a copy.
template <class T> struct lent { T object; };
template <class T> T const& handed(lent<T>& argument) noexcept { return argument.object; }

/// How a kept argument arrives.
template <class Kept> struct arrive {
  using type = Kept;
  static type decode(reader& from) { return codec<Kept>::decode(from); }
};
template <class T> struct arrive<borrowed<T>> {
  using type = lent<T>;
  static type decode(reader& from) { return {codec<T>::decode(from)}; }
};
template <class A> using arrive_as = arrive<process_rules::kept<A>>;

/// A callable that lies in the commons, called there, and its arguments.
template <class R, class F, class... A> class arrived_workload {
 public:
  arrived_workload(F& callable, reader& from) : callable_(callable), arguments_{arrive_as<A>::decode(from)...} {}
  arrived_workload(arrived_workload const&) = delete;
  ~arrived_workload() { callable_.~F(); }

  R run(stop_token const& stop) { return call_workload<R>(callable_, arguments_, stop); }

 private:
  F& callable_;
  std::tuple<typename arrive_as<A>::type...> arguments_;
};

/// Serves a request for `F(A...)`: the start_entry of that kind of process.
template <class R, class F, class... A>
[[noreturn]] void serve_request(start_request& request, arrival const& how) noexcept {
  options with;
  child_orders orders;
  orders.how = &with;
  orders.parent = request.starter;
  orders.member = request.member;
  stop_state childs_stop(shared_access::adopt(request.stop_word, request.stop));
  childs_stop.add_source();  // the handle
  stop_token const stop = stop_access::make_token(childs_stop);
  std::optional<arrived_workload<R, F, A...>> work;
  run_child<R>(orders, work, stop, [&] {
    reader from(request.bytes(), how.descriptors);
    with = decode_options(from);
    for (int const other : how.descriptors) {  // before they are taken
      if (other >= 0) orders.stay_open.push_back(other);
    }
    if (with.die_with_parent && !how.bound) lifeline::refuse();
    if (from.read_flat<bool>()) orders.descriptors = fd(from.read_descriptor());
    for (auto count = from.read_flat<std::uint32_t>(); count != 0; --count) {
      auto const place = from.read_flat<std::uint32_t>();  // where the closure keeps it
      int const number = from.read_descriptor();
      std::memcpy(request.closure + place, &number, sizeof number);
    }
    work.emplace(*std::launder(reinterpret_cast<F*>(request.closure)), from);
    from.finish();
  });
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_SERVE_REQUEST_HPP
