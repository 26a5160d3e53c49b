#include "cuda/cuda.h"
#include "cuda/device.h"

namespace ddpm::cuda {

const Backend* backend() {
  static const Backend table = [] {
    Backend b;
    b.name = kBackendName;
    b.select = select_for_op;
    b.copy_from_host = copy_from_host;
    b.copy_to_host = copy_to_host;
    b.copy = copy;
    b.fill = fill;
    b.optimal_partial = optimal_partial;
    return b;
  }();
  return &table;
}

}  // namespace ddpm::cuda
