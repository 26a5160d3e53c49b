// Gradients of convolutions and linear maps by weights and bias.
//
// dw[k][tap,c] is a product of columns, summed over all pixels of all images: dy[pixel][k] by x[source of pixel at tap][c].
// Pixels are taken in blocks that fit the caches: dy's block is packed once as tiles of kTileRows channels, and for every kPanel
// columns (tap,c) the source vectors are gathered into a panel. Pixels are also split into parts that depend on the shape only;
// each part has partial sums of its own, and the parts are added in order. So the result does not depend on the threads.
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/ops.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

constexpr int64_t kPixelBlock = 256;

/** Parts of the sum over pixels: enough to share among threads, not more than some 32 MB of partial sums. */
int64_t parts_of(int64_t pixels, int64_t weights) {
  int64_t parts = divide_up(pixels, kPixelBlock);
  int64_t most = (int64_t{8} << 20) / weights;
  if (most > 16) most = 16;
  if (most < 1) most = 1;
  return parts < most ? parts : most;
}

/** Pointers to the source rows at one tap of a block of pixels; null outside the picture. */
void find_sources(const Conv2dBackwardWeightsArgs& a, int64_t tap, int64_t first, int64_t count, const float** sources) {
  const WindowGeometry& g = a.g;
  int64_t r = tap / g.s, s = tap % g.s;
  int64_t image = first / (g.oh * g.ow), oh = first / g.ow % g.oh, ow = first % g.ow;
  for (int64_t i = 0; i < count; ++i) {
    int64_t h = oh * g.stride_h - g.pad_top + r, w = ow * g.stride_w - g.pad_left + s;
    bool inside = h >= 0 && h < g.h && w >= 0 && w < g.w;
    sources[i] = inside ? a.x + ((image * g.h + h) * g.w + w) * g.c : nullptr;
    if (++ow == g.ow) {
      ow = 0;
      if (++oh == g.oh) {
        oh = 0;
        ++image;
      }
    }
  }
}

/** Columns first to first + kPanel - 1 of the source matrix [pixels, taps * C] as a panel. */
void gather_panel(const float* const* sources, int64_t count, int64_t c, int64_t columns, int64_t first, float* panel) {
  if (c % kLanes == 0) {
    // A vector of columns lies within one tap.
    for (int j = 0; j < kTileVectors; ++j) {
      int64_t column = first + j * kLanes;
      bool exists = column < columns;
      const float* const* rows = sources + (exists ? column / c * kPixelBlock : 0);
      int64_t offset = column % c;
      for (int64_t i = 0; i < count; ++i)
        store(panel + i * kPanel + j * kLanes, exists && rows[i] != nullptr ? load(rows[i] + offset) : Vec{});
    }
    return;
  }
  for (int j = 0; j < kPanel; ++j) {
    int64_t column = first + j;
    bool exists = column < columns;
    const float* const* rows = sources + (exists ? column / c * kPixelBlock : 0);
    int64_t offset = column % c;
    for (int64_t i = 0; i < count; ++i)
      panel[i * kPanel + j] = exists && rows[i] != nullptr ? rows[i][offset] : 0.0f;
  }
}

/** Adds a block of pixels to the partial sums dw [K,columns] and, if not null, dbias [K]. */
void add_block(const Conv2dBackwardWeightsArgs& a, int64_t first, int64_t count, float* dw, float* dbias) {
  const WindowGeometry& g = a.g;
  int64_t taps = g.r * g.s, columns = taps * g.c, tiles = divide_up(g.k, kTileRows);
  auto* left = static_cast<float*>(
      thread_scratch(kPackedInput, static_cast<size_t>(tiles * kTileRows * kPixelBlock) * sizeof(float)));
  for (int64_t t = 0; t < tiles; ++t) {
    float* packed = left + t * kTileRows * kPixelBlock;
    int64_t present = g.k - t * kTileRows < kTileRows ? g.k - t * kTileRows : kTileRows;
    for (int64_t i = 0; i < count; ++i) {
      const float* dy = a.dy + (first + i) * g.k + t * kTileRows;
      for (int64_t k = 0; k < kTileRows; ++k) packed[i * kTileRows + k] = k < present ? dy[k] : 0.0f;
    }
  }
  auto** sources =
      static_cast<const float**>(thread_scratch(kRowPointers, static_cast<size_t>(taps * kPixelBlock) * sizeof(float*)));
  for (int64_t tap = 0; tap < taps; ++tap) find_sources(a, tap, first, count, sources + tap * kPixelBlock);
  auto* panel = static_cast<float*>(thread_scratch(kPanelScratch, kPixelBlock * kPanel * sizeof(float)));
  for (int64_t column = 0; column < columns; column += kPanel) {
    gather_panel(sources, count, g.c, columns, column, panel);
    for (int64_t t = 0; t < tiles; ++t) {
      Tile tile = multiply_columns(left + t * kTileRows * kPixelBlock, kTileRows, count, panel);
      for (int i = 0; i < kTileRows && t * kTileRows + i < g.k; ++i) {
        float* row = dw + (t * kTileRows + i) * columns;
        for (int j = 0; j < kTileVectors; ++j) {
          int64_t at = column + j * kLanes;
          store_columns(row, at, columns, load_columns(row, at, columns) + tile.sum[i][j]);
        }
      }
    }
  }
  if (dbias != nullptr)
    for (int64_t k = 0; k < g.k; k += kLanes) {
      Vec sum{};
      for (int64_t i = 0; i < count; ++i) sum += load_columns(a.dy + (first + i) * g.k, k, g.k);
      store_columns(dbias, k, g.k, load_columns(dbias, k, g.k) + sum);
    }
}

}  // namespace

ddpm_status conv2d_backward_weights(const Conv2dBackwardWeightsArgs& a) {
  const WindowGeometry& g = a.g;
  int64_t pixels = g.n * g.oh * g.ow, weights = g.weight_elements(), size = weights + g.k;
  int64_t parts = parts_of(pixels, weights), blocks = divide_up(pixels, kPixelBlock);
  auto* partial = static_cast<float*>(thread_scratch(kPartialSums, static_cast<size_t>(parts * size) * sizeof(float)));
  parallel_for(parts, [&](int64_t part) {
    float* dw = partial + part * size;
    std::memset(dw, 0, static_cast<size_t>(size) * sizeof(float));
    for (int64_t block = blocks * part / parts; block < blocks * (part + 1) / parts; ++block) {
      int64_t first = block * kPixelBlock;
      add_block(a, first, pixels - first < kPixelBlock ? pixels - first : kPixelBlock, dw,
                a.dbias == nullptr ? nullptr : dw + weights);
    }
  });
  constexpr int64_t kChunk = 4096;
  parallel_for(divide_up(weights, kChunk), [&](int64_t chunk) {
    int64_t end = (chunk + 1) * kChunk < weights ? (chunk + 1) * kChunk : weights;
    for (int64_t i = chunk * kChunk; i < end; i += kLanes) {
      Vec sum = load_columns(a.dw, i, end);
      for (int64_t part = 0; part < parts; ++part) sum += load_columns(partial + part * size, i, end);
      store_columns(a.dw, i, end, sum);
    }
  });
  if (a.dbias != nullptr)
    for (int64_t k = 0; k < g.k; ++k)
      for (int64_t part = 0; part < parts; ++part) a.dbias[k] += partial[part * size + weights + k];
  return DDPM_OK;
}

ddpm_status linear_backward_weights(const LinearBackwardWeightsArgs& a) {
  WindowGeometry g{};
  g.n = g.h = g.oh = g.r = g.s = g.stride_h = g.stride_w = 1;
  g.w = g.ow = a.rows;
  g.c = a.in_features;
  g.k = a.out_features;
  return conv2d_backward_weights({g, a.x, a.dy, a.dw, a.dbias});
}

}  // namespace ddpm::cpu::DDPM_ISA
