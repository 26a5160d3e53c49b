// Gradients of convolutions and linear maps by weights and bias.
//
// dw[k][tap,c] is a product of columns, summed over all pixels of all images: dy[pixel][k] by x[source of pixel at
// tap][c]. Pixels are taken in blocks: dy's block is packed as tiles of kColumnTileRows channels, and for every few
// vectors of columns (tap,c) the source vectors are gathered into a panel that stays in the first-level cache while all
// of dy passes by.
//
// A task takes some of the columns over some of the blocks. How the blocks are split into parts depends on the shape
// only; each part has partial sums of its own, added in order at the end. So the result does not depend on the threads.
//
// Windows of 3 x 3 with stride 1 go to Winograd's algorithm where that is faster.
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/ops.h"
#include "cpu/kernels/scratch.h"
#include "cpu/kernels/winograd.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

constexpr int64_t kPixelBlock = 128;

/** Parts of the pixels for the gradient by the bias alone, at most. */
constexpr int64_t kBiasParts = 16;
constexpr int64_t kColumnPanel = kColumnTileVectors * kLanes;

/** Gradients up to this size stay in the second-level cache while a task adds to them. */
constexpr int64_t kCachedGradient = 64 << 10;

/** Panels of a group of columns at least, for which a task packs dy once. */
constexpr int64_t kPanelsOfGroup = 4;

/** How the work is split: tasks = parts of the pixels times groups of the columns. */
struct Split {
  int64_t blocks, parts, panels, groups;
};

Split split_of(const WindowGeometry& g) {
  Split s{};
  s.blocks = divide_up(g.n * g.oh * g.ow, kPixelBlock);
  s.panels = divide_up(g.r * g.s * g.c, kColumnPanel);
  // Parts keep a thread on its own pixels, but each costs another gradient in memory, so a large gradient is split by
  // columns.
  bool cached = g.weight_elements() * int64_t{sizeof(float)} <= kCachedGradient;
  int64_t most_parts = cached ? 16 : 2, most_groups = divide_up(s.panels, kPanelsOfGroup);
  s.parts = s.blocks / (cached ? 2 : 16);
  s.parts = s.parts < 1 ? 1 : (s.parts > most_parts ? most_parts : s.parts);
  s.groups = divide_up(cached ? 8 : 16, s.parts);
  if (s.groups > most_groups) s.groups = most_groups;
  return s;
}

/** Pointers to the source rows at one tap of a block of pixels; a row of zeros outside the picture. */
void find_sources(const Conv2dBackwardWeightsArgs& a, int64_t tap, int64_t first, int64_t count, const float* zeros,
                  const float** sources) {
  const WindowGeometry& g = a.g;
  int64_t r = tap / g.s, s = tap % g.s;
  int64_t image = first / (g.oh * g.ow), oh = first / g.ow % g.oh, ow = first % g.ow;
  for (int64_t i = 0; i < count;) {
    // The rest of an output row: some sources left of the picture, some in it, some right of it.
    int64_t h = oh * g.stride_h - g.pad_top + r, w = ow * g.stride_w - g.pad_left + s;
    int64_t end = i + g.ow - ow < count ? i + g.ow - ow : count;
    bool exists = h >= 0 && h < g.h;
    for (; i < end && (!exists || w < 0); ++i, w += g.stride_w) sources[i] = zeros;
    if (i < end && w < g.w) {
      const float* source = a.x + ((image * g.h + h) * g.w + w) * g.c;
      int64_t inside = divide_up(g.w - w, g.stride_w);
      int64_t last = i + inside < end ? i + inside : end;
      for (; i < last; ++i, source += g.stride_w * g.c) sources[i] = source;
    }
    for (; i < end; ++i) sources[i] = zeros;
    ow = 0;
    if (++oh == g.oh) {
      oh = 0;
      ++image;
    }
  }
}

/** dy's block [count,K] as tiles [tile][pixel][kColumnTileRows], zeros in channels that do not exist. */
void pack_block(const float* dy, int64_t count, int64_t k, float* packed) {
  constexpr int64_t kTileSize = kPixelBlock * kColumnTileRows;
  constexpr int kTilesOfLine = 16 / kColumnTileRows;
  int64_t first = 0;
  // A cache line of dy at a time: its rows are often a power of two apart, so a line would not stay for a second visit.
  for (; first + 16 <= k; first += 16, packed += kTilesOfLine * kTileSize)
    for (int64_t i = 0; i < count; ++i)
#pragma GCC unroll 4
      for (int t = 0; t < kTilesOfLine; ++t)
        std::memcpy(packed + t * kTileSize + i * kColumnTileRows, dy + i * k + first + t * kColumnTileRows,
                    kColumnTileRows * sizeof(float));
  for (; first < k; first += kColumnTileRows, packed += kTileSize)
    for (int64_t i = 0; i < count; ++i)
      for (int64_t j = 0; j < kColumnTileRows; ++j)
        packed[i * kColumnTileRows + j] = first + j < k ? dy[i * k + first + j] : 0.0f;
}

/** kVectors vectors of columns of the source matrix [pixels, taps * C], from column first on, as a panel. */
template <int kVectors>
void gather_panel(const float* const* sources, int64_t count, int64_t c, int64_t columns, int64_t first, float* panel) {
  constexpr int64_t kWidth = kVectors * kLanes;
  if (c % kLanes == 0) {
    // Each vector lies within one tap.
    const float* const* rows[kVectors];
    int64_t offset[kVectors];
    for (int j = 0; j < kVectors; ++j) {
      rows[j] = sources + (first + j * kLanes) / c * kPixelBlock;
      offset[j] = (first + j * kLanes) % c;
    }
    for (int64_t i = 0; i < count; ++i)
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) store(panel + i * kWidth + j * kLanes, load(rows[j][i] + offset[j]));
  } else {
    for (int64_t j = 0; j < kWidth; ++j) {
      if (first + j >= columns) {
        for (int64_t i = 0; i < count; ++i) panel[i * kWidth + j] = 0.0f;
        continue;
      }
      const float* const* rows = sources + (first + j) / c * kPixelBlock;
      int64_t offset = (first + j) % c;
      for (int64_t i = 0; i < count; ++i) panel[i * kWidth + j] = rows[i][offset];
    }
  }
}

/** Adds the products of a block of dy with a panel to some columns of dw [K,columns]. */
template <int kVectors>
void add_panel(const float* packed, int64_t count, int64_t k, const float* panel, int64_t first, int64_t columns,
               float* dw) {
  for (int64_t row = 0; row < k; row += kColumnTileRows, packed += kPixelBlock * kColumnTileRows) {
    Tile<kColumnTileRows, kVectors> tile =
        multiply_columns<kVectors>(packed, kColumnTileRows, count, panel, kVectors * kLanes);
    float* target = dw + row * columns + first;
    if (row + kColumnTileRows <= k && first + kVectors * kLanes <= columns) {
#pragma GCC unroll 16
      for (int i = 0; i < kColumnTileRows; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; ++j) {
          float* at = target + i * columns + j * kLanes;
          store(at, load(at) + tile.sum[i][j]);
        }
      continue;
    }
    Tile<kColumnTileRows, kVectors> sums = tile;  // a copy that may be indexed, so that the other need not be in memory
    for (int64_t i = 0; i < kColumnTileRows && row + i < k; ++i)
      for (int64_t j = 0; j < kVectors; ++j) {
        float* at = target + i * columns;
        store_columns(at, j * kLanes, columns - first, load_columns(at, j * kLanes, columns - first) + sums.sum[i][j]);
      }
  }
}

template <int kVectors>
void gather_and_add(const float* packed, const float* const* sources, int64_t count, const WindowGeometry& g,
                    int64_t first, float* dw) {
  int64_t columns = g.r * g.s * g.c;
  float* panel = scratch<float>(kPanelScratch, kPixelBlock * kColumnPanel);
  gather_panel<kVectors>(sources, count, g.c, columns, first, panel);
  add_panel<kVectors>(packed, count, g.k, panel, first, columns, dw);
}

/** Adds a block of pixels to columns [first_column, last_column) of dw [K,columns]. */
void add_block(const Conv2dBackwardWeightsArgs& a, int64_t first, int64_t count, int64_t first_column,
               int64_t last_column, const float* zeros, float* dw) {
  const WindowGeometry& g = a.g;
  float* packed = scratch<float>(kPackedInput, round_up(g.k, kColumnTileRows) * kPixelBlock);
  pack_block(a.dy + first * g.k, count, g.k, packed);
  auto** sources = scratch<const float*>(kRowPointers, g.r * g.s * kPixelBlock);
  for (int64_t tap = first_column / g.c; tap < divide_up(last_column, g.c); ++tap)
    find_sources(a, tap, first, count, zeros, sources + tap * kPixelBlock);
  for (int64_t column = first_column; column < last_column; column += kColumnPanel) {
    int64_t left = last_column - column;
    if (left > 2 * kLanes)
      gather_and_add<3>(packed, sources, count, g, column, dw);
    else if (left > kLanes)
      gather_and_add<2>(packed, sources, count, g, column, dw);
    else
      gather_and_add<1>(packed, sources, count, g, column, dw);
  }
}

void add_bias(const float* dy, int64_t count, int64_t channels, float* dbias) {
  for (int64_t k = 0; k < channels; k += kLanes) {
    Vec sum{};
    for (int64_t i = 0; i < count; ++i) sum += load_columns(dy + i * channels, k, channels);
    store_columns(dbias, k, channels, load_columns(dbias, k, channels) + sum);
  }
}

/** sum[0..count) += the parts [parts, stride], in order. */
void add_parts(const float* parts, int64_t number, int64_t stride, int64_t count, float* sum) {
  constexpr int64_t kChunk = 4096;
  parallel_for(divide_up(count, kChunk), [&](int64_t chunk) {
    int64_t end = (chunk + 1) * kChunk < count ? (chunk + 1) * kChunk : count;
    for (int64_t i = chunk * kChunk; i < end; i += kLanes) {
      Vec v = load_columns(sum, i, end);
      for (int64_t part = 0; part < number; ++part) v += load_columns(parts + part * stride, i, end);
      store_columns(sum, i, end, v);
    }
  });
}

/** The bias's gradient alone; parts follow from the number of pixels. */
void add_bias_of_parts(const float* dy, int64_t pixels, int64_t channels, float* dbias) {
  int64_t blocks = divide_up(pixels, kPixelBlock), parts = blocks < kBiasParts ? blocks : kBiasParts;
  float* partial = scratch<float>(kPartialSums, parts * channels);
  parallel_for(parts, [&](int64_t part) {
    float* sums = partial + part * channels;
    std::memset(sums, 0, static_cast<size_t>(channels) * sizeof(float));
    for (int64_t block = blocks * part / parts; block < blocks * (part + 1) / parts; ++block) {
      int64_t first = block * kPixelBlock, count = pixels - first < kPixelBlock ? pixels - first : kPixelBlock;
      add_bias(dy + first * channels, count, channels, sums);
    }
  });
  add_parts(partial, parts, channels, channels, dbias);
}

}  // namespace

ddpm_status conv2d_backward_weights(const Conv2dBackwardWeightsArgs& a) {
  const WindowGeometry& g = a.g;
  if (int64_t m = winograd_tile(g, g.oh, g.ow, g.c, g.k); m != 0 && has_winograd_gradient(g, m)) {
    add_winograd_gradient(m, a);
    if (a.dbias != nullptr) add_bias_of_parts(a.dy, g.n * g.oh * g.ow, g.k, a.dbias);
    return DDPM_OK;
  }
  Split split = split_of(g);
  int64_t pixels = g.n * g.oh * g.ow, columns = g.r * g.s * g.c, weights = g.k * columns, size = weights + g.k;
  float* zeros = scratch<float>(kZeroRow, g.c);
  std::memset(zeros, 0, static_cast<size_t>(g.c) * sizeof(float));
  // A single part adds straight to the result.
  bool direct = split.parts == 1;
  float* partial = direct ? nullptr : scratch<float>(kPartialSums, split.parts * size);
  parallel_for(split.parts * split.groups, [&](int64_t task) {
    int64_t part = task / split.groups, group = task % split.groups;
    int64_t first_column = split.panels * group / split.groups * kColumnPanel;
    int64_t last_column = split.panels * (group + 1) / split.groups * kColumnPanel;
    if (last_column > columns) last_column = columns;
    float* dw = direct ? a.dw : partial + part * size;
    float* dbias = a.dbias == nullptr || group != 0 ? nullptr : (direct ? a.dbias : dw + weights);
    if (!direct) {
      for (int64_t k = 0; k < g.k; ++k)
        std::memset(dw + k * columns + first_column, 0,
                    static_cast<size_t>(last_column - first_column) * sizeof(float));
      if (dbias != nullptr) std::memset(dbias, 0, static_cast<size_t>(g.k) * sizeof(float));
    }
    for (int64_t block = split.blocks * part / split.parts; block < split.blocks * (part + 1) / split.parts; ++block) {
      int64_t first = block * kPixelBlock, count = pixels - first < kPixelBlock ? pixels - first : kPixelBlock;
      add_block(a, first, count, first_column, last_column, zeros, dw);
      if (dbias != nullptr) add_bias(a.dy + first * g.k, count, g.k, dbias);
    }
  });
  if (!direct) {
    add_parts(partial, split.parts, size, weights, a.dw);
    if (a.dbias != nullptr) add_parts(partial + weights, split.parts, size, g.k, a.dbias);
  }
  return DDPM_OK;
}

}  // namespace ddpm::cpu::DDPM_ISA
