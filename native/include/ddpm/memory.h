#pragma once
#include "ddpm/status.h"

/**
 * Native memory.
 *
 * A ddpm_mem is an opaque 64-bit reference: a block of memory on some device and a byte offset into it. Adding n to a
 * ddpm_mem moves it n bytes on within its block. 0 is null. Every use is checked against the table of live blocks, so a
 * freed or invented reference is an error, never a crash. Blocks start on a 64-byte boundary.
 */
#ifdef __cplusplus
extern "C" {
#endif

typedef int64_t ddpm_mem;

/** Allocates a block of 1 byte to 1 TiB on a device; contents are undefined. */
ddpm_status ddpm_block_allocate(int32_t device, int64_t bytes, ddpm_mem* block);

/** Frees a block; 0 is ignored. References into it become stale. */
ddpm_status ddpm_block_free(ddpm_mem block);

/** Bytes in all live blocks of a device. */
int64_t ddpm_block_bytes(int32_t device);

/** Copies count floats from host memory to dst. */
ddpm_status ddpm_copy_from_host(ddpm_mem dst, const float* src, int64_t count);

/** Copies count floats from src to host memory. */
ddpm_status ddpm_copy_to_host(float* dst, ddpm_mem src, int64_t count);

/** Copies count floats between blocks; the ranges must not overlap. */
ddpm_status ddpm_copy(ddpm_mem dst, ddpm_mem src, int64_t count);

/** dst[i] = value. */
ddpm_status ddpm_fill(ddpm_mem dst, int64_t count, float value);

/**
 * Whether ops keep the packed copies that they make of weights in a reference's block, for the next call: for weights
 * that are read more often than written. Every write to the block makes its copies void. They are freed with the block,
 * or when nothing is to be kept any more, which is the state of a new block.
 */
ddpm_status ddpm_keep_packed(ddpm_mem mem, int32_t keep);

/** Bytes in packed copies; not part of ddpm_block_bytes. */
int64_t ddpm_packed_bytes(void);

#ifdef __cplusplus
}
#endif
