#pragma once
#include <stdint.h>

/**
 * The C ABI of ddpm4j: the only thing Java sees of the native code.
 *
 * Every function that can fail returns a ddpm_status; ddpm_last_error() then describes the failure with the offending
 * values. No function throws, aborts or exits, whatever its arguments.
 */
#ifdef __cplusplus
extern "C" {
#endif

typedef int32_t ddpm_status;

enum {
  DDPM_OK = 0,
  DDPM_INVALID_ARGUMENT = 1, /**< a null, a bad shape, an overflow of sizes, operands that overlap or do not fit */
  DDPM_OUT_OF_MEMORY = 2,
  DDPM_NOT_SUPPORTED = 3, /**< no backend of the device implements the case */
  DDPM_STALE_MEMORY = 4,  /**< a ddpm_mem whose block has been freed */
  DDPM_DEVICE_ERROR = 5,  /**< the driver or the device failed */
  DDPM_INTERNAL_ERROR = 6
};

/** Message of the last failure on the calling thread; empty if there was none. Valid until the thread's next call. */
const char* ddpm_last_error(void);

/** Version of the native library, the same as the Java artifact's. */
const char* ddpm_version(void);

#ifdef __cplusplus
}
#endif
