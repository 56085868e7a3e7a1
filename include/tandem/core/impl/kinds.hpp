// SPDX-License-Identifier: BSL-1.0
// What kind of type a refused one is, told by what it has, so that none of the headers of these types is included here.
#ifndef TANDEM_CORE_IMPL_KINDS_HPP
#define TANDEM_CORE_IMPL_KINDS_HPP

#include <concepts>  // for same_as

namespace tandem::impl {

/// False, but not before T is known: for a static_assert that only an instantiation may meet.
template <class T> inline constexpr bool never = false;

template <class T>
concept string_of_std = requires(T& x) {
  typename T::traits_type;
  x.get_allocator();
  x.c_str();
};

/// std::shared_ptr and std::weak_ptr.
template <class T>
concept counted_pointer = requires(T& x) {
  typename T::element_type;
  x.use_count();
  x.owner_before(x);
};

/// std::unique_ptr.
template <class T>
concept owning_pointer = requires(T& x) {
  typename T::deleter_type;
  x.release();
};

template <class T>
concept container_of_std = requires(T& x) {
  typename T::value_type;
  x.begin();
  x.get_allocator();
};

template <class T>
concept map_of_std = container_of_std<T> && requires {
  typename T::mapped_type;
};

/// std::string_view, std::span and others that look at memory of somebody else's.
template <class T>
concept view_of_memory = requires(T& x) {
  typename T::value_type;
  x.data();
  x.size();
  x.first(0);
}
|| requires(T& x) {
  typename T::traits_type;
  x.data();
  x.remove_prefix(0);
};

/// std::function and std::move_only_function.
template <class T>
concept function_of_std = requires(T& x) {
  typename T::result_type;
  x.target_type();
};

/// std::reference_wrapper.
template <class T>
concept wrapped_reference = requires(T& x) {
  typename T::type;
  { x.get() } -> std::same_as<typename T::type&>;
}
&&sizeof(T) == sizeof(void*);

/// std's mutexes and condition variables.
template <class T>
concept lock_of_std = requires(T& x) {
  x.native_handle();
}
&&(
    requires(T& x) { x.lock(); } || requires(T & x) { x.notify_all(); });

}  // namespace tandem::impl

#endif  // TANDEM_CORE_IMPL_KINDS_HPP
