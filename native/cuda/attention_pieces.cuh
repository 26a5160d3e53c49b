#pragma once
#include "cuda/attention_products.cuh"

/** What a pass of attention.cuh computes, and how its operands come to shared memory. */
namespace ddpm::cuda {

constexpr int kAttentionRows = 64, kAttentionThreads = 128, kAttentionSlots = 3;

enum class AttentionResult { kOutput, kQuery, kKey, kValue };

struct AttentionPass {
  const float *rows[2], *columns[2];  // of the scores' products
  const float* summed;                // of the columns
  float* result;
  float* log_sums_out;            // of kOutput; may be null
  const float *log_sums, *means;  // of the queries, [N,heads,T]
  int64_t tokens, heads, dim;
  float scale;
  bool vector;    // whether rows of memory start at multiples of 16 bytes
  bool resident;  // whether the rows' operands stay in shared memory
  int parts;      // pieces of the channels
  int64_t row_blocks;
  int strips;
};

/** The products of scores that a result needs, and whether its rows are queries; else they are keys. */
template <AttentionResult kResult>
constexpr int kProductsOf = kResult == AttentionResult::kQuery || kResult == AttentionResult::kKey ? 2 : 1;
template <AttentionResult kResult>
constexpr bool kRowsAreQueries = kResult == AttentionResult::kOutput || kResult == AttentionResult::kQuery;

constexpr int kColumnPieceFloats = kAttentionColumns * kPieceStride, kRowPieceFloats = kAttentionRows * kPieceStride;

/** Floats from one row of a resident operand to the next, and those of all of them. */
DDPM_ARITHMETIC int resident_stride(int parts) { return parts * kPiece + 4; }

/** The pieces of a pass in the order in which they are used, and where they are in shared memory. */
template <AttentionResult kResult, int kParts>
struct AttentionPieces {
  static constexpr int kProducts = kProductsOf<kResult>;

  const AttentionPass& pass;
  float* memory;
  int64_t head_start;  // of the head's first token
  int64_t first_row;
  int first_part, out_parts;  // of the strip

  /** Steps of a tile: a piece each, those of the second product first. */
  DDPM_DEVICE int score_steps() const { return kProducts * pass.parts; }
  /** Whether the last piece of the scores is also the strip's last piece of what is summed. */
  DDPM_DEVICE bool shares_last() const { return kProducts == 2 && first_part + out_parts == pass.parts; }
  DDPM_DEVICE int steps() const { return score_steps() + out_parts - shares_last(); }
  DDPM_DEVICE bool is_second(int step) const { return kProducts == 2 && step < pass.parts; }
  DDPM_DEVICE int score_part(int step) const { return kProducts == 1 || is_second(step) ? step : step - pass.parts; }
  DDPM_DEVICE int64_t stride() const { return pass.heads * pass.dim; }
  DDPM_DEVICE int width(int part) const {
    return static_cast<int>(min(int64_t{kPiece}, pass.dim - int64_t{part} * kPiece));
  }

  /** The slots come first, then the resident operands. */
  DDPM_DEVICE int slot_floats() const { return kColumnPieceFloats + (pass.resident ? 0 : kRowPieceFloats); }
  DDPM_DEVICE float* column_piece(int slot) const { return memory + slot * slot_floats(); }
  DDPM_DEVICE int row_stride() const { return pass.resident ? resident_stride(pass.parts) : kPieceStride; }
  DDPM_DEVICE float* row_piece(int slot, int product, int part) const {
    if (!pass.resident) return column_piece(slot) + kColumnPieceFloats;
    return memory + kAttentionSlots * kColumnPieceFloats + product * kAttentionRows * resident_stride(pass.parts) +
           part * kPiece;
  }

  /** Starts to copy tokens first to first + kTokens, or zeros beyond the last, of a part's channels. */
  template <int kTokens>
  DDPM_DEVICE void copy(const float* matrix, int64_t first, int part, float* to, int to_stride) const {
    constexpr int kQuads = kPiece / 4;
    int column = 4 * (static_cast<int>(threadIdx.x) % kQuads), left = width(part) - column;
    // The scores' loop reads whole runs of 32 channels.
    if (left <= -32) return;
    const float* from = matrix + head_start + int64_t{part} * kPiece + column;
#pragma unroll 2
    for (int i = 0; i < kTokens * kQuads / kAttentionThreads; ++i) {
      int row = static_cast<int>(threadIdx.x) / kQuads + i * (kAttentionThreads / kQuads);
      bool valid = first + row < pass.tokens;
      const float* at = valid && left > 0 ? from + (first + row) * stride() : matrix;
      SharedAddress target = shared_address(to + row * to_stride + column);
      if (pass.vector) {
        copy_async(target, at, valid && left > 0);
        continue;
      }
#pragma unroll
      for (int c = 0; c < 4; ++c) copy_async<4>(target + 4 * c, c < left ? at + c : matrix, valid && c < left);
    }
  }

  /** Starts to copy what step `step` of a tile needs. */
  DDPM_DEVICE void load(int tile, int step, int slot) const {
    int64_t first_column = int64_t{tile} * kAttentionColumns;
    if (step >= score_steps()) {
      int part = first_part + step - score_steps();
      copy<kAttentionColumns>(pass.summed, first_column, part, column_piece(slot), kPieceStride);
      return;
    }
    bool second = is_second(step);
    int part = score_part(step);
    copy<kAttentionColumns>(second ? pass.columns[1] : pass.columns[0], first_column, part, column_piece(slot),
                            kPieceStride);
    if (!pass.resident || tile == 0)
      copy<kAttentionRows>(second ? pass.rows[1] : pass.rows[0], first_row, part, row_piece(slot, second, part),
                           row_stride());
  }
};

}  // namespace ddpm::cuda
