// What the cases before this one have cost; run them with SIMT_TRACE=1.
#include "simt/trace.h"

#include <cstdlib>

#include "harness.h"

namespace ddpm::simt {
namespace {

// Matrices are loaded, and copies land, in the main loops: no bank is met twice.
TEST(main_loops_meet_no_bank_twice) {
  if (std::getenv("SIMT_TRACE") == nullptr) return;
  int lines = 0;
  for (const Traffic& t : traffic()) {
    if (t.way != Way::kMatrix && t.way != Way::kCopyTo) continue;
    ++lines;
    if (t.cost != t.least)
      test::fail_test("%s, %s:%d: %llu passes over the banks, expected %llu", t.kernel.c_str(), t.file.c_str(), t.line,
                      static_cast<unsigned long long>(t.cost), static_cast<unsigned long long>(t.least));
  }
  CHECK(lines > 0);
}

}  // namespace
}  // namespace ddpm::simt
