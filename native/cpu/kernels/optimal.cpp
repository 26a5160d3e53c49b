// The optimal denoiser: a softmax over a data set of bytes, in one pass.
#include "cpu/kernels/optimal.h"

#include "cpu/kernels/ops.h"
#include "cpu/kernels/optimal_worker.h"
#include "cpu/kernels/scratch.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Queries of one pass over the data set: their digits and sums fit the caches. */
constexpr int64_t kMostQueries = 64;

/** The digits and bounds of a pass's queries. */
struct Queries {
  Query query[kMostQueries];
  CoarseQuery coarse[kMostQueries];
  ByteQuery bytes[kMostQueries];
  double best[kMostQueries];
  bool coarse_pays[kMostQueries], bytes_pay[kMostQueries];
};

/** Whether most queries say so: only the time depends on it. */
bool most(const bool* say, int64_t queries) {
  int64_t count = 0;
  for (int64_t q = 0; q < queries; ++q) count += say[q];
  return 2 * count > queries;
}

/** The partial results of at most kMostQueries queries. */
void run_pass(const OptimalPartialArgs& a, int64_t first, int64_t queries, double longest) {
  int64_t workers = thread_count(), pixels = a.data.pixels(), size = partial_size(pixels);
  int64_t row = kDigits * a.data.row_bytes(), coarse_row = a.data.coarse_row();
  auto* digits = scratch<int16_t>(kOptimalQueries, queries * (row + 2 * coarse_row + a.data.row_bytes() / 2));
  int16_t *coarse_digits = digits + queries * row, *rest_digits = coarse_digits + queries * coarse_row;
  auto* byte_digits = reinterpret_cast<int8_t*>(rest_digits + queries * coarse_row);
  int64_t* partials = scratch<int64_t>(kOptimalPartials, workers * (queries * size + DDPM_OPTIMAL_REPORT));
  int64_t* counts = partials + workers * queries * size;
  double* bounds = scratch<double>(kOptimalBounds, queries * (a.last_chunk - a.first_chunk));
  double norms = norm_factor(a.signal, a.variance);
  Queries all;
  parallel_for(queries, [&](int64_t q) {
    const float* xt = a.xt + (first + q) * pixels;
    Query& query = all.query[q];
    query = split_query(xt, a.data, longest, a.signal, a.variance, true, digits + q * row);
    all.best[q] = -kLargestLambda;
    all.coarse_pays[q] = all.bytes_pay[q] = false;
    if (!a.prune || query.digits == 0) return;
    double* vector = scratch<double>(kOptimalVector, pixels);
    BoundTerms terms = bound_terms(xt, a.data, query, longest, a.signal, a.variance, vector);
    all.coarse[q] = split_coarse(vector, a.data, terms, coarse_digits + q * coarse_row);
    all.coarse_pays[q] = coarse_pays(a.data, all.coarse[q], norms);
    all.bytes[q] =
        split_bytes(vector, a.data, terms, byte_digits + q * a.data.row_bytes(), rest_digits + q * coarse_row);
    all.bytes_pay[q] = bytes_pay(a.data, all.bytes[q], norms);
  });
  bool coarse = most(all.coarse_pays, queries), bytes = most(all.bytes_pay, queries);
  Pass pass{a,
            queries,
            workers,
            norms,
            all.query,
            digits,
            coarse ? all.coarse : nullptr,
            coarse_digits,
            bytes ? all.bytes : nullptr,
            byte_digits,
            rest_digits,
            bounds,
            partials,
            all.best,
            counts,
            a.first_chunk};
  if (coarse) {
    parallel_for(workers, [&](int64_t w) { Worker(pass, w).find_bounds(); });
    pass.next_chunk = a.first_chunk;
  }
  parallel_for(workers, [&](int64_t w) { Worker(pass, w).sum_chunks(); });
  parallel_for(queries, [&](int64_t q) {
    Bins total(partials + q * size, pixels);
    for (int64_t w = 1; w < workers; ++w) total.merge({partials + (w * queries + q) * size, pixels});
    total.straighten(a.partial + (first + q) * size);
  });
  if (a.report != nullptr)
    for (int64_t w = 0; w < workers; ++w)
      for (int i = 1; i < DDPM_OPTIMAL_REPORT; ++i) a.report[i] += counts[w * DDPM_OPTIMAL_REPORT + i];
}

}  // namespace

ddpm_status optimal_load(const OptimalLoadArgs& a) {
  const ByteImages& data = a.data;
  int64_t pixels = data.pixels(), row_bytes = data.row_bytes();
  parallel_for(a.count, [&](int64_t n) {
    int64_t i = a.first + n, norm = 0;
    const uint8_t* source = a.host + n * pixels;
    int8_t* row = data.rows + i * row_bytes;
    for (int64_t p = 0; p < pixels; ++p) {
      int32_t odd = 2 * source[p] - 255;
      norm += odd * odd;
      row[p] = static_cast<int8_t>(source[p] - 128);
    }
    std::memset(row + pixels, 0, static_cast<size_t>(row_bytes - pixels));
    data.norms[i] = static_cast<double>(norm);
    data.rests[i] = sum_blocks(data, row, data.coarse + i * data.coarse_row());
  });
  return DDPM_OK;
}

ddpm_status optimal_partial(const OptimalPartialArgs& a) {
  double longest = largest_norm(a.data);
  if (a.report != nullptr) {
    std::memset(a.report, 0, DDPM_OPTIMAL_REPORT * sizeof(int64_t));
    a.report[0] = a.queries * (a.chunks[a.last_chunk] - a.chunks[a.first_chunk]);
  }
  for (int64_t first = 0; first < a.queries; first += kMostQueries)
    run_pass(a, first, a.queries - first < kMostQueries ? a.queries - first : kMostQueries, longest);
  return DDPM_OK;
}

ddpm_status optimal_finish(const OptimalFinishArgs& a) {
  double sigma = std::sqrt(a.variance);
  parallel_for(a.queries, [&](int64_t q) {
    const int64_t* partial = a.partial + q * partial_size(a.pixels);
    const int64_t* sums = partial + DDPM_OPTIMAL_HEADER;
    const float* xt = a.xt == nullptr ? nullptr : a.xt + q * a.pixels;
    auto value = [](const int64_t* bins, int64_t stride) {
      double v = 0;
      for (int64_t j = kBins - 1; j >= 0; --j) v = v * (1.0 / 32768) + static_cast<double>(bins[j * stride]);
      return v;
    };
    bool finite = partial[0] != kNotFinite && partial[0] != kNoBin;
    double weight = finite ? value(partial + 1, 1) : NAN, square = 0, sum = 0;
    for (int64_t p = 0; p < a.pixels; ++p) {
      double x0 = (value(sums + p, a.pixels) / weight + 0.5) / 127.5, x = xt == nullptr ? 0 : xt[p];
      square += x * x;
      sum += x;
      if (a.eps != nullptr) a.eps[q * a.pixels + p] = static_cast<float>((x - a.signal * x0) / sigma);
      if (a.x0 != nullptr) a.x0[q * a.pixels + p] = static_cast<float>(x0);
    }
    if (a.log_sums == nullptr) return;
    double exponent = finite ? static_cast<double>(partial[0]) * kBinBits : 0;
    a.log_sums[q] = partial[0] == kNoBin
                        ? -INFINITY
                        : (std::log(weight) + exponent * kLn2) + (a.signal * sum / 255 - square / 2) / a.variance;
  });
  return DDPM_OK;
}

ddpm_status optimal_log_kernels(const OptimalLogKernelsArgs& a) {
  const ByteImages& data = a.data;
  auto* digits = scratch<int16_t>(kOptimalQueries, kDigits * data.row_bytes());
  double longest = largest_norm(data), norms = norm_factor(a.signal, a.variance);
  for (int64_t q = 0; q < a.queries; ++q) {
    const float* xt = a.xt + q * data.pixels();
    double* out = a.log_kernels + q * data.images;
    Query query = split_query(xt, data, longest, a.signal, a.variance, false, digits);
    double square = 0, sum = 0;
    for (int64_t p = 0; p < data.pixels(); ++p) {
      double x = xt[p];
      square += x * x;
      sum += x;
    }
    double shared = (a.signal * sum / 255 - square / 2) / a.variance;
    const int16_t* rows[] = {digits, digits + data.row_bytes(), digits + 2 * data.row_bytes()};
    parallel_for((data.images + kChunk - 1) / kChunk, [&](int64_t task) {
      int64_t first = task * kChunk, count = data.images - first < kChunk ? data.images - first : kChunk;
      const int8_t* images[kChunk] = {};
      double products[kDigits * kChunk];
      for (int64_t i = 0; i < count; ++i) images[i] = data.rows + (first + i) * data.row_bytes();
      multiply_digits(rows, kDigits, images, count, data.row_bytes(), products, kChunk);
      for (int64_t i = 0; i < count; ++i) {
        double lambda = query.digits == 0 ? NAN : -norms * data.norms[first + i];
        for (int d = 0; d < kDigits; ++d) lambda += query.factor[d] * products[d * kChunk + i];
        out[first + i] = lambda * kLn2 + shared;
      }
    });
  }
  return DDPM_OK;
}

}  // namespace ddpm::cpu::DDPM_ISA
