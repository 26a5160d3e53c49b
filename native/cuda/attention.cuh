#pragma once
#include <cmath>

#include "cuda/attention_pieces.cuh"

/**
 * Attention without its matrix of weights (Dao et al., arXiv 2205.14135), as one kernel for four results. Each is a sum
 * over tokens, the columns, for every token, the row:
 *
 *   result   rows     scores                 weights                            summed
 *   o        queries  q k'                   exp(scale q k' - maximum) / sum     v
 *   dq       queries  q k', d_o v'           p (d_o v' - mean) scale             k
 *   dk       keys     k q', v d_o'           p (v d_o' - mean) scale             q
 *   dv       keys     k q'                   p = exp(scale k q' - log_sum_exp)   d_o
 *
 * with mean = rowsum(d_o o), which a kernel of its own computes first. A gradient of its own pass for dk and dv costs
 * an eighth more products than a common one, keeps the sums of 256 channels in registers, and needs no atomics: results
 * follow from the shape.
 *
 * A block has 64 rows of a head, 16 to each of four warps, and takes tiles of 32 columns. Everything comes in pieces of
 * 64 channels by cp.async, as 32 tokens of the columns (8.5 KB) for the scores, then for the sum, three pieces deep:
 * two are on their way while one is multiplied, and one barrier a piece will do. The rows' operands stay in shared
 * memory, so 43 KB (up to 64 channels) to 92 KB are in use. A block moves its rows once, and the columns once for each
 * use, but that the last piece of k or q serves the scores and the sum of dq and dk: each byte once for up to 64
 * channels, and for dq and dk of 128 1.25 times the least.
 *
 * Where the rows do not fit (99 KB is what all GPUs have: scores of more than 256 channels, or the two of dq and dk of
 * more than 128) their pieces come along with the columns', 25.5 KB each, three times the bytes for the scores: with
 * 256 channels a block of dq or dk moves 2.3 to 3.4 times what it needs, from the second-level cache. Blocks of 32 rows
 * would fit and move 1.4 times what they need, but need the columns twice as often: four fifths of the bytes in all,
 * for half the warps.
 *
 * Of the multiplications, 95 % or more are on tensor cores from 64 channels on, and 93 % with 32; the rest makes
 * weights of scores. Results are stored in pairs or fours of channels, a row's in whole sectors.
 *
 * Sums are in registers, 32, 64 or 128 for up to 64, 128 and 256 channels; beyond that a block computes a strip of 256
 * and the scores again for each.
 */
namespace ddpm::cuda {

/** A lane's two rows: what they know of all columns. */
struct AttentionRow {
  float maximum = -INFINITY, sum = 0;  // of kOutput
  float log_sum = 0, mean = 0;         // of kQuery
};

/** Turns the scores of a tile into weights; scores[1] has those of the second product. */
template <AttentionResult kResult, Precision kPrecision, int kProducts, int kSums>
DDPM_DEVICE void weigh(const AttentionPass& pass, const AttentionProducts<kPrecision>& products, int64_t token_start,
                       int64_t first_column, Tiles<4> (&scores)[kProducts], AttentionRow (&rows)[2],
                       float (&sums)[kSums][4]) {
  const int left = static_cast<int>(min(int64_t{kAttentionColumns}, pass.tokens - first_column));
  float of_lane_log_sum = 0, of_lane_mean = 0;
  if constexpr (!kRowsAreQueries<kResult>) {
    // A lane loads those of a column, and the others ask it.
    int lane = 4 * products.g + products.t;
    if (lane < left) {
      of_lane_log_sum = pass.log_sums[token_start + first_column + lane];
      if constexpr (kProducts == 2) of_lane_mean = pass.means[token_start + first_column + lane];
    }
  }
#pragma unroll
  for (int j = 0; j < 4; ++j)
#pragma unroll
    for (int e = 0; e < 2; ++e) {
      int column = products.column(j, e);
      float log_sum = 0, mean = 0;
      if constexpr (!kRowsAreQueries<kResult>) {
        log_sum = __shfl_sync(0xffffffffu, of_lane_log_sum, column);
        if constexpr (kProducts == 2) mean = __shfl_sync(0xffffffffu, of_lane_mean, column);
      }
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        float& score = scores[0][j][2 * r + e];
        score *= pass.scale;
        if constexpr (kResult == AttentionResult::kOutput) {
          if (column >= left) score = -INFINITY;
        } else {
          // Beyond the last token the weight is 0, whatever the row.
          float from = kRowsAreQueries<kResult> ? rows[r].log_sum : log_sum;
          score = column < left ? products.exponential(score - from) : 0.0f;
          if constexpr (kProducts == 2)
            score *= (scores[1][j][2 * r + e] - (kRowsAreQueries<kResult> ? rows[r].mean : mean)) * pass.scale;
        }
      }
    }
  if constexpr (kResult == AttentionResult::kOutput) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float maximum = rows[r].maximum;
#pragma unroll
      for (int j = 0; j < 4; ++j) maximum = fmaxf(maximum, fmaxf(scores[0][j][2 * r], scores[0][j][2 * r + 1]));
      maximum = fmaxf(maximum, __shfl_xor_sync(0xffffffffu, maximum, 1));
      maximum = fmaxf(maximum, __shfl_xor_sync(0xffffffffu, maximum, 2));
      float factor = products.exponential(rows[r].maximum - maximum);
      rows[r].maximum = maximum;
      rows[r].sum *= factor;
#pragma unroll
      for (int j = 0; j < 4; ++j)
#pragma unroll
        for (int i = 2 * r; i < 2 * r + 2; ++i) {
          scores[0][j][i] = products.exponential(scores[0][j][i] - maximum);
          rows[r].sum += scores[0][j][i];
        }
#pragma unroll
      for (int j = 0; j < kSums; ++j) {
        sums[j][2 * r] *= factor;
        sums[j][2 * r + 1] *= factor;
      }
    }
  }
}

template <AttentionResult kResult, Precision kPrecision, int kParts>
__global__ void __launch_bounds__(kAttentionThreads, kParts == 1   ? 3
                                                     : kParts == 2 ? 2
                                                                   : 1) attention_kernel(AttentionPass pass) {
  DDPM_DYNAMIC_SHARED(float, memory);
  using Pieces = AttentionPieces<kResult, kParts>;
  constexpr int kProducts = Pieces::kProducts, kSums = kParts * kPiece / 8;
  int64_t strip, row_block, rest = split(blockIdx.x, pass.strips, &strip), head;
  rest = split(rest, pass.row_blocks, &row_block);
  int64_t token_start = rest * pass.tokens;  // in a vector over [N,heads,T]
  int64_t image = split(rest, pass.heads, &head);
  int first_part = static_cast<int>(strip) * kParts, out_parts = min(kParts, pass.parts - first_part);
  Pieces pieces{
      pass,       memory,   image * pass.tokens * pass.heads * pass.dim + head * pass.dim, row_block * kAttentionRows,
      first_part, out_parts};
  const int thread = static_cast<int>(threadIdx.x), warp = thread / 32;
  const AttentionProducts<kPrecision> products(thread % 32);
  const int64_t first_row = row_block * kAttentionRows + 16 * warp + products.g;

  AttentionRow rows[2];
  if constexpr (kResult == AttentionResult::kQuery) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      if (first_row + 8 * r >= pass.tokens) continue;
      rows[r].log_sum = pass.log_sums[token_start + first_row + 8 * r];
      rows[r].mean = pass.means[token_start + first_row + 8 * r];
    }
  }
  float sums[kSums][4] = {};
  Tiles<4> scores[kProducts];
  const int tiles = static_cast<int>(divide_up(pass.tokens, kAttentionColumns));
  int load_tile = 0, load_step = 0, slot = 0, load_slot = 0;
  auto load_next = [&] {
    if (load_tile < tiles) pieces.load(load_tile, load_step, load_slot);
    copy_commit();
    load_slot = load_slot == kAttentionSlots - 1 ? 0 : load_slot + 1;
    if (++load_step == pieces.steps()) load_step = 0, ++load_tile;
  };
  load_next();
  load_next();
  for (int tile = 0; tile < tiles; ++tile) {
#pragma unroll
    for (int p = 0; p < kProducts; ++p)
#pragma unroll
      for (int j = 0; j < 4; ++j)
#pragma unroll
        for (int i = 0; i < 4; ++i) scores[p][j][i] = 0;
    for (int step = 0; step < pieces.steps(); ++step) {
      copy_wait<1>();
      __syncthreads();  // the piece is there for all, and all are done with the slot that is filled next
      load_next();
      const float* piece = pieces.column_piece(slot);
      int summed_part = step - pieces.score_steps();  // of the strip
      if (summed_part < 0) {
        bool second = pieces.is_second(step);
        int part = pieces.score_part(step), width = pieces.width(part), stride = pieces.row_stride();
        const float* left = pieces.row_piece(slot, second, part) + 16 * warp * stride;
        if (second)
          products.add_scores(left, stride, piece, width, scores[kProducts - 1]);
        else
          products.add_scores(left, stride, piece, width, scores[0]);
        if (step == pieces.score_steps() - 1) {
          weigh<kResult>(pass, products, token_start, int64_t{tile} * kAttentionColumns, scores, rows, sums);
          if (pieces.shares_last()) summed_part = out_parts - 1;
        }
      }
#pragma unroll
      for (int p = 0; p < kParts; ++p)
        if (p == summed_part) products.add_weighted(scores[0], piece, pieces.width(first_part + p), sums + 8 * p);
      slot = slot == kAttentionSlots - 1 ? 0 : slot + 1;
    }
  }
  copy_wait<0>();

#pragma unroll
  for (int r = 0; r < 2; ++r) {
    float factor = 1;
    if constexpr (kResult == AttentionResult::kOutput) {
      float sum = rows[r].sum;
      sum += __shfl_xor_sync(0xffffffffu, sum, 1);
      sum += __shfl_xor_sync(0xffffffffu, sum, 2);
      factor = 1.0f / sum;
      if (pass.log_sums_out != nullptr && strip == 0 && products.t == 0 && first_row + 8 * r < pass.tokens)
        pass.log_sums_out[token_start + first_row + 8 * r] = rows[r].maximum + logf(sum);
    }
    if (first_row + 8 * r >= pass.tokens) continue;
    float* to = pass.result + pieces.head_start + (first_row + 8 * r) * pieces.stride();
    to += int64_t{first_part} * kPiece;
    const auto channels = static_cast<int>(pass.dim - int64_t{first_part} * kPiece);
    if (pass.vector) {
      constexpr int kNeighbours = AttentionProducts<kPrecision>::kNeighbours;
#pragma unroll
      for (int j = 0; j < kSums; j += kNeighbours / 2) {
        float values[kNeighbours];
#pragma unroll
        for (int i = 0; i < kNeighbours; ++i) values[i] = sums[j + i / 2][2 * r + i % 2] * factor;
        if (products.channel(j, 0) < channels) store_floats(to + products.channel(j, 0), values);
      }
    } else {
#pragma unroll
      for (int j = 0; j < kSums; ++j)
#pragma unroll
        for (int i = 0; i < 2; ++i)
          if (products.channel(j, i) < channels) to[products.channel(j, i)] = sums[j][2 * r + i] * factor;
    }
  }
}

/** What every GPU's blocks may have. */
constexpr int64_t kSharedBytes = 99 * 1024;

template <AttentionResult kResult, Precision kPrecision>
void launch_attention(const char* name, const AttentionPass& pass, int64_t blocks, size_t shared_bytes) {
  auto* kernel = pass.parts == 1   ? attention_kernel<kResult, kPrecision, 1>
                 : pass.parts == 2 ? attention_kernel<kResult, kPrecision, 2>
                                   : attention_kernel<kResult, kPrecision, 4>;
  launch(name, kernel, grid_of(blocks), dim3(kAttentionThreads), shared_bytes, op_stream(), pass);
}

/** Computes a result for n images; the pass has its operands, tokens, heads, dim and scale. */
template <AttentionResult kResult>
void run_attention(const char* name, AttentionPass pass, int64_t n) {
  constexpr int kProducts = kProductsOf<kResult>;
  pass.vector = pass.dim % 4 == 0 && are_aligned(pass.rows[0], pass.rows[1], pass.columns[0], pass.columns[1]) &&
                are_aligned(pass.summed, pass.result);
  pass.parts = static_cast<int>(divide_up(pass.dim, kPiece));
  pass.strips = static_cast<int>(divide_up(pass.parts, 4));
  pass.row_blocks = divide_up(pass.tokens, kAttentionRows);
  int64_t slots = kAttentionSlots * kColumnPieceFloats;
  int64_t bytes = 4 * (slots + int64_t{kProducts} * kAttentionRows * resident_stride(pass.parts));
  pass.resident = bytes <= kSharedBytes;
  if (!pass.resident) bytes = 4 * (slots + kAttentionSlots * kRowPieceFloats);
  int64_t blocks = n * pass.heads * pass.row_blocks * pass.strips;
  auto shared_bytes = static_cast<size_t>(bytes);
  switch (precision()) {
    case Precision::kFloat32:
      return launch_attention<kResult, Precision::kFloat32>(name, pass, blocks, shared_bytes);
    case Precision::kTf32:
      return launch_attention<kResult, Precision::kTf32>(name, pass, blocks, shared_bytes);
    case Precision::kBfloat16:
      return launch_attention<kResult, Precision::kBfloat16>(name, pass, blocks, shared_bytes);
  }
}

}  // namespace ddpm::cuda
