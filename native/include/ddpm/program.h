#pragma once
#include "ddpm/status.h"

/**
 * Programs: what the steps of a sampler do with images, as one op for all steps. Coefficients, positions in streams of
 * random numbers and addresses lie in the device's memory, where the op finds those of the next step. So a step that
 * was captured once can be run for all.
 */
#ifdef __cplusplus
extern "C" {
#endif

/**
 * From here to ddpm_program_end, ops that the calling thread runs on a device other than the CPU are recorded, not run:
 * linear_combination, reverse_step, randn, scale, copy and fill, over all elements of [images,per_image], or fill over
 * one for each image. Two operands of a step are the same memory or do not overlap. Other ops fail with
 * DDPM_NOT_SUPPORTED and are left out.
 */
ddpm_status ddpm_program_begin(int32_t device, int32_t images, int64_t per_image);

/** The ops that follow are those of the next step, of which there may be none. */
ddpm_status ddpm_program_step(int32_t device);

/** Ends the recording. *program: the steps that were recorded, at least one. */
ddpm_status ddpm_program_end(int32_t device, int64_t* program);

/** Does the next step, the first at first, after all that the device has been asked to do; nothing after the last. */
ddpm_status ddpm_program_run(int64_t program);

/** Frees a program, after what the device has been asked to do; 0 is ignored. */
ddpm_status ddpm_program_free(int64_t program);

#ifdef __cplusplus
}
#endif
