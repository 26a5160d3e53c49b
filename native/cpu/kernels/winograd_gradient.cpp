// Winograd's gradient by the weights; see winograd.h.
//
// A chunk of tiles, cut from the tiles of all images in a row, is transformed, channels in the lanes: the inputs to
// [position][tile][C], the gradients of the outputs to [position][tile][K]. Each position is then a product of columns
// [K, tiles] x [tiles, C], by the microkernel of the direct gradient, which is added to the sums [position][K][C]. When
// all chunks have passed, the sums are transformed to the 3 x 3 taps.
//
// Floors, per tile of F(4 x 4): 36 C K multiply-adds, a fourth of the direct 144 C K. Sums do not fit a cache with many
// channels (9.4 MB with 256 to 256), and are read and written once per chunk: with chunks of 96 tiles that is 1.3 bytes
// a cycle, and inputs and gradients of a position (96 KiB each with 256 channels) stay in the second-level cache.
//
// Tasks split the channels: their sums are their own, and they transform anew what they share, 144 / (36 C) of the
// products for C channels that another task has. Where the sums are small, tasks split the chunks too, each part with
// sums of its own that are added in order. The parts follow from the shape only, and channels do not change a bit.
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/ops.h"
#include "cpu/kernels/scratch.h"
#include "cpu/kernels/winograd.h"
#include "cpu/kernels/winograd_transforms.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

constexpr int64_t kTilesOfChunk = 96;

/** Tiles from which the sums' way through memory is paid for. */
constexpr int64_t kFewestTiles = 64;

/** Channels of a task, at least, if there are as many. */
constexpr int64_t kFewestChannels = 64;

/** Parts of the chunks, and bytes of all their sums, at most. */
constexpr int64_t kMostParts = 16, kMostBytesOfParts = 8 << 20;

/** Floats from one tile's channels to the next's: an odd number of cache lines, lest all fall on the same sets. */
int64_t row_stride(int64_t channels) { return round_up(channels, 16) | 16; }

/** Channels [begin, end). */
struct Channels {
  int64_t begin, end;

  int64_t count() const { return end - begin; }
};

/** Part i of so many equal ones, in whole units. */
Channels part_of(int64_t channels, int64_t unit, int64_t i, int64_t parts) {
  int64_t units = divide_up(channels, unit), end = units * (i + 1) / parts * unit;
  return {units * i / parts * unit, end < channels ? end : channels};
}

template <int kOutputs>
struct Gradient {
  static constexpr int kTile = Winograd<kOutputs>::kTile, kPositions = kTile * kTile;

  const Conv2dBackwardWeightsArgs& a;
  int64_t tiles_down, tiles_across;
  int64_t rows, columns;  // of the sums: K and C, rounded up
  float* sums;            // [parts][kPositions][rows][columns]
  const float* zeros;

  /** Transforms a tile's inputs to `to`, whose positions are next floats apart. */
  void transform_input(int64_t tile, const Channels& c, float* to, int64_t next) const {
    const WindowGeometry& g = a.g;
    int64_t top = tile / tiles_across % tiles_down * kOutputs - g.pad_top;
    int64_t left = tile % tiles_across * kOutputs - g.pad_left;
    const float* image = a.x + tile / (tiles_across * tiles_down) * g.h * g.w * g.c;
    const float* sources[kPositions];
    for (int64_t i = 0; i < kPositions; ++i) {
      int64_t h = top + i / kTile, w = left + i % kTile;
      sources[i] = h >= 0 && h < g.h && w >= 0 && w < g.w ? image + (h * g.w + w) * g.c : zeros;
    }
    transform_input_tile<kOutputs>(sources, c.begin, c.end, to, next);
  }

  /** The same of the gradients of its outputs. */
  void transform_gradient(int64_t tile, const Channels& k, float* to, int64_t next) const {
    const WindowGeometry& g = a.g;
    int64_t top = tile / tiles_across % tiles_down * kOutputs, left = tile % tiles_across * kOutputs;
    const float* image = a.dy + tile / (tiles_across * tiles_down) * g.oh * g.ow * g.k;
    const float* sources[kOutputs * kOutputs];
    for (int64_t i = 0; i < kOutputs * kOutputs; ++i) {
      int64_t h = top + i / kOutputs, w = left + i % kOutputs;
      sources[i] = h < g.oh && w < g.ow ? image + (h * g.ow + w) * g.k : zeros;
    }
    for (int64_t i = k.begin; i < k.end; i += kLanes, to += kLanes) {
      Vec half[kTile][kOutputs];
#pragma GCC unroll 4
      for (int s = 0; s < kOutputs; ++s) {
        Vec y[kOutputs], m[kTile];
#pragma GCC unroll 4
        for (int r = 0; r < kOutputs; ++r) y[r] = load_columns(sources[r * kOutputs + s], i, k.end);
        Winograd<kOutputs>::output_adjoint(y, m);
#pragma GCC unroll 6
        for (int r = 0; r < kTile; ++r) half[r][s] = m[r];
      }
#pragma GCC unroll 6
      for (int r = 0; r < kTile; ++r) {
        Vec m[kTile];
        Winograd<kOutputs>::output_adjoint(half[r], m);
#pragma GCC unroll 6
        for (int s = 0; s < kTile; ++s) store(to + (r * kTile + s) * next, m[s]);
      }
    }
  }

  /** Adds the products of a position's rows with some vectors of its columns to the sums, or sets these. */
  template <int kVectors>
  static void multiply(const float* dy, int64_t dy_stride, int64_t k, const float* x, int64_t x_stride, int64_t count,
                       bool add, float* to, int64_t to_stride) {
    for (int64_t row = 0; row < k; row += kColumnTileRows, dy += kColumnTileRows) {
      Tile<kColumnTileRows, kVectors> tile = multiply_columns<kVectors>(dy, dy_stride, count, x, x_stride);
#pragma GCC unroll 16
      for (int i = 0; i < kColumnTileRows; ++i, to += to_stride)
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; ++j)
          store(to + j * kLanes, add ? load(to + j * kLanes) + tile.sum[i][j] : tile.sum[i][j]);
    }
  }

  /** The sums of some channels over chunks of tiles. */
  void run(int64_t part, int64_t first_chunk, int64_t last_chunk, const Channels& k, const Channels& c) const {
    int64_t tiles = a.g.n * tiles_down * tiles_across, dy_stride = row_stride(k.count()),
            x_stride = row_stride(c.count());
    float* dy = scratch<float>(kPackedInput, kPositions * kTilesOfChunk * (dy_stride + x_stride));
    float* x = dy + kPositions * kTilesOfChunk * dy_stride;
    for (int64_t chunk = first_chunk; chunk < last_chunk; ++chunk) {
      int64_t first = chunk * kTilesOfChunk, count = tiles - first < kTilesOfChunk ? tiles - first : kTilesOfChunk;
      for (int64_t t = 0; t < count; ++t) {
        transform_input(first + t, c, x + t * x_stride, count * x_stride);
        transform_gradient(first + t, k, dy + t * dy_stride, count * dy_stride);
      }
      for (int64_t position = 0; position < kPositions; ++position) {
        const float *at_dy = dy + position * count * dy_stride, *at_x = x + position * count * x_stride;
        float* to = sums + ((part * kPositions + position) * rows + k.begin) * columns + c.begin;
        bool add = chunk != first_chunk;
        for (int64_t j = 0; j < c.count(); j += kColumnTileVectors * kLanes) {
          int64_t left = c.count() - j;
          if (left > 2 * kLanes)
            multiply<3>(at_dy, dy_stride, k.count(), at_x + j, x_stride, count, add, to + j, columns);
          else if (left > kLanes)
            multiply<2>(at_dy, dy_stride, k.count(), at_x + j, x_stride, count, add, to + j, columns);
          else
            multiply<1>(at_dy, dy_stride, k.count(), at_x + j, x_stride, count, add, to + j, columns);
        }
      }
    }
  }

  /** Adds the taps of an output channel, from all parts' sums. */
  void add_taps(int64_t parts, int64_t k) const {
    int64_t c = a.g.c;
    float* dw = a.dw + k * 9 * c;
    for (int64_t i = 0; i < c; i += kLanes) {
      Vec half[3][kTile];
      for (int s = 0; s < kTile; ++s) {
        Vec u[kTile], taps[3];
        for (int r = 0; r < kTile; ++r) {
          const float* from = sums + ((r * kTile + s) * rows + k) * columns + i;
          u[r] = load(from);
          for (int64_t part = 1; part < parts; ++part) u[r] += load(from + part * kPositions * rows * columns);
        }
        Winograd<kOutputs>::weights_adjoint(u, taps);
        for (int r = 0; r < 3; ++r) half[r][s] = taps[r];
      }
      for (int r = 0; r < 3; ++r) {
        Vec taps[3];
        Winograd<kOutputs>::weights_adjoint(half[r], taps);
        for (int s = 0; s < 3; ++s) {
          float* to = dw + (r * 3 + s) * c;
          store_columns(to, i, c, load_columns(to, i, c) + taps[s]);
        }
      }
    }
  }
};

int64_t tiles_of(const WindowGeometry& g, int64_t m) { return g.n * divide_up(g.oh, m) * divide_up(g.ow, m); }

template <int kOutputs>
void add_gradient(const Conv2dBackwardWeightsArgs& a) {
  const WindowGeometry& g = a.g;
  constexpr int64_t kPositions = winograd_positions(kOutputs);
  int64_t rows = round_up(g.k, kColumnTileRows), columns = round_up(g.c, kLanes), size = kPositions * rows * columns;
  int64_t chunks = divide_up(tiles_of(g, kOutputs), kTilesOfChunk);
  int64_t parts = kMostBytesOfParts / (size * int64_t{sizeof(float)});
  if (parts > kMostParts) parts = kMostParts;
  if (parts > chunks) parts = chunks;
  if (parts < 1) parts = 1;
  // Tasks for all threads, of many columns rather than many rows: a group of columns shares its dy.
  int64_t wanted = divide_up(thread_count(), parts);
  int64_t most_columns = divide_up(g.c, kFewestChannels), most_rows = divide_up(g.k, kFewestChannels);
  int64_t column_groups = wanted < most_columns ? wanted : most_columns, row_groups = divide_up(wanted, column_groups);
  if (row_groups > most_rows) row_groups = most_rows;
  int64_t longest = g.c > g.k ? g.c : g.k;
  float* zeros = scratch<float>(kZeroRow, longest);
  std::memset(zeros, 0, static_cast<size_t>(longest) * sizeof(float));
  Gradient<kOutputs> gradient{a,
                              divide_up(g.oh, kOutputs),
                              divide_up(g.ow, kOutputs),
                              rows,
                              columns,
                              scratch<float>(kPartialSums, parts * size),
                              zeros};
  int64_t groups = row_groups * column_groups;
  parallel_for(parts * groups, [&](int64_t task) {
    int64_t part = task / groups, group = task % groups;
    gradient.run(part, chunks * part / parts, chunks * (part + 1) / parts,
                 part_of(g.k, kColumnTileRows, group / column_groups, row_groups),
                 part_of(g.c, kLanes, group % column_groups, column_groups));
  });
  parallel_for(g.k, [&](int64_t k) { gradient.add_taps(parts, k); });
}

}  // namespace

bool has_winograd_gradient(const WindowGeometry& g, int64_t m) { return tiles_of(g, m) >= kFewestTiles; }

void add_winograd_gradient(int64_t m, const Conv2dBackwardWeightsArgs& args) {
  m == 4 ? add_gradient<4>(args) : add_gradient<2>(args);
}

}  // namespace ddpm::cpu::DDPM_ISA
