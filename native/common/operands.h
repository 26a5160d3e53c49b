#pragma once
#include "common/error.h"
#include "ddpm/memory.h"

namespace ddpm {

/** Product of factors that must be at least 1; throws DDPM_INVALID_ARGUMENT naming the operand if it does not fit. */
template <class... Factor>
int64_t elements(const char* what, Factor... factors) {
  int64_t product = 1;
  const int64_t values[] = {static_cast<int64_t>(factors)...};
  for (int64_t value : values) {
    if (value < 1)
      fail(DDPM_INVALID_ARGUMENT, "%s has a dimension of %lld, expected at least 1", what,
           static_cast<long long>(value));
    // A float count above 2^38 cannot fit a block; stopping there keeps every later product within int64.
    if (__builtin_mul_overflow(product, value, &product) || product > (int64_t{1} << 38))
      fail(DDPM_INVALID_ARGUMENT, "%s has more than 2^38 elements", what);
  }
  return product;
}

/** Checks a scalar argument: throws DDPM_INVALID_ARGUMENT with the value and what was expected. */
void require(bool holds, const char* name, double value, const char* expected);

/**
 * Resolves and checks the operands of one op: live, large enough, aligned to a float, all on one device, and no output
 * overlapping another operand, except where the op allows an output to *be* an input.
 */
class Operands {
 public:
  explicit Operands(const char* op) : op_(op) {}

  const float* in(ddpm_mem mem, const char* name, int64_t count) { return add(mem, name, count, false, nullptr); }
  const float* optional_in(ddpm_mem mem, const char* name, int64_t count) {
    return mem == 0 ? nullptr : in(mem, name, count);
  }
  /** An output, or an operand that is read and written. */
  float* out(ddpm_mem mem, const char* name, int64_t count) { return add(mem, name, count, true, nullptr); }
  float* optional_out(ddpm_mem mem, const char* name, int64_t count) {
    return mem == 0 ? nullptr : out(mem, name, count);
  }
  /** An output that may be exactly the memory of an input, of which there may be several with that address. */
  float* out_in_place(ddpm_mem mem, const char* name, int64_t count) { return add(mem, name, count, true, op_); }

  int device() const { return device_; }

 private:
  struct Range {
    const char* name;
    const char* begin;
    const char* end;
    bool written;
  };

  float* add(ddpm_mem mem, const char* name, int64_t count, bool written, const char* in_place);

  static constexpr int kMax = 16;
  const char* op_;
  int device_ = -1;
  int size_ = 0;
  Range ranges_[kMax];
};

}  // namespace ddpm
