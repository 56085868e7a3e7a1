// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_EXECUTION_IMPL_ARGUMENT_DESCRIPTORS_HPP
#define TANDEM_EXECUTION_IMPL_ARGUMENT_DESCRIPTORS_HPP

#include <tuple>   // for apply, tuple
#include <vector>  // for vector

#include "tandem/core/byte_sink.hpp"     // for byte_buffer
#include "tandem/core/codec.hpp"         // for codec, writer
#include "tandem/core/transferable.hpp"  // for may_carry_descriptors, transferable
#include "tandem/execution/borrow.hpp"   // for borrowed

namespace tandem::impl {

template <class T> void lend_descriptors(writer& to, T& argument) {
  if constexpr (transferable<T>) {
    if constexpr (may_carry_descriptors<T>) codec<T>::encode(to, argument);
  }
}
template <class T> void lend_descriptors(writer& to, borrowed<T>& argument) { lend_descriptors(to, argument.get()); }

/// The descriptors that a process is handed among its arguments: what their codecs would send along.
template <class... Kept> std::vector<int> descriptors_among(std::tuple<Kept...>& arguments) {
  byte_buffer bytes;
  writer to(bytes);
  std::apply([&](auto&... kept) { (lend_descriptors(to, kept), ...); }, arguments);
  return {to.descriptors().begin(), to.descriptors().end()};
}

}  // namespace tandem::impl

#endif  // TANDEM_EXECUTION_IMPL_ARGUMENT_DESCRIPTORS_HPP
