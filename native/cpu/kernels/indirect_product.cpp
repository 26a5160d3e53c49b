// The indirect matrix product; see indirect_product.h.
//
// Tiles of pixels are cut from the pixels of all images in a row, so that small pictures leave no tile half empty.
// Where much of the window falls outside the picture, a tile is instead one pixel of kTileRows images: its rows miss
// the same taps, and a tap that no row of a tile has is left out. Neither changes a sum: a missing tap adds zeros.
#include "cpu/kernels/indirect_product.h"

#include "cpu/kernels/bfloat16.h"
#include "cpu/kernels/chunks.h"
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/scratch.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Weights up to this size stay in the second-level cache beside the pixels of a task. */
constexpr int64_t kCachedWeights = 128 << 10;

/** Tiles of a task. If the weights come from further away, more tiles share one reading of them. */
constexpr int64_t kTiles = 8, kTilesOfLargeWeights = 24;

/** Tasks that a product is cut into if there are enough tiles and panels. */
constexpr int64_t kTasks = 32;

/** Up to this width of the picture, tiles of one pixel of several images save more than their spread in memory costs.
 */
constexpr int64_t kSmallPicture = 16;

/** The sequence of tiles: first one pixel of kTileRows images at a time, then runs of pixels of the images that remain.
 */
struct TileOrder {
  int64_t grouped_tiles, tiles;
};

/** One tile: its rows' targets and the taps that any of them has. */
struct TileSources {
  int64_t taps, count;
  int64_t target[kTileRows];  // offset in y
  int64_t image[kTileRows];
};

/** Tiles of one task, found once and used for every panel. */
struct TaskSources {
  TileSources* tiles;
  const float** rows;  // [tile][tap of the tile][kTileRows]
  int64_t* steps;      // [tile][tap of the tile]
};

bool leaves_picture(const Axis& axis) {
  return !axis.sees_all(axis.source(0, 0)) || !axis.sees_all(axis.source(axis.targets - 1, 0));
}

TileOrder order_tiles(const IndirectProduct& p) {
  int64_t pixels = p.vertical.targets * p.horizontal.targets;
  bool grouped = p.horizontal.targets <= kSmallPicture && (leaves_picture(p.vertical) || leaves_picture(p.horizontal));
  int64_t groups = grouped ? p.images / kTileRows : 0;
  return {groups * pixels, groups * pixels + divide_up((p.images - groups * kTileRows) * pixels, kTileRows)};
}

/** Walks over target pixels in the order of the tiles. */
struct Cursor {
  int64_t image, row, column;

  void next(const IndirectProduct& p, int64_t images) {
    if (++column < p.horizontal.targets) return;
    column = 0;
    if (++row < p.vertical.targets) return;
    row = 0;
    image += images;
  }
};

Cursor cursor_at(const IndirectProduct& p, const TileOrder& order, int64_t tile) {
  int64_t pixels = p.vertical.targets * p.horizontal.targets;
  bool grouped = tile < order.grouped_tiles;
  int64_t at = grouped ? tile : (tile - order.grouped_tiles) * kTileRows;
  int64_t images_before = grouped ? at / pixels * kTileRows : order.grouped_tiles / pixels * kTileRows + at / pixels;
  return {images_before, at % pixels / p.horizontal.targets, at % p.horizontal.targets};
}

/** Finds the sources of one tile; writes row pointers and steps of the taps that it has, and returns how many. */
int64_t find_taps(const IndirectProduct& p, const int64_t* top, const int64_t* left, const int64_t* image,
                  const float* zeros, const float** rows, int64_t* steps) {
  const Axis &v = p.vertical, &h = p.horizontal;
  int64_t depth = p.weights.depth, row_size = h.sources * depth, image_size = v.sources * row_size;
  bool inside = true;
  int64_t corner[kTileRows];
  for (int i = 0; i < kTileRows; ++i) {
    corner[i] = image[i] * image_size + top[i] * row_size + left[i] * depth;
    inside = inside && v.sees_all(top[i]) && h.sees_all(left[i]);
  }
  if (inside) {
    for (int64_t r = 0; r < v.taps; ++r)
      for (int64_t s = 0; s < h.taps; ++s) {
        int64_t step = r * h.taps + s, offset = r * v.tap_step * row_size + s * h.tap_step * depth;
        for (int i = 0; i < kTileRows; ++i) rows[step * kTileRows + i] = p.x + (corner[i] + offset);
        steps[step] = p.first_tap + step;
      }
    return v.taps * h.taps;
  }
  int64_t found = 0;
  for (int64_t r = 0; r < v.taps; ++r)
    for (int64_t s = 0; s < h.taps; ++s) {
      int64_t offset = r * v.tap_step * row_size + s * h.tap_step * depth;
      bool any = false;
      for (int i = 0; i < kTileRows; ++i) {
        int64_t y = top[i] + r * v.tap_step, x = left[i] + s * h.tap_step;
        bool exists = y >= 0 && y < v.sources && x >= 0 && x < h.sources;
        rows[found * kTileRows + i] = exists ? p.x + (corner[i] + offset) : zeros;
        any = any || exists;
      }
      steps[found] = p.first_tap + r * h.taps + s;
      if (any) ++found;
    }
  return found;
}

TaskSources find_sources(const IndirectProduct& p, const TileOrder& order, int64_t first_tile, int64_t tiles,
                         const float* zeros) {
  const Axis &v = p.vertical, &h = p.horizontal;
  int64_t most_taps = tiles * v.taps * h.taps;
  TaskSources task{scratch<TileSources>(kTileSources, tiles),
                   scratch<const float*>(kRowPointers, (most_taps + 1) * kTileRows),
                   scratch<int64_t>(kTapSteps, most_taps + 1)};
  const float** rows = task.rows;
  int64_t* steps = task.steps;
  Cursor cursor = cursor_at(p, order, first_tile);
  for (int64_t t = 0; t < tiles; ++t) {
    TileSources& tile = task.tiles[t];
    bool grouped = first_tile + t < order.grouped_tiles;
    int64_t top[kTileRows], left[kTileRows];
    tile.count = 0;
    for (int i = 0; i < kTileRows; ++i) {
      int64_t image = grouped ? cursor.image + i : cursor.image;
      if (image < p.images) {
        top[i] = v.source(cursor.row, 0);
        left[i] = h.source(cursor.column, 0);
        tile.image[i] = image;
        tile.target[i] = ((image * p.height + v.first_target + cursor.row * v.target_step) * p.width + h.first_target +
                          cursor.column * h.target_step) *
                         p.weights.columns;
        ++tile.count;
        if (!grouped) cursor.next(p, 1);
      } else {
        // Beyond the last pixel: computed like the first row, and not stored.
        top[i] = top[0];
        left[i] = left[0];
        tile.image[i] = tile.image[0];
      }
    }
    if (grouped) cursor.next(p, kTileRows);
    tile.taps = find_taps(p, top, left, tile.image, zeros, rows, steps);
    rows += tile.taps * kTileRows;
    steps += tile.taps;
  }
  return task;
}

/** One tile through one panel. */
template <int kVectors, Operand kOperand>
inline __attribute__((always_inline)) Tile<kTileRows, kVectors> multiply_tile(const float* const* rows,
                                                                              const int64_t* steps, int64_t taps,
                                                                              int64_t depth, const float* panel) {
  if constexpr (kOperand == Operand::kFloat32) return multiply_rows<kVectors>(rows, steps, taps, depth, panel);
  if constexpr (kOperand == Operand::kRounded) return multiply_widened<kVectors>(rows, steps, taps, depth, panel);
#if defined(__AVX512F__)
  Tile<kTileRows, kVectors> tile;
  multiply_pairs(rows, steps, taps, depth, panel, kVectors, reinterpret_cast<float*>(tile.sum));
  return tile;
#else
  __builtin_unreachable();
#endif
}

/** All tiles of a task through one panel. */
template <int kVectors, Operand kOperand>
void multiply_panel(const IndirectProduct& p, const TaskSources& task, int64_t tiles, int64_t column) {
  int64_t depth = p.weights.depth, columns = p.weights.columns;
  const float* panel = p.weights.panels + column * p.weights.taps * p.weights.rows();
  bool whole = column + kVectors * kLanes <= columns;
  Vec bias[kVectors] = {};
  if (p.bias != nullptr)
    for (int j = 0; j < kVectors; ++j) bias[j] = load_columns(p.bias, column + j * kLanes, columns);
  const float** rows = task.rows;
  const int64_t* steps = task.steps;
  for (const TileSources* t = task.tiles; t < task.tiles + tiles; ++t) {
    Tile<kTileRows, kVectors> tile = multiply_tile<kVectors, kOperand>(rows, steps, t->taps, depth, panel);
    rows += t->taps * kTileRows;
    steps += t->taps;
    if (whole && t->count == kTileRows && p.image_bias == nullptr && p.residual == nullptr) {
#pragma GCC unroll 16
      for (int i = 0; i < kTileRows; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; ++j) store(p.y + t->target[i] + column + j * kLanes, tile.sum[i][j] + bias[j]);
      continue;
    }
    Tile<kTileRows, kVectors> sums = tile;  // a copy that may be indexed, so that the other need not be in memory
    for (int64_t i = 0; i < t->count; ++i)
      for (int64_t j = 0; j < kVectors; ++j) {
        int64_t at = column + j * kLanes;
        Vec v = sums.sum[i][j] + bias[j];
        if (p.image_bias != nullptr) v += load_columns(p.image_bias + t->image[i] * columns, at, columns);
        if (p.residual != nullptr) v += load_columns(p.residual + t->target[i], at, columns);
        store_columns(p.y + t->target[i], at, columns, v);
      }
  }
}

template <Operand kOperand>
void run_task(const IndirectProduct& p, const TileOrder& order, int64_t first_tile, int64_t tiles, int64_t first_panel,
              int64_t last_panel, const float* zeros) {
  TaskSources task = find_sources(p, order, first_tile, tiles, zeros);
  for (int64_t panel = first_panel; panel < last_panel; ++panel) {
    int64_t column = panel * kPanel;
    if (panel_width(p.weights.columns, column) == kPanel)
      multiply_panel<kTileVectors, kOperand>(p, task, tiles, column);
    else
      multiply_panel<1, kOperand>(p, task, tiles, column);
  }
}

using Task = void (*)(const IndirectProduct& p, const TileOrder& order, int64_t first_tile, int64_t tiles,
                      int64_t first_panel, int64_t last_panel, const float* zeros);

Task task_of(Operand operand) {
  switch (operand) {
#if defined(__AVX512F__)
    case Operand::kPairs:
      return run_task<Operand::kPairs>;
#endif
    case Operand::kRounded:
      return run_task<Operand::kRounded>;
    default:
      return run_task<Operand::kFloat32>;
  }
}

/** Rounds the source of a product with rounded weights, to pairs where the machine can multiply them. */
void round_source(IndirectProduct& p) {
  int64_t pixels = p.images * p.vertical.sources * p.horizontal.sources, depth = p.weights.depth;
  bool pairs = has_bfloat16_dots();
  int64_t stride = pairs ? pairs_of(depth) : 2 * pairs_of(depth);
  float* rounded = scratch<float>(kRoundedInput, pixels * stride);
  const float* x = p.x;
  for_rows(pixels, depth, [=](int64_t begin, int64_t end) {
    // Rows without a gap between them are as good as one.
    int64_t length = depth % 2 == 0 ? (end - begin) * depth : depth;
    for (int64_t i = begin; i < end; i += length / depth)
      pairs ? pair_row(x + i * depth, length, rounded + i * stride)
            : round_row(x + i * depth, length, rounded + i * stride);
  });
  p.x = rounded;
  p.weights.depth = stride;
  if (pairs) p.weights.operand = Operand::kPairs;
}

/** A Packer: weights [K,taps,C] as panels of pairs. */
void pack_outputs_rounded(const float* w, int64_t k, int64_t taps, int64_t c, float* packed) {
  int64_t pairs = pairs_of(c);
  parallel_for(divide_up(k, kPanel), [=](int64_t panel) {
    int64_t first = panel * kPanel, count = k - first < kPanel ? k - first : kPanel;
    float* rows = scratch<float>(kPanelScratch, count * taps * pairs);
    for (int64_t i = 0; i < count * taps; ++i) pair_row(w + (first * taps + i) * c, c, rows + i * pairs);
    // As if the panel were all there is: it is the last one, or whole.
    pack_panel_transposed(rows, taps * pairs, taps * pairs, 0, count, packed + first * taps * pairs);
  });
}

/** A Packer: weights [K,taps,C] as panels of output channels. */
void pack_outputs(const float* w, int64_t k, int64_t taps, int64_t c, float* packed) {
  parallel_for(divide_up(k, kPanel), [=](int64_t panel) {
    pack_panel_transposed(w, taps * c, taps * c, panel * kPanel, k, packed + panel * taps * c * kPanel);
  });
}

/** A row of zeros as long as a source row. */
const float* zero_row(int64_t depth) {
  float* row = scratch<float>(kZeroRow, depth);
  std::memset(row, 0, static_cast<size_t>(depth) * sizeof(float));
  return row;
}

}  // namespace

PackedPanels pack_by_output(PackedWeights* kept, const float* w, int64_t k, int64_t taps, int64_t c,
                            Precision precision) {
  if (precision == Precision::kBfloat16)
    return {packed_or_kept(kept, w, pack_outputs_rounded, k, taps, c, panels_size(taps * pairs_of(c), k)), taps, c, k,
            Operand::kRounded};
  return {packed_or_kept(kept, w, pack_outputs, k, taps, c, panels_size(taps * c, k)), taps, c, k};
}

PackedPanels pack_by_input(const float* w, int64_t k, int64_t taps, int64_t c, const int64_t* order, int64_t ordered) {
  float* packed = scratch<float>(kPackedWeights, panels_size(ordered * k, c));
  parallel_for(divide_up(c, kPanel), [=](int64_t panel) {
    int64_t column = panel * kPanel, width = panel_width(c, column);
    for (int64_t t = 0; t < ordered; ++t)
      pack_panel(w + order[t] * c, taps * c, k, column, c, width, packed + (panel * ordered * kPanel + t * width) * k);
  });
  return {packed, ordered, k, c};
}

void multiply(IndirectProduct p) {
  if (p.vertical.targets < 1 || p.horizontal.targets < 1) return;
  if (p.weights.operand == Operand::kRounded) round_source(p);
  TileOrder order = order_tiles(p);
  int64_t panels = divide_up(p.weights.columns, kPanel);
  int64_t weight_bytes = panels_size(p.weights.taps * p.weights.rows(), p.weights.columns) * int64_t{sizeof(float)};
  int64_t runs = divide_up(order.tiles, weight_bytes <= kCachedWeights ? kTiles : kTilesOfLargeWeights);
  int64_t parts = divide_up(kTasks, runs);
  if (parts > panels) parts = panels;
  const float* zeros = zero_row(p.weights.depth);
  Task task_body = task_of(p.weights.operand);
  parallel_for(runs * parts, [&](int64_t task) {
    int64_t run = task / parts, part = task % parts;
    int64_t first = order.tiles * run / runs, last = order.tiles * (run + 1) / runs;
    task_body(p, order, first, last - first, panels * part / parts, panels * (part + 1) / parts, zeros);
  });
}

}  // namespace ddpm::cpu::DDPM_ISA
