// The gradient of convolutions and linear maps by weights and bias.
//
// dw is a product of matrices: rows are output channels, columns taps and input channels, and the depth runs over all
// pixels of all images. Tiles, pipeline and products are those of convolution.cu, but both operands have the depth
// across: a step is 16 pixels' channels, 256 or 512 bytes side by side in memory, and a thread of a warp reads single
// floats, which pieces in exchanged places keep free of bank conflicts. That is 4 times the loads of ldmatrix; turning
// the pictures in memory instead would cost more than their reading.
//
// A small dw gives few blocks and has many pixels, so these are split until there are some 512 blocks of at least 256
// pixels. Each writes sums of its own, and a second pass adds them up in the order of the pixels: no atomics, and the
// same bits each time. The sums are 4 bytes for a product of 256 pixels or more, written and read once.
//
// dbias has a pass of its own, in float32 in every precision: it reads dy once more, at the pace of memory.
#include <algorithm>

#include "cuda/convolution.cuh"
#include "cuda/cuda.h"

namespace ddpm::cuda {
namespace {

/** Division of whole numbers from 0 to 2^31 - 1 by a product: Granlund and Montgomery, 1994, with 33 bits. */
struct Divisor {
  uint32_t divisor, multiplier, shift;

  explicit Divisor(int64_t d) : divisor(static_cast<uint32_t>(d)), shift(0) {
    while (int64_t{1} << shift < d) ++shift;
    multiplier = static_cast<uint32_t>(((uint64_t{1} << (32 + shift)) + divisor - 1) / divisor - (uint64_t{1} << 32));
  }
  DDPM_DEVICE int32_t divide(int32_t n) const {
    uint64_t number = static_cast<uint32_t>(n);
    return static_cast<int32_t>(((number * multiplier >> 32) + number) >> shift);
  }
};

struct WeightsPass {
  const float *x, *dy;
  float* sums;  // [splits, k, columns]; dw, which is added to, if there is one split
  Axis vertical, horizontal;
  Divisor of_image, of_line;                    // pixels
  int32_t pixels, split, channels, k, columns;  // split: pixels of one
  bool vectors;                                 // 16 bytes of x and dy may be copied at once
  bool pairs;                                   // 8 bytes of sums may be moved at once
};

/** Tiles are as high as they are wide. */
template <class T>
using Operand = Across<T::kRows>;

/** A thread's copies, step by step: the same channels of dy, tap and channels of x each time. */
template <class T, int kFloats>
class Loader {
 public:
  DDPM_DEVICE Loader(const WeightsPass& pass, int32_t first_row, int32_t first_column, int32_t first_pixel, int32_t end)
      : pass_(pass), pixel_(first_pixel), end_(end) {
    place_ = static_cast<int>(threadIdx.x) % kPieces * kFloats;
    line_ = static_cast<int>(threadIdx.x) / kPieces;
    row_ = first_row + place_;
    int32_t column = first_column + place_, tap = column / pass.channels;
    inside_ = column < pass.columns;
    channel_ = column % pass.channels;
    v_ = tap / pass.horizontal.window - pass.vertical.pad;
    h_ = tap % pass.horizontal.window - pass.horizontal.pad;
  }

  DDPM_DEVICE void operator()(float* stage) {
    float* columns = stage + T::kRows * T::kDepth;
#pragma unroll 4
    for (int p = 0; p < T::kDepth; p += kLines) {
      int32_t pixel = pixel_ + p + line_;
      bool valid = pixel < end_ && row_ < pass_.k;
      copy_async<4 * kFloats>(shared_address(stage + Operand<T>::place(p + line_, place_)),
                              valid ? pass_.dy + static_cast<int64_t>(pixel) * pass_.k + row_ : pass_.dy, valid);
      int32_t image = pass_.of_image.divide(pixel), rest = pixel - image * static_cast<int32_t>(pass_.of_image.divisor);
      int32_t a = pass_.of_line.divide(rest), b = rest - a * static_cast<int32_t>(pass_.of_line.divisor);
      int32_t v = a * pass_.vertical.stride + v_, h = b * pass_.horizontal.stride + h_;
      valid = inside_ && pixel < end_ && static_cast<uint32_t>(v) < static_cast<uint32_t>(pass_.vertical.source) &&
              static_cast<uint32_t>(h) < static_cast<uint32_t>(pass_.horizontal.source);
      int64_t source = valid ? (image * pass_.vertical.source + v) * pass_.horizontal.source + h : 0;
      copy_async<4 * kFloats>(shared_address(columns + Operand<T>::place(p + line_, place_)),
                              valid ? pass_.x + source * pass_.channels + channel_ : pass_.x, valid);
    }
    pixel_ += T::kDepth;
  }

 private:
  static constexpr int kPieces = T::kRows / kFloats, kLines = T::kThreads / kPieces;

  const WeightsPass& pass_;
  int32_t pixel_, end_, row_, channel_, v_, h_;
  int place_, line_;
  bool inside_;
};

template <Precision kPrecision, class T>
__global__ void __launch_bounds__(T::kThreads, T::kRows == 64 ? 4 : 2) multiply_pixels(WeightsPass pass) {
  DDPM_DYNAMIC_SHARED(float, memory);
  int32_t first_column = static_cast<int32_t>(blockIdx.x) * T::kColumns;
  int32_t first_row = static_cast<int32_t>(blockIdx.y) * T::kRows;
  int32_t pixel = static_cast<int32_t>(blockIdx.z) * pass.split, end = min(pixel + pass.split, pass.pixels);
  int steps = (end - pixel + T::kDepth - 1) / T::kDepth;
  Results<T> results;
  auto multiply = [&](const float* stage) {
    Product<kPrecision>::add(Operand<T>(stage, results.first_row),
                             Operand<T>(stage + T::kRows * T::kDepth, results.first_column), results);
  };
  if (pass.vectors)
    pipeline<T>(steps, memory, Loader<T, 4>(pass, first_row, first_column, pixel, end), multiply);
  else
    pipeline<T>(steps, memory, Loader<T, 1>(pass, first_row, first_column, pixel, end), multiply);
  float* sums = pass.sums + static_cast<int64_t>(blockIdx.z) * pass.k * pass.columns;
  bool is_whole = gridDim.z == 1;
#pragma unroll
  for (int m = 0; m < T::kHigh; ++m)
#pragma unroll
    for (int n = 0; n < T::kWide; ++n)
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        int32_t row = first_row + results.row(m, 2 * half), column = first_column + results.column(n, 0);
        if (row >= pass.k || column >= pass.columns) continue;
        float* to = sums + static_cast<int64_t>(row) * pass.columns + column;
        float2 sum{results.sums[m][n][2 * half], results.sums[m][n][2 * half + 1]};
        if (pass.pairs) {
          auto* pair = reinterpret_cast<float2*>(to);
          if (is_whole) sum.x += pair->x, sum.y += pair->y;
          *pair = sum;
        } else {
          to[0] = is_whole ? to[0] + sum.x : sum.x;
          if (column + 1 < pass.columns) to[1] = is_whole ? to[1] + sum.y : sum.y;
        }
      }
}

/** Products from which on large tiles are taken. */
constexpr int64_t kLargeProducts = int64_t{1} << 26;

constexpr int kAddThreads = 256;

/** to[i] += the sum of parts[split][i] over the splits, in their order. */
__global__ void add_parts(const float* parts, int32_t splits, int64_t count, float* to) {
  int64_t i = static_cast<int64_t>(blockIdx.x) * kAddThreads + static_cast<int64_t>(threadIdx.x);
  if (i >= count) return;
  float sum = 0;
  for (int32_t s = 0; s < splits; ++s) sum += parts[s * count + i];
  to[i] += sum;
}

constexpr int kBiasColumns = 32, kBiasLines = 8;

/** parts[split][k] = the sums of dy over the pixels of a split. */
__global__ void sum_pixels_of_splits(const float* dy, int32_t pixels, int32_t split, int32_t k, float* parts) {
  DDPM_SHARED(float, shared, (kBiasLines * kBiasColumns));
  int thread = static_cast<int>(threadIdx.x);
  int32_t column = static_cast<int32_t>(blockIdx.x) * kBiasColumns + thread % kBiasColumns;
  int32_t first = static_cast<int32_t>(blockIdx.y) * split, end = min(first + split, pixels);
  float sum = 0;
  if (column < k)
    for (int32_t pixel = first + thread / kBiasColumns; pixel < end; pixel += kBiasLines)
      sum += dy[static_cast<int64_t>(pixel) * k + column];
  shared[thread] = sum;
  __syncthreads();
  if (thread >= kBiasColumns || column >= k) return;
  for (int line = 1; line < kBiasLines; ++line) sum += shared[line * kBiasColumns + thread];
  parts[static_cast<int64_t>(blockIdx.y) * k + column] = sum;
}

void add_up(const float* parts, int32_t splits, int64_t count, float* to, Stream stream) {
  launch("convolution.add_parts", add_parts, grid_of(tiles_of(count, kAddThreads)), dim3(kAddThreads), 0, stream, parts,
         splits, count, to);
}

/** Pixels of a split, a multiple of 16, so that tiles times splits come near a number of blocks. */
int32_t split_of(int64_t pixels, int64_t tiles, int64_t blocks) {
  int64_t splits = std::min(std::max(blocks / tiles, int64_t{1}), (pixels + 255) / 256);
  return static_cast<int32_t>(((pixels + splits - 1) / splits + 15) / 16 * 16);
}

template <class T>
void run(WeightsPass pass, float* dw, Stream stream) {
  int32_t across = tiles_of(pass.columns, T::kColumns), down = tiles_of(pass.k, T::kRows);
  pass.split = split_of(pass.pixels, int64_t{across} * down, 512);
  int32_t splits = tiles_of(pass.pixels, pass.split);
  int64_t count = int64_t{pass.k} * pass.columns;
  DeviceArray<float> parts(splits == 1 ? 1 : splits * count, stream);
  pass.sums = splits == 1 ? dw : parts;
  pass.pairs = pass.columns % 2 == 0 && is_aligned(pass.sums, 8);
  auto* kernel = precision() == Precision::kFloat32 ? multiply_pixels<Precision::kFloat32, T>
                 : precision() == Precision::kTf32  ? multiply_pixels<Precision::kTf32, T>
                                                    : multiply_pixels<Precision::kBfloat16, T>;
  launch("convolution.multiply_pixels", kernel, grid_of(across, down, splits), dim3(T::kThreads), T::kSharedBytes,
         stream, pass);
  if (splits > 1) add_up(parts, splits, count, dw, stream);
}

void add_bias_gradient(const float* dy, int32_t pixels, int32_t k, float* dbias, Stream stream) {
  int32_t across = tiles_of(k, kBiasColumns), split = split_of(pixels, across, 512), splits = tiles_of(pixels, split);
  DeviceArray<float> parts(int64_t{splits} * k, stream);
  launch("convolution.sum_pixels", sum_pixels_of_splits, grid_of(across, splits), dim3(kBiasColumns * kBiasLines), 0,
         stream, dy, pixels, split, k, parts);
  add_up(parts, splits, k, dbias, stream);
}

ddpm_status convolve_weights(const WindowGeometry& g, const float* x, const float* dy, float* dw, float* dbias) {
  if (!is_countable(g)) return DDPM_NOT_SUPPORTED;
  const Stream stream = op_stream();
  WeightsPass pass{x,
                   dy,
                   nullptr,
                   vertical_axis(g),
                   horizontal_axis(g),
                   Divisor(g.oh * g.ow),
                   Divisor(g.ow),
                   static_cast<int32_t>(g.n * g.oh * g.ow),
                   0,
                   static_cast<int32_t>(g.c),
                   static_cast<int32_t>(g.k),
                   static_cast<int32_t>(g.r * g.s * g.c),
                   g.c % 4 == 0 && g.k % 4 == 0 && is_aligned(x, 16) && is_aligned(dy, 16),
                   false};
  // Tiles are padded to their size, and a small one wastes less; in much work that is little.
  if (g.k > 64 && pass.columns > 64 && int64_t{pass.pixels} * g.k * pass.columns >= kLargeProducts)
    run<LargeTile>(pass, dw, stream);
  else
    run<SmallTile>(pass, dw, stream);
  if (dbias != nullptr) add_bias_gradient(dy, pass.pixels, pass.k, dbias, stream);
  return DDPM_OK;
}

}  // namespace

ddpm_status conv2d_backward_weights(const Conv2dBackwardWeightsArgs& a) {
  return convolve_weights(a.g, a.x, a.dy, a.dw, a.dbias);
}

ddpm_status linear_backward_weights(const LinearBackwardWeightsArgs& a) {
  return convolve_weights(map_geometry(a.rows, a.in_features, a.out_features), a.x, a.dy, a.dw, a.dbias);
}

}  // namespace ddpm::cuda
