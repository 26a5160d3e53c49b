#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>

#include "common/backend.h"

/**
 * Devices beside the CPU: those of CUDA, or in tests those of the engine that runs CUDA kernels on the CPU, which is
 * linked in CUDA's place. Device n of the ABI, from 1, is their number n - 1. Functions throw Errors.
 */
namespace ddpm::accelerator {

struct Properties {
  char name[256];
  int64_t memory;
  int major, minor; /**< compute capability */
  int multiprocessors;
  char problem[256]; /**< why the device cannot be used; empty if it can */
};

/** Number of devices, usable or not. */
int count();
/** In one line, why they are or are not used; valid for the life of the process. */
const char* status();
const Properties& properties(int device);
/** Throws DDPM_DEVICE_ERROR with the reason if a device cannot be used. */
void require_usable(int device);

/** Null if there are no devices. */
const Backend* backend();

void* allocate(int device, int64_t bytes);
/** Waits for what the device has been asked to do, which may use the memory. */
void release(int device, void* memory);
/** Waits until all is done that a device has been asked to do. */
void synchronize(int device);

/** The stream of the ops that the calling thread runs on a device, as CUDA knows it. */
void* stream(int device);

/** Seconds of work on a device by its clock, after what is to be done before; for benchmarks. */
double seconds(int device, const std::function<void()>& before, const std::function<void()>& work);

/** A recorded sequence of ops; see ddpm_capture_begin. */
struct Graph;
void begin_capture(int device);
Graph* end_capture(int device);
void run(Graph* graph);
void release(Graph* graph);

void begin_range(const char* name);
void end_range();

}  // namespace ddpm::accelerator
