#pragma once
#include <cstddef>
#include <cstdint>

#include "common/accelerator.h"

/**
 * The host half of the seam: devices, memory, copies, streams, events and graphs. host.cu has it on the CUDA runtime,
 * tests/simt/host.cpp on the engine. What fails throws an Error.
 *
 * Where a Stream is asked for, null stands for op_stream(). Work of a stream runs in the order in which it was
 * asked for, some time later; a fault of a kernel shows in a later call, and in all calls from then on.
 */
#if defined(DDPM_SIMT)
#include "simt/host.h"
#else
#include <cuda_runtime.h>

namespace ddpm::cuda {
using Stream = cudaStream_t;
using Event = cudaEvent_t;
using Graph = cudaGraphExec_t;
}  // namespace ddpm::cuda
#endif

namespace ddpm::cuda {

/** Number of devices; status[size]: in one line, why they are or are not used. Never throws. */
int count_devices(char* status, size_t size);
accelerator::Properties properties_of(int device);
/** Makes a device that of the calling thread. */
void select_device(int device);

/** The stream of the op that the calling thread runs. */
Stream op_stream();
/** Whether work of a stream is recorded now and not run; such a stream cannot be waited for. */
bool is_capturing(Stream stream);

/** Memory of the selected device: for as long as wanted, or in the order of a stream. */
void* allocate(size_t bytes);
void release(void* memory);
void* allocate(size_t bytes, Stream stream);
void release(void* memory, Stream stream);
/** Memory of the host that copy_async can reach. */
void* allocate_pinned(size_t bytes);
void release_pinned(void* memory);

void clear(void* to, size_t bytes, Stream stream);
/** Between memory of the device and pinned memory, or on the device. Both must live until it is done. */
void copy_async(void* to, const void* from, size_t bytes, Stream stream);
/** From any memory of the host, which may change when it returns. */
void copy_to_device(void* to, const void* from, size_t bytes, Stream stream);
/** To any memory of the host. Done when it returns, and all before it in the stream. */
void copy_to_host(void* to, const void* from, size_t bytes, Stream stream);

Stream create_stream();
void destroy(Stream stream);
void synchronize(Stream stream);

Event create_event();
void destroy(Event event);
void record(Event event, Stream stream);
/** The stream goes on when what was before the event has been done. */
void wait(Stream stream, Event event);
void synchronize(Event event);
/** From one event to the other, both done. */
float milliseconds_between(Event from, Event to);

/** From here on, what the stream is asked to do is recorded. */
void begin_capture(Stream stream);
/** What was recorded, or null and an Error if it cannot be run. */
Graph end_capture(Stream stream);
void run_graph(Graph graph, Stream stream);
void destroy(Graph graph);

/** Names the work that follows, for profilers, until end_range(). */
void begin_range(const char* name);
void end_range();

}  // namespace ddpm::cuda
