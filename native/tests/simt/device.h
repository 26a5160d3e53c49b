#pragma once
#include <tuple>
#include <utility>

#include "simt/checker.h"
#include "simt/host.h"
#include "simt/instructions.h"
#include "simt/ptx/kernels.h"
#include "simt/trace.h"

/** The seam of cuda/device.h on the engine: launching; instructions.h has the kernels' half, host.h the host's. */
namespace ddpm::cuda {

constexpr const char* kBackendName = "simt";

template <class... Parameters, class... Args>
void launch(const char* name, void (*kernel)(Parameters...), dim3 grid, dim3 block, size_t shared_bytes, Stream stream,
            Args&&... args) {
  std::tuple<Parameters...> values(static_cast<Parameters>(std::forward<Args>(args))...);
  simt::enqueue(stream, [=] {
    unsigned threads = block.x * block.y * block.z;
    if (simt::trace_launch(name, reinterpret_cast<const void*>(kernel), threads, shared_bytes))
      simt::run(name, grid, block, shared_bytes, simt::body_of(kernel, values));
  });
}

}  // namespace ddpm::cuda
