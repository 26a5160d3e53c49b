// Ops on single elements: one pass over memory each, see quads.cuh. At 8 or 12 bytes an element even the exponential
// and the division of SiLU, some 30 instructions as IEEE rounds them, hide behind memory.
#include "cuda/cuda.h"
#include "cuda/quads.cuh"
#include "cuda/silu.cuh"

namespace ddpm::cuda {

struct Silu {
  DDPM_DEVICE float operator()(float x) const { return silu_of(x); }
};
struct SiluBackward {
  DDPM_DEVICE float operator()(float x, float dy) const { return dy * silu_slope(x); }
};
struct Relu {
  // The comparison is false for NaN, which so stays.
  DDPM_DEVICE float operator()(float x) const { return x < 0 ? 0.0f : x; }
};
struct ReluBackward {
  DDPM_DEVICE float operator()(float x, float dy) const { return x > 0 ? dy : 0.0f; }
};
struct Add {
  DDPM_DEVICE float operator()(float a, float b) const { return a + b; }
};
struct Scale {
  float factor;
  DDPM_DEVICE float operator()(float x) const { return factor * x; }
};
struct Fill {
  Rows rows;
  float* y;
  float value;
  DDPM_DEVICE void operator()(int64_t, int64_t column) const {
    rows.store(y, column, Quad{{value, value, value, value}});
  }
};

ddpm_status silu(const SiluArgs& a) {
  map("silu", Silu{}, a.count, a.y, a.x);
  return DDPM_OK;
}

ddpm_status silu_backward(const SiluBackwardArgs& a) {
  map("silu_backward", SiluBackward{}, a.count, a.dx, a.x, a.dy);
  return DDPM_OK;
}

ddpm_status relu(const ReluArgs& a) {
  map("relu", Relu{}, a.count, a.y, a.x);
  return DDPM_OK;
}

ddpm_status relu_backward(const ReluBackwardArgs& a) {
  map("relu_backward", ReluBackward{}, a.count, a.dx, a.x, a.dy);
  return DDPM_OK;
}

ddpm_status add(const AddArgs& a) {
  map("add", Add{}, a.count, a.y, a.a, a.b);
  return DDPM_OK;
}

ddpm_status scale(const ScaleArgs& a) {
  map("scale", Scale{a.factor}, a.count, a.y, a.x);
  return DDPM_OK;
}

ddpm_status fill(const FillArgs& a) {
  each_quad("fill", Fill{rows_of(1, a.count, a.dst), a.dst, a.value}, 1, a.count);
  return DDPM_OK;
}

}  // namespace ddpm::cuda
