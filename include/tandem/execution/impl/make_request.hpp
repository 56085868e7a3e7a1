// SPDX-License-Identifier: BSL-1.0
// The starter's side of a request: a closure and its arguments, made ready for a process that has not this one's
// memory.
#ifndef TANDEM_EXECUTION_IMPL_MAKE_REQUEST_HPP
#define TANDEM_EXECUTION_IMPL_MAKE_REQUEST_HPP

#include <algorithm>  // for max
#include <cstddef>    // for byte, size_t
#include <cstdint>    // for uint32_t
#include <cstring>    // for memcpy
#include <memory>     // for addressof, destroy_at, unique_ptr
#include <new>        // for placement new
#include <optional>   // for optional
#include <stdexcept>  // for invalid_argument
#include <tuple>      // for apply, tuple
#include <utility>    // for forward, move
#include <vector>     // for vector

#include "tandem/core/codec.hpp"                // for codec, writer
#include "tandem/core/impl/descriptor_log.hpp"  // for descriptor_log, logging_scope
#include "tandem/core/transferable.hpp"         // for transferable
#include "tandem/execution/impl/closure.hpp"    // for copied_as_bytes, look_at_closure, place_closure, refuse_closure
#include "tandem/execution/impl/options_codec.hpp"  // for encode_options
#include "tandem/execution/impl/serve_request.hpp"  // for serve_request
#include "tandem/execution/impl/start_error.hpp"    // for start_of
#include "tandem/execution/impl/start_fork.hpp"     // for claim_process
#include "tandem/execution/impl/start_request.hpp"  // for commons_sink, request_block, start_request
#include "tandem/execution/impl/unit_context.hpp"   // for current_id
#include "tandem/memory/impl/travel.hpp"            // for travel_scope
#include "tandem/resource/fd.hpp"                   // for fd

namespace tandem::impl {

/// A copy of a callable where its process will call it, until that process has it.
template <class F> class placed_closure {
 public:
  /// @throws what the copy throws; std::invalid_argument where it leads into private memory, and then the original is
  /// as it was, unless its own copy constructor made the difference
  template <class G>
  placed_closure(std::byte* place, G&& callable, token receiver, options const& how, os::module_table const& known,
                 bool collect)
      : receiver_(receiver) {
    if constexpr (!copied_as_bytes<F>) require_travels(std::addressof(callable), how, known);
    {
      travel_scope const on_the_way(receiver);
      logging_scope const logging(owners_);
      at_ = place_closure<F>(place, std::forward<G>(callable));
    }
    try {
      words = require_travels(at_, how, known, collect);
      note_descriptors(how);
    } catch (...) {
      destroy();
      throw;
    }
  }
  placed_closure(placed_closure const&) = delete;
  ~placed_closure() {
    if (at_ != nullptr) destroy();
  }

  /// Tells where in it the descriptors are, and sends them along.
  void encode_descriptors(writer& to) const {
    to.write_flat(static_cast<std::uint32_t>(descriptors_.size()));
    for (auto const& one : descriptors_) {
      to.write_flat(one.at);
      to.write_descriptor(one.number.get());
    }
  }

  /// It is the receiver's now; so are its descriptors, and this process's copies of them are closed.
  void release() noexcept {
    descriptors_.clear();
    at_ = nullptr;
  }

  closure_words words;

 private:
  static closure_words require_travels(void const* at, options const& how, os::module_table const& known,
                                       bool collect = false) {
    auto found = look_at_closure(at, sizeof(F), known, collect);
    if (found.refused != closure_words::none) refuse_closure(how.name, found.refused);
    return found;
  }

  /// Takes note of them here: the receiver writes its own numbers there.
  void note_descriptors(options const& how) {
    if (owners_.count() > descriptor_log::most)
      throw std::invalid_argument("tandem: " + start_of(how.name) +
                                  ": its closure holds more than 64 descriptors: pass them as an argument");
    auto const* const begin = reinterpret_cast<std::byte const*>(at_);
    for (std::size_t i = 0; i < owners_.count(); ++i) {
      auto const* const owner = reinterpret_cast<std::byte const*>(owners_[i]);
      if (owner < begin || owner >= begin + sizeof(F)) continue;  // a stop on the way
      int number = -1;
      std::memcpy(&number, owner, sizeof number);
      if (number >= 0) descriptors_.push_back({static_cast<std::uint32_t>(owner - begin), fd(number)});
    }
  }

  void destroy() noexcept {
    for (auto& one : descriptors_) static_cast<void>(one.number.release());  // its own again
    travel_scope const on_the_way(receiver_);                                // what it holds is the receiver's
    std::destroy_at(at_);
  }

  struct descriptor_in_it {
    std::uint32_t at;
    fd number;
  };

  token receiver_;
  descriptor_log owners_;
  std::vector<descriptor_in_it> descriptors_;
  F* at_ = nullptr;
};

template <class Kept> inline constexpr bool can_arrive = true;
template <class T> inline constexpr bool can_arrive<borrowed<T>> = transferable<T>;

template <class Kept> void encode_argument(writer& to, Kept& kept) { codec<Kept>::encode(to, kept); }
template <class T> void encode_argument(writer& to, borrowed<T>& kept) { codec<T>::encode(to, kept.get()); }

/// A process of which everything is ready but itself.
template <class F, class... A> struct outgoing_request {
  new_process process;
  request_block block;
  commons_sink encoded;
  std::optional<placed_closure<F>> closure;
  std::tuple<process_rules::kept<A>...> arguments;
  std::vector<int> descriptors;  // to be sent along; they stay this process's

  start_request& request() const noexcept { return *reinterpret_cast<start_request*>(block.get()); }

  /// The process has been started: what is on its way is its own now.
  process_state sent(pid_t pid, options const& how, bool ours_alone) {
    closure->release();
    process.state.keep(std::move(block), encoded);
    process.state.adopt(pid, how, ours_alone);
    return std::move(process.state);
  }
};

/// The prefix is for roads that have one: written before all else, told where in the closure there are addresses.
template <class R, class F, class... A, class G, class Prefix>
std::unique_ptr<outgoing_request<F, A...>> make_request(options const& how, os::module_table const& known, bool collect,
                                                        Prefix const& prefix, G&& callable, A&&... arguments) {
  constexpr std::size_t closure_at = (sizeof(start_request) + alignof(F) - 1) / alignof(F) * alignof(F);
  std::unique_ptr<outgoing_request<F, A...>> made(
      new outgoing_request<F, A...>{claim_process<R>(how.name),
                                    request_block(closure_at + sizeof(F), std::max(alignof(F), alignof(start_request))),
                                    {},
                                    {},
                                    {std::forward<A>(arguments)...},
                                    {}});
  token const receiver = made->process.state.member();
  auto& request = *::new (static_cast<void*>(made->block.get())) start_request{};
  request.entry = &serve_request<R, F, A...>;
  request.member = receiver;
  request.starter = current_id();
  request.closure = made->block.get() + closure_at;
  made->closure.emplace(request.closure, std::forward<G>(callable), receiver, how, known, collect);
  auto const childs_stop = made->process.state.make_childs_stop();
  request.stop = shared_access::of(childs_stop);
  request.stop_word = childs_stop.get();

  travel_scope const on_the_way(receiver);
  writer to(made->encoded);
  prefix(to, request, made->closure->words);
  encode_options(to, how);
  to.write_flat(static_cast<bool>(made->process.road));
  if (made->process.road) to.write_descriptor(made->process.road.get());
  made->closure->encode_descriptors(to);
  std::apply([&](auto&... kept) { (encode_argument(to, kept), ...); }, made->arguments);
  request.encoded_bytes = to.size();
  for (int const number : to.descriptors()) to.write_flat(number);
  request.encoded = made->encoded.data;
  made->descriptors.assign(to.descriptors().begin(), to.descriptors().end());
  request.descriptors = static_cast<std::uint32_t>(made->descriptors.size());
  return made;
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_MAKE_REQUEST_HPP
