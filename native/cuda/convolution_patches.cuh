#pragma once
#include <algorithm>

#include "cuda/convolution_kernel.cuh"
#include "cuda/silu.cuh"

/** The kernel of convolutions of stride 1, whose taps share what they read; see convolution.cu. */
namespace ddpm::cuda {
namespace {

/** A picture with all around it that windows see. */
struct Padded {
  int32_t height, width, top, left;  // the source's line and column of the first

  DDPM_DEVICE Padded(const Phase& v, const Phase& h)
      : height(v.count + v.taps - 1), width(h.count + h.taps - 1), top(first_of(v)), left(first_of(h)) {}
  DDPM_DEVICE int32_t place(int32_t images, int32_t a, int32_t b) const { return (images * height + a) * width + b; }
  /** From the first pixel that a window sees to that of a tap. */
  DDPM_DEVICE int32_t tap(const Phase& v, const Phase& h, int32_t i, int32_t j) const {
    return place(0, v.direction > 0 ? i : v.taps - 1 - i, h.direction > 0 ? j : h.taps - 1 - j);
  }

 private:
  DDPM_DEVICE static int32_t first_of(const Phase& p) {
    return p.direction > 0 ? p.first_source : p.first_source - p.taps + 1;
  }
};

/** The source's pixels of a tile's patch, -1 outside, and where in the patch each row's window starts. */
template <class T>
DDPM_DEVICE void find_patch(const ConvolutionPass& pass, const Phase& v, const Phase& h, const Padded& padded,
                            int32_t first, int32_t* pixels, int32_t* starts) {
  int32_t height = pass.transposed ? pass.vertical.results : pass.vertical.source;
  int32_t width = pass.transposed ? pass.horizontal.results : pass.horizontal.source;
  Result start(v, h, first);
  int32_t origin = padded.place(0, start.a, start.b);
  for (int r = static_cast<int>(threadIdx.x); r < T::kRows; r += T::kThreads) {
    Result result(v, h, first + r);
    starts[r] = result.image < pass.images ? padded.place(result.image - start.image, result.a, result.b) - origin : 0;
  }
  for (int p = static_cast<int>(threadIdx.x); p < pass.patch; p += T::kThreads) {
    int32_t place = origin + p, line = place / padded.width, image = start.image + line / padded.height;
    int32_t y = line % padded.height + padded.top, x = place % padded.width + padded.left;
    bool inside = image < pass.images && y >= 0 && y < height && x >= 0 && x < width;
    pixels[p] = inside ? (image * height + y) * width + x : -1;
  }
}

/** A thread's copies, step by step, and what it makes of them. */
template <class T, int kFloats>
class PatchLoader {
 public:
  DDPM_DEVICE PatchLoader(const ConvolutionPass& pass, const int32_t* pixels, float* patches, int32_t first_column)
      : pass_(pass), pixels_(pixels), patches_(patches), first_column_(first_column) {
    taps_ = pass.vertical.window * pass.horizontal.window;
    line_ = static_cast<int>(threadIdx.x) / kPieces;
    depth_ = static_cast<int>(threadIdx.x) % kPieces * kFloats;
  }

  /** The patch of a block of channels. With one tap, two are on their way while one is used; else one. */
  DDPM_DEVICE float* patch(int32_t block) const {
    return patches_ + block % (taps_ == 1 ? 3 : 2) * pass_.patch * T::kDepth;
  }

  DDPM_DEVICE void operator()(float* weights) {
    if (tap_ == 0) load_patch();
    int32_t channel = block_ * T::kDepth + depth_;
#pragma unroll 4
    for (int c = 0; c < T::kColumns; c += kLines) {
      int64_t column = first_column_ + c + line_;
      bool valid = channel < pass_.channels && column < pass_.columns;
      copy_async<4 * kFloats>(shared_address(weights + Along::place(c + line_, depth_)),
                              valid ? pass_.w + (column * taps_ + tap_) * pass_.channels + channel : pass_.w, valid);
    }
    if (++tap_ == taps_) tap_ = 0, ++block_;
  }

  /** Normalises what this thread has copied of a patch. What is outside stays 0. */
  DDPM_DEVICE void normalize(int32_t block) const {
    int32_t channel = block * T::kDepth + depth_, image_pixels = pass_.vertical.source * pass_.horizontal.source;
    if (channel >= pass_.channels) return;
    Floats<kFloats> mean{}, factor{}, offset{};
    int32_t image_end = 0;
#pragma unroll 1
    for (int p = line_; p < pass_.patch; p += kLines) {
      int32_t pixel = pixels_[p];
      if (pixel < 0) continue;
      if (pixel >= image_end) {
        int32_t image = pixel / image_pixels;
        image_end = (image + 1) * image_pixels;
        const float* from = pass_.coefficients + int64_t{3} * image * pass_.channels + channel;
        mean = *reinterpret_cast<const Floats<kFloats>*>(from);
        factor = *reinterpret_cast<const Floats<kFloats>*>(from + pass_.channels);
        offset = *reinterpret_cast<const Floats<kFloats>*>(from + 2 * pass_.channels);
      }
      auto* values = reinterpret_cast<Floats<kFloats>*>(patch(block) + Along::place(p, depth_));
      Floats<kFloats> x = *values;
#pragma unroll
      for (int i = 0; i < kFloats; ++i) {
        x.at[i] = (x.at[i] - mean.at[i]) * factor.at[i] + offset.at[i];
        if (pass_.silu) x.at[i] = silu_of(x.at[i]);
      }
      *values = x;
    }
  }

 private:
  static constexpr int kPieces = T::kDepth / kFloats, kLines = T::kThreads / kPieces;

  DDPM_DEVICE void load_patch() const {
    int32_t channel = block_ * T::kDepth + depth_, behind = channel - pass_.x_channels;
    const float* from = behind < 0 ? pass_.x + channel : pass_.skip + behind;
    int64_t stride = behind < 0 ? pass_.x_channels : pass_.channels - pass_.x_channels;
#pragma unroll 4
    for (int p = line_; p < pass_.patch; p += kLines) {
      int32_t pixel = pixels_[p];
      bool valid = pixel >= 0 && channel < pass_.channels;
      copy_async<4 * kFloats>(shared_address(patch(block_) + Along::place(p, depth_)),
                              valid ? from + pixel * stride : pass_.x, valid);
    }
  }

  const ConvolutionPass& pass_;
  const int32_t* pixels_;
  float* patches_;
  int32_t first_column_, taps_, tap_ = 0, block_ = 0;
  int line_, depth_;
};

/** A warp's rows of the operand for a tap: pixels of a patch, each with the depth side by side. */
class PatchRows {
 public:
  DDPM_DEVICE PatchRows(const float* patch, const int32_t* starts, int32_t tap)
      : patch_(patch), starts_(starts), tap_(tap) {}

  /** As of Along. */
  DDPM_DEVICE void load_rows(int m, int lane, uint32_t (&words)[2][4]) const {
    int32_t pixel = starts_[16 * m + lane % 16] + tap_;
#pragma unroll
    for (int h = 0; h < 2; ++h)
      load_matrices(words[h], shared_address(patch_ + Along::place(pixel, 8 * h + lane / 16 * 4)));
  }
  DDPM_DEVICE float4 floats(int i, int line, int depth) const {
    return *reinterpret_cast<const float4*>(patch_ + Along::place(starts_[8 * i + line] + tap_, depth));
  }

 private:
  const float* patch_;
  const int32_t* starts_;
  int32_t tap_;
};

template <Precision kPrecision, class T, bool kNorm, int kFloats>
DDPM_DEVICE void add_patches(const ConvolutionPass& pass, const Phase& v, const Phase& h, const Padded& padded,
                             float* weights, PatchLoader<T, kFloats> load, const int32_t* starts, Results<T>& results) {
  int32_t block = 0, i = 0, j = 0;
  auto multiply = [&](const float* stage) {
    PatchRows rows(load.patch(block), starts + results.first_row, padded.tap(v, h, i, j));
    Product<kPrecision>::add(rows, Along(stage, results.first_column), results);
    if (++j < h.taps) return;
    j = 0;
    if (++i == v.taps) i = 0, ++block;
  };
  auto arrived = [&] {
    if (kNorm && i == 0 && j == 0) load.normalize(block);
  };
  int steps = v.taps * h.taps * ((pass.channels + T::kDepth - 1) / T::kDepth);
  pipeline<T, T::kColumns * T::kDepth>(steps, weights, load, multiply, arrived);
}

template <Precision kPrecision, class T, bool kNorm>
__global__ void __launch_bounds__(T::kThreads, T::kRows == 64 ? 4 : 2) multiply_patches(ConvolutionPass pass) {
  DDPM_DYNAMIC_SHARED(float, weights);
  DDPM_SHARED(int32_t, starts, T::kRows);
  Phase v(pass.vertical, pass.transposed, 0), h(pass.horizontal, pass.transposed, 0);
  Padded padded(v, h);
  int32_t first_column = static_cast<int32_t>(blockIdx.y) * T::kColumns;
  int32_t first = static_cast<int32_t>(blockIdx.x) * T::kRows;
  float* patches = weights + T::kStages * T::kColumns * T::kDepth;
  int32_t buffers = v.taps * h.taps == 1 ? 3 : 2;
  auto* pixels = reinterpret_cast<int32_t*>(patches + buffers * pass.patch * T::kDepth);
  find_patch<T>(pass, v, h, padded, first, pixels, starts);
  __syncthreads();
  Results<T> results;
  if (pass.vectors)
    add_patches<kPrecision, T, kNorm>(pass, v, h, padded, weights,
                                      PatchLoader<T, 4>(pass, pixels, patches, first_column), starts, results);
  else
    add_patches<kPrecision, T, kNorm>(pass, v, h, padded, weights,
                                      PatchLoader<T, 1>(pass, pixels, patches, first_column), starts, results);
  write(pass, v, h, first, first_column, results);
}

/** How often, at most, the next of some neighbours is the first of a length; blocks of neighbours follow each other. */
inline int64_t crossings(int64_t neighbours, int64_t length) {
  if (length % neighbours == 0) return 0;
  if (neighbours % length == 0) return neighbours / length - 1;
  return (neighbours + length - 2) / length;
}

/** Pixels of a patch, at most: from the first that the rows of a tile see to the last. */
template <class T>
int64_t patch_of(const ConvolutionPass& pass) {
  const Axis &v = pass.vertical, &h = pass.horizontal;
  int64_t height = pass.transposed ? v.source : v.results, width = pass.transposed ? h.source : h.results;
  int64_t lines = crossings(T::kRows, width), images = crossings(T::kRows, height * width);
  return T::kRows + (lines + 1) * (h.window - 1) + (images + 1) * (v.window - 1) * (width + h.window - 1);
}

template <bool kNorm, class T>
void launch_patches(const char* name, ConvolutionPass pass, int64_t pixels, Stream stream) {
  pass.patch = static_cast<int32_t>(patch_of<T>(pass));
  int64_t buffers = pass.vertical.window * pass.horizontal.window == 1 ? 3 : 2, depth = 4 * T::kDepth;
  int64_t bytes = T::kStages * T::kColumns * depth + pass.patch * (buffers * depth + int64_t{sizeof(int32_t)});
  auto* kernel = precision() == Precision::kFloat32 ? multiply_patches<Precision::kFloat32, T, kNorm>
                 : precision() == Precision::kTf32  ? multiply_patches<Precision::kTf32, T, kNorm>
                                                    : multiply_patches<Precision::kBfloat16, T, kNorm>;
  launch(name, kernel, grid_of(tiles_of(pixels, T::kRows), tiles_of(pass.columns, T::kColumns)), dim3(T::kThreads),
         static_cast<size_t>(bytes), stream, pass);
}

/** The most pixels of a patch: two of them and weights leave room for another block on most GPUs. */
constexpr int64_t kMostPatch = 272;

/** Whether the kernel is for that case; it depends on the shape of an image alone. */
inline bool has_patches(const WindowGeometry& g, const ConvolutionPass& pass) {
  return g.stride_h == 1 && g.stride_w == 1 && pass.channels >= SmallTile::kDepth &&
         patch_of<SmallTile>(pass) <= kMostPatch;
}

template <bool kNorm>
void run_patches(const char* name, const ConvolutionPass& pass, int64_t pixels, Stream stream) {
  if (is_large(pixels, pass.columns) && patch_of<LargeTile>(pass) <= kMostPatch)
    launch_patches<kNorm, LargeTile>(name, pass, pixels, stream);
  else
    launch_patches<kNorm, SmallTile>(name, pass, pixels, stream);
}

}  // namespace
}  // namespace ddpm::cuda
