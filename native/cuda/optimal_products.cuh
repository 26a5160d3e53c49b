#pragma once
#include "cuda/optimal.cuh"

/** Exact products of query digits and pixels on the tensor cores; see optimal.cu. */
namespace ddpm::cuda {
namespace {

constexpr int kStages = 3;
constexpr int kTilePixels = 64;
/** Tiles whose sums fit 32 bits: products of 7 and 8 bits over 65536 pixels. */
constexpr int64_t kMostTiles = 1024;

/** Place of 16 bytes in a tile of rows of 64: eight rows' pieces, as a matrix is loaded, are in different banks. */
DDPM_DEVICE uint32_t place(int row, int piece) {
  return static_cast<uint32_t>(row * kTilePixels + ((piece ^ (row >> 1 & 3)) << 4));
}

/**
 * A thread's place in its block of 2 x (queries / 16) warps. As the tensor cores deal out results, it holds 4 queries x
 * 4 images, j and i below, of the warp's 16 x 32.
 */
struct Place {
  int lane, image_warp, query_warp, queries;  // queries: lines of the block

  DDPM_DEVICE Place() {
    lane = static_cast<int>(threadIdx.x) % 32;
    int warp = static_cast<int>(threadIdx.x) / 32;
    image_warp = warp % kWords;
    query_warp = warp / kWords;
    queries = static_cast<int>(blockDim.x) / (kWords * 2);
  }
  DDPM_DEVICE int image(int i) const { return image_warp * 32 + i * 8 + lane / 4; }
  DDPM_DEVICE int query(int j) const { return query_warp * 16 + j / 2 * 8 + lane % 4 * 2 + j % 2; }
};

struct Chunk {
  int64_t first_image, index;
  int count;  // images
};

DDPM_DEVICE void load_tile(const OptimalPass& pass, const Chunk& chunk, const Place& at, int d, int64_t tile,
                           SharedAddress stage) {
  for (int n = threadIdx.x; n < (kChunk + 2 * at.queries) * 4; n += blockDim.x) {
    int row = n / 4, piece = n % 4;
    const int8_t* from = pass.rows + chunk.first_image * pass.row_bytes;
    bool valid = row < chunk.count;
    if (row < kChunk) {
      from += (valid ? row : 0) * pass.row_bytes;
    } else {
      int line = row - kChunk, plane = line >= at.queries;
      line -= plane * at.queries;
      valid = line < pass.query_count;
      from = pass.digit(valid ? line : 0, d, plane);
    }
    copy_async(stage + place(row, piece), from + tile * kTilePixels + piece * 16, valid);
  }
}

/** products[j][i] = the products of digit d of the thread's queries and images, over all pixels. */
DDPM_DEVICE void multiply(const OptimalPass& pass, const Chunk& chunk, const Place& at, int d, SharedAddress memory,
                          int64_t (&products)[4][4]) {
  uint32_t stage_bytes = static_cast<uint32_t>((kChunk + 2 * at.queries) * kTilePixels);
  int64_t tiles = pass.row_bytes / kTilePixels;
  for (int s = 0; s < kStages - 1; ++s) {
    if (s < tiles) load_tile(pass, chunk, at, d, s, memory + s * stage_bytes);
    copy_commit();
  }
#pragma unroll
  for (int j = 0; j < 4; ++j)
#pragma unroll
    for (int i = 0; i < 4; ++i) products[j][i] = 0;
  int32_t sums[2][2][2][4] = {};  // images by 16, queries by 8, plane
  uint32_t now = 0, next = kStages - 1;
  for (int64_t tile = 0; tile < tiles; ++tile) {
    copy_wait<kStages - 2>();
    __syncthreads();
    if (tile + kStages - 1 < tiles) load_tile(pass, chunk, at, d, tile + kStages - 1, memory + next * stage_bytes);
    copy_commit();
    SharedAddress images = memory + now * stage_bytes, digits = images + kChunk * kTilePixels;
    now = now == kStages - 1 ? 0 : now + 1;
    next = next == kStages - 1 ? 0 : next + 1;
#pragma unroll
    for (int step = 0; step < kTilePixels / 32; ++step) {
      uint32_t x[2][4], upper[4], lower[4];
#pragma unroll
      for (int m = 0; m < 2; ++m)
        load_matrices(x[m], images + place(at.image_warp * 32 + m * 16 + at.lane % 16, step * 2 + at.lane / 16));
      int row = at.query_warp * 16 + at.lane % 8 + at.lane / 16 * 8, piece = step * 2 + at.lane / 8 % 2;
      load_matrices(upper, digits + place(row, piece));
      load_matrices(lower, digits + place(row + at.queries, piece));
#pragma unroll
      for (int m = 0; m < 2; ++m)
#pragma unroll
        for (int n = 0; n < 2; ++n) {
          multiply_s8_s8(sums[m][n][0], x[m], upper[2 * n], upper[2 * n + 1]);
          multiply_s8_u8(sums[m][n][1], x[m], lower[2 * n], lower[2 * n + 1]);
        }
    }
    if (tile % kMostTiles != kMostTiles - 1 && tile != tiles - 1) continue;
#pragma unroll
    for (int j = 0; j < 4; ++j)
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        int32_t(&pair)[2][4] = sums[i / 2][j / 2];
        int e = i % 2 * 2 + j % 2;
        products[j][i] += static_cast<int64_t>(pair[0][e]) * 256 + pair[1][e];
        pair[0][e] = pair[1][e] = 0;
      }
  }
  copy_wait<0>();
  __syncthreads();
}

}  // namespace
}  // namespace ddpm::cuda
