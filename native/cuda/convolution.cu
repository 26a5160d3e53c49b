// Convolution, its gradient by the input (also the transposed convolution) and linear maps, as implicit products of
// matrices: a result's pixel is a row, its channel a column, and the depth runs over taps and the source's channels.
// Nothing is unfolded in memory.
//
// Tiling: a block has 4 warps and makes a tile of 128 x 128 results, each warp a quarter, where such tiles fill a GPU,
// else of 64 x 64. A warp of 64 x 64 reads 512 bytes of shared memory for 4096 multiply-adds, as many as the tensor
// cores do in bfloat16 while that is read (1024 and 128 bytes a cycle on sm_80); 32 x 32 is enough for tf32. Bits do
// not depend on the tile: an element's products are added in the order of the depth, 16 at a time.
//
// Stride 1, from 16 channels on (convolution_patches.cuh): the depth is blocks of 16 channels, and in each the taps.
// What the rows of a tile see, their patch, comes once for a block of channels, and each tap takes its rows from there:
// for 3 x 3 on lines of 32 pixels, 4 lines and not 9 times 2 of them. So a block moves each byte that it needs once. A
// patch is a run of pixels of a picture that is padded with what windows see around it, from the tile's first to its
// last, and may cross pictures. It has up to 272 pixels, which for 3 x 3 is enough for lines of 64.
//
// The rest (convolution_kernel.cuh): the depth is taps, and in each the channels, and a copy finds its pixel by adding
// a tap to its row's place. It is not padded from tap to tap, so that 3 channels of 9 taps are two steps and not nine.
// Pixels that several taps see come once for each: that is up to 1.4 times the bytes that a block needs with 64
// channels, 3 x 3 and strides of 2, where neighbours share little, and 1.6 on lines of more than 64 pixels.
//
// Depth: 16 floats a step, rows of 64 bytes, in pieces of 16 bytes if source and weights allow, else of 4.
//
// Pipeline: cp.async, three stages deep: two steps are on their way while one is multiplied, with one barrier a step.
// Two patches take turns (three if each serves one tap). Two blocks of 128 x 128 with 49 to 60 KB and 254 registers a
// thread at most, or three of 64 x 64 with 24 to 50 KB hide each other's barriers; GPUs of 100 KB (sm_86, 89, 120) have
// room for one of the large tiles with patches.
//
// Operands stay float32 in shared memory, as the activations are in memory: a copy needs no registers, and ldmatrix
// deals out 4 x 8 floats as the tensor cores take tf32; pairs of them, rounded, make bfloat16. Pieces are exchanged so
// that neither copies nor ldmatrix have bank conflicts; of patches only where eight neighbours of a tile are in one
// line, else two of them may meet. In float32, each thread multiplies for the same results by fused multiply-adds, so
// that the ends are the same.
//
// The gradient by the input takes the weights as [C, taps, K], turned in a pass of their own: 8 bytes a weight, where
// the product reads each once for every 64 or 128 pixels. With strides, the input's pixels fall into phases that see
// different taps; a block has pixels of one phase, and multiplies no tap that misses.
//
// Ends: bias, time embedding and residual are added to the sums in registers, and pairs of lanes' results fill sectors.
// Moments for a norm of the result are not taken here: a tile crosses images and its size depends on the batch, so an
// image's moments would depend on the batch too.
#include <algorithm>

#include "cuda/convolution_patches.cuh"
#include "cuda/cuda.h"

namespace ddpm::cuda {
namespace {

constexpr int kTurnTile = 32, kTurnLines = 8;

/** turned[c][tap][k] = w[k][tap][c], by squares of 32 x 32. */
__global__ void turn_weights(const float* w, float* turned, int32_t k, int32_t taps, int32_t c) {
  DDPM_SHARED(float, square, (kTurnTile * (kTurnTile + 1)));
  int32_t tap = static_cast<int32_t>(blockIdx.x) % taps;
  int32_t first_c = static_cast<int32_t>(blockIdx.x) / taps * kTurnTile;
  int32_t first_k = static_cast<int32_t>(blockIdx.y) * kTurnTile;
  int x = static_cast<int>(threadIdx.x) % kTurnTile, y = static_cast<int>(threadIdx.x) / kTurnTile;
  for (int i = y; i < kTurnTile; i += kTurnLines)
    if (first_k + i < k && first_c + x < c)
      square[i * (kTurnTile + 1) + x] = w[(static_cast<int64_t>(first_k + i) * taps + tap) * c + first_c + x];
  __syncthreads();
  for (int i = y; i < kTurnTile; i += kTurnLines)
    if (first_k + x < k && first_c + i < c)
      turned[(static_cast<int64_t>(first_c + i) * taps + tap) * k + first_k + x] = square[x * (kTurnTile + 1) + i];
}

template <class T>
void run(const char* name, ConvolutionPass pass, int64_t phases, int64_t pixels_of_phase, Stream stream) {
  pass.tiles = tiles_of(pixels_of_phase, T::kRows);
  auto* kernel = precision() == Precision::kFloat32 ? convolve<Precision::kFloat32, T>
                 : precision() == Precision::kTf32  ? convolve<Precision::kTf32, T>
                                                    : convolve<Precision::kBfloat16, T>;
  launch(name, kernel, grid_of(phases * pass.tiles, tiles_of(pass.columns, T::kColumns)), dim3(T::kThreads),
         T::kSharedBytes, stream, pass);
}

ddpm_status convolve_window(const char* name, const WindowGeometry& g, ConvolutionPass pass, Stream stream) {
  set_window(g, pass);
  int64_t height = pass.transposed ? g.h : g.oh, width = pass.transposed ? g.w : g.ow;
  if (has_patches(g, pass)) {
    convolve_patches(name, pass, g.n * height * width, stream);
    return DDPM_OK;
  }
  int64_t down = pass.transposed ? std::min(g.stride_h, height) : 1;
  int64_t across = pass.transposed ? std::min(g.stride_w, width) : 1;
  pass.phases_across = static_cast<int32_t>(across);
  int64_t pixels_of_phase = g.n * ((height + down - 1) / down) * ((width + across - 1) / across);
  if (is_large(pixels_of_phase * down * across, pass.columns))
    run<LargeTile>(name, pass, down * across, pixels_of_phase, stream);
  else
    run<SmallTile>(name, pass, down * across, pixels_of_phase, stream);
  return DDPM_OK;
}

ddpm_status convolve_back(const char* name, const WindowGeometry& g, const float* dy, const float* w, const float* bias,
                          float* dx) {
  if (!is_countable(g)) return DDPM_NOT_SUPPORTED;
  const Stream stream = op_stream();
  DeviceArray<float> turned(g.weight_elements(), stream);
  int64_t taps = g.r * g.s;
  launch("convolution.turn_weights", turn_weights, grid_of(tiles_of(g.c, kTurnTile) * taps, tiles_of(g.k, kTurnTile)),
         dim3(kTurnTile * kTurnLines), 0, stream, w, turned, g.k, taps, g.c);
  ConvolutionPass pass{};
  pass.x = dy;
  pass.w = turned;
  pass.bias = bias;
  pass.y = dx;
  pass.transposed = true;
  return convolve_window(name, g, pass, stream);
}

}  // namespace

void convolve_patches(const char* name, const ConvolutionPass& pass, int64_t pixels, Stream stream) {
  run_patches<false>(name, pass, pixels, stream);
}

ddpm_status conv2d(const Conv2dArgs& a) {
  if (!is_countable(a.g)) return DDPM_NOT_SUPPORTED;
  ConvolutionPass pass{};
  pass.x = a.x;
  pass.w = a.w;
  pass.bias = a.bias;
  pass.image_bias = a.image_bias;
  pass.residual = a.residual;
  pass.y = a.y;
  return convolve_window("conv2d", a.g, pass, op_stream());
}

ddpm_status conv2d_backward_input(const Conv2dBackwardInputArgs& a) {
  return convolve_back("conv2d_backward_input", a.g, a.dy, a.w, a.bias, a.dx);
}

ddpm_status linear(const LinearArgs& a) {
  WindowGeometry g = map_geometry(a.rows, a.in_features, a.out_features);
  if (!is_countable(g)) return DDPM_NOT_SUPPORTED;
  ConvolutionPass pass{};
  pass.x = a.x;
  pass.w = a.w;
  pass.bias = a.bias;
  pass.residual = a.residual;
  pass.y = a.y;
  return convolve_window("linear", g, pass, op_stream());
}

ddpm_status linear_backward_input(const LinearBackwardInputArgs& a) {
  return convolve_back("linear_backward_input", map_geometry(a.rows, a.in_features, a.out_features), a.dy, a.w, nullptr,
                       a.dx);
}

}  // namespace ddpm::cuda
