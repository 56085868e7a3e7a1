// SPDX-License-Identifier: BSL-1.0
// std's streams over a byte_stream: their buffers are the stream's own memory.
#ifndef TANDEM_QUEUE_BYTE_IOSTREAM_HPP
#define TANDEM_QUEUE_BYTE_IOSTREAM_HPP

#include <algorithm>  // for max
#include <cstddef>    // for size_t
#include <istream>    // for istream
#include <ostream>    // for ostream
#include <streambuf>  // for streambuf
#include <utility>    // for move

#include "tandem/queue/byte_stream.hpp"  // for byte_stream_reader, byte_stream_writer

namespace tandem {

namespace impl {

class byte_output_buffer : public std::streambuf {
 public:
  explicit byte_output_buffer(byte_stream_writer to) : to_(std::move(to)) {}
  byte_output_buffer(byte_output_buffer const&) = delete;
  ~byte_output_buffer() override {
    try {
      commit();
    } catch (...) {}  // a thread that cannot enrol
  }

 protected:
  int_type overflow(int_type letter) override {
    commit();
    auto const room = to_.reserve();
    auto* const begin = reinterpret_cast<char*>(room.data());
    setp(begin, begin + room.size());
    if (!traits_type::eq_int_type(letter, traits_type::eof())) sputc(traits_type::to_char_type(letter));
    return traits_type::not_eof(letter);
  }
  int sync() override {
    commit();
    return 0;
  }

 private:
  void commit() {
    to_.commit(static_cast<std::size_t>(pptr() - pbase()));
    setp(pptr(), epptr());
  }

  byte_stream_writer to_;
};

class byte_input_buffer : public std::streambuf {
 public:
  explicit byte_input_buffer(byte_stream_reader from) : from_(std::move(from)) {}
  byte_input_buffer(byte_input_buffer const&) = delete;
  ~byte_input_buffer() override {
    try {
      consume();
    } catch (...) {}  // a thread that cannot enrol
  }

 protected:
  int_type underflow() override {
    consume();
    // Not all at once: the writer gets room as each part is read.
    auto const there = from_.peek(std::max<std::size_t>(from_.capacity() / 4, 1));
    if (there.empty()) return traits_type::eof();
    auto* const begin = const_cast<char*>(reinterpret_cast<char const*>(there.data()));
    setg(begin, begin, begin + there.size());
    return traits_type::to_int_type(*begin);
  }

 private:
  void consume() {
    from_.consume(static_cast<std::size_t>(gptr() - eback()));
    setg(gptr(), gptr(), egptr());
  }

  byte_stream_reader from_;
};

}  // namespace impl

/// Writes to a byte_stream as to any std::ostream. What is written is seen by the reader once the stream is flushed
/// (std::flush, std::endl), is destroyed, or has filled what room there was. A reader that is gone sets badbit.
/// @par Shared memory          No: it belongs to its process.
/// @par Threads and processes  One thread at a time.
/// @par Peer death             As byte_stream_writer. What a dead writer has not flushed never comes.
class byte_ostream : public std::ostream {
 public:
  explicit byte_ostream(byte_stream_writer to) : std::ostream(nullptr), buffer_(std::move(to)) { rdbuf(&buffer_); }

 private:
  impl::byte_output_buffer buffer_;
};

/// Reads from a byte_stream as from any std::istream; the end of the stream is its end of file. Blocks without a limit:
/// close() of the byte_stream by another thread ends that.
/// @par Shared memory          No: it belongs to its process.
/// @par Threads and processes  One thread at a time.
/// @par Peer death             As byte_stream_reader.
class byte_istream : public std::istream {
 public:
  explicit byte_istream(byte_stream_reader from) : std::istream(nullptr), buffer_(std::move(from)) { rdbuf(&buffer_); }

 private:
  impl::byte_input_buffer buffer_;
};

}  // namespace tandem

#endif  // TANDEM_QUEUE_BYTE_IOSTREAM_HPP
