// Memory references: nothing that a caller can pass may crash the process.
#include "harness.h"

using namespace ddpm::test;

TEST(freed_memory_is_stale) {
  ddpm_mem block = 0;
  OK(ddpm_block_allocate(device(), 64, &block));
  OK(ddpm_block_free(block));
  FAILS(DDPM_STALE_MEMORY, "freed", ddpm_fill(block, 1, 0));
  FAILS(DDPM_STALE_MEMORY, "freed", ddpm_block_free(block));
  ddpm_mem next = 0;
  OK(ddpm_block_allocate(device(), 64, &next));
  FAILS(DDPM_STALE_MEMORY, "freed", ddpm_fill(block, 1, 0));
  OK(ddpm_block_free(next));
}

TEST(invented_references_are_refused) {
  for (int i = 0; i < 100000; ++i) {
    ddpm_mem invented = static_cast<ddpm_mem>(random());
    CHECK(ddpm_fill(invented, 1, 0) != DDPM_OK);
  }
}

TEST(bad_sizes_and_devices_are_refused) {
  ddpm_mem block = 1;
  FAILS(DDPM_INVALID_ARGUMENT, "0 bytes", ddpm_block_allocate(device(), 0, &block));
  CHECK(block == 0);
  FAILS(DDPM_INVALID_ARGUMENT, "-5 bytes", ddpm_block_allocate(device(), -5, &block));
  FAILS(DDPM_INVALID_ARGUMENT, "device is 7", ddpm_block_allocate(7, 64, &block));
  FAILS(DDPM_INVALID_ARGUMENT, "must not be null", ddpm_block_allocate(device(), 64, nullptr));
  FAILS(DDPM_OUT_OF_MEMORY, "memory", ddpm_block_allocate(device(), int64_t{1} << 40, &block));
  FAILS(DDPM_INVALID_ARGUMENT, "threads is 0", ddpm_set_threads(0));
  FAILS(DDPM_INVALID_ARGUMENT, "'sse9'", ddpm_set_cpu_isa("sse9"));
  FAILS(DDPM_INVALID_ARGUMENT, "'null'", ddpm_set_cpu_isa(nullptr));
  double peak = 0;
  FAILS(DDPM_INVALID_ARGUMENT, "must not be null", ddpm_measure_peak(&peak, nullptr));
}

TEST(live_bytes_are_counted) {
  int64_t before = ddpm_block_bytes(device());
  ddpm_mem block = 0;
  OK(ddpm_block_allocate(device(), 1000, &block));
  CHECK(ddpm_block_bytes(device()) == before + 1000);
  FAILS(DDPM_INVALID_ARGUMENT, "start of a block", ddpm_block_free(block + 4));
  OK(ddpm_block_free(block));
  CHECK(ddpm_block_bytes(device()) == before);
}
