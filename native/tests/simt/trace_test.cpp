// What the cases before this one have cost; run them with SIMT_TRACE=1.
#include "simt/trace.h"

#include <cstdlib>

#include "harness.h"

namespace ddpm::simt {
namespace {

// Matrices are loaded, and copies of 16 bytes land, in the main loops: no bank is met twice. Copies of 4 bytes are for
// arrays that are not aligned.
TEST(main_loops_meet_no_bank_twice) {
  if (std::getenv("SIMT_TRACE") == nullptr) return;
  int lines = 0;
  for (const Traffic& t : traffic()) {
    if (t.way != Way::kMatrix && (t.way != Way::kCopyTo || t.bytes < 16)) continue;
    // Rows of weights are of 96 bytes, so that eight neighbours of a warp are in two of them; they are few beside
    // images.
    if (t.kernel == "optimal.sum_images" && t.way == Way::kCopyTo) continue;
    ++lines;
    if (t.cost != t.least)
      test::fail_test("%s, %s:%d: %llu passes over the banks, expected %llu", t.kernel.c_str(), t.file.c_str(), t.line,
                      static_cast<unsigned long long>(t.cost), static_cast<unsigned long long>(t.least));
  }
  CHECK(lines > 0);
}

}  // namespace
}  // namespace ddpm::simt
