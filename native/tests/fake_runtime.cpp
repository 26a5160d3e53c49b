// CUDA's runtime with devices that no machine of ours has; see fake_runtime.h. Memory is the host's, and no kernel
// runs.
#include "fake_runtime.h"

#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ddpm::test {

FakeRuntime fake_runtime;

}  // namespace ddpm::test

namespace {

using ddpm::test::fake_runtime;

int selected = 0;
cudaError_t last = cudaSuccess;

/** The answer to a call, which the next cudaGetLastError() repeats; a fault is all that is answered from then on. */
cudaError_t answer(cudaError_t error) {
  if (fake_runtime.fault != 0) error = static_cast<cudaError_t>(fake_runtime.fault);
  if (error != cudaSuccess) last = error;
  return error;
}

template <class T>
cudaError_t hand_out(T* handle) {
  *handle = reinterpret_cast<T>(std::malloc(1));
  return answer(cudaSuccess);
}

template <class T>
cudaError_t take_back(T handle) {
  std::free(reinterpret_cast<void*>(handle));
  return answer(cudaSuccess);
}

}  // namespace

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  *count = 3;
  return answer(cudaSuccess);
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return answer(cudaSuccess);
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* found, int device) {
  *found = {};
  std::snprintf(found->name, sizeof found->name, "Fake %d", device);
  found->totalGlobalMem = size_t{1} << 30;
  found->major = device == 1 ? 7 : 9;
  found->minor = device == 1 ? 5 : 0;
  found->multiProcessorCount = 2;
  return answer(cudaSuccess);
}

cudaError_t cudaGetDevice(int* device) {
  *device = selected;
  return answer(cudaSuccess);
}

cudaError_t cudaSetDevice(int device) {
  selected = device;
  return answer(device == 2 ? cudaErrorDevicesUnavailable : cudaSuccess);
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void*) {
  *attributes = {};
  return answer(selected == 1 ? cudaErrorNoKernelImageForDevice : cudaSuccess);
}

cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) { return answer(cudaSuccess); }

const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorIllegalAddress ? "an illegal memory access was encountered" : "an error";
}

cudaError_t cudaGetLastError() {
  cudaError_t error = fake_runtime.fault != 0 ? static_cast<cudaError_t>(fake_runtime.fault) : last;
  last = cudaSuccess;
  return error;
}

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  if (bytes > fake_runtime.free_bytes) return answer(cudaErrorMemoryAllocation);
  *memory = std::malloc(bytes);
  return answer(cudaSuccess);
}
cudaError_t cudaFree(void* memory) { return take_back(memory); }
cudaError_t cudaMallocAsync(void** memory, size_t bytes, cudaStream_t) { return cudaMalloc(memory, bytes); }
cudaError_t cudaFreeAsync(void* memory, cudaStream_t) { return take_back(memory); }
cudaError_t cudaHostAlloc(void** memory, size_t bytes, unsigned) {
  *memory = std::malloc(bytes);
  return answer(cudaSuccess);
}
cudaError_t cudaFreeHost(void* memory) { return take_back(memory); }

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t) {
  std::memcpy(to, from, bytes);
  return answer(cudaSuccess);
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t) {
  std::memset(to, value, bytes);
  return answer(cudaSuccess);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) { return hand_out(stream); }
cudaError_t cudaStreamDestroy(cudaStream_t stream) { return take_back(stream); }
cudaError_t cudaStreamSynchronize(cudaStream_t) { return answer(cudaSuccess); }
cudaError_t cudaStreamWaitEvent(cudaStream_t, cudaEvent_t, unsigned) { return answer(cudaSuccess); }
cudaError_t cudaStreamIsCapturing(cudaStream_t, cudaStreamCaptureStatus* status) {
  *status = cudaStreamCaptureStatusNone;
  return answer(cudaSuccess);
}
cudaError_t cudaStreamBeginCapture(cudaStream_t, cudaStreamCaptureMode) { return answer(cudaErrorNotSupported); }
cudaError_t cudaStreamEndCapture(cudaStream_t, cudaGraph_t*) { return answer(cudaErrorNotSupported); }

cudaError_t cudaEventCreate(cudaEvent_t* event) { return hand_out(event); }
cudaError_t cudaEventDestroy(cudaEvent_t event) { return take_back(event); }
cudaError_t cudaEventRecord(cudaEvent_t, cudaStream_t) { return answer(cudaSuccess); }
cudaError_t cudaEventSynchronize(cudaEvent_t) { return answer(cudaSuccess); }
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t, cudaEvent_t) {
  *milliseconds = 1;
  return answer(cudaSuccess);
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t*, cudaGraph_t, unsigned long long) {
  return answer(cudaErrorNotSupported);
}
cudaError_t cudaGraphDestroy(cudaGraph_t) { return answer(cudaSuccess); }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t) { return answer(cudaSuccess); }
cudaError_t cudaGraphLaunch(cudaGraphExec_t, cudaStream_t) { return answer(cudaErrorNotSupported); }

cudaError_t cudaLaunchKernel(const void*, dim3, dim3, void**, size_t, cudaStream_t) { return answer(cudaSuccess); }

// What nvcc's code calls beside them, with arguments that do not matter here.
void** __cudaRegisterFatBinary() {
  static void* handle;
  return &handle;
}
void __cudaRegisterFatBinaryEnd() {}
void __cudaUnregisterFatBinary() {}
void __cudaRegisterFunction() {}
void __cudaRegisterVar() {}
char __cudaInitModule() { return 1; }
int __cudaPushCallConfiguration() { return 0; }
int __cudaPopCallConfiguration() { return 0; }
int __cudaGetKernel() { return 0; }
int __cudaLaunchKernel() { return 0; }
}
