#pragma once
#include "ddpm/status.h"

/** Devices, instruction sets and threads. Device 0 is always the CPU. */
#ifdef __cplusplus
extern "C" {
#endif

/** Number of usable devices, at least 1. */
int32_t ddpm_device_count(void);

/** Why CUDA devices are or are not used, in one line. Valid for the life of the process. */
const char* ddpm_cuda_status(void);

/** Instruction set that CPU kernels run on: "avx512", "avx2" or "portable". */
const char* ddpm_cpu_isa(void);

/** Whether this machine can run the CPU kernels of the named instruction set. */
int32_t ddpm_cpu_isa_available(const char* isa);

/** Selects the instruction set of the CPU kernels for the whole process; meant for tests and benchmarks. */
ddpm_status ddpm_set_cpu_isa(const char* isa);

/** Number of threads that CPU kernels use, the caller's among them. Results do not depend on it. */
int32_t ddpm_threads(void);

/** Sets the number of threads, 1 to 1024. Waits for kernels that are running. */
ddpm_status ddpm_set_threads(int32_t threads);

/**
 * What convolutions, linear maps and attention round the operands of their products to: "float32" (the default, no
 * rounding), "tf32" (10 bits of fraction) or "bfloat16" (7 bits). Sums, and all that is stored, stay float32. A device
 * may be more exact: the CPU rounds for bfloat16 in direct convolutions and linear maps only.
 */
const char* ddpm_precision(void);

/** Selects the precision for the whole process. */
ddpm_status ddpm_set_precision(const char* name);

/**
 * Measures, in less than a second, what the set number of threads reach on the selected instruction set: operations per
 * second of multiply-adds in registers, and bytes per second read from memory. A sum of each thread's best: memory that
 * the threads cannot read as fast at the same time is over-rated while others use the machine.
 */
ddpm_status ddpm_measure_peak(double* flops, double* bytes_per_second);

#ifdef __cplusplus
}
#endif
