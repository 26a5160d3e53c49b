// What the library says of devices that it cannot use, of memory that there is not and of faults, on fake_runtime.h.
#include <cstring>

#include "fake_runtime.h"
#include "harness.h"

using namespace ddpm::test;

namespace {

constexpr int kIllegalAddress = 700;

}  // namespace

TEST(a_device_without_kernels_says_so_and_the_others_are_used) {
  CHECK(ddpm_device_count() == 4);
  CHECK(std::strcmp(ddpm_cuda_status(), "3 CUDA devices") == 0);
  OK(ddpm_device_check(1));
  FAILS(DDPM_DEVICE_ERROR, "(Fake 1) cannot be used: this library has no kernels for its compute capability 7.5",
        ddpm_device_check(2));
  FAILS(DDPM_DEVICE_ERROR, "(Fake 2) cannot be used: CUDA error 46", ddpm_device_check(3));
  for (int32_t device : {2, 3}) {
    ddpm_mem block = 0;
    FAILS(DDPM_DEVICE_ERROR, "cannot be used", ddpm_block_allocate(device, 64, &block));
    FAILS(DDPM_DEVICE_ERROR, "cannot be used", ddpm_capture_begin(device));
    FAILS(DDPM_DEVICE_ERROR, "cannot be used", ddpm_program_begin(device, 1, 1));
    FAILS(DDPM_DEVICE_ERROR, "cannot be used", ddpm_synchronize(device));
    CHECK(block == 0);
  }
  // What they are is known all the same.
  int32_t capability = 0;
  OK(ddpm_device_properties(2, nullptr, &capability, nullptr));
  CHECK(capability == 75 && std::strcmp(ddpm_device_name(2), "Fake 1") == 0);
  ddpm_mem block = 0;
  OK(ddpm_block_allocate(1, 64, &block));
  OK(ddpm_synchronize(1));
  OK(ddpm_block_free(block));
}

TEST(memory_that_there_is_not_is_told_and_the_device_goes_on) {
  ddpm_mem block = 0;
  FAILS(DDPM_OUT_OF_MEMORY, "device memory: CUDA error 2", ddpm_block_allocate(1, int64_t{2} << 30, &block));
  CHECK(block == 0);
  OK(ddpm_block_allocate(1, 64, &block));
  OK(ddpm_block_free(block));
}

TEST(a_fault_is_told_by_every_call_from_then_on) {
  ddpm_mem block = 0;
  OK(ddpm_block_allocate(1, 64, &block));
  float values[4] = {1, 2, 3, 4};
  OK(ddpm_copy_from_host(block, values, 4));
  fake_runtime.fault = kIllegalAddress;
  const char* message = "CUDA error 700, an illegal memory access was encountered; the device cannot be used any more";
  FAILS(DDPM_DEVICE_ERROR, message, ddpm_synchronize(1));
  FAILS(DDPM_DEVICE_ERROR, message, ddpm_copy_to_host(values, block, 4));
  FAILS(DDPM_DEVICE_ERROR, message, ddpm_fill(block, 4, 1));
  ddpm_mem other = 0;
  FAILS(DDPM_DEVICE_ERROR, message, ddpm_block_allocate(1, 64, &other));
  // Memory is given back without a word.
  OK(ddpm_block_free(block));
  fake_runtime.fault = 0;
}
