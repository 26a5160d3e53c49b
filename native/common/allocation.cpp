#include "common/allocation.h"

#include <cstdlib>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace ddpm {
namespace {

constexpr size_t kAlignment = 64, kHugePage = size_t{2} << 20;

size_t round_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

}  // namespace

void* allocate_aligned(size_t bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  if (bytes >= kHugePage) {
    // Whole small pages: what follows the last huge one is not touched, so costs nothing.
    void* memory = std::aligned_alloc(kHugePage, round_up(bytes, kHugePage));
    // A request only; what became of it makes no difference but in time.
    if (memory != nullptr) (void)madvise(memory, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
    return memory;
  }
#endif
  return std::aligned_alloc(kAlignment, round_up(bytes, kAlignment));
}

}  // namespace ddpm
