#pragma once

/** What a function is marked with that the kernels of all backends share. */
#if defined(__CUDACC__)
#define DDPM_ARITHMETIC __host__ __device__ __forceinline__
#else
// Always inlined: code for one instruction set must not be merged with another's.
#define DDPM_ARITHMETIC static inline __attribute__((always_inline))
#endif
