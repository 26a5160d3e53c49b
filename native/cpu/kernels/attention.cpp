// Multi-head attention and its gradient.
//
// Forward: a task takes a block of queries of one head. Scores of the whole block against all keys fit the second-level cache,
// so one pass over them gives the softmax, and the division by its sum waits until after the product with the values.
// Backward: a task takes one head. The weights P are computed again from the kept log-sum-exp (Dao et al., arXiv 2205.14135,
// algorithm 4): with D = rowsum(dO O), dV = P' dO, dP = dO V', dS = P (dP - D) scale, dQ = dS K, dK = dS' Q.
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/ops.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Floats of scores that a block of queries may have: 128 KiB. */
constexpr int64_t kMaxScores = 32 << 10;

/** One head's rows within [T, heads * head_dim]. */
struct Head {
  int64_t tokens, dim, stride, offset;
  int64_t padded_tokens;  // row length of scores: whole panels and a whole tile of columns beyond the last token
  int64_t block;          // queries in a block, whole tiles

  int64_t panels_of_tokens() const { return divide_up(tokens, kPanel); }
  int64_t panels_of_dim() const { return divide_up(dim, kPanel); }
};

Head head_of(int64_t tokens, int64_t heads, int64_t dim, int64_t index) {
  Head h{tokens, dim, heads * dim, index / heads * tokens * heads * dim + index % heads * dim, 0, 0};
  h.padded_tokens = round_up(tokens + kTileRows, kPanel);
  int64_t rows = kMaxScores / h.padded_tokens / kTileRows * kTileRows;
  h.block = rows < kTileRows ? kTileRows : (rows > 8 * kTileRows ? 8 * kTileRows : rows);
  return h;
}

float* scratch_floats(int slot, int64_t count) {
  return static_cast<float*>(thread_scratch(slot, static_cast<size_t>(count) * sizeof(float)));
}

/** The transpose of a head's [T,dim] as panels over tokens. */
void pack_tokens(const Head& h, const float* matrix, float* panels) {
  for (int64_t p = 0; p < h.panels_of_tokens(); ++p)
    pack_panel_transposed(matrix + h.offset, h.stride, h.dim, p * kPanel, h.tokens, panels + p * h.dim * kPanel);
}

/** A head's [T,dim], or rows first to first + count of it, as panels over dim. */
void pack_dim(const Head& h, const float* matrix, int64_t first, int64_t count, float* panels) {
  for (int64_t p = 0; p < h.panels_of_dim(); ++p)
    pack_panel(matrix + h.offset + first * h.stride, h.stride, count, p * kPanel, h.dim, panels + p * count * kPanel);
}

/** Row pointers of a tile of tokens; rows beyond count repeat the first, their results are not used. */
void token_rows(const Head& h, const float* matrix, int64_t first, int64_t count, const float** rows) {
  for (int64_t i = 0; i < kTileRows; ++i) rows[i] = matrix + h.offset + (first + (i < count ? i : 0)) * h.stride;
}

/** scores [count, padded_tokens] = rows first.. of matrix by the transposed panels. */
void multiply_tokens(const Head& h, const float* matrix, int64_t first, int64_t count, const float* panels, float* scores) {
  for (int64_t r = 0; r < count; r += kTileRows) {
    const float* rows[kTileRows];
    token_rows(h, matrix, first + r, count - r, rows);
    for (int64_t p = 0; p < h.panels_of_tokens(); ++p) {
      Tile tile = multiply_rows(rows, 1, h.dim, panels + p * h.dim * kPanel);
      for (int i = 0; i < kTileRows && r + i < count; ++i)
        for (int j = 0; j < kTileVectors; ++j)
          store(scores + (r + i) * h.padded_tokens + p * kPanel + j * kLanes, tile.sum[i][j]);
    }
  }
}

/** out rows first.. [.., dim] = weights [count, padded_tokens] by panels over dim, each row times its factor. */
void multiply_weights(const Head& h, const float* weights, int64_t first, int64_t count, const float* panels,
                      const float* factors, float* out) {
  for (int64_t r = 0; r < count; r += kTileRows) {
    const float* rows[kTileRows];
    for (int64_t i = 0; i < kTileRows; ++i) rows[i] = weights + (r + (r + i < count ? i : 0)) * h.padded_tokens;
    for (int64_t p = 0; p < h.panels_of_dim(); ++p) {
      Tile tile = multiply_rows(rows, 1, h.tokens, panels + p * h.tokens * kPanel);
      for (int i = 0; i < kTileRows && r + i < count; ++i)
        for (int j = 0; j < kTileVectors; ++j)
          store_columns(out + h.offset + (first + r + i) * h.stride, p * kPanel + j * kLanes, h.dim,
                        tile.sum[i][j] * factors[r + i]);
    }
  }
}

/** out [T,dim] += weights [count, padded_tokens]' by panels [count] over dim: a sum over queries. */
void add_transposed(const Head& h, const float* weights, int64_t count, const float* panels, float* out) {
  for (int64_t t = 0; t < h.tokens; t += kTileRows)
    for (int64_t p = 0; p < h.panels_of_dim(); ++p) {
      Tile tile = multiply_columns(weights + t, h.padded_tokens, count, panels + p * count * kPanel);
      for (int i = 0; i < kTileRows && t + i < h.tokens; ++i) {
        float* row = out + h.offset + (t + i) * h.stride;
        for (int j = 0; j < kTileVectors; ++j) {
          int64_t at = p * kPanel + j * kLanes;
          store_columns(row, at, h.dim, load_columns(row, at, h.dim) + tile.sum[i][j]);
        }
      }
    }
}

/** Replaces a row of scores by exp(scale (score - maximum)), zeros beyond the last token; returns the sum and the maximum. */
float exponentials(const Head& h, float* row, float scale, float* maximum) {
  Vec largest = broadcast(row[0]);
  int64_t whole = h.tokens / kLanes * kLanes;
  for (int64_t t = 0; t < whole; t += kLanes) largest = max(load(row + t), largest);
  float m = largest[0];
  for (int i = 1; i < kLanes; ++i) m = largest[i] > m ? largest[i] : m;
  for (int64_t t = whole; t < h.tokens; ++t) m = row[t] > m ? row[t] : m;
  Vec total{};
  for (int64_t t = 0; t < whole; t += kLanes) {
    Vec e = exp((load(row + t) - m) * scale);
    store(row + t, e);
    total += e;
  }
  if (whole < h.tokens) {
    Vec e = exp((load_columns(row, whole, h.tokens) - m) * scale);
    // Lanes beyond the last token must not count.
    for (int64_t i = h.tokens - whole; i < kLanes; ++i) e[i] = 0;
    store_columns(row, whole, h.tokens, e);
    total += e;
  }
  *maximum = m;
  return sum(total);
}

void attend(const AttentionArgs& a, const Head& h, int64_t head, int64_t first) {
  int64_t count = h.tokens - first < h.block ? h.tokens - first : h.block;
  float* keys = scratch_floats(kPackedInput, h.panels_of_tokens() * h.dim * kPanel);
  float* values = scratch_floats(kPanelScratch, h.panels_of_dim() * h.tokens * kPanel);
  float* scores = scratch_floats(kScores, h.block * (h.padded_tokens + 1));
  float* factors = scores + h.block * h.padded_tokens;
  pack_tokens(h, a.k, keys);
  pack_dim(h, a.v, 0, h.tokens, values);
  multiply_tokens(h, a.q, first, count, keys, scores);
  for (int64_t r = 0; r < count; ++r) {
    float maximum;
    float total = exponentials(h, scores + r * h.padded_tokens, a.scale, &maximum);
    factors[r] = 1.0f / total;
    if (a.log_sum_exp != nullptr)
      a.log_sum_exp[head * h.tokens + first + r] = a.scale * maximum + std::log(total);
  }
  multiply_weights(h, scores, first, count, values, factors, a.o);
}

void differentiate(const AttentionBackwardArgs& a, const Head& h, int64_t head) {
  int64_t token_panels = h.panels_of_tokens() * h.dim * kPanel, dim_panels = h.panels_of_dim() * h.tokens * kPanel;
  float* keys_by_token = scratch_floats(kPackedInput, 2 * token_panels);
  float* values_by_token = keys_by_token + token_panels;
  float* keys_by_dim = scratch_floats(kPanelScratch, dim_panels + 2 * h.panels_of_dim() * h.block * kPanel);
  float* queries = keys_by_dim + dim_panels;
  float* d_o = queries + h.panels_of_dim() * h.block * kPanel;
  float* weights = scratch_floats(kScores, 2 * h.block * h.padded_tokens + h.block);
  float* slopes = weights + h.block * h.padded_tokens;
  float* ones = slopes + h.block * h.padded_tokens;
  pack_tokens(h, a.k, keys_by_token);
  pack_tokens(h, a.v, values_by_token);
  pack_dim(h, a.k, 0, h.tokens, keys_by_dim);
  for (int64_t r = 0; r < h.block; ++r) ones[r] = 1.0f;
  for (int64_t t = 0; t < h.tokens; ++t) {
    std::memset(a.dk + h.offset + t * h.stride, 0, static_cast<size_t>(h.dim) * sizeof(float));
    std::memset(a.dv + h.offset + t * h.stride, 0, static_cast<size_t>(h.dim) * sizeof(float));
  }
  for (int64_t first = 0; first < h.tokens; first += h.block) {
    int64_t count = h.tokens - first < h.block ? h.tokens - first : h.block;
    multiply_tokens(h, a.q, first, count, keys_by_token, weights);
    multiply_tokens(h, a.d_o, first, count, values_by_token, slopes);
    for (int64_t r = 0; r < count; ++r) {
      int64_t row = h.offset + (first + r) * h.stride;
      Vec products{};
      for (int64_t d = 0; d < h.dim; d += kLanes)
        products += load_columns(a.d_o + row, d, h.dim) * load_columns(a.o + row, d, h.dim);
      float d = sum(products), log_sum = a.log_sum_exp[head * h.tokens + first + r];
      float* p = weights + r * h.padded_tokens;
      float* s = slopes + r * h.padded_tokens;
      for (int64_t t = 0; t < h.padded_tokens; t += kLanes) {
        Vec e = exp(load(p + t) * a.scale - log_sum), slope = e * (load(s + t) - d) * a.scale;
        if (t + kLanes > h.tokens)
          for (int64_t i = h.tokens > t ? h.tokens - t : 0; i < kLanes; ++i) e[i] = slope[i] = 0;
        store(p + t, e);
        store(s + t, slope);
      }
    }
    pack_dim(h, a.q, first, count, queries);
    pack_dim(h, a.d_o, first, count, d_o);
    multiply_weights(h, slopes, first, count, keys_by_dim, ones, a.dq);
    add_transposed(h, weights, count, d_o, a.dv);
    add_transposed(h, slopes, count, queries, a.dk);
  }
}

}  // namespace

ddpm_status attention(const AttentionArgs& a) {
  int64_t blocks = divide_up(a.tokens, head_of(a.tokens, a.heads, a.head_dim, 0).block);
  parallel_for(a.n * a.heads * blocks, [&](int64_t task) {
    int64_t head = task / blocks;
    Head h = head_of(a.tokens, a.heads, a.head_dim, head);
    attend(a, h, head, task % blocks * h.block);
  });
  return DDPM_OK;
}

ddpm_status attention_backward(const AttentionBackwardArgs& a) {
  parallel_for(a.n * a.heads,
               [&](int64_t head) { differentiate(a, head_of(a.tokens, a.heads, a.head_dim, head), head); });
  return DDPM_OK;
}

}  // namespace ddpm::cpu::DDPM_ISA
