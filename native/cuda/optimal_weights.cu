// From queries and images to weights; see optimal.cu.
#include "cuda/optimal_products.cuh"

namespace ddpm::cuda {
namespace {

/** values[j] = those of the thread's queries, over all images of the chunk. */
template <class T, class F>
DDPM_DEVICE void reduce(const Place& at, T* shared, T (&values)[4], const F& f) {
#pragma unroll
  for (int j = 0; j < 4; ++j)
    for (int lanes = 4; lanes < 32; lanes *= 2)
      values[j] = f(values[j], __shfl_xor_sync(0xffffffffu, values[j], lanes));
  __syncthreads();
#pragma unroll
  for (int j = 0; j < 4; ++j)
    if (at.lane < 4) shared[at.image_warp * kQueryTile + at.query(j)] = values[j];
  __syncthreads();
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    values[j] = shared[at.query(j)];
    for (int w = 1; w < kWords; ++w) values[j] = f(values[j], shared[w * kQueryTile + at.query(j)]);
  }
}

DDPM_DEVICE void find_largest(const Place& at, double* shared, const double (&lambda)[4][4], double (&largest)[4]) {
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    largest[j] = -INFINITY;
#pragma unroll
    for (int i = 0; i < 4; ++i) largest[j] = lambda[j][i] > largest[j] ? lambda[j][i] : largest[j];
  }
  reduce(at, shared, largest, [](double a, double b) { return b > a ? b : a; });
}

/**
 * Adds the other digits to the logarithms of images that need them; of all images if most do. refined = the number that
 * needed them.
 */
DDPM_DEVICE void refine(const OptimalPass& pass, const Chunk& chunk, const Place& at, SharedAddress memory,
                        int64_t* shared, const double (&largest)[4], const bool (&alive)[4], int64_t (&refined)[4],
                        double (&lambda)[4][4]) {
  const Query* query = pass.queries;
  uint32_t wanted = 0;  // bit 4 j + i
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    refined[j] = 0;
    if (!alive[j]) continue;
    double least = least_refined(query[at.query(j)], largest[j]);
#pragma unroll
    for (int i = 0; i < 4; ++i)
      if (lambda[j][i] >= least) ++refined[j], wanted |= 1u << (4 * j + i);
  }
  reduce(at, shared, refined, [](int64_t a, int64_t b) { return a + b; });
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    if (!alive[j] || !is_refined(query[at.query(j)], refined[j], chunk.count, pass.images))
      refined[j] = 0;
    else if (refines_all(refined[j], chunk.count))
      wanted |= 15u << (4 * j);
  }
  for (int d = 1; d < kDigits; ++d) {
    bool needed = false;
#pragma unroll
    for (int j = 0; j < 4; ++j) needed |= refined[j] != 0 && query[at.query(j)].digits > d;
    if (!__syncthreads_or(needed)) return;
    int64_t products[4][4];
    multiply(pass, chunk, at, d, memory, products);
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      if (refined[j] == 0 || query[at.query(j)].digits <= d) continue;
      double factor = query[at.query(j)].factor[d];
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (wanted >> (4 * j + i) & 1) lambda[j][i] += factor * static_cast<double>(products[j][i]);
    }
  }
}

/** Puts the weights, states and the top bins in memory. */
DDPM_DEVICE void write_weights(const OptimalPass& pass, const Chunk& chunk, const Place& at, uint8_t* staged,
                               int64_t* shared, int64_t* kept, const double (&largest)[4], const bool (&alive)[4],
                               const int64_t (&refined)[4], const double (&lambda)[4][4]) {
  int32_t weights[4][4];
  int64_t sums[4];
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    double k = alive[j] ? static_cast<double>(exponent_of(largest[j])) : 0;
    sums[j] = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      weights[j][i] = alive[j] ? weight_of(lambda[j][i], k) : 0;
      sums[j] += weights[j][i];
    }
  }
  reduce(at, shared, sums, [](int64_t a, int64_t b) { return a + b; });
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    bool flat = is_flat(sums[j], refined[j] != 0, pass.images);
    sums[j] = 0;
    uint32_t bits = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      int32_t weight = flat ? flat_weight(weights[j][i]) : weights[j][i];
      // Both sums in one number: neither has more than 22 bits.
      sums[j] += static_cast<int64_t>(upper_digit(weight)) << 32 | lower_digit(weight);
      bits |= static_cast<uint32_t>(weight != 0) << (at.image(i) % 32);
      int32_t bytes[kPlanes] = {upper_digit(weight) & 255, upper_digit(weight) >> 8, lower_digit(weight) & 255,
                                lower_digit(weight) >> 8};
#pragma unroll
      for (int plane = 0; plane < kPlanes; ++plane)
        staged[(plane * at.queries + at.query(j)) * kChunk + at.image(i)] = static_cast<uint8_t>(bytes[plane]);
    }
    for (int lanes = 4; lanes < 32; lanes *= 2) bits |= __shfl_xor_sync(0xffffffffu, bits, lanes);
    if (at.lane < 4 && at.query(j) < pass.query_count)
      pass.state(chunk.index, at.query(j)).images[at.image_warp] = bits;
  }
  reduce(at, shared, sums, [](int64_t a, int64_t b) { return a + b; });
  if (at.lane < 4 && at.image_warp == 0) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      kept[at.query(j)] = alive[j];
      if (at.query(j) >= pass.query_count) continue;
      ChunkState& state = pass.state(chunk.index, at.query(j));
      state.k = alive[j] ? exponent_of(largest[j]) : kNoBin;
      state.high_sum = static_cast<int32_t>(sums[j] >> 32);
      state.low_sum = static_cast<int32_t>(sums[j]);
      state.refined = static_cast<uint32_t>(refined[j]);
      if (alive[j]) atomic_max(pass.partial(at.query(j)), bin_of(state.k));
    }
  }
  __syncthreads();
  for (int n = threadIdx.x; n < kPlanes * at.queries * (kChunk / 16); n += blockDim.x) {
    int row = n / (kChunk / 16), piece = n % (kChunk / 16), plane = row / at.queries, line = row % at.queries;
    if (kept[line] == 0) continue;
    uint8_t* to = pass.weight_row(chunk.index, line, plane);
    reinterpret_cast<uint4*>(to)[piece] = reinterpret_cast<const uint4*>(staged)[n];
  }
}

}  // namespace

int find_weights_shared_bytes(int queries) { return kStages * (kChunk + 2 * queries) * kTilePixels; }

__global__ void __launch_bounds__(find_weights_threads(kQueryTile), 1) find_weights(OptimalPass pass) {
  DDPM_DYNAMIC_SHARED(uint8_t, memory);
  DDPM_SHARED(int64_t, shared, (kWords * kQueryTile));
  DDPM_SHARED(int64_t, tops, kQueryTile);
  Place at;
  Chunk chunk{};
  chunk.index = blockIdx.x;
  chunk.first_image = pass.chunks[chunk.index];
  chunk.count = static_cast<int>(pass.chunks[chunk.index + 1] - chunk.first_image);
  const Query* query = pass.queries;

  int64_t products[4][4];
  multiply(pass, chunk, at, 0, shared_address(memory), products);
  double lambda[4][4], largest[4], norms[4], norm = norm_factor(pass.signal, pass.variance);
#pragma unroll
  for (int i = 0; i < 4; ++i)
    norms[i] = at.image(i) < chunk.count ? norm * pass.norms[chunk.first_image + at.image(i)] : 0;
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    double factor = at.query(j) < pass.query_count ? query[at.query(j)].factor[0] : 0;
#pragma unroll
    for (int i = 0; i < 4; ++i)
      lambda[j][i] = at.image(i) < chunk.count ? factor * static_cast<double>(products[j][i]) - norms[i] : -INFINITY;
  }
  auto* doubles = reinterpret_cast<double*>(shared);
  find_largest(at, doubles, lambda, largest);
  // All threads must see the same: a top bin may rise at any time.
  for (int q = threadIdx.x; q < at.queries; q += blockDim.x)
    tops[q] = q < pass.query_count ? atomic_read(pass.partial(q)) : kNotFinite;
  __syncthreads();
  bool alive[4];
  int64_t refined[4];
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    int64_t top = tops[at.query(j)];
    alive[j] = top != kNotFinite && can_matter(largest[j] + query[at.query(j)].doubt[0], top);
  }
  refine(pass, chunk, at, shared_address(memory), shared, largest, alive, refined, lambda);
  find_largest(at, doubles, lambda, largest);
#pragma unroll
  for (int j = 0; j < 4; ++j) alive[j] = alive[j] && can_matter(largest[j], tops[at.query(j)]);
  write_weights(pass, chunk, at, memory, shared, tops, largest, alive, refined, lambda);
}

}  // namespace ddpm::cuda
