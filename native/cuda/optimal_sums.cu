// From weights to sums of images; see optimal.cu.
#include "cuda/optimal.cuh"

namespace ddpm::cuda {
namespace {

constexpr int kStages = 3;
constexpr int kWarpQueries = 16, kWarpPixels = 32;
/** Bytes from one query's weights to the next's: eight rows are in different banks. */
constexpr int kWeightRow = kChunk + 16;
constexpr int kImageBytes = kChunk * kSumPixels;
constexpr int kStageBytes = kImageBytes + kPlanes * kSumQueries * kWeightRow;
constexpr uint8_t kNowhere = 255;

/** Place of a byte of an image's pixels: images 4 apart, which a warp reads together, are in different banks. */
DDPM_DEVICE uint32_t place(int image, int pixel) {
  return static_cast<uint32_t>(image * kSumPixels + (pixel ^ (image >> 2 & 3) << 5));
}

/** A chunk that matters: its number from the first of the block, the images of a weight, and whether in lower digits.
 */
struct Entry {
  int32_t chunk;
  uint32_t images[kWords], low;
};

DDPM_DEVICE int at_most(int64_t n, int limit) { return n < limit ? static_cast<int>(n) : limit; }
/** What the block works on. */
struct Block {
  const OptimalPass& pass;
  int64_t first_query, first_pixel, first_chunk;
  int chunks = 0, queries = 0, lines = 0;  // lines: queries that there is room for
};

DDPM_DEVICE void load_chunk(const Block& b, const Entry& entry, const uint8_t* places, SharedAddress stage) {
  const OptimalPass& pass = b.pass;
  int64_t chunk = b.first_chunk + entry.chunk, first_image = pass.chunks[chunk];
  for (int n = threadIdx.x; n < kChunk * kSumPixels / 16; n += blockDim.x) {
    int image = n / (kSumPixels / 16), pixel = n % (kSumPixels / 16) * 16;
    uint32_t word = entry.images[image / 32];
    if (word == 0) continue;  // nor will it be multiplied
    bool valid = (word >> image % 32 & 1) != 0 && b.first_pixel + pixel < pass.row_bytes;
    const int8_t* from = valid ? pass.rows + (first_image + image) * pass.row_bytes + b.first_pixel + pixel : pass.rows;
    copy_async(stage + place(image, pixel), from, valid);
  }
  int rows = (entry.low != 0 ? kPlanes : kPlanes / 2) * b.lines;
  for (int n = threadIdx.x; n < rows * (kChunk / 16); n += blockDim.x) {
    int row = n / (kChunk / 16), piece = n % (kChunk / 16), plane = row / b.lines, line = row % b.lines;
    if (entry.images[piece / 2] == 0) continue;
    bool valid = places[entry.chunk * kSumQueries + line] != kNowhere;
    const uint8_t* from = valid ? pass.weight_row(chunk, b.first_query + line, plane) + piece * 16 : pass.weights;
    copy_async(stage + kImageBytes + (plane * kSumQueries + line) * kWeightRow + piece * 16, from, valid);
  }
}

/** Turns 4 images x 4 pixels: out[p] has pixel p of the four. */
DDPM_DEVICE void turn(const uint32_t (&in)[4], uint32_t& out0, uint32_t& out1, uint32_t& out2, uint32_t& out3) {
  uint32_t a = __byte_perm(in[0], in[1], 0x5140), b = __byte_perm(in[2], in[3], 0x5140);
  uint32_t c = __byte_perm(in[0], in[1], 0x7362), d = __byte_perm(in[2], in[3], 0x7362);
  out0 = __byte_perm(a, b, 0x5410);
  out1 = __byte_perm(a, b, 0x7632);
  out2 = __byte_perm(c, d, 0x5410);
  out3 = __byte_perm(c, d, 0x7632);
}

/** A warp's sums over a chunk: each plane of weights [16 queries, 96] times images [96, 32 pixels], pixels by four. */
DDPM_DEVICE void multiply(const uint8_t* stage, const Entry& entry, int query, int pixel, int lane,
                          int32_t (&sums)[kPlanes][4][4]) {
  SharedAddress weights = shared_address(stage) + kImageBytes + (query + lane % 16) * kWeightRow + lane / 16 * 16;
#pragma unroll
  for (int step = 0; step < kWords; ++step) {
    if (entry.images[step] == 0) continue;
    uint32_t x[2][4];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      uint32_t rows[4];
#pragma unroll
      for (int i = 0; i < 4; ++i)
        rows[i] = *reinterpret_cast<const uint32_t*>(
            stage + place(step * 32 + half * 16 + lane % 4 * 4 + i, pixel + lane / 4 * 4));
      turn(rows, x[half][0], x[half][1], x[half][2], x[half][3]);
    }
#pragma unroll
    for (int plane = 0; plane < kPlanes; ++plane) {
      if (plane >= 2 && entry.low == 0) continue;
      uint32_t w[4];
      load_matrices(w, weights + plane * kSumQueries * kWeightRow + step * 32);
#pragma unroll
      for (int n = 0; n < 4; ++n) multiply_u8_s8(sums[plane][n], w, x[0][n], x[1][n]);
    }
  }
}

/** Adds a query's sums, of bins `slot` and the next, to its partial result and clears them; e: the first of its two. */
DDPM_DEVICE void flush(const Block& b, int query, int slot, int64_t pixel, int e, int64_t (&totals)[2][4][4]) {
  int64_t pixels = b.pass.pixels;
#pragma unroll
  for (int digit = 0; digit < 2; ++digit)
#pragma unroll
    for (int n = 0; n < 4; ++n)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        int64_t p = pixel + 4 * i + n, &total = totals[digit][n][e + i];
        if (p < pixels && slot + digit < kBins && total != 0)
          atomic_add(b.pass.partial(b.first_query + query) + kHeader + (slot + digit) * pixels + p, total);
        total = 0;
      }
}

/**
 * entries = the chunks that matter, in any order; places[chunk, query] = where a chunk's sums go: 16 times the number
 * of the bin from the top, and the shift in it. The blocks of the first strip of pixels add up the sums of weights, and
 * what is reported: counts has the block's.
 */
DDPM_DEVICE int find_entries(const Block& b, bool first_strip, Entry* all, Entry* entries, uint8_t* places,
                             uint32_t* counts, int32_t* count) {
  for (int c = threadIdx.x; c < kSumChunks; c += blockDim.x) all[c] = Entry{c, {}, 0};
  if (threadIdx.x == 0) *count = 0, counts[0] = counts[1] = 0;
  __syncthreads();
  for (int n = threadIdx.x; n < b.chunks * b.lines; n += blockDim.x) {
    int c = n / b.lines, line = n % b.lines;
    uint8_t& to = places[c * kSumQueries + line];
    to = kNowhere;
    if (line >= b.queries) continue;
    const ChunkState& state = b.pass.state(b.first_chunk + c, b.first_query + line);
    int64_t* partial = b.pass.partial(b.first_query + line);
    int64_t top = partial[0];
    if (first_strip) atomicAdd(&counts[0], state.refined);
    if (state.k == kNoBin || !is_kept(bin_of(state.k), top)) continue;
    int slot = static_cast<int>(top - bin_of(state.k)), shift = shift_of(state.k);
    to = static_cast<uint8_t>(slot * 16 + shift);
    for (int w = 0; w < kWords; ++w) atomicOr(&all[c].images[w], state.images[w]);
    if (state.low_sum != 0 && slot + 1 < kBins) atomicOr(&all[c].low, 1u);
    if (!first_strip) continue;
    for (int w = 0; w < kWords; ++w) atomicAdd(&counts[1], static_cast<uint32_t>(__popc(state.images[w])));
    atomic_add(partial + 1 + slot, shifted(state.high_sum, shift));
    if (slot + 1 < kBins) atomic_add(partial + 2 + slot, shifted(state.low_sum, shift));
  }
  __syncthreads();
  if (threadIdx.x < 2 && first_strip) atomic_add(b.pass.report + 2 + threadIdx.x, counts[threadIdx.x]);
  for (int c = threadIdx.x; c < b.chunks; c += blockDim.x)
    if ((all[c].images[0] | all[c].images[1]) != 0) entries[atomicAdd(count, 1)] = all[c];
  __syncthreads();
  return *count;
}

}  // namespace

int sum_images_threads(int queries) {
  return (queries <= kWarpQueries ? 1 : kSumQueries / kWarpQueries) * kSumPixels / kWarpPixels * 32;
}

int sum_images_shared_bytes() { return kStages * kStageBytes; }

__global__ void __launch_bounds__(256, 1) sum_images(OptimalPass pass) {
  DDPM_DYNAMIC_SHARED(uint8_t, memory);
  DDPM_SHARED(Entry, all, kSumChunks);
  DDPM_SHARED(Entry, entries, kSumChunks);
  DDPM_SHARED(uint8_t, places, (kSumChunks * kSumQueries));
  DDPM_SHARED(uint32_t, counts, 2);
  DDPM_SHARED(int32_t, entry_count, 1);
  int64_t strips = (pass.row_bytes + kSumPixels - 1) / kSumPixels, strip = blockIdx.x % strips;
  Block b{pass, static_cast<int64_t>(blockIdx.y) * kSumQueries, strip * kSumPixels, blockIdx.x / strips * kSumChunks};
  b.chunks = at_most(pass.chunk_count - b.first_chunk, kSumChunks);
  b.queries = at_most(pass.query_count - b.first_query, kSumQueries);
  b.lines = static_cast<int>(blockDim.x) / (kSumPixels / kWarpPixels * 32) * kWarpQueries;
  int count = find_entries(b, strip == 0, all, entries, places, counts, entry_count);

  int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  int warp_pixel = warp % (kSumPixels / kWarpPixels) * kWarpPixels;
  int warp_query = warp / (kSumPixels / kWarpPixels) * kWarpQueries;
  // The thread's sums are of queries lane / 4 and 8 more, and of eight pixels from here.
  int query = warp_query + lane / 4;
  int64_t pixel = b.first_pixel + warp_pixel + lane % 4 * 8;
  int slots[2] = {0, 0};
  int64_t totals[2][4][4] = {};
  SharedAddress stages = shared_address(memory);
  for (int s = 0; s < kStages - 1; ++s) {
    if (s < count) load_chunk(b, entries[s], places, stages + s * kStageBytes);
    copy_commit();
  }
  int now = 0, next = kStages - 1;
  for (int n = 0; n < count; ++n) {
    copy_wait<kStages - 2>();
    __syncthreads();
    if (n + kStages - 1 < count) load_chunk(b, entries[n + kStages - 1], places, stages + next * kStageBytes);
    copy_commit();
    int32_t sums[kPlanes][4][4] = {};
    multiply(memory + now * kStageBytes, entries[n], warp_query, warp_pixel, lane, sums);
    now = now == kStages - 1 ? 0 : now + 1;
    next = next == kStages - 1 ? 0 : next + 1;
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      int to = places[entries[n].chunk * kSumQueries + query + 8 * r];
      if (to == kNowhere) continue;
      if (to / 16 != slots[r]) flush(b, query + 8 * r, slots[r], pixel, 2 * r, totals);
      slots[r] = to / 16;
#pragma unroll
      for (int digit = 0; digit < 2; ++digit)
#pragma unroll
        for (int m = 0; m < 4; ++m)
#pragma unroll
          for (int e = 2 * r; e < 2 * r + 2; ++e)
            totals[digit][m][e] += shifted(sums[2 * digit + 1][m][e] * 256 + sums[2 * digit][m][e], to % 16);
    }
  }
  copy_wait<0>();
#pragma unroll
  for (int r = 0; r < 2; ++r) flush(b, query + 8 * r, slots[r], pixel, 2 * r, totals);
}

}  // namespace ddpm::cuda
