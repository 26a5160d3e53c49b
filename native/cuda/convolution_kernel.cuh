#pragma once
#include "cuda/convolution.cuh"

/** The kernel of convolutions and their gradients by the input; see convolution.cu. */
namespace ddpm::cuda {
struct ConvolutionPass {
  const float *x, *w, *bias, *image_bias, *residual;  // w: [columns, taps, channels]; the last three may be null
  float* y;
  const float *skip, *coefficients;  // what convolution_patches.cuh knows beside x; may be null
  int32_t x_channels, patch;         // those that are in x, and pixels of a patch
  bool silu;
  Axis vertical, horizontal;
  bool transposed;  // the axes are those of the convolution that this is the gradient of
  bool vectors;     // 16 bytes of x, skip and w may be copied at once
  bool pairs;       // 8 bytes of y and residual may be moved at once
  int32_t images, channels, columns, phases_across, tiles;  // tiles: of a phase
};

/** A convolution of stride 1 that is made by patches (convolution_patches.cuh), of so many pixels. */
void convolve_patches(const char* name, const ConvolutionPass& pass, int64_t pixels, Stream stream);

namespace {

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
  /** Of the taps of a result that starts there, the first that meets the source, and the first that no longer does. */
  DDPM_DEVICE uint8_t first_inside(int32_t start, int32_t source) const {
    return clamped(direction > 0 ? -start : start - source + 1);
  }
  DDPM_DEVICE uint8_t end_inside(int32_t start, int32_t source) const {
    return clamped(direction > 0 ? source - start : start + 1);
  }

 private:
  DDPM_DEVICE uint8_t clamped(int32_t tap) const { return static_cast<uint8_t>(min(max(tap, 0), taps)); }
};

/** A row of the tile: the pixel of its first tap, which may be outside, and the taps that are inside. */
struct alignas(8) Row {
  int32_t pixel;
  uint8_t first_v, end_v, first_h, end_h;
};

/** A thread's copies, step by step. */
template <class T, int kFloats>
class Loader {
 public:
  DDPM_DEVICE Loader(const ConvolutionPass& pass, const Phase& v, const Phase& h, const Row* rows, int32_t first_column)
      : pass_(pass), v_(v), h_(h), rows_(rows), first_column_(first_column) {
    width_ = pass.transposed ? pass.horizontal.results : pass.horizontal.source;
    line_ = static_cast<int>(threadIdx.x) / kPieces;
    depth_ = static_cast<int>(threadIdx.x) % kPieces * kFloats;
    channel_ = 0;
    advance(depth_);
  }

  DDPM_DEVICE void operator()(float* stage) {
    int32_t moved = i_ * v_.direction * width_ + j_ * h_.direction;
#pragma unroll 4
    for (int r = 0; r < T::kRows; r += kLines) {
      Row row = rows_[r + line_];
      bool valid = i_ >= row.first_v && i_ < row.end_v && j_ >= row.first_h && j_ < row.end_h;
      int64_t pixel = row.pixel + moved;
      copy_async<4 * kFloats>(shared_address(stage + Along::place(r + line_, depth_)),
                              valid ? pass_.x + pixel * pass_.channels + channel_ : pass_.x, valid);
    }
    int32_t taps_across = pass_.horizontal.window, taps = pass_.vertical.window * taps_across;
    int32_t tap = (v_.first_tap + i_ * v_.tap_stride) * taps_across + h_.first_tap + j_ * h_.tap_stride;
    float* columns = stage + T::kRows * T::kDepth;
#pragma unroll 4
    for (int c = 0; c < T::kColumns; c += kLines) {
      int64_t column = first_column_ + c + line_;
      bool valid = i_ < v_.taps && column < pass_.columns;
      copy_async<4 * kFloats>(shared_address(columns + Along::place(c + line_, depth_)),
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
  int32_t first_column_, width_, channel_, i_ = 0, j_ = 0;
  int line_, depth_;
};

/** The image and the place in its phase of a result. */
struct Result {
  int32_t image, a, b;

  DDPM_DEVICE Result(const Phase& v, const Phase& h, int32_t n)
      : image(n / (v.count * h.count)), a(n % (v.count * h.count) / h.count), b(n % h.count) {}
};

template <class T>
DDPM_DEVICE void find_rows(const ConvolutionPass& pass, const Phase& v, const Phase& h, int32_t first, Row* rows) {
  int32_t height = pass.transposed ? pass.vertical.results : pass.vertical.source;
  int32_t width = pass.transposed ? pass.horizontal.results : pass.horizontal.source;
  for (int r = static_cast<int>(threadIdx.x); r < T::kRows; r += T::kThreads) {
    Result result(v, h, first + r);
    int32_t start_v = v.start(result.a), start_h = h.start(result.b);
    Row row{(result.image * height + start_v) * width + start_h, v.first_inside(start_v, height),
            v.end_inside(start_v, height), h.first_inside(start_h, width), h.end_inside(start_h, width)};
    if (result.image >= pass.images) row.end_v = 0;
    rows[r] = row;
  }
}

/** y = sums + bias + image_bias + residual. */
template <class T>
DDPM_DEVICE void write(const ConvolutionPass& pass, const Phase& v, const Phase& h, int32_t first, int32_t first_column,
                       const Results<T>& from) {
  int32_t height = pass.transposed ? pass.vertical.source : pass.vertical.results;
  int32_t width = pass.transposed ? pass.horizontal.source : pass.horizontal.results;
  int32_t of_phase = pass.images * v.count * h.count;
  bool has_gaps = v.result_stride > 1 || h.result_stride > 1;
#pragma unroll
  for (int m = 0; m < T::kHigh; ++m)
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      int32_t pixel = first + from.row(m, 2 * half);
      if (pixel >= of_phase) continue;
      if (has_gaps) {
        Result result(v, h, pixel);
        pixel = (result.image * height + v.result(result.a)) * width + h.result(result.b);
      }
      int64_t at = static_cast<int64_t>(pixel) * pass.columns;
      const float* image_bias = nullptr;
      if (pass.image_bias != nullptr)
        image_bias = pass.image_bias + static_cast<int64_t>(pixel / (height * width)) * pass.columns;
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
  int32_t first = tile * T::kRows;
  if (first >= pass.images * v.count * h.count) return;  // later phases may have fewer tiles
  find_rows<T>(pass, v, h, first, rows);
  __syncthreads();

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
  write(pass, v, h, first, first_column, results);
}

/** Whether large tiles of so many results are enough to fill a GPU. */
inline bool is_large(int64_t pixels, int64_t columns) {
  constexpr int64_t kLargeResults = int64_t{1} << 21;
  return pixels * columns >= kLargeResults && columns > 64;
}

/** Adds what follows from a window to a pass with operands. */
inline void set_window(const WindowGeometry& g, ConvolutionPass& pass) {
  pass.vertical = vertical_axis(g);
  pass.horizontal = horizontal_axis(g);
  pass.images = static_cast<int32_t>(g.n);
  pass.channels = static_cast<int32_t>(pass.transposed ? g.k : g.c);
  pass.columns = static_cast<int32_t>(pass.transposed ? g.c : g.k);
  if (pass.skip == nullptr) pass.x_channels = pass.channels;
  pass.vectors = pass.channels % 4 == 0 && pass.x_channels % 4 == 0 && is_aligned(pass.x, 16) &&
                 is_aligned(pass.skip, 16) && is_aligned(pass.w, 16);
  pass.pairs = pass.columns % 2 == 0 && is_aligned(pass.y, 8) && is_aligned(pass.residual, 8);
}

}  // namespace
}  // namespace ddpm::cuda
