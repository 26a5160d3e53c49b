#pragma once
#include "ddpm/memory.h"

/** For other libraries on the same device. */
#ifdef __cplusplus
extern "C" {
#endif

/**
 * The address of a reference on a device other than the CPU, as CUDA knows it; valid as long as the block is. What ops
 * have been asked to do before is done with it only after ddpm_synchronize.
 */
ddpm_status ddpm_device_address(ddpm_mem mem, int64_t* address);

/**
 * The stream (cudaStream_t) in which ops of the calling thread run on a device other than the CPU. What another library
 * is asked to do in it comes after the ops before and before the ops after.
 */
ddpm_status ddpm_device_stream(int32_t device, int64_t* stream);

#ifdef __cplusplus
}
#endif
