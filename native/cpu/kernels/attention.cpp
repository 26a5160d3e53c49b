// Multi-head attention and its gradient.
//
// Forward: queries are taken in blocks whose scores against all keys fit the second-level cache, so one pass over them
// gives the softmax, and the division by its sum waits until after the product with the values. Backward: a task takes
// one head. The weights P are computed again from the kept log-sum-exp (Dao et al., arXiv 2205.14135, algorithm 4):
// with D = rowsum(dO O), dV = P' dO, dP = dO V', dS = P (dP - D) scale, dQ = dS K, dK = dS' Q.
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/ops.h"
#include "cpu/kernels/scratch.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Floats of scores of a block of queries: 256 KiB, half of a small second-level cache. */
constexpr int64_t kMaxScores = 64 << 10;

/** Queries of a block at most. More share one reading of keys and values; in the backward pass, one pass over dk and dv
 * too. */
constexpr int64_t kForwardBlock = 8 * kTileRows, kBackwardBlock = 16 * kTileRows;

/** With fewer heads than this a head's queries are shared out among tasks. */
constexpr int64_t kManyHeads = 8;

constexpr int64_t kColumnPanel = kColumnTileVectors * kLanes;

/** One head's rows within [T, heads * head_dim]. */
struct Head {
  int64_t tokens, dim, stride, offset;

  /** Row length of scores: whole panels, a tile of columns beyond the last token, and no power of two. */
  int64_t row() const { return round_up(tokens + kTileRows, kPanel); }
  /** Queries in a block: whole tiles. */
  int64_t block(int64_t arrays, int64_t most) const {
    int64_t rows = kMaxScores / arrays / row() / kTileRows * kTileRows;
    return rows < kTileRows ? kTileRows : (rows > most ? most : rows);
  }
  int64_t token_panels_size() const { return panels_size(dim, tokens); }
  int64_t dim_panels_size() const { return panels_size(tokens, dim); }
};

Head head_of(int64_t tokens, int64_t heads, int64_t dim, int64_t index) {
  return {tokens, dim, heads * dim, index / heads * tokens * heads * dim + index % heads * dim};
}

/** The transpose of a head's [T,dim] as panels over tokens. */
void pack_tokens(const Head& h, const float* matrix, float* panels) {
  for (int64_t t = 0; t < h.tokens; t += kPanel)
    pack_panel_transposed(matrix + h.offset, h.stride, h.dim, t, h.tokens, panels + t * h.dim);
}

/** A head's [T,dim] as panels over dim. */
void pack_dim(const Head& h, const float* matrix, float* panels) {
  for (int64_t d = 0; d < h.dim; d += kPanel)
    pack_panel(matrix + h.offset, h.stride, h.tokens, d, h.dim, panel_width(h.dim, d), panels + d * h.tokens);
}

/** Rows first to first + count of a head's [T,dim] as panels of kColumnPanel over dim, the last only as wide as it must
 * be. */
void pack_queries(const Head& h, const float* matrix, int64_t first, int64_t count, float* panels) {
  for (int64_t d = 0; d < h.dim; d += kColumnPanel) {
    int64_t width = h.dim - d < kColumnPanel ? round_up(h.dim - d, kLanes) : kColumnPanel;
    pack_panel(matrix + h.offset + first * h.stride, h.stride, count, d, h.dim, width, panels + d * count);
  }
}

/** Row pointers of whole tiles; rows beyond count repeat the first, their results are not used. */
const float** row_pointers(const float* first_row, int64_t stride, int64_t count) {
  const float** rows = scratch<const float*>(kRowPointers, round_up(count, kTileRows));
  for (int64_t i = 0; i < round_up(count, kTileRows); ++i) rows[i] = first_row + (i < count ? i * stride : 0);
  return rows;
}

/**
 * target [count, columns] = rows [count] by one panel, each row times its factor. A function of its own, so that what
 * its callers keep in registers does not drive the microkernel's pointers out of them.
 */
template <int kVectors>
__attribute__((noinline)) void multiply_panel(const float* const* rows, int64_t count, int64_t depth,
                                              const float* panel, const float* factors, float* target, int64_t stride,
                                              int64_t columns) {
  const int64_t step = 0;
  for (int64_t r = 0; r < count; r += kTileRows, target += kTileRows * stride) {
    Tile<kTileRows, kVectors> tile = multiply_rows<kVectors>(rows + r, &step, 1, depth, panel);
    if (count - r >= kTileRows && columns >= kVectors * kLanes) {
#pragma GCC unroll 16
      for (int i = 0; i < kTileRows; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < kVectors; ++j) store(target + i * stride + j * kLanes, tile.sum[i][j] * factors[r + i]);
      continue;
    }
    Tile<kTileRows, kVectors> sums = tile;  // a copy that may be indexed, so that the other need not be in memory
    for (int64_t i = 0; i < kTileRows && r + i < count; ++i)
      for (int j = 0; j < kVectors; ++j)
        store_columns(target + i * stride, j * kLanes, columns, sums.sum[i][j] * factors[r + i]);
  }
}

/** target [count, columns] = rows [count] by a matrix of packed panels [depth, columns], each row times its factor. */
void multiply_panels(const float* const* rows, int64_t count, int64_t depth, const float* panels, const float* factors,
                     float* target, int64_t stride, int64_t columns) {
  for (int64_t column = 0; column < columns; column += kPanel)
    if (panel_width(columns, column) == kPanel)
      multiply_panel<kTileVectors>(rows, count, depth, panels + column * depth, factors, target + column, stride,
                                   columns - column);
    else
      multiply_panel<1>(rows, count, depth, panels + column * depth, factors, target + column, stride,
                        columns - column);
}

/** scores [count, row()] = rows first.. of matrix by the transposed panels, each row times its factor. */
void multiply_tokens(const Head& h, const float* matrix, int64_t first, int64_t count, const float* panels,
                     const float* factors, float* scores) {
  const float** rows = row_pointers(matrix + h.offset + first * h.stride, h.stride, count);
  multiply_panels(rows, count, h.dim, panels, factors, scores, h.row(), h.tokens);
}

/** out rows first.. [.., dim] = weights [count, row()] by panels over dim, each row times its factor. */
void multiply_weights(const Head& h, const float* weights, int64_t first, int64_t count, const float* panels,
                      const float* factors, float* out) {
  const float** rows = row_pointers(weights, h.row(), count);
  multiply_panels(rows, count, h.tokens, panels, factors, out + h.offset + first * h.stride, h.stride, h.dim);
}

template <int kVectors>
void add_transposed_panel(const Head& h, const float* weights, int64_t count, const float* panel, int64_t d,
                          float* out) {
  for (int64_t t = 0; t < h.tokens; t += kColumnTileRows) {
    Tile<kColumnTileRows, kVectors> tile =
        multiply_columns<kVectors>(weights + t, h.row(), count, panel, kVectors * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < kColumnTileRows; ++i) {
      if (t + i >= h.tokens) continue;
      float* row = out + h.offset + (t + i) * h.stride;
#pragma GCC unroll 4
      for (int j = 0; j < kVectors; ++j) {
        int64_t at = d + j * kLanes;
        store_columns(row, at, h.dim, load_columns(row, at, h.dim) + tile.sum[i][j]);
      }
    }
  }
}

/** out [T,dim] += weights [count, row()]' by the panels of pack_queries: a sum over queries. */
void add_transposed(const Head& h, const float* weights, int64_t count, const float* panels, float* out) {
  for (int64_t d = 0; d < h.dim; d += kColumnPanel) {
    int64_t left = h.dim - d;
    if (left > 2 * kLanes)
      add_transposed_panel<3>(h, weights, count, panels + d * count, d, out);
    else if (left > kLanes)
      add_transposed_panel<2>(h, weights, count, panels + d * count, d, out);
    else
      add_transposed_panel<1>(h, weights, count, panels + d * count, d, out);
  }
}

/** Replaces a row of scores by exp(score - maximum); returns the sum and the maximum. */
float exponentials(const Head& h, float* row, float* maximum) {
  Vec largest = broadcast(row[0]);
  int64_t whole = h.tokens / kLanes * kLanes;
  for (int64_t t = 0; t < whole; t += kLanes) largest = max(load(row + t), largest);
  float m = largest[0];
  for (int i = 1; i < kLanes; ++i) m = largest[i] > m ? largest[i] : m;
  for (int64_t t = whole; t < h.tokens; ++t) m = row[t] > m ? row[t] : m;
  Vec total{};
  for (int64_t t = 0; t < whole; t += kLanes) {
    Vec e = exp(load(row + t) - m);
    store(row + t, e);
    total += e;
  }
  if (whole < h.tokens) {
    Vec e = exp(load_columns(row, whole, h.tokens) - m);
    // Lanes beyond the last token must not count.
    for (int64_t i = h.tokens - whole; i < kLanes; ++i) e[i] = 0;
    store_columns(row, whole, h.tokens, e);
    total += e;
  }
  *maximum = m;
  return sum(total);
}

/** One block of queries of a head. */
void attend(const AttentionArgs& a, const Head& h, int64_t head, int64_t first, const float* keys,
            const float* values) {
  int64_t block = h.block(1, kForwardBlock), count = h.tokens - first < block ? h.tokens - first : block;
  float* scores = scratch<float>(kScores, block * (h.row() + 1));
  float* factors = scores + block * h.row();
  for (int64_t r = 0; r < count; ++r) factors[r] = a.scale;
  multiply_tokens(h, a.q, first, count, keys, factors, scores);
  for (int64_t r = 0; r < count; ++r) {
    float maximum;
    float total = exponentials(h, scores + r * h.row(), &maximum);
    factors[r] = 1.0f / total;
    if (a.log_sum_exp != nullptr) a.log_sum_exp[head * h.tokens + first + r] = maximum + std::log(total);
  }
  multiply_weights(h, scores, first, count, values, factors, a.o);
}

/** Replaces a block of scores by the weights P, and of slopes dP by dS. */
void differentiate_softmax(const AttentionBackwardArgs& a, const Head& h, int64_t head, int64_t first, int64_t count,
                           float* weights, float* slopes) {
  for (int64_t r = 0; r < count; ++r) {
    int64_t row = h.offset + (first + r) * h.stride;
    Vec products{};
    for (int64_t d = 0; d < h.dim; d += kLanes)
      products += load_columns(a.d_o + row, d, h.dim) * load_columns(a.o + row, d, h.dim);
    float mean = sum(products), log_sum = a.log_sum_exp[head * h.tokens + first + r];
    float* p = weights + r * h.row();
    float* s = slopes + r * h.row();
    for (int64_t t = 0; t < round_up(h.tokens, kLanes); t += kLanes) {
      Vec e = exp(load(p + t) - log_sum);
      store(p + t, e);
      store(s + t, e * (load(s + t) - mean) * a.scale);
    }
  }
}

void differentiate(const AttentionBackwardArgs& a, const Head& h, int64_t head) {
  int64_t block = h.block(2, kBackwardBlock), query_panels = round_up(h.dim, kColumnPanel) * block;
  float* keys_by_token = scratch<float>(kPackedInput, 2 * h.token_panels_size());
  float* values_by_token = keys_by_token + h.token_panels_size();
  float* keys_by_dim = scratch<float>(kPanelScratch, h.dim_panels_size() + 2 * query_panels);
  float* queries = keys_by_dim + h.dim_panels_size();
  float* d_o = queries + query_panels;
  float* weights = scratch<float>(kScores, 2 * block * (h.row() + 1));
  float* slopes = weights + block * h.row();
  float* ones = slopes + block * h.row();
  float* scales = ones + block;
  pack_tokens(h, a.k, keys_by_token);
  pack_tokens(h, a.v, values_by_token);
  pack_dim(h, a.k, keys_by_dim);
  for (int64_t r = 0; r < block; ++r) {
    ones[r] = 1.0f;
    scales[r] = a.scale;
  }
  for (int64_t t = 0; t < h.tokens; ++t) {
    std::memset(a.dk + h.offset + t * h.stride, 0, static_cast<size_t>(h.dim) * sizeof(float));
    std::memset(a.dv + h.offset + t * h.stride, 0, static_cast<size_t>(h.dim) * sizeof(float));
  }
  for (int64_t first = 0; first < h.tokens; first += block) {
    int64_t count = h.tokens - first < block ? h.tokens - first : block;
    multiply_tokens(h, a.q, first, count, keys_by_token, scales, weights);
    multiply_tokens(h, a.d_o, first, count, values_by_token, ones, slopes);
    differentiate_softmax(a, h, head, first, count, weights, slopes);
    multiply_weights(h, slopes, first, count, keys_by_dim, ones, a.dq);
    pack_queries(h, a.d_o, first, count, d_o);
    add_transposed(h, weights, count, d_o, a.dv);
    pack_queries(h, a.q, first, count, queries);
    add_transposed(h, slopes, count, queries, a.dk);
  }
}

}  // namespace

ddpm_status attention(const AttentionArgs& a) {
  int64_t heads = a.n * a.heads;
  Head any = head_of(a.tokens, a.heads, a.head_dim, 0);
  int64_t block = any.block(1, kForwardBlock), blocks = divide_up(a.tokens, block);
  if (heads < kManyHeads) {
    float* keys = scratch<float>(kPackedInput, heads * any.token_panels_size());
    float* values = scratch<float>(kPanelScratch, heads * any.dim_panels_size());
    parallel_for(2 * heads, [&](int64_t task) {
      int64_t head = task / 2;
      Head h = head_of(a.tokens, a.heads, a.head_dim, head);
      if (task % 2 == 0)
        pack_tokens(h, a.k, keys + head * h.token_panels_size());
      else
        pack_dim(h, a.v, values + head * h.dim_panels_size());
    });
    parallel_for(heads * blocks, [&](int64_t task) {
      int64_t head = task / blocks;
      Head h = head_of(a.tokens, a.heads, a.head_dim, head);
      attend(a, h, head, task % blocks * block, keys + head * h.token_panels_size(),
             values + head * h.dim_panels_size());
    });
    return DDPM_OK;
  }
  parallel_for(heads, [&](int64_t head) {
    Head h = head_of(a.tokens, a.heads, a.head_dim, head);
    float* keys = scratch<float>(kPackedInput, h.token_panels_size());
    float* values = scratch<float>(kPanelScratch, h.dim_panels_size());
    pack_tokens(h, a.k, keys);
    pack_dim(h, a.v, values);
    for (int64_t i = 0; i < blocks; ++i) attend(a, h, head, i * block, keys, values);
  });
  return DDPM_OK;
}

ddpm_status attention_backward(const AttentionBackwardArgs& a) {
  parallel_for(a.n * a.heads,
               [&](int64_t head) { differentiate(a, head_of(a.tokens, a.heads, a.head_dim, head), head); });
  return DDPM_OK;
}

}  // namespace ddpm::cpu::DDPM_ISA
