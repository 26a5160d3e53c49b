// Winograd's convolution; see winograd.h.
//
// A task takes a run of tiles, cut from the tiles of all images in a row, and some panels of output channels:
//   1. it transforms the tiles' inputs, channels in the lanes: [position][tile][channel]; inputs that have to be joined
//      or normalised first come from a few rows of pictures in the second-level cache, each prepared once (see
//      winograd_rows.h);
//   2. for a group of panels, each position is a product [tiles, C] x [C, group], by the microkernel of the direct
//      convolution: the transformed rows are its row pointers;
//   3. the group's sums [position][tile][column] are transformed to outputs, and all that is added is added there.
//
// Floors, per tile of F(4 x 4): 36 C K multiply-adds, a fourth of the direct 144 C K, at two vectors a cycle;
// transforms of 144 C / lanes and 130 K / lanes vector operations, 4 % of the products with 256 channels and 16 %
// with 64.
//
// What counts besides is bytes from beyond the second-level cache. A transformed weight takes 36 floats for 9, far too
// many to stay there, and is read once per run, so runs are long: with 96 tiles a vector of weights feeds 96
// multiply-adds in 48 cycles, 0.7 bytes a cycle, and each panel is asked for while the one before it is used. The
// tiles' inputs at one position (96 KiB with 256 channels) stay in the second-level cache for all panels of the group;
// inputs and sums of all positions (3.5 MB and 1.8 MB) come and go once per group, another byte a cycle. Runs of 24
// tiles, whose sums fit that cache, took 1.3 to 1.7 times as long. Where a batch has few tiles, the weights' bytes by
// the memory's bandwidth are the floor, so they are kept as taps and transformed where they are used (winograd_taps.h).
//
// Each element is summed over the channels in order by the same instructions wherever it is computed, so neither the
// runs nor the panels change a bit; the split may look at the number of threads.
#include "cpu/kernels/winograd.h"

#include "common/convolution_algorithm.h"
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/ops.h"
#include "cpu/kernels/scratch.h"
#include "cpu/kernels/winograd_rows.h"
#include "cpu/kernels/winograd_split.h"
#include "cpu/kernels/winograd_taps.h"
#include "cpu/kernels/winograd_transforms.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Columns whose sums are kept before their outputs are computed. */
constexpr int64_t kGroupColumns = 128;
constexpr int64_t kGroupPanels = kGroupColumns / kPanel;

/** Floats of a cache line. */
constexpr int64_t kLine = 16;

/** Where a tile's outputs begin. */
struct Place {
  int64_t image, row, column;
};

template <int kOutputs>
struct Run {
  static constexpr int kTile = Winograd<kOutputs>::kTile, kPositions = kTile * kTile;

  const IndirectProduct& p;
  int64_t tiles_down, tiles_across;
  int64_t first, count;  // tiles of this run
  PreparedRows<kTile> prepared;
  int64_t stride;       // from one tile's channels to the next's
  float* rows;          // [kPositions][count][stride], with a gap after each position; for taps see winograd_taps.h
  int64_t sums_stride;  // the same of the sums
  float* sums;          // [kPositions][count][sums_stride], with such gaps
  float* block;         // for weights that are transformed here, or null; see winograd_taps.h

  /** From one position's rows to the next's: a power of two would put all positions of a tile on the same sets. */
  int64_t next_rows() const { return count * stride + kLine; }
  int64_t next_sums() const { return count * sums_stride + kLine; }

  Place place(int64_t tile) const {
    return {tile / (tiles_down * tiles_across), tile / tiles_across % tiles_down * kOutputs,
            tile % tiles_across * kOutputs};
  }

  /** Ahead of the first tile of each row of tiles: prepares what its tiles see, and how far down, given and returned.
   */
  int64_t prepare_rows(int64_t tile, int64_t prepared_to) const {
    Place at = place(first + tile);
    int64_t tiles_left = tiles_across - at.column / kOutputs,
            end = tile + tiles_left < count ? tile + tiles_left : count;
    int64_t top = p.vertical.source(at.row, 0), left = p.horizontal.source(at.column, 0);
    int64_t right = left + (end - tile - 1) * kOutputs + kTile;
    // What the next row of tiles sees too, it sees from the left on.
    bool has_next = end < count && at.row + kOutputs < p.height;
    for (int64_t h = tile > 0 && at.row > 0 && prepared_to > top ? prepared_to : top; h < top + kTile; ++h)
      prepared.prepare(p, at.image, h, has_next && h >= top + kOutputs ? 0 : left, right);
    return top + kTile;
  }

  void transform_input(int64_t tile, const float* zeros) const {
    int64_t depth = p.weights.depth;
    Place at = place(first + tile);
    int64_t top = p.vertical.source(at.row, 0), left = p.horizontal.source(at.column, 0);
    const float* sources[kPositions];
    for (int64_t r = 0; r < kTile; ++r) {
      int64_t h = top + r;
      bool row_exists = h >= 0 && h < p.vertical.sources;
      const float* row = row_exists ? prepared.row(p, at.image, h) : nullptr;
      for (int64_t s = 0; s < kTile; ++s) {
        int64_t w = left + s;
        bool exists = row_exists && w >= 0 && w < p.horizontal.sources;
        sources[r * kTile + s] = exists ? row + w * depth : zeros;
      }
    }
    if (block != nullptr)
      transform_input_tile<kOutputs>(sources, 0, depth, rows + tile * kLanes, count * kLanes,
                                     kPositions * count * kLanes);
    else
      transform_input_tile<kOutputs>(sources, 0, depth, rows + tile * stride, next_rows());
  }

  /** All tiles of the run at one position through one panel. */
  template <int kVectors>
  void multiply(int64_t position, const float* panel, const float* next_panel, float* to) const {
    const int64_t steps[] = {0};
    const float* first_row = rows + position * next_rows();
    // The next panel comes to the second-level cache meanwhile.
    int64_t per_tile = divide_up(p.weights.depth * kVectors * kLanes / kLine, divide_up(count, kTileRows));
    for (int64_t t = 0; t < count; t += kTileRows) {
      int64_t left = count - t < kTileRows ? count - t : kTileRows;
      for (int64_t i = 0; i < per_tile; ++i, next_panel += kLine) __builtin_prefetch(next_panel, 0, 2);
      const float* row[kTileRows];
      for (int64_t i = 0; i < kTileRows; ++i) row[i] = first_row + (i < left ? t + i : t) * stride;
      Tile<kTileRows, kVectors> tile = multiply_rows<kVectors>(row, steps, 1, p.weights.depth, panel);
      float* target = to + t * sums_stride;
#pragma GCC unroll 16
      for (int i = 0; i < kTileRows; ++i) {
        if (i < left)
#pragma GCC unroll 4
          for (int j = 0; j < kVectors; ++j) store(target + j * kLanes, tile.sum[i][j]);
        target += sums_stride;
      }
    }
  }

  void multiply_group(int64_t first_panel, int64_t last_panel) const {
    if (block != nullptr) {
      multiply_taps<kOutputs>(p.weights, first_panel, rows, count, block, sums, next_sums());
      return;
    }
    int64_t depth = p.weights.depth, columns = p.weights.columns, matrix = panels_size(depth, columns);
    for (int64_t position = 0; position < kPositions; ++position)
      for (int64_t i = first_panel; i < last_panel; ++i) {
        const float* panel = p.weights.panels + position * matrix + i * kPanel * depth;
        const float* next =
            i + 1 < last_panel ? panel + kPanel * depth : panel + matrix + (first_panel - i) * kPanel * depth;
        float* to = sums + position * next_sums() + (i - first_panel) * kPanel;
        panel_width(columns, i * kPanel) == kPanel ? multiply<kTileVectors>(position, panel, next, to)
                                                   : multiply<1>(position, panel, next, to);
      }
  }

  void transform_output(int64_t tile, int64_t first_column, int64_t last_column) const {
    int64_t columns = p.weights.columns;
    Place at = place(first + tile);
    int64_t down = p.height - at.row < kOutputs ? p.height - at.row : kOutputs;
    int64_t across = p.width - at.column < kOutputs ? p.width - at.column : kOutputs;
    int64_t corner = ((at.image * p.height + at.row) * p.width + at.column) * columns;
    for (int64_t column = first_column; column < last_column; column += kLanes) {
      const float* from = sums + tile * sums_stride + (column - first_column);
      int64_t next = next_sums();
      Vec half[kOutputs][kTile];
#pragma GCC unroll 6
      for (int s = 0; s < kTile; ++s) {
        Vec m[kTile], y[kOutputs];
#pragma GCC unroll 6
        for (int r = 0; r < kTile; ++r) m[r] = load(from + (r * kTile + s) * next);
        Winograd<kOutputs>::output(m, y);
#pragma GCC unroll 4
        for (int r = 0; r < kOutputs; ++r) half[r][s] = y[r];
      }
      Vec bias{}, image_bias{};
      if (p.bias != nullptr) bias = load_columns(p.bias, column, columns);
      if (p.image_bias != nullptr) image_bias = load_columns(p.image_bias + at.image * columns, column, columns);
      for (int64_t r = 0; r < down; ++r) {
        Vec y[kOutputs];
        Winograd<kOutputs>::output(half[r], y);
        int64_t target = corner + r * p.width * columns;
        for (int64_t s = 0; s < across; ++s, target += columns) {
          Vec v = y[s] + bias + image_bias;
          if (p.residual != nullptr) v += load_columns(p.residual + target, column, columns);
          store_columns(p.y + target, column, columns, v);
        }
      }
    }
  }

  void run(int64_t first_panel, int64_t last_panel, const float* zeros) const {
    int64_t prepared_to = 0;
    for (int64_t tile = 0; tile < count; ++tile) {
      if (prepared.ring != nullptr && (tile == 0 || (first + tile) % tiles_across == 0))
        prepared_to = prepare_rows(tile, prepared_to);
      transform_input(tile, zeros);
    }
    int64_t group = sums_stride / kPanel;
    for (int64_t panel = first_panel; panel < last_panel; panel += group) {
      int64_t end = panel + group < last_panel ? panel + group : last_panel;
      multiply_group(panel, end);
      int64_t end_column = end * kPanel < p.weights.columns ? end * kPanel : p.weights.columns;
      for (int64_t tile = 0; tile < count; ++tile) transform_output(tile, panel * kPanel, end_column);
    }
  }
};

template <int kOutputs>
void multiply_tiles(const IndirectProduct& p) {
  constexpr int64_t kPositions = Run<kOutputs>::kPositions;
  int64_t down = divide_up(p.height, kOutputs), across = divide_up(p.width, kOutputs), tiles = p.images * down * across;
  int64_t depth = p.weights.depth, panels = divide_up(p.weights.columns, kPanel), stride = round_up(depth, kLine);
  // Taps are transformed a panel at a time.
  bool taps = p.weights.taps != Run<kOutputs>::kPositions;
  int64_t sums_stride = (taps ? 1 : panels < kGroupPanels ? panels : kGroupPanels) * kPanel;
  Split split = split_of(tiles, depth, panels, taps);
  bool prepare = p.from.skip != nullptr || p.coefficients != nullptr;
  // Tasks that share tiles would each prepare what they see.
  if (prepare && split.parts > 1) return multiply_tiles<kOutputs>(with_prepared_input(p));
  float* zeros = scratch<float>(kZeroRow, depth);
  std::memset(zeros, 0, static_cast<size_t>(depth) * sizeof(float));
  parallel_for(split.runs * split.parts, [&](int64_t task) {
    int64_t run = task / split.parts, part = task % split.parts;
    int64_t first = start_of_run(run, split.runs, tiles), count = start_of_run(run + 1, split.runs, tiles) - first;
    Run<kOutputs>{p,
                  down,
                  across,
                  first,
                  count,
                  PreparedRows<Run<kOutputs>::kTile>(p, prepare),
                  stride,
                  scratch<float>(kPackedInput, kPositions * (count * stride + kLine)),
                  sums_stride,
                  scratch<float>(kPanelScratch, kPositions * (count * sums_stride + kLine)),
                  taps ? scratch<float>(kTransformedTaps, kTapsBlock<kOutputs>) : nullptr}
        .run(panels * part / split.parts, panels * (part + 1) / split.parts, zeros);
  });
}

}  // namespace

int64_t winograd_tile(const WindowGeometry& g, int64_t height, int64_t width, int64_t depth, int64_t columns) {
  if (g.r != 3 || g.s != 3 || g.stride_h != 1 || g.stride_w != 1) return 0;
  switch (convolution_algorithm(height, width, depth, columns)) {
    case ConvolutionAlgorithm::kWinograd2:
      return 2;
    case ConvolutionAlgorithm::kWinograd4:
      return 4;
    default:
      return 0;
  }
}

void multiply_winograd(int64_t m, const IndirectProduct& p) { m == 4 ? multiply_tiles<4>(p) : multiply_tiles<2>(p); }

}  // namespace ddpm::cpu::DDPM_ISA
