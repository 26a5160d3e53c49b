// What ptxas prints is read, and occupancy is that of cases which can be counted by hand.
#include "resources.h"

#include <sstream>

#include "bench.h"

using namespace ddpm::bench;

namespace {

void expect(bool holds, const char* what) {
  if (!holds) stop(std::string("not so: ") + what);
}
#define EXPECT(condition) expect(condition, #condition)

const char* const kText = R"(ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z4copyPKfPf' for 'sm_80'
ptxas info    : Function properties for _Z4copyPKfPf
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 233 registers, used 1 barriers, 1024 bytes smem, 464 bytes cmem[0]
ptxas info    : Compile time = 1876.274 ms
ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z4copyPKfPf' for 'sm_120'
ptxas info    : Function properties for _Z4copyPKfPf
    16 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads
ptxas info    : Used 21 registers, used 0 barriers, 16 bytes cumulative stack size
)";

}  // namespace

int main() {
  std::istringstream text(kText);
  ResourceTable table = read_resources(text);
  EXPECT(table.size() == 2);
  Resources old = table.at({"copy(float const*, float*)", 80}), recent = table.at({"copy(float const*, float*)", 120});
  EXPECT(old.registers == 233 && old.shared_bytes == 1024);
  EXPECT(old.spills == "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads");
  EXPECT(recent.registers == 21 && recent.shared_bytes == 0);
  EXPECT(recent.spills == "16 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads");
  // A warp's registers come in steps of 256: 30 for 233 a thread, of the 256 that there are.
  EXPECT(occupancy(80, old, 128, 0).blocks == 2);
  EXPECT(occupancy(80, old, 128, 0).share == 0.125);
  // By threads.
  EXPECT(occupancy(90, {32, 0, ""}, 128, 0).blocks == 16);
  EXPECT(occupancy(89, {32, 0, ""}, 128, 0).share == 1);
  // By shared memory, 1 KB more for each block: 4 x 25 KB of 100 KB, and 6 of 164 KB.
  EXPECT(occupancy(120, {32, 0, ""}, 128, 24 << 10).blocks == 4);
  EXPECT(occupancy(80, {32, 0, ""}, 128, 24 << 10).blocks == 6);
  // More than a block can have.
  EXPECT(occupancy(86, {32, 0, ""}, 128, 100 << 10).blocks == 0);
  return 0;
}
