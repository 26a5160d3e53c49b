// The host half of device.h on the CUDA runtime.
#include <nvtx3/nvToolsExt.h>

#include <cstdio>

#include "cuda/device.h"
#include "cuda/host.h"

namespace ddpm::cuda {

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // forgets it, unless the device has faulted
  bool faulted = cudaGetLastError() != cudaSuccess;
  ddpm_status code = status == cudaErrorMemoryAllocation ? DDPM_OUT_OF_MEMORY : DDPM_DEVICE_ERROR;
  fail(code, "%s: CUDA error %d, %s%s", what, static_cast<int>(status), cudaGetErrorString(status),
       faulted ? "; the device cannot be used any more by this process" : "");
}

namespace {

Stream order(Stream stream) { return stream == nullptr ? op_stream() : stream; }

void refuse_capture(Stream stream, const char* what) {
  if (is_capturing(stream)) fail(DDPM_NOT_SUPPORTED, "%s cannot be part of a captured graph", what);
}

__global__ void probe() {}

/** A version as CUDA numbers it, as text. */
struct Version {
  char text[32];
  explicit Version(int version) { std::snprintf(text, sizeof text, "%d.%d", version / 1000, version % 1000 / 10); }
};

}  // namespace

int count_devices(char* status, size_t size) {
  int count = 0, driver = 0;
  cudaError_t error = cudaGetDeviceCount(&count);
  cudaGetLastError();
  if (error == cudaSuccess && count > 0) {
    std::snprintf(status, size, "%d CUDA device%s", count, count == 1 ? "" : "s");
    return count;
  }
  cudaDriverGetVersion(&driver);
  if (error == cudaErrorInsufficientDriver && driver == 0)
    std::snprintf(status, size, "there is no NVIDIA driver (libcuda.so.1)");
  else if (error == cudaErrorInsufficientDriver)
    std::snprintf(status, size, "the NVIDIA driver is for CUDA %s, expected %s or later", Version(driver).text,
                  Version(CUDART_VERSION).text);
  else if (error == cudaErrorNoDevice || error == cudaSuccess)
    std::snprintf(status, size, "the NVIDIA driver finds no device");
  else
    std::snprintf(status, size, "CUDA error %d, %s", static_cast<int>(error), cudaGetErrorString(error));
  return 0;
}

accelerator::Properties properties_of(int device) {
  cudaDeviceProp found{};
  check(cudaGetDeviceProperties(&found, device), "properties of the device");
  accelerator::Properties p{};
  std::snprintf(p.name, sizeof p.name, "%s", found.name);
  p.memory = static_cast<int64_t>(found.totalGlobalMem);
  p.major = found.major;
  p.minor = found.minor;
  p.multiprocessors = found.multiProcessorCount;
  int before = 0;
  cudaFuncAttributes attributes{};
  cudaError_t error = cudaGetDevice(&before);
  if (error == cudaSuccess) error = cudaSetDevice(device);
  if (error == cudaSuccess) error = cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(probe));
  cudaSetDevice(before);
  cudaGetLastError();
  if (error == cudaErrorNoKernelImageForDevice)
    std::snprintf(p.problem, sizeof p.problem, "this library has no kernels for its compute capability %d.%d", p.major,
                  p.minor);
  else if (error != cudaSuccess)
    std::snprintf(p.problem, sizeof p.problem, "CUDA error %d, %s", static_cast<int>(error), cudaGetErrorString(error));
  return p;
}

void select_device(int device) { check(cudaSetDevice(device), "selecting the device"); }

bool is_capturing(Stream stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(order(stream), &status), "stream");
  return status != cudaStreamCaptureStatusNone;
}

void* allocate(size_t bytes) {
  void* memory = nullptr;
  check(cudaMalloc(&memory, bytes), "device memory");
  return memory;
}
void release(void* memory) { cudaFree(memory); }
void* allocate(size_t bytes, Stream stream) {
  void* memory = nullptr;
  check(cudaMallocAsync(&memory, bytes, order(stream)), "device memory");
  return memory;
}
void release(void* memory, Stream stream) { cudaFreeAsync(memory, order(stream)); }
void* allocate_pinned(size_t bytes) {
  void* memory = nullptr;
  check(cudaHostAlloc(&memory, bytes, cudaHostAllocDefault), "pinned memory");
  return memory;
}
void release_pinned(void* memory) { cudaFreeHost(memory); }

void clear(void* to, size_t bytes, Stream stream) { check(cudaMemsetAsync(to, 0, bytes, order(stream)), "clear"); }
void copy_async(void* to, const void* from, size_t bytes, Stream stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, order(stream)), "copy");
}
void copy_to_device(void* to, const void* from, size_t bytes, Stream stream) {
  refuse_capture(stream, "a copy from memory of the host");
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, order(stream)), "copy to the device");
}
void copy_to_host(void* to, const void* from, size_t bytes, Stream stream) {
  refuse_capture(stream, "a copy to memory of the host");
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, order(stream)), "copy to the host");
  synchronize(stream);
}

// Not ordered with the legacy default stream, which other libraries may use.
Stream create_stream() {
  Stream stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "stream");
  return stream;
}
void destroy(Stream stream) { cudaStreamDestroy(stream); }
void synchronize(Stream stream) {
  refuse_capture(stream, "waiting for the device");
  check(cudaStreamSynchronize(order(stream)), "kernels");
}

Event create_event() {
  Event event = nullptr;
  check(cudaEventCreate(&event), "event");
  return event;
}
void destroy(Event event) { cudaEventDestroy(event); }
void record(Event event, Stream stream) { check(cudaEventRecord(event, order(stream)), "event"); }
void wait(Stream stream, Event event) { check(cudaStreamWaitEvent(order(stream), event, 0), "event"); }
void synchronize(Event event) { check(cudaEventSynchronize(event), "kernels"); }
float milliseconds_between(Event from, Event to) {
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, from, to), "event");
  return milliseconds;
}

// Relaxed: memory may be allocated while work is recorded.
void begin_capture(Stream stream) { check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeRelaxed), "capture"); }
Graph end_capture(Stream stream) {
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(stream, &graph), "capture");
  Graph runnable = nullptr;
  cudaError_t error = cudaGraphInstantiate(&runnable, graph, 0);
  cudaGraphDestroy(graph);
  check(error, "graph");
  return runnable;
}
void run_graph(Graph graph, Stream stream) { check(cudaGraphLaunch(graph, order(stream)), "graph"); }
void destroy(Graph graph) { cudaGraphExecDestroy(graph); }

void begin_range(const char* name) { nvtxRangePushA(name); }
void end_range() { nvtxRangePop(); }

}  // namespace ddpm::cuda
