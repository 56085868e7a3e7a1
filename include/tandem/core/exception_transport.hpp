// SPDX-License-Identifier: BSL-1.0
// How an exception gets from the process that threw it to the one that looks at the outcome.
//
// A record is a chain: the exception, what it is nested around, and so on. Each link has the type's name, what the
// exception said, and, where its type is known to the sender, what is needed to make an equal one. The receiver makes
// the innermost first and throws the next around it; what it cannot make becomes a remote_exception. Where not even the
// record can be written, for lack of memory, a short one of fixed size takes its place.
#ifndef TANDEM_CORE_EXCEPTION_TRANSPORT_HPP
#define TANDEM_CORE_EXCEPTION_TRANSPORT_HPP

#include <cstdint>    // for uint8_t
#include <cstring>    // for strncpy
#include <exception>  // for exception_ptr, nested_exception
#include <string>     // for string
#include <utility>    // for move
#include <vector>     // for vector

#include "tandem/core/byte_sink.hpp"                 // for byte_buffer, byte_sink
#include "tandem/core/codec_string.hpp"              // for codec<string>
#include "tandem/core/impl/exception_types.hpp"      // for exception_type, find_registered
#include "tandem/core/impl/failure_fields.hpp"       // for encode_fields, decode_fields
#include "tandem/core/impl/standard_exceptions.hpp"  // for find_standard
#include "tandem/core/impl/thrown.hpp"               // for describe, inspect, thrown_record

namespace tandem::impl {

/// More links than this are cut off.
inline constexpr std::size_t most_nested = 32;

/// What is sent where memory is short: names and words cut to what fits.
struct short_record {
  char name[96];
  char what[160];
};

enum class record_kind : std::uint8_t { chain = 1, brief = 2 };

inline void encode_unit_died(writer& to) {
  try {
    throw;
  } catch (unit_died const& thrown) { encode_fields(to, thrown.get_failure()); }
}

inline std::exception_ptr make_unit_died(std::string const& what, reader* rest, std::exception_ptr const& inner) {
  return capture(inner, [&what, rest] {
    if (rest == nullptr) return unit_died{failure::lost({}, what)};
    auto const why = decode_fields(*rest);
    rest->finish();
    return unit_died{why};
  });
}

inline exception_type const* find_exception_type(std::string_view name) noexcept {
  if (auto const* const type = find_standard(name)) return type;
  static exception_type const died{typeid(unit_died).name(), &encode_unit_died, &make_unit_died};
  return name == died.name ? &died : find_registered(name);
}

/// What `thrown` is nested around; null for nothing.
inline std::exception_ptr nested_in(std::exception_ptr const& thrown) noexcept {
  try {
    std::rethrow_exception(thrown);
  } catch (std::nested_exception const& nested) { return nested.nested_ptr(); } catch (...) {
    return nullptr;
  }
}

inline void encode_link(writer& to, std::exception_ptr const& thrown) {
  inspect(thrown, [&to](std::string const& mangled, std::string const& what, std::exception const* exception) {
    auto const* const remote = dynamic_cast<remote_exception const*>(exception);
    codec<std::string>::encode(to, remote != nullptr ? std::string{} : mangled);
    codec<std::string>::encode(to, remote != nullptr ? std::string{remote->type()} : type_name(mangled));
    codec<std::string>::encode(to, what);
    auto const* const type = find_exception_type(mangled);
    bool const more = type != nullptr && type->encode != nullptr;
    to.write_flat(more);
    if (!more) return;
    byte_buffer buffer;  // of its own, for its size comes first: a receiver that does not know the type passes it over
    writer rest{buffer};
    type->encode(rest);
    to.write_size(rest.size());
    to.write(rest.bytes().data(), rest.size());
  });
}

inline void encode_chain(writer& to, std::exception_ptr thrown) {
  to.write_flat(record_kind::chain);
  for (std::size_t links = 0; thrown != nullptr && links != most_nested; ++links) {
    to.write_flat(true);
    encode_link(to, thrown);
    thrown = nested_in(thrown);
  }
  to.write_flat(false);
}

// Without an allocation.
inline void encode_brief(writer& to, std::exception_ptr const& thrown) {
  short_record brief{};
  char const* name = "";
  char const* what = "";
  auto const keep = [&] {
    std::strncpy(brief.name, name, sizeof brief.name - 1);
    std::strncpy(brief.what, what, sizeof brief.what - 1);
  };
  try {
    std::rethrow_exception(thrown);
  } catch (std::exception const& e) {
    name = typeid(e).name();
    what = what_of(e);
    keep();
  } catch (...) {
    if (auto const* const type = abi::__cxa_current_exception_type()) name = type->name();
    keep();
  }
  to.write_flat(record_kind::brief);
  to.write_flat(brief);
}

/// Writes `thrown`, with what it is nested around, from the start of `sink`. @pre `thrown` is not null.
/// @return how many bytes; 0 where the sink has no room even for a short record (257 bytes)
inline std::size_t encode_exception(byte_sink& sink, std::exception_ptr const& thrown) noexcept {
  writer to{sink};
  try {
    encode_chain(to, thrown);
    return to.size();
  } catch (...) {}
  to.rewind(0);
  try {
    encode_brief(to, thrown);
    return to.size();
  } catch (...) { return 0; }
}

struct exception_link {
  std::string name, type, what;
  bool more = false;
  std::vector<std::byte> rest;
};

/// The exception of one link, around `inner`.
inline std::exception_ptr make_exception(exception_link const& link, std::exception_ptr const& inner) {
  if (auto const* const type = find_exception_type(link.name)) {
    try {
      reader rest{link.rest};
      return type->make(link.what, link.more ? &rest : nullptr, inner);
    } catch (...) {  // its codec refused the bytes, or it cannot be made of nothing
    }
  }
  return capture(inner, [&link] { return remote_exception{link.type, link.what}; });
}

inline exception_link decode_link(reader& from) {
  exception_link link;
  link.name = codec<std::string>::decode(from);
  link.type = codec<std::string>::decode(from);
  link.what = codec<std::string>::decode(from);
  link.more = from.read_flat<bool>();
  if (link.more) link.rest = codec<std::vector<std::byte>>::decode(from);
  return link;
}

inline exception_link decode_brief(reader& from) {
  auto brief = from.read_flat<short_record>();
  brief.name[sizeof brief.name - 1] = brief.what[sizeof brief.what - 1] = '\0';
  std::string const name = unwrapped_name(brief.name);
  return {name, type_name(name), brief.what, false, {}};
}

/// Takes an exception off `from`, and makes it again, of its own type where that is known here.
/// @throws std::system_error (bad_message) where the bytes are no record of an exception.
inline thrown_record decode_exception(reader& from) {
  std::vector<exception_link> links;
  switch (from.read_flat<record_kind>()) {
    case record_kind::brief:
      links.push_back(decode_brief(from));
      break;
    case record_kind::chain:
      while (from.read_flat<bool>()) {
        if (links.size() == most_nested) bad_message("an exception nested too deep");
        links.push_back(decode_link(from));
      }
      break;
    default:
      break;
  }
  if (links.empty()) bad_message("no exception");
  std::exception_ptr made;
  for (auto at = links.size(); at-- != 0;) made = make_exception(links[at], made);
  return {std::move(links.front().type), std::move(links.front().what), std::move(made)};
}

}  // namespace tandem::impl

#endif  // TANDEM_CORE_EXCEPTION_TRANSPORT_HPP
