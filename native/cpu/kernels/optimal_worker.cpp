// A chunk of images stays in the second-level cache from its products with all queries to its weighted sums. Bounds,
// then the first digit's products, tell which images matter; only these get the other digits, and only those with a
// weight are summed. A chunk all of whose weights would fall below the bins that are kept, given the largest weight
// seen so far, is left as soon as that is known. All this saves work and never changes a sum.
#include "cpu/kernels/optimal_worker.h"

#include <algorithm>
#include <type_traits>

#include "cpu/kernels/scratch.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Neighbouring chunks that a worker takes at a time: the next one is fetched from memory while one is summed. */
constexpr int64_t kRun = 4;

}  // namespace

Worker::Worker(Pass& pass, int64_t index)
    : pass_(pass),
      data_(pass.args.data),
      index_(index),
      row_(data_.row_bytes()),
      counts_(pass.counts + index * DDPM_OPTIMAL_REPORT) {
  lay_out(scratch<char>(kOptimalChunk, lay_out(nullptr)));
}

/** Divides up memory; returns how much it takes. */
int64_t Worker::lay_out(char* memory) {
  int64_t q = pass_.queries, used = 0;
  auto take = [&](auto& pointer, int64_t count) {
    if (memory != nullptr) pointer = reinterpret_cast<std::remove_reference_t<decltype(pointer)>>(memory + used);
    used += (count * static_cast<int64_t>(sizeof *pointer) + 63) / 64 * 64;
  };
  take(sums_, q * kPending * 2 * row_);
  take(products_, (q + 1) * kChunk);
  take(rest_products_, (q + 1) * kChunk);
  take(lambda_, q * kChunk);
  take(weights_, q);
  take(pending_, q * kPending);
  take(active_, q);
  take(dense_, q);
  take(open_, q);
  take(refined_, q);
  take(digit_rows_, q);
  take(byte_rows_, q);
  take(weight_rows_, 2 * q);
  take(sum_rows_, 2 * q);
  return used;
}

bool Worker::take_chunk(int64_t* chunk) {
  if (run_ == 0) {
    chunk_ = __atomic_fetch_add(&pass_.next_chunk, kRun, __ATOMIC_RELAXED);
    run_ = kRun;
  }
  --run_;
  *chunk = chunk_++;
  if (*chunk >= pass_.args.last_chunk) return false;
  first_ = pass_.args.chunks[*chunk];
  count_ = pass_.args.chunks[*chunk + 1] - first_;
  for (int64_t i = 0; i < count_; ++i) images_[i] = data_.rows + (first_ + i) * row_;
  return true;
}

double Worker::largest_of(const double* lambda) const {
  double largest = -INFINITY;
  for (int64_t i = 0; i < count_; ++i) largest = lambda[i] > largest ? lambda[i] : largest;
  return largest;
}

/** Whether a chunk whose largest lambda this is will be in the bins that are kept. */
bool Worker::can_matter(int64_t q, double lambda) const {
  return optimal::can_matter(lambda, bin_of_lambda(load_best(&pass_.best[q])));
}

void Worker::sum_chunks() {
  std::memset(counts_, 0, DDPM_OPTIMAL_REPORT * sizeof(int64_t));
  for (int64_t q = 0; q < pass_.queries; ++q) {
    bins(q).clear(pass_.query[q].digits == 0 ? kNotFinite : kNoBin);
    for (int64_t k = 0; k < kPending; ++k) pending(q, k) = {};
  }
  for (int64_t chunk; take_chunk(&chunk);) {
    select(chunk);
    if (pass_.bytes != nullptr) narrow();
    if (active_count_ == 0) continue;
    compare();
    refine();
    sum_up();
  }
  for (int64_t q = 0; q < pass_.queries; ++q)
    for (int64_t k = 0; k < kPending; ++k) flush(q, k);
}

/** lambda_ from the first digit, -infinity for images that bounds rule out; keeps the queries for which the chunk can
 * matter. */
void Worker::compare() {
  int64_t dense = 0;
  bool bounded = pass_.coarse != nullptr || pass_.bytes != nullptr;
  for (int64_t j = 0; j < active_count_; ++j) {
    int64_t q = active_[j], candidates = bounded ? find_candidates(q) : count_;
    const Query& query = pass_.query[q];
    double* lambda = lambda_ + q * kChunk;
    bool all = 2 * candidates > count_;
    counts_[1] += all ? count_ : candidates;
    if (pass_.bytes != nullptr) counts_[4] += std::max<int64_t>(open_[q] - (all ? count_ : candidates), 0);
    if (all) {
      digit_rows_[dense] = pass_.digit(q, 0);
      dense_[dense++] = q;
      continue;
    }
    for (int64_t i = 0; i < candidates; ++i) some_images_[i] = images_[places_[i]];
    const int16_t* digits = pass_.digit(q, 0);
    // The last row of products: those before it are the dense queries'.
    double* products = products_ + pass_.queries * kChunk;
    multiply_digits(&digits, 1, some_images_, candidates, row_, products, kChunk);
    for (int64_t i = 0; i < count_; ++i) lambda[i] = -INFINITY;
    for (int64_t i = 0; i < candidates; ++i) lambda[places_[i]] = query.factor[0] * products[i] - norm_part(places_[i]);
  }
  multiply_digits(digit_rows_, dense, images_, count_, row_, products_, kChunk);
  for (int64_t j = 0; j < dense; ++j) {
    double factor = pass_.query[dense_[j]].factor[0];
    double* lambda = lambda_ + dense_[j] * kChunk;
    for (int64_t i = 0; i < count_; ++i) lambda[i] = factor * products_[j * kChunk + i] - norm_part(i);
  }
  int64_t kept = 0;
  for (int64_t j = 0; j < active_count_; ++j)
    if (can_matter(active_[j], largest_of(lambda_ + active_[j] * kChunk) + pass_.query[active_[j]].doubt[0]))
      active_[kept++] = active_[j];
  active_count_ = kept;
}

/** The other digits of the images that need them; of all images if most do. */
void Worker::refine() {
  int64_t dense = 0;
  for (int64_t j = 0; j < active_count_; ++j) {
    int64_t q = active_[j], candidates = 0;
    const Query& query = pass_.query[q];
    refined_[q] = false;
    if (query.digits == 1) continue;
    double* lambda = lambda_ + q * kChunk;
    double least = least_refined(query, largest_of(lambda));
    for (int64_t i = 0; i < count_; ++i)
      if (lambda[i] >= least) places_[candidates++] = i;
    refined_[q] = is_refined(query, candidates, count_, data_.images);
    if (!refined_[q]) continue;
    counts_[2] += candidates;
    if (refines_all(candidates, count_)) {
      dense_[dense++] = q;
      continue;
    }
    for (int64_t i = 0; i < candidates; ++i) some_images_[i] = images_[places_[i]];
    const int16_t* digits[] = {pass_.digit(q, 1), pass_.digit(q, 2)};
    multiply_digits(digits, query.digits - 1, some_images_, candidates, row_, products_, kChunk);
    for (int d = 1; d < query.digits; ++d)
      for (int64_t i = 0; i < candidates; ++i) lambda[places_[i]] += query.factor[d] * products_[(d - 1) * kChunk + i];
  }
  for (int d = 1; d < kDigits && dense > 0; ++d) {
    int64_t queries = 0;
    for (int64_t j = 0; j < dense; ++j)
      if (pass_.query[dense_[j]].digits > d) dense_[queries++] = dense_[j];
    dense = queries;
    for (int64_t j = 0; j < dense; ++j) digit_rows_[j] = pass_.digit(dense_[j], d);
    multiply_digits(digit_rows_, dense, images_, count_, row_, products_, kChunk);
    for (int64_t j = 0; j < dense; ++j) {
      double factor = pass_.query[dense_[j]].factor[d];
      double* lambda = lambda_ + dense_[j] * kChunk;
      for (int64_t i = 0; i < count_; ++i) lambda[i] += factor * products_[j * kChunk + i];
    }
  }
}

/** Adds the weighted images. */
void Worker::sum_up() {
  int64_t rows = 0;
  for (int64_t j = 0; j < active_count_; ++j) {
    int64_t q = active_[j];
    double* lambda = lambda_ + q * kChunk;
    double largest = largest_of(lambda);
    if (!can_matter(q, largest)) continue;
    raise_best(&pass_.best[q], largest);
    ChunkWeights& weights = weights_[q];
    chunk_weights(lambda, largest, count_, refined_[q], data_.images, &weights);
    counts_[3] += weights.count;
    prepare(q, weights);
    int32_t* sums = pending_sums(q, weights.k);
    if (3 * weights.count <= count_) {
      sum_few(weights, sums);
      continue;
    }
    weight_rows_[rows] = weights.high;
    sum_rows_[rows++] = sums;
    if (weights.flat) continue;
    weight_rows_[rows] = weights.low;
    sum_rows_[rows++] = sums + row_;
  }
  if (rows > 2)
    add_weighted(images_, count_, weight_rows_, rows, row_, sum_rows_);
  else
    add_weighted_once(images_, count_, weight_rows_, rows, row_, sum_rows_, images_[0] + count_ * row_);
}

/** Adds the images of one query that have a weight. */
void Worker::sum_few(const ChunkWeights& weights, int32_t* sums) {
  int32_t high[kChunk / 2], low[kChunk / 2];
  int64_t images = 0;
  for (int64_t i = 0; i < count_; ++i) {
    int shift = i % 2 * 16, to = images % 2 * 16;
    int32_t h = weights.high[i / 2] >> shift & 32767, l = weights.low[i / 2] >> shift & 32767;
    if ((h | l) == 0) continue;
    if (to == 0) high[images / 2] = low[images / 2] = 0;
    high[images / 2] |= h << to;
    low[images / 2] |= l << to;
    some_images_[images++] = images_[i];
  }
  const int32_t* rows[] = {high, low};
  int32_t* targets[] = {sums, sums + row_};
  add_weighted_once(some_images_, images, rows, weights.flat ? 1 : 2, row_, targets, images_[0]);
}

/** Makes room for a chunk's weights among the pending sums, and takes note of them. */
void Worker::prepare(int64_t q, const ChunkWeights& weights) {
  Pending& sum = pending(q, weights.k);
  if (sum.images > 0 && (sum.k != weights.k || sum.images + count_ > kMostSummed)) flush(q, weights.k);
  int32_t* sums = pending_sums(q, weights.k);
  size_t bytes = static_cast<size_t>(row_) * sizeof(int32_t);
  if (sum.images == 0) std::memset(sums, 0, bytes);
  if (!sum.low && !weights.flat) std::memset(sums + row_, 0, bytes);
  sum.k = weights.k;
  sum.images += count_;
  sum.high_sum += weights.high_sum;
  sum.low_sum += weights.low_sum;
  sum.low |= !weights.flat;
}

/** Adds the pending sums in the place of k to the query's bins. */
void Worker::flush(int64_t q, int64_t k) {
  Pending& sum = pending(q, k);
  if (sum.images == 0) return;
  Bins target = bins(q);
  int64_t bin = bin_of(sum.k);
  int shift = shift_of(sum.k);
  int32_t* sums = pending_sums(q, k);
  target.raise(bin);
  target.add(bin, shift, sum.high_sum, sums, row_);
  if (sum.low) target.add(bin - 1, shift, sum.low_sum, sums + row_, row_);
  sum = {};
}

}  // namespace ddpm::cpu::DDPM_ISA
