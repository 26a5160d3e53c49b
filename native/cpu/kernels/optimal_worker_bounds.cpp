// Bounds on the weights of a chunk's images: from block means, then from digits of bytes, which are good to a few
// binary places where those of block means are good to hundreds, at about half the time of the first digit.
#include <algorithm>

#include "cpu/kernels/optimal_worker.h"

namespace ddpm::cpu::DDPM_ISA {

/** lambda_ = bounds of the chunk's images, for the first queries of active_. */
void Worker::compute_bounds(int64_t queries) {
  const int16_t* rows[kChunk];
  for (int64_t i = 0; i < count_; ++i) rows[i] = data_.coarse + (first_ + i) * data_.coarse_row();
  for (int64_t j = 0; j < queries; ++j) digit_rows_[j] = pass_.coarse_digits + active_[j] * data_.coarse_row();
  multiply_coarse(digit_rows_, queries, rows, count_, data_.coarse_row(), products_, kChunk);
  for (int64_t j = 0; j < queries; ++j) {
    const CoarseQuery& coarse = pass_.coarse[active_[j]];
    double* bound = lambda_ + active_[j] * kChunk;
    for (int64_t i = 0; i < count_; ++i)
      bound[i] = coarse.factor * products_[j * kChunk + i] + coarse.slack * data_.rests[first_ + i] + coarse.doubt -
                 norm_part(i);
  }
}

void Worker::find_bounds() {
  int64_t queries = 0;
  for (int64_t q = 0; q < pass_.queries; ++q)
    if (pass_.query[q].digits != 0) active_[queries++] = q;
  // The most promising image of each query so far, and its bound.
  int64_t* image = dense_;
  auto* highest = reinterpret_cast<double*>(weights_);
  for (int64_t j = 0; j < queries; ++j) highest[j] = -INFINITY;
  for (int64_t chunk; take_chunk(&chunk);) {
    compute_bounds(queries);
    for (int64_t j = 0; j < queries; ++j) {
      const double* bound = lambda_ + active_[j] * kChunk;
      double largest = *pass_.bound(active_[j], chunk) = largest_of(bound);
      if (!(largest > highest[j])) continue;
      highest[j] = largest;
      for (int64_t i = 0; i < count_; ++i)
        if (bound[i] == largest) image[j] = first_ + i;
    }
  }
  for (int64_t j = 0; j < queries; ++j) {
    if (!(highest[j] > -INFINITY)) continue;
    const Query& query = pass_.query[active_[j]];
    const int16_t* digits[kDigits] = {pass_.digit(active_[j], 0), pass_.digit(active_[j], 1),
                                      pass_.digit(active_[j], 2)};
    const int8_t* row = data_.rows + image[j] * row_;
    double products[kDigits];
    multiply_digits(digits, query.digits, &row, 1, row_, products, 1);
    double lambda = query.factor[0] * products[0] - pass_.norm_factor * data_.norms[image[j]];
    for (int d = 1; d < query.digits; ++d) lambda += query.factor[d] * products[d];
    // The chunk may leave it at the first digit.
    raise_best(&pass_.best[active_[j]], lambda - (query.digits > 1 ? query.doubt[0] : 0));
  }
}

/** active_ = the queries for which the chunk can matter; lambda_ = bounds of its images, if there are bounds. */
void Worker::select(int64_t chunk) {
  active_count_ = 0;
  for (int64_t q = 0; q < pass_.queries; ++q)
    if (pass_.query[q].digits != 0 && (pass_.coarse == nullptr || can_matter(q, *pass_.bound(q, chunk))))
      active_[active_count_++] = q;
  if (pass_.coarse != nullptr) compute_bounds(active_count_);
}

/** The least that lambda must be for an image to have a weight, given the largest lambda so far. */
double Worker::least(int64_t q) const {
  // A chunk that is kept has k of at least 15 times the third bin below the top one.
  return static_cast<double>(kBinBits * (bin_of_lambda(load_best(&pass_.best[q])) - kBins + 2)) - kSafeCutoff;
}

/** places_ = the images whose bounds lambda_ leave them open; returns their number. */
int64_t Worker::find_candidates(int64_t q) {
  int64_t candidates = 0;
  double least_bound = least(q);
  for (int64_t i = 0; i < count_; ++i)
    if (lambda_[q * kChunk + i] >= least_bound) places_[candidates++] = i;
  return candidates;
}

/** lambda_ = bounds from digits of bytes, -infinity for images that are ruled out; keeps the queries for which the
 * chunk can matter. */
void Worker::narrow() {
  const int16_t *coarse[kChunk], *some_coarse[kChunk];
  for (int64_t i = 0; i < count_; ++i) coarse[i] = data_.coarse + (first_ + i) * data_.coarse_row();
  int64_t dense = 0, kept = 0;
  // Queries that are left are written over those that have been looked at.
  for (int64_t j = 0; j < active_count_; ++j) {
    int64_t q = active_[j], candidates = pass_.coarse == nullptr ? count_ : find_candidates(q);
    open_[q] = candidates;
    const int8_t* digits = pass_.byte_digits + q * row_;
    const int16_t* rest = pass_.rest_digits + q * data_.coarse_row();
    if (2 * candidates > count_) {
      byte_rows_[dense] = digits;
      digit_rows_[dense] = rest;
      dense_[dense++] = q;
      continue;
    }
    for (int64_t i = 0; i < candidates; ++i) {
      some_images_[i] = images_[places_[i]];
      some_coarse[i] = coarse[places_[i]];
    }
    double* products = products_ + pass_.queries * kChunk;
    double* rests = rest_products_ + pass_.queries * kChunk;
    multiply_byte_digits(&digits, 1, some_images_, candidates, row_, products, kChunk);
    multiply_coarse(&rest, 1, some_coarse, candidates, data_.coarse_row(), rests, kChunk);
    if (take_byte_bounds(q, products, rests, places_, candidates)) active_[kept++] = q;
  }
  for (int64_t i = 0; i < count_; ++i) places_[i] = i;
  multiply_byte_digits(byte_rows_, dense, images_, count_, row_, products_, kChunk);
  multiply_coarse(digit_rows_, dense, coarse, count_, data_.coarse_row(), rest_products_, kChunk);
  for (int64_t j = 0; j < dense; ++j)
    if (take_byte_bounds(dense_[j], products_ + j * kChunk, rest_products_ + j * kChunk, places_, count_))
      active_[kept++] = dense_[j];
  active_count_ = kept;
}

/** lambda_ of one query, for count images at places; returns whether the chunk can matter for it. */
bool Worker::take_byte_bounds(int64_t q, const double* products, const double* rests, const int64_t* places,
                              int64_t count) {
  const ByteQuery& bytes = pass_.bytes[q];
  double* lambda = lambda_ + q * kChunk;
  double lowest = -INFINITY;
  for (int64_t i = 0; i < count_; ++i) lambda[i] = -INFINITY;
  for (int64_t i = 0; i < count; ++i) {
    int64_t at = places[i];
    double middle = bytes.factor * products[i] + bytes.offset + bytes.rest.factor * rests[i] - norm_part(at);
    double margin = bytes.rest.slack * data_.rests[first_ + at] + bytes.rest.doubt;
    lambda[at] = middle + margin;
    lowest = std::max(lowest, middle - margin);
  }
  // An image that is surely so far below another one of the chunk has no weight.
  for (int64_t i = 0; i < count; ++i)
    if (lambda[places[i]] < lowest - kSafeCutoff) lambda[places[i]] = -INFINITY;
  raise_best(&pass_.best[q], lowest);
  if (can_matter(q, largest_of(lambda))) return true;
  counts_[4] += open_[q];
  return false;
}

}  // namespace ddpm::cpu::DDPM_ISA
