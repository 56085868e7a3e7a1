// SPDX-License-Identifier: BSL-1.0
#ifndef TANDEM_CREW_IMPL_FLUSHED_HPP
#define TANDEM_CREW_IMPL_FLUSHED_HPP

namespace tandem::impl {

template <class F, class In, class Kind> class stage_work;
template <class F, class In, class Kind> class stage_helper;

/// What hands on what it has gathered before its unit waits for something.
class flushed {
 public:
  virtual bool flush() = 0;
  /// Whether a batch was lost: an element could not be encoded.
  bool is_broken() const noexcept { return broken_; }

 protected:
  flushed() = default;
  ~flushed() = default;

  bool broken_ = false;
};

}  // namespace tandem::impl

#endif  // TANDEM_CREW_IMPL_FLUSHED_HPP
