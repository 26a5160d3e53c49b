// Bounds on the weights of images from their means over blocks of 4 x 4 pixels, at a sixteenth of the products.
#include "cpu/kernels/optimal.h"
#include "cpu/kernels/optimal_bins.h"
#include "cpu/kernels/scratch.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

constexpr int64_t kBlock = ByteImages::kBlock;

/** Digits of 12 bits: with block sums of 12 bits their products fit sums of 32 bits as those of pixels do. */
constexpr double kLargestDigit = 2047;

/**
 * Bounds rule out most images while what they leave open is less than this part of what usually parts two images. Only
 * the time depends on it.
 */
constexpr double kWorthwhile = 0.55;
constexpr double kBytesWorthwhile = 0.42;

/** Step of the digits of bytes, in root mean squares of the query: what kLargestByteDigit leaves of a normal variable
 * is least. */
constexpr double kByteStep = 0.19;

/** body(pixel, block) for all pixels of an image. */
template <class Body>
inline void for_pixels(const ByteImages& data, const Body& body) {
  int64_t pixel = 0;
  for (int64_t h = 0; h < data.height; ++h)
    for (int64_t w = 0; w < data.width; ++w)
      for (int64_t c = 0; c < data.channels; ++c, ++pixel)
        body(pixel, (h / kBlock * data.blocks_across() + w / kBlock) * data.channels + c);
}

/** Number of pixels of a block; those at the right and lower edge may be smaller. */
int64_t block_size(const ByteImages& data, int64_t block) {
  int64_t w = block / data.channels % data.blocks_across(), h = block / data.channels / data.blocks_across();
  auto edge = [](int64_t at, int64_t end) { return end - at * kBlock < kBlock ? end - at * kBlock : kBlock; };
  return edge(h, data.height) * edge(w, data.width);
}

}  // namespace

double sum_blocks(const ByteImages& data, const int8_t* row, int16_t* coarse) {
  std::memset(coarse, 0, static_cast<size_t>(data.coarse_row()) * sizeof(int16_t));
  int64_t squares = 0;
  for_pixels(data, [&](int64_t pixel, int64_t block) {
    coarse[block] = static_cast<int16_t>(coarse[block] + row[pixel]);
    squares += row[pixel] * row[pixel];
  });
  double rest = static_cast<double>(squares);
  for (int64_t b = 0; b < data.coarse_pixels(); ++b)
    rest -= coarse[b] * static_cast<double>(coarse[b]) / static_cast<double>(block_size(data, b));
  return std::sqrt(rest > 0 ? rest : 0);
}

BoundTerms bound_terms(const float* xt, const ByteImages& data, const Query& query, double largest_norm, double signal,
                       double variance, double* vector) {
  double squares = 0;
  for (int64_t p = 0; p < data.pixels(); ++p) {
    vector[p] = xt[p];
    squares += vector[p] * vector[p];
  }
  double scale = signal / variance * kLog2E / 127.5;
  double longest = 127.5 * largest_norm + 0.5 * std::sqrt(static_cast<double>(data.pixels()));
  // Roundings, far below a part in 1e9, of everything here and of lambda.
  double roundings = 1e-9 * (1 + scale * std::sqrt(squares) * longest);
  return {scale, longest, query.doubt[query.digits - 1] + kSpreadTolerance + roundings};
}

CoarseQuery split_coarse(const double* vector, const ByteImages& data, const BoundTerms& terms, int16_t* digits) {
  int64_t blocks = data.coarse_pixels();
  double* means = scratch<double>(kOptimalCoarse, blocks);
  std::memset(means, 0, static_cast<size_t>(blocks) * sizeof(double));
  std::memset(digits, 0, static_cast<size_t>(data.coarse_row()) * sizeof(int16_t));
  double squares = 0, largest = 0, left = 0;
  for_pixels(data, [&](int64_t pixel, int64_t block) {
    means[block] += vector[pixel];
    squares += vector[pixel] * vector[pixel];
  });
  double rest = squares;
  for (int64_t b = 0; b < blocks; ++b) {
    double size = static_cast<double>(block_size(data, b));
    rest -= means[b] * means[b] / size;
    means[b] /= size;
    largest = std::fmax(largest, std::fabs(means[b]));
  }
  double step = largest > 1e-30 ? largest / kLargestDigit : 1;
  for (int64_t b = 0; b < blocks; ++b) {
    double digit = std::rint(means[b] / step);
    digits[b] = static_cast<int16_t>(digit);
    left += (means[b] - digit * step) * (means[b] - digit * step) * static_cast<double>(block_size(data, b));
  }
  double slack = std::sqrt(rest > 0 ? rest : 0) + 1e-7 * std::sqrt(squares);
  return {terms.scale * step, terms.scale * slack, terms.scale * std::sqrt(left) * terms.longest + terms.doubt};
}

ByteQuery split_bytes(double* vector, const ByteImages& data, const BoundTerms& terms, int8_t* digits,
                      int16_t* rest_digits) {
  double squares = 0, total = 0;
  for (int64_t p = 0; p < data.pixels(); ++p) squares += vector[p] * vector[p];
  double length = std::sqrt(squares / static_cast<double>(data.pixels()));
  double step = length > 1e-30 ? kByteStep * length : 1;
  std::memset(digits, 0, static_cast<size_t>(data.row_bytes()));
  for (int64_t p = 0; p < data.pixels(); ++p) {
    double digit = std::fmin(std::fmax(std::rint(vector[p] / step), -kLargestByteDigit), kLargestByteDigit);
    digits[p] = static_cast<int8_t>(digit);
    total += digit;
    vector[p] -= digit * step;
  }
  double factor = terms.scale * step;
  return {factor, -128 * factor * total, split_coarse(vector, data, terms, rest_digits)};
}

namespace {

/** What images' lengths and differences are like: means over a sample. Only the time depends on it. */
struct Usual {
  double rest, norm;
};

Usual usual(const ByteImages& data) {
  constexpr int64_t kSample = 64;
  Usual sum{};
  for (int64_t s = 0; s < kSample; ++s) {
    int64_t i = data.images * s / kSample;
    sum.rest += data.rests[i] / kSample;
    sum.norm += data.norms[i] / kSample;
  }
  return sum;
}

}  // namespace

bool coarse_pays(const ByteImages& data, const CoarseQuery& coarse, double norm_factor) {
  Usual image = usual(data);
  return coarse.slack * image.rest < kWorthwhile * 2 * norm_factor * image.norm;
}

bool bytes_pay(const ByteImages& data, const ByteQuery& bytes, double norm_factor) {
  Usual image = usual(data);
  double open = 2 * (bytes.rest.slack * image.rest + bytes.rest.doubt) + kCutoff;
  return open < kBytesWorthwhile * 2 * norm_factor * image.norm;
}

}  // namespace ddpm::cpu::DDPM_ISA
