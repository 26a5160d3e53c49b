#pragma once
#include "ddpm/status.h"

/** Devices, instruction sets and threads. Device 0 is always the CPU; CUDA's device i is number i + 1. */
#ifdef __cplusplus
extern "C" {
#endif

/** Number of devices, at least 1; ddpm_device_check tells whether one can be used. */
int32_t ddpm_device_count(void);

/** Why CUDA devices are or are not used, in one line. Valid for the life of the process. */
const char* ddpm_cuda_status(void);

/** Fails with the reason unless a device can be used. */
ddpm_status ddpm_device_check(int32_t device);

/** Name of a device, or of a number that is none, "". Valid for the life of the process. */
const char* ddpm_device_name(int32_t device);

/** Bytes of memory, compute capability as 10 major + minor, and multiprocessors of a CUDA device; each may be null. */
ddpm_status ddpm_device_properties(int32_t device, int64_t* memory, int32_t* compute_capability,
                                   int32_t* multiprocessors);

/** Waits until all is done that a device has been asked to do, and fails if any of it did. The CPU is always done. */
ddpm_status ddpm_synchronize(int32_t device);

/**
 * From here to ddpm_capture_end, ops that the calling thread runs on a device other than the CPU are recorded, not run.
 * Copies from or to host memory cannot be, nor ops that return numbers to the host; they fail and are left out.
 */
ddpm_status ddpm_capture_begin(int32_t device);

/** Ends the recording. *graph: what was recorded, to be run any number of times, on the same memory. */
ddpm_status ddpm_capture_end(int32_t device, int64_t* graph);

/** Runs a graph, after all that its device has been asked to do. */
ddpm_status ddpm_graph_run(int64_t graph);

/** Frees a graph; 0 is ignored. */
ddpm_status ddpm_graph_free(int64_t graph);

/**
 * How many ops devices other than the CPU have been asked for one by one in this process, copies and recorded ops
 * among them, and how many times a graph was run.
 */
ddpm_status ddpm_device_calls(int64_t* ops, int64_t* graph_runs);

/** Names the device's work up to ddpm_range_end, for profilers; ranges nest. */
void ddpm_range_begin(const char* name);
void ddpm_range_end(void);

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
