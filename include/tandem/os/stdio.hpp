// SPDX-License-Identifier: BSL-1.0
// C streams in a forked child: it holds copies of its parent's buffers, and must not write them a second time.
#ifndef TANDEM_OS_STDIO_HPP
#define TANDEM_OS_STDIO_HPP

#include <stdio_ext.h>  // for __fpending, __fpurge

#include <cstdio>  // for FILE

#include "tandem/os/bound.hpp"  // for bound

extern "C" {  // glibc's list of the open streams; what fflush does for all of them
int _IO_flush_all(void);
void* _IO_iter_begin(void);
void* _IO_iter_end(void);
void* _IO_iter_next(void*);
FILE* _IO_iter_file(void*);
}

namespace tandem::os {

/// Calls `f(stream)` for every stream with output that was not written out. @pre no other thread uses the streams
template <class F> void for_each_unwritten(F f) noexcept {
  for (void* at = bound(&_IO_iter_begin)(); at != bound(&_IO_iter_end)(); at = bound(&_IO_iter_next)(at)) {
    FILE* const stream = bound(&_IO_iter_file)(at);
    // The pointers tell without a call; a stream of wide characters keeps others.
    if (stream->_mode > 0 ? __fpending(stream) > 0 : stream->_IO_write_ptr > stream->_IO_write_base) f(stream);
  }
}

/// Forgets what the parent had written to its streams but not yet flushed. For a forked child, before it runs anything
/// else: glibc's fork has freed the streams' locks, and no other thread is there. What was read ahead is kept.
inline void forget_unwritten_output() noexcept {
  for_each_unwritten([](FILE* stream) { __fpurge(stream); });
}

/// Writes out what was written to every stream since. It is fflush(nullptr), without the page of program text that has
/// no more than a jump to this.
inline void flush_output() noexcept { bound (&_IO_flush_all)(); }

}  // namespace tandem::os

#endif  // TANDEM_OS_STDIO_HPP
