// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CORE_CODEC_ERROR_CODE_HPP
#define TANDEM_CORE_CODEC_ERROR_CODE_HPP

#include <atomic>        // for atomic
#include <ios>           // for iostream_category
#include <string>        // for string, to_string
#include <string_view>   // for string_view
#include <system_error>  // for error_code, error_category

#include "tandem/core/codec_string.hpp"  // for codec<string>

namespace tandem {
namespace impl {

/// Stands for a category that is not known in this process: keeps its name, and has no words for its values.
class foreign_category : public std::error_category {
 public:
  explicit foreign_category(std::string name) : name_{std::move(name)} {}
  char const* name() const noexcept override { return name_.c_str(); }
  std::string message(int value) const override {
    return "error " + std::to_string(value) + " of the category " + name_ + ", which is not known here";
  }

 private:
  std::string name_;
};

/// The categories of this process by name: a list that only grows, and whose nodes live as long as the program, as an
/// error code's category must. Strangers' names are kept up to a number: they come from processes that may lie.
class category_list {
 public:
  static void add(std::error_category const& category) {
    auto* const added = new node{&category, first.load(std::memory_order_relaxed)};
    while (!link(added)) {}
  }

  static std::error_category const& find(std::string const& name) {
    for (auto const* known : {&std::generic_category(), &std::system_category(), &std::iostream_category()}) {
      if (name == known->name()) return *known;
    }
    foreign_category* stranger = nullptr;
    node* added = nullptr;
    for (;;) {  // again, if another thread has linked one meanwhile: it may be of this name
      // acquire: the node is complete before it is linked; pairs with link.
      auto* const head = first.load(std::memory_order_acquire);
      for (auto const* at = head; at != nullptr; at = at->next) {
        if (name != at->category->name()) continue;
        delete stranger;
        delete added;
        return *at->category;
      }
      if (added == nullptr) {
        if (name.size() > 128 ||
            strangers.fetch_add(1, std::memory_order_relaxed) >= most_strangers) {  // a count, no more
          static auto const* const nameless = new foreign_category{"unknown"};
          return *nameless;
        }
        stranger = new foreign_category{name};
        added = new node{stranger, nullptr};
      }
      added->next = head;
      if (link(added)) return *stranger;
    }
  }

 private:
  struct node {
    std::error_category const* category;
    node* next;
  };

  static bool link(node* added) noexcept {
    return first.compare_exchange_weak(added->next, added, std::memory_order_release,  // pairs with the load in find
                                       std::memory_order_relaxed);
  }

  static constexpr unsigned most_strangers = 64;
  static inline std::atomic<node*> first{nullptr};
  static inline std::atomic<unsigned> strangers{0};
};

}  // namespace impl

/// Makes error codes of `category` arrive in this process as codes of `category`, found by its name. Those of
/// std::generic_category, std::system_category and std::iostream_category do so by themselves; codes of a category that
/// was not registered keep their value and the category's name, compare equal among themselves, and have no message of
/// their own.
/// @pre `category` lives as long as the program.
/// @throws std::bad_alloc
inline void register_error_category(std::error_category const& category) { impl::category_list::add(category); }

template <> struct codec<std::error_code> {
  static constexpr std::size_t least_size = codec<std::string>::least_size + sizeof(int);
  static constexpr bool carries_descriptors = false;

  static void encode(writer& to, std::error_code const& value) {
    std::string_view const name = value.category().name();
    to.write_size(name.size());
    to.write(name.data(), name.size());
    to.write_flat(value.value());
  }

  static std::error_code decode(reader& from) {
    auto const name = codec<std::string>::decode(from);
    int const value = from.read_flat<int>();
    return {value, impl::category_list::find(name)};
  }
};

}  // namespace tandem

#endif  // TANDEM_CORE_CODEC_ERROR_CODE_HPP
