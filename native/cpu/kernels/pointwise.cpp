// Element-wise ops: memory-bound, so each is one pass, split into chunks that a core takes in order.
#include "cpu/kernels/ops.h"
#include "cpu/kernels/vector.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Elements of one task: large enough to pay for handing it out, small enough to share evenly. */
constexpr int64_t kChunk = 16384;

/** Runs body(begin, end) over [0, count) in chunks. */
template <class Body>
void for_chunks(int64_t count, const Body& body) {
  parallel_for((count + kChunk - 1) / kChunk, [&](int64_t i) {
    int64_t begin = i * kChunk;
    body(begin, begin + kChunk < count ? begin + kChunk : count);
  });
}

/** y[i] = f(inputs[i]...) by whole vectors, the tail by a partial one: every element sees the same arithmetic. */
template <class F, class... In>
void map(int64_t count, float* y, const F& f, const In*... inputs) {
  for_chunks(count, [&](int64_t begin, int64_t end) {
    int64_t i = begin;
    for (; i + kLanes <= end; i += kLanes) store(y + i, f(load(inputs + i)...));
    if (i < end) store_first(y + i, f(load_first(inputs + i, end - i)...), end - i);
  });
}

}  // namespace

ddpm_status silu(const SiluArgs& a) {
  map(a.count, a.y, [](Vec x) { return x * sigmoid(x); }, a.x);
  return DDPM_OK;
}

ddpm_status silu_backward(const SiluBackwardArgs& a) {
  map(
      a.count, a.dx,
      [](Vec x, Vec dy) {
        Vec s = sigmoid(x);
        return dy * s * (1.0f + x * (1.0f - s));
      },
      a.x, a.dy);
  return DDPM_OK;
}

ddpm_status fill(const FillArgs& a) {
  Vec value = broadcast(a.value);
  map(a.count, a.dst, [value](Vec) { return value; }, a.dst);
  return DDPM_OK;
}

ddpm_status copy(const CopyArgs& a) {
  for_chunks(a.count, [&](int64_t begin, int64_t end) {
    std::memcpy(a.dst + begin, a.src + begin, static_cast<size_t>(end - begin) * sizeof(float));
  });
  return DDPM_OK;
}

}  // namespace ddpm::cpu::DDPM_ISA
