#pragma once
#include <cstdint>

/**
 * Sums in double precision: what they add up follows from the shape alone, and neither a mean far above the deviation
 * nor a value whose square overflows float32 costs digits. The loops are plain, over independent sums, for the compiler
 * to vectorise: converting and adding twice as many bytes still keeps up with memory.
 */
namespace ddpm::cpu::DDPM_ISA {
namespace {

/**
 * sums[i] += the sum of rows of x, each count long and stride apart: four rows to one reading and writing of the sums.
 */
inline void add_rows(const float* x, int64_t rows, int64_t stride, int64_t count, double* __restrict sums) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4, x += 4 * stride)
    for (int64_t i = 0; i < count; ++i) {
      double a = x[i], b = x[i + stride], c = x[i + 2 * stride], d = x[i + 3 * stride];
      sums[i] += (a + b) + (c + d);
    }
  for (; r < rows; ++r, x += stride)
    for (int64_t i = 0; i < count; ++i) sums[i] += x[i];
}

/** As add_rows, for rows without gaps, and squares[i] += the sum of the squares. */
inline void add_rows_and_squares(const float* x, int64_t rows, int64_t count, double* __restrict sums,
                                 double* __restrict squares) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4, x += 4 * count)
    for (int64_t i = 0; i < count; ++i) {
      double a = x[i], b = x[i + count], c = x[i + 2 * count], d = x[i + 3 * count];
      sums[i] += (a + b) + (c + d);
      squares[i] += (a * a + b * b) + (c * c + d * d);
    }
  for (; r < rows; ++r, x += count)
    for (int64_t i = 0; i < count; ++i) {
      double a = x[i];
      sums[i] += a;
      squares[i] += a * a;
    }
}

/** The sum of term(i), a double, over [begin, end): sixteen sums side by side, then one by one. */
template <class Term>
inline double sum_of(int64_t begin, int64_t end, const Term& term) {
  constexpr int kSums = 16;
  double sums[kSums] = {};
  int64_t i = begin;
  for (; i + kSums <= end; i += kSums)
    for (int j = 0; j < kSums; ++j) sums[j] += term(i + j);
  for (int j = 0; i < end; ++i, ++j) sums[j] += term(i);
  double total = 0;
  for (double sum : sums) total += sum;
  return total;
}

}  // namespace
}  // namespace ddpm::cpu::DDPM_ISA
