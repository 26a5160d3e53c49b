#pragma once
#include "cpu/kernels/integer.h"
#include "cpu/kernels/optimal.h"

/** Sums of whole numbers of any scale: exact down to 45 binary places and more below the largest, and free in their
 * order. */
namespace ddpm::cpu::DDPM_ISA {
namespace {

/** First pixel of the four whose sums by add_weighted start at a place, a multiple of four. */
inline int64_t pixel_of_sum(int64_t place) {
  int64_t block = place / kPairBytes * kPairBytes, half = place % kPairBytes / kLanes;
  return block + interleaved_place(static_cast<int>(half), static_cast<int>(place % kLanes));
}

/**
 * The partial result of one query while it grows: a ring of the kBins highest bins seen. A number in bin b is a
 * multiple of 2^(15 b); a lower bin is dropped when a higher one comes. So what is left at the end depends on the
 * highest bin alone.
 */
class Bins {
 public:
  Bins(int64_t* partial, int64_t pixels) : partial_(partial), pixels_(pixels) {}

  void clear(int64_t top) { partial_[0] = top; }
  int64_t top() const { return partial_[0]; }
  bool keeps(int64_t bin) const { return is_kept(bin, top()); }

  /** Makes a bin the top one unless there is a higher one. */
  void raise(int64_t bin) {
    if (top() != kNoBin && bin <= top()) return;
    int64_t first = top() == kNoBin || top() < bin - kBins ? bin - kBins + 1 : top() + 1;
    for (int64_t b = first; b <= bin; ++b) {
      *weight(b) = 0;
      std::memset(sums(b), 0, static_cast<size_t>(pixels_) * sizeof(int64_t));
    }
    partial_[0] = bin;
  }

  /** Adds total and sums times 2^shift, in the order of add_weighted. */
  void add(int64_t bin, int shift, int64_t total, const int32_t* values, int64_t length) {
    if (!keeps(bin)) return;
    *weight(bin) += shifted(total, shift);
    int64_t* target = sums(bin);
    for (int64_t place = 0; place < length; place += 4) {
      int64_t pixel = pixel_of_sum(place);
      if (pixel + 4 <= pixels_) {
        for (int i = 0; i < 4; ++i) target[pixel + i] += shifted(values[place + i], shift);
      } else {
        for (int64_t i = 0; pixel + i < pixels_; ++i) target[pixel + i] += shifted(values[place + i], shift);
      }
    }
  }

  void merge(const Bins& other) {
    if (other.top() == kNoBin || top() == kNotFinite) return;
    if (other.top() == kNotFinite) {
      partial_[0] = kNotFinite;
      return;
    }
    raise(other.top());
    for (int64_t b = other.top(); b > other.top() - kBins; --b) {
      if (!keeps(b)) continue;
      *weight(b) += *other.weight(b);
      int64_t *target = sums(b), *source = other.sums(b);
      for (int64_t p = 0; p < pixels_; ++p) target[p] += source[p];
    }
  }

  /** Writes the bins in order, the top one first. */
  void straighten(int64_t* out) const {
    out[0] = top();
    bool empty = top() == kNoBin || top() == kNotFinite;
    size_t bytes = static_cast<size_t>(pixels_) * sizeof(int64_t);
    for (int64_t j = 0; j < kBins; ++j) {
      int64_t* target = out + DDPM_OPTIMAL_HEADER + j * pixels_;
      out[1 + j] = empty ? 0 : *weight(top() - j);
      if (empty)
        std::memset(target, 0, bytes);
      else
        std::memcpy(target, sums(top() - j), bytes);
    }
  }

 private:
  int64_t* weight(int64_t bin) const { return partial_ + 1 + (bin % kBins + kBins) % kBins; }
  int64_t* sums(int64_t bin) const { return partial_ + DDPM_OPTIMAL_HEADER + (bin % kBins + kBins) % kBins * pixels_; }

  int64_t* partial_;
  int64_t pixels_;
};

}  // namespace
}  // namespace ddpm::cpu::DDPM_ISA
