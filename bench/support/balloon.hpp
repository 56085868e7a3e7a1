// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_BENCH_SUPPORT_BALLOON_HPP
#define TANDEM_BENCH_SUPPORT_BALLOON_HPP

#include <sys/mman.h>  // for madvise, mmap, munmap

#include <cstddef>  // for size_t
#include <utility>  // for exchange

#include "support/check.hpp"  // for check

namespace tandem_bench {

/// Private memory in small pages, all touched: what makes a process large, and a fork of it slow.
class balloon {
 public:
  explicit balloon(std::size_t bytes) : bytes_(bytes) {
    if (bytes == 0) return;
    void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(at != MAP_FAILED, "no memory for a large parent");
    ::madvise(at, bytes, MADV_NOHUGEPAGE);
    at_ = static_cast<char*>(at);
    for (std::size_t i = 0; i < bytes; i += 4096) at_[i] = 1;
  }
  balloon(balloon&& other) noexcept : at_(std::exchange(other.at_, nullptr)), bytes_(other.bytes_) {}
  ~balloon() {
    if (at_ != nullptr) ::munmap(at_, bytes_);
  }

 private:
  char* at_ = nullptr;
  std::size_t bytes_;
};

}  // namespace tandem_bench

#endif  // TANDEM_BENCH_SUPPORT_BALLOON_HPP
