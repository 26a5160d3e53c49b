// Convolution, its gradient by the input (also the transposed convolution) and linear maps, as implicit products of
// matrices: a result's pixel is a row, its channel a column, and the depth runs over taps and the source's channels.
// Nothing is unfolded in memory: a copy finds its pixel by adding a tap to its row's place.
//
// Tiling: a block has 4 warps and makes a tile of 128 x 128 results, each warp a quarter, where such tiles fill a GPU,
// else of 64 x 64. A warp of 64 x 64 reads 512 bytes of shared memory for 4096 multiply-adds, as many as the tensor
// cores do in bfloat16 while that is read (1024 and 128 bytes a cycle on sm_80); 32 x 32 is enough for tf32. Bits do
// not depend on the tile: an element's products are added in the order of the depth, 16 at a time.
//
// Depth: 16 floats a step, rows of 64 bytes, in pieces of 16 bytes if source and weights allow, else of 4. The depth is
// not padded from tap to tap, so that 3 channels of 9 taps are two steps and not nine.
//
// Pipeline: cp.async, three stages deep, 24 or 48 KB: two steps are on their way while one is multiplied, with one
// barrier a step. Two blocks of 128 x 128 or four of 64 x 64 fit a multiprocessor and hide each other's barriers.
//
// Operands stay float32 in shared memory, as the activations are in memory: a copy needs no registers, and ldmatrix
// deals out 4 x 8 floats as the tensor cores take tf32; pairs of them, rounded, make bfloat16. Pieces are exchanged so
// that neither copies nor ldmatrix have bank conflicts. In float32, each thread multiplies for the same results by
// fused multiply-adds, so that the ends are the same.
//
// The gradient by the input takes the weights as [C, taps, K], turned in a pass of their own: 8 bytes a weight, where
// the product reads each once for every 64 or 128 pixels. With strides, the input's pixels fall into phases that see
// different taps; a block has pixels of one phase, and multiplies no tap that misses.
#include <algorithm>

#include "cuda/convolution.cuh"
#include "cuda/cuda.h"

namespace ddpm::cuda {
namespace {

struct ConvolutionPass {
  const float *x, *w, *bias, *image_bias, *residual;  // w: [columns, taps, channels]; the last three may be null
  float* y;
  Axis vertical, horizontal;
  bool transposed;  // the axes are those of the convolution that this is the gradient of
  bool vectors;     // 16 bytes of x and w may be copied at once
  bool pairs;       // 8 bytes of y and residual may be moved at once
  int32_t images, channels, columns, phases_across, tiles;  // tiles: of a phase
};

/** The results of a phase along one axis: result a sums taps tap(i) of source start(a) + i direction. */
struct Phase {
  int32_t count, taps, stride, first_tap, tap_stride, first_source, direction, first_result, result_stride;

  DDPM_DEVICE Phase(const Axis& axis, bool transposed, int32_t phase) {
    if (transposed) {
      count = (axis.source - phase + axis.stride - 1) / axis.stride;
      first_tap = (phase + axis.pad) % axis.stride;
      taps = first_tap < axis.window ? (axis.window - first_tap + axis.stride - 1) / axis.stride : 0;
      first_source = (phase + axis.pad) / axis.stride;
      stride = 1, direction = -1;
      tap_stride = axis.stride;
      first_result = phase, result_stride = axis.stride;
    } else {
      count = axis.results, taps = axis.window, first_tap = 0, tap_stride = 1;
      first_source = -axis.pad, stride = axis.stride, direction = 1;
      first_result = 0, result_stride = 1;
    }
  }
  DDPM_DEVICE int32_t start(int32_t a) const { return a * stride + first_source; }
  DDPM_DEVICE int32_t result(int32_t a) const { return a * result_stride + first_result; }
};

/** Where a row of the tile starts in its source picture, and the pixel of its result, or -1. */
struct alignas(16) Row {
  int32_t v, h, picture, result;
};

/** A thread's copies, step by step. */
template <class T, int kFloats>
class Loader {
 public:
  DDPM_DEVICE Loader(const ConvolutionPass& pass, const Phase& v, const Phase& h, const Row* rows, int32_t first_column)
      : pass_(pass), v_(v), h_(h), rows_(rows), first_column_(first_column) {
    height_ = pass.transposed ? pass.vertical.results : pass.vertical.source;
    width_ = pass.transposed ? pass.horizontal.results : pass.horizontal.source;
    line_ = static_cast<int>(threadIdx.x) / kPieces;
    depth_ = static_cast<int>(threadIdx.x) % kPieces * kFloats;
    channel_ = 0;
    advance(depth_);
  }

  DDPM_DEVICE void operator()(float* stage) {
    bool inside = i_ < v_.taps;
    int32_t dv = i_ * v_.direction, dh = j_ * h_.direction;
#pragma unroll 4
    for (int r = 0; r < T::kRows; r += kLines) {
      Row row = rows_[r + line_];
      int32_t v = row.v + dv, h = row.h + dh;
      bool valid = inside && static_cast<uint32_t>(v) < static_cast<uint32_t>(height_) &&
                   static_cast<uint32_t>(h) < static_cast<uint32_t>(width_);
      int64_t pixel = valid ? row.picture + v * width_ + h : 0;
      copy_floats<kFloats>(stage + Along::place(r + line_, depth_),
                           valid ? pass_.x + pixel * pass_.channels + channel_ : pass_.x, valid);
    }
    int32_t taps_across = pass_.horizontal.window, taps = pass_.vertical.window * taps_across;
    int32_t tap = (v_.first_tap + i_ * v_.tap_stride) * taps_across + h_.first_tap + j_ * h_.tap_stride;
    float* columns = stage + T::kRows * T::kDepth;
#pragma unroll 4
    for (int c = 0; c < T::kColumns; c += kLines) {
      int64_t column = first_column_ + c + line_;
      bool valid = inside && column < pass_.columns;
      copy_floats<kFloats>(columns + Along::place(c + line_, depth_),
                           valid ? pass_.w + (column * taps + tap) * pass_.channels + channel_ : pass_.w, valid);
    }
    advance(T::kDepth);
  }

 private:
  static constexpr int kPieces = T::kDepth / kFloats, kLines = T::kThreads / kPieces;

  DDPM_DEVICE void advance(int32_t floats) {
    channel_ += floats;
    while (channel_ >= pass_.channels) {
      channel_ -= pass_.channels;
      if (++j_ >= h_.taps) j_ = 0, ++i_;
    }
  }

  const ConvolutionPass& pass_;
  const Phase &v_, &h_;
  const Row* rows_;
  int32_t first_column_, height_, width_, channel_, i_ = 0, j_ = 0;
  int line_, depth_;
};

template <class T>
DDPM_DEVICE void find_rows(const ConvolutionPass& pass, const Phase& v, const Phase& h, int32_t tile, Row* rows) {
  int32_t height = pass.transposed ? pass.vertical.results : pass.vertical.source;
  int32_t width = pass.transposed ? pass.horizontal.results : pass.horizontal.source;
  int32_t results_high = pass.transposed ? pass.vertical.source : pass.vertical.results;
  int32_t results_wide = pass.transposed ? pass.horizontal.source : pass.horizontal.results;
  int32_t of_image = v.count * h.count;
  for (int r = static_cast<int>(threadIdx.x); r < T::kRows; r += T::kThreads) {
    int32_t n = tile * T::kRows + r, image = n / of_image, a = n % of_image / h.count, b = n % h.count;
    bool valid = image < pass.images;
    rows[r].v = valid ? v.start(a) : INT32_MIN / 2;
    rows[r].h = h.start(b);
    rows[r].picture = valid ? image * height * width : 0;
    rows[r].result = valid ? (image * results_high + v.result(a)) * results_wide + h.result(b) : -1;
  }
}

/** y = sums + bias + image_bias + residual. */
template <class T>
DDPM_DEVICE void write(const ConvolutionPass& pass, const Row* rows, int32_t first_column, const Results<T>& from) {
  int32_t of_image =
      pass.transposed ? pass.vertical.source * pass.horizontal.source : pass.vertical.results * pass.horizontal.results;
#pragma unroll
  for (int m = 0; m < T::kHigh; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      int32_t pixel = rows[from.row(m, 2 * half)].result;
      if (pixel < 0) continue;
      int64_t at = static_cast<int64_t>(pixel) * pass.columns;
      const float* image_bias = pass.image_bias == nullptr
                                    ? nullptr
                                    : pass.image_bias + static_cast<int64_t>(pixel / of_image) * pass.columns;
#pragma unroll
      for (int n = 0; n < T::kWide; ++n) {
        int32_t column = first_column + from.column(n, 0);
        bool both = column + 1 < pass.columns;
        if (column >= pass.columns) continue;
        float2 sum{from.sums[m][n][2 * half], from.sums[m][n][2 * half + 1]};
        auto add = [&](const float* terms) {
          if (terms == nullptr) return;
          sum.x += terms[column];
          if (both) sum.y += terms[column + 1];
        };
        add(pass.bias);
        add(image_bias);
        if (pass.pairs) {
          if (pass.residual != nullptr) {
            float2 terms = *reinterpret_cast<const float2*>(pass.residual + at + column);
            sum.x += terms.x, sum.y += terms.y;
          }
          *reinterpret_cast<float2*>(pass.y + at + column) = sum;
        } else {
          add(pass.residual == nullptr ? nullptr : pass.residual + at);
          pass.y[at + column] = sum.x;
          if (both) pass.y[at + column + 1] = sum.y;
        }
      }
    }
}

template <Precision kPrecision, class T>
__global__ void __launch_bounds__(T::kThreads, T::kRows == 64 ? 4 : 2) convolve(ConvolutionPass pass) {
  DDPM_DYNAMIC_SHARED(float, memory);
  DDPM_SHARED(Row, rows, T::kRows);
  int32_t phase = static_cast<int32_t>(blockIdx.x) / pass.tiles, tile = static_cast<int32_t>(blockIdx.x) % pass.tiles;
  Phase v(pass.vertical, pass.transposed, phase / pass.phases_across);
  Phase h(pass.horizontal, pass.transposed, phase % pass.phases_across);
  int32_t first_column = static_cast<int32_t>(blockIdx.y) * T::kColumns;
  find_rows<T>(pass, v, h, tile, rows);
  __syncthreads();
  if (rows[0].result < 0) return;  // later phases may have fewer tiles

  Results<T> results;
  int steps = (v.taps * h.taps * pass.channels + T::kDepth - 1) / T::kDepth;
  auto multiply = [&](const float* stage) {
    Product<kPrecision>::add(Along(stage, results.first_row), Along(stage + T::kRows * T::kDepth, results.first_column),
                             results);
  };
  if (pass.vectors) {
    Loader<T, 4> load(pass, v, h, rows, first_column);
    pipeline<T>(steps, memory, load, multiply);
  } else {
    Loader<T, 1> load(pass, v, h, rows, first_column);
    pipeline<T>(steps, memory, load, multiply);
  }
  write(pass, rows, first_column, results);
}

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
  pass.tiles = divide_up(pixels_of_phase, T::kRows);
  auto* kernel = precision() == Precision::kFloat32 ? convolve<Precision::kFloat32, T>
                 : precision() == Precision::kTf32  ? convolve<Precision::kTf32, T>
                                                    : convolve<Precision::kBfloat16, T>;
  launch(name, kernel, grid_of(phases * pass.tiles, divide_up(pass.columns, T::kColumns)), dim3(T::kThreads),
         T::kSharedBytes, stream, pass);
}

ddpm_status convolve_window(const char* name, const WindowGeometry& g, ConvolutionPass pass, Stream stream) {
  pass.vertical = vertical_axis(g);
  pass.horizontal = horizontal_axis(g);
  pass.images = static_cast<int32_t>(g.n);
  pass.channels = static_cast<int32_t>(pass.transposed ? g.k : g.c);
  pass.columns = static_cast<int32_t>(pass.transposed ? g.c : g.k);
  pass.vectors = pass.channels % 4 == 0 && is_aligned(pass.x, 16) && is_aligned(pass.w, 16);
  pass.pairs = pass.columns % 2 == 0 && is_aligned(pass.y, 8) && is_aligned(pass.residual, 8);
  int64_t down = pass.transposed ? std::min(g.stride_h, g.h) : 1,
          across = pass.transposed ? std::min(g.stride_w, g.w) : 1;
  pass.phases_across = static_cast<int32_t>(across);
  int64_t height = pass.transposed ? (g.h + down - 1) / down : g.oh;
  int64_t width = pass.transposed ? (g.w + across - 1) / across : g.ow;
  bool large = g.n * height * width * down * across * pass.columns >= kLargeResults && pass.columns > 64;
  if (large)
    run<LargeTile>(name, pass, down * across, g.n * height * width, stream);
  else
    run<SmallTile>(name, pass, down * across, g.n * height * width, stream);
  return DDPM_OK;
}

ddpm_status convolve_back(const char* name, const WindowGeometry& g, const float* dy, const float* w, const float* bias,
                          float* dx) {
  if (!is_countable(g)) return DDPM_NOT_SUPPORTED;
  const Stream stream = nullptr;
  DeviceArray<float> turned(g.weight_elements(), stream);
  int64_t taps = g.r * g.s;
  launch("convolution.turn_weights", turn_weights, grid_of(divide_up(g.c, kTurnTile) * taps, divide_up(g.k, kTurnTile)),
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

ddpm_status conv2d(const Conv2dArgs& a) {
  if (!is_countable(a.g)) return DDPM_NOT_SUPPORTED;
  ConvolutionPass pass{};
  pass.x = a.x;
  pass.w = a.w;
  pass.bias = a.bias;
  pass.image_bias = a.image_bias;
  pass.residual = a.residual;
  pass.y = a.y;
  return convolve_window("conv2d", a.g, pass, nullptr);
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
  return convolve_window("linear", g, pass, nullptr);
}

ddpm_status linear_backward_input(const LinearBackwardInputArgs& a) {
  return convolve_back("linear_backward_input", map_geometry(a.rows, a.in_features, a.out_features), a.dy, a.w, nullptr,
                       a.dx);
}

}  // namespace ddpm::cuda
