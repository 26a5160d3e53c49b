#include "cuda/cuda.h"
#include "cuda/device.h"

namespace ddpm::cuda {

const Backend* backend() {
  static const Backend table = [] {
    Backend b;
    b.name = kBackendName;
    b.optimal_partial = optimal_partial;
    return b;
  }();
  return &table;
}

}  // namespace ddpm::cuda
