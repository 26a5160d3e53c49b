#pragma once
#include <tuple>
#include <utility>

#include "simt/checker.h"
#include "simt/instructions.h"
#include "simt/ptx/kernels.h"

/** The seam of cuda/device.h on the engine: the host's half; instructions.h has the kernels'. */
namespace ddpm::cuda {

constexpr const char* kBackendName = "simt";
using Stream = void*;

inline void* allocate(size_t bytes, Stream) { return simt::allocate(bytes); }
inline void release(void* memory, Stream) { simt::release(memory); }
inline void clear(void* to, size_t bytes, Stream) {
  std::memset(to, 0, bytes);
  simt::note_host_write(to, bytes);
}
inline void copy_to_device(void* to, const void* from, size_t bytes, Stream) {
  std::memcpy(to, from, bytes);
  simt::note_host_write(to, bytes);
}
inline void copy_to_host(void* to, const void* from, size_t bytes, Stream) { std::memcpy(to, from, bytes); }

template <class... Parameters, class... Args>
void launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, Stream,
            Args&&... args) {
  std::tuple<Parameters...> values(static_cast<Parameters>(std::forward<Args>(args))...);
  simt::run(name, grid, block, shared_bytes, simt::body_of(kernel, values));
}

}  // namespace ddpm::cuda
