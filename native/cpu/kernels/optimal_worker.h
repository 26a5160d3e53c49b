#pragma once
#include "cpu/kernels/optimal.h"
#include "cpu/kernels/optimal_bins.h"

/** One thread's part of a pass of the optimal denoiser over a data set. */
namespace ddpm::cpu::DDPM_ISA {

/** Weights are zero kCutoff places below their chunk's largest; this many are far enough for all that is computed on
 * the way. */
constexpr double kSafeCutoff = kCutoff + 9;

/** The largest lambda so far, which all workers of a pass see. */
inline double load_best(const double* best) {
  double value;
  __atomic_load(best, &value, __ATOMIC_RELAXED);
  return value;
}

inline void raise_best(double* best, double value) {
  double seen = load_best(best);
  while (value > seen && !__atomic_compare_exchange(best, &seen, &value, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
  }
}

/** What the workers of a pass share. */
struct Pass {
  const OptimalPartialArgs& args;
  int64_t queries, workers;
  double norm_factor;
  const Query* query;
  const int16_t* digits;         // [queries, kDigits, row_bytes]
  const CoarseQuery* coarse;     // null: no bounds
  const int16_t* coarse_digits;  // [queries, coarse_row]
  const ByteQuery* bytes;        // null: no bounds from digits of bytes
  const int8_t* byte_digits;     // [queries, row_bytes]
  const int16_t* rest_digits;    // [queries, coarse_row]
  double* bounds;                // [queries, chunks]: the most that lambda can be in a chunk
  int64_t* partials;             // [workers, queries, partial_size]
  double* best;                  // [queries]: the largest lambda so far
  int64_t* counts;               // [workers, DDPM_OPTIMAL_REPORT]
  int64_t next_chunk;

  const int16_t* digit(int64_t q, int d) const { return digits + (q * kDigits + d) * args.data.row_bytes(); }
  double* bound(int64_t q, int64_t chunk) const {
    return bounds + q * (args.last_chunk - args.first_chunk) + chunk - args.first_chunk;
  }
};

class Worker {
 public:
  /** The worker of an index below pass.workers, in the calling thread's scratch memory. */
  Worker(Pass& pass, int64_t index);

  /** Fills pass.bounds for chunks that no other worker takes, and raises pass.best by the images of the highest bounds.
   */
  void find_bounds();

  /** Adds up chunks that no other worker takes. */
  void sum_chunks();

 private:
  /** Sums of 32 bits of one query that have not yet gone to its bins: of chunks with the same k, of which there are
   * kPending. */
  static constexpr int64_t kPending = 4;

  struct Pending {
    int64_t k, images, high_sum, low_sum;
    bool low;
  };

  int64_t lay_out(char* memory);
  bool take_chunk(int64_t* chunk);
  void compute_bounds(int64_t queries);
  void select(int64_t chunk);
  void narrow();
  bool take_byte_bounds(int64_t q, const double* products, const double* rests, const int64_t* places, int64_t count);
  void compare();
  void refine();
  void sum_up();
  void sum_few(const ChunkWeights& weights, int32_t* sums);
  void prepare(int64_t q, const ChunkWeights& weights);
  void flush(int64_t q, int64_t k);

  Bins bins(int64_t q) const {
    int64_t pixels = pass_.args.data.pixels();
    return {pass_.partials + (index_ * pass_.queries + q) * partial_size(pixels), pixels};
  }
  int64_t pending_place(int64_t q, int64_t k) const { return q * kPending + (k & (kPending - 1)); }
  Pending& pending(int64_t q, int64_t k) const { return pending_[pending_place(q, k)]; }
  int32_t* pending_sums(int64_t q, int64_t k) const { return sums_ + pending_place(q, k) * 2 * row_; }
  bool can_matter(int64_t q, double lambda) const;
  double largest_of(const double* lambda) const;
  double least(int64_t q) const;
  int64_t find_candidates(int64_t q);
  double norm_part(int64_t i) const { return pass_.norm_factor * data_.norms[first_ + i]; }

  Pass& pass_;
  const ByteImages& data_;
  int64_t index_, row_;
  int64_t* counts_;
  int64_t chunk_ = 0, run_ = 0;  // the next chunk, and how many are left of the run
  int64_t first_ = 0, count_ = 0, active_count_ = 0;
  const int8_t* images_[kChunk];
  const int8_t* some_images_[kChunk];
  int64_t places_[kChunk];
  int32_t* sums_;     // [queries, kPending, 2, row_bytes]
  double* products_;  // [queries + 1, kChunk], as rest_products_
  double* rest_products_;
  double* lambda_;              // [queries, kChunk]
  ChunkWeights* weights_;       // [queries]
  Pending* pending_;            // [queries, kPending]
  int64_t *active_, *dense_;    // [queries]: numbers of queries
  int64_t* open_;               // [queries]: images of the chunk that block means leave open
  bool* refined_;               // [queries]: whether images of the chunk got more than the first digit
  const int16_t** digit_rows_;  // [queries], as byte_rows_
  const int8_t** byte_rows_;
  const int32_t** weight_rows_;  // [2 queries], as sum_rows_
  int32_t** sum_rows_;
};

}  // namespace ddpm::cpu::DDPM_ISA
