#pragma once
#include "common/thread_pool.h"
#include "cpu/kernels/gemm.h"

/** How the tiles and panels of Winograd's convolution are split into tasks. */
namespace ddpm::cpu::DDPM_ISA {
namespace {

/**
 * Tiles of a task, at most: multiples of the microkernel's rows. Where a matrix of weights is small, less is gained by
 * reading it rarely than lost by inputs and sums that leave the second-level cache.
 */
constexpr int64_t kMostTiles = 96, kMostTilesOfSmallWeights = 48, kSmallWeights = 96 * 96;
static_assert(kMostTiles % kTileRows == 0 && kMostTilesOfSmallWeights % kTileRows == 0);

/** Panels that are worth transforming the inputs for, at least; weights are never worth transforming twice. */
constexpr int64_t kFewestPanels = 64 / kPanel;

/** How the work is split: tasks = runs of tiles times parts of the panels. */
struct Split {
  int64_t runs, parts;
};

inline Split split_of(int64_t tiles, int64_t depth, int64_t panels, bool taps) {
  int64_t most = depth * panels * kPanel <= kSmallWeights ? kMostTilesOfSmallWeights : kMostTiles;
  int64_t threads = thread_count(), runs = divide_up(tiles, most);
  int64_t most_parts = taps ? panels : divide_up(panels, kFewestPanels);
  if (runs < threads) {
    // Few tiles: tasks share them as far as there are panels, each transforms them anew, and no weight is read twice.
    int64_t parts = most_parts < threads ? most_parts : threads;
    runs = divide_up(threads, parts);
    return {runs < tiles ? runs : tiles, parts};
  }
  // A few runs for each thread are made equal; with many, threads that are done help the others.
  return {runs < 4 * threads ? round_up(runs, threads) : runs, 1};
}

/** Where run i begins: at a whole tile of the microkernel if there is one for each. */
inline int64_t start_of_run(int64_t i, int64_t runs, int64_t tiles) {
  int64_t unit = tiles >= runs * kTileRows ? kTileRows : 1;
  int64_t start = divide_up(tiles, unit) * i / runs * unit;
  return start < tiles ? start : tiles;
}

}  // namespace
}  // namespace ddpm::cpu::DDPM_ISA
