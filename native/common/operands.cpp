#include "common/operands.h"

#include "common/blocks.h"

namespace ddpm {

void require(bool holds, const char* name, double value, const char* expected) {
  if (!holds) fail(DDPM_INVALID_ARGUMENT, "%s is %.9g, expected %s", name, value, expected);
}

float* Operands::add(ddpm_mem mem, const char* name, int64_t count, bool written, const char* in_place) {
  if (mem == 0) fail(DDPM_INVALID_ARGUMENT, "%s: %s must not be null", op_, name);
  Extent extent = resolve(mem);
  int64_t bytes = count * static_cast<int64_t>(sizeof(float));
  if (extent.bytes < bytes)
    fail(DDPM_INVALID_ARGUMENT, "%s: %s needs %lld bytes, only %lld are left in its block", op_, name,
         static_cast<long long>(bytes), static_cast<long long>(extent.bytes));
  if (mem % static_cast<int64_t>(sizeof(float)) != 0)
    fail(DDPM_INVALID_ARGUMENT, "%s: %s is not aligned to a float", op_, name);
  if (device_ >= 0 && device_ != extent.device)
    fail(DDPM_INVALID_ARGUMENT, "%s: %s is on device %d, the others on device %d", op_, name, extent.device, device_);
  device_ = extent.device;
  Range range{name, extent.data, extent.data + bytes, written, mem};
  for (int i = 0; i < size_; ++i) {
    const Range& other = ranges_[i];
    bool overlap = range.begin < other.end && other.begin < range.end;
    bool same = range.begin == other.begin && range.end == other.end && !other.written && in_place != nullptr;
    if (overlap && (written || other.written) && !same)
      fail(DDPM_INVALID_ARGUMENT, "%s: %s overlaps %s", op_, name, other.name);
  }
  if (size_ == kMax) fail(DDPM_INTERNAL_ERROR, "%s: more than %d operands", op_, kMax);
  ranges_[size_++] = range;
  if (written) count_write(mem);
  return reinterpret_cast<float*>(extent.data);
}

Operands::~Operands() {
  for (int i = 0; i < size_; ++i)
    if (ranges_[i].written) count_write(ranges_[i].mem);
}

}  // namespace ddpm
