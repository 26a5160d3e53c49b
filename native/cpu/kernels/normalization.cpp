// Group normalisation, forward and backward.
//
// In NHWC a group is a run of neighbouring channels, so sums are kept per channel, a vector of channels at a time, and folded
// into groups at the end. The forward pass reads x three times: for the mean, for the variance about it, and for
// y = (x - mean) * factor[c] + offset[c], into which 1/deviation, gamma, beta and the modulation have been folded. Sums for the
// mean are of x - x[first pixel], so that a mean far from zero costs no digits.
//
// An image is the unit of work: it mostly fits the second-level cache, and its sums follow from it alone.
#include "cpu/kernels/chunks.h"
#include "cpu/kernels/ops.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Pixels taken together: they stay in the first-level cache, and are summed in float32 before the sum goes on in double. */
constexpr int64_t kPixelBlock = 64;

float* scratch_floats(int slot, int64_t count) {
  return static_cast<float*>(thread_scratch(slot, static_cast<size_t>(count) * sizeof(float)));
}

double* scratch_doubles(int slot, int64_t count) {
  return static_cast<double*>(thread_scratch(slot, static_cast<size_t>(count) * sizeof(double)));
}

/** Runs body(first pixel, last pixel, column) over blocks of pixels and vectors of columns: constants of a column stay in registers. */
template <class Body>
void for_blocks(int64_t pixels, int64_t c, const Body& body) {
  for (int64_t begin = 0; begin < pixels; begin += kPixelBlock)
    for (int64_t column = 0; column < c; column += kLanes)
      body(begin, begin + kPixelBlock < pixels ? begin + kPixelBlock : pixels, column);
}

/** Adds the lanes that exist of a vector of columns to sums in double precision. */
void add_columns(double* sums, int64_t column, int64_t c, Vec v) {
  int64_t lanes = c - column < kLanes ? c - column : kLanes;
  for (int64_t i = 0; i < lanes; ++i) sums[column + i] += v[i];
}

void normalize(const GroupNormArgs& a, int64_t n) {
  int64_t c = a.c, per_group = c / a.groups;
  const float* x = a.x + n * a.pixels * c;
  float* y = a.y + n * a.pixels * c;
  double* sums = scratch_doubles(kPartialSums, c);
  float* shift = scratch_floats(kPanelScratch, 3 * c);
  float* factor = shift + c;
  float* offset = factor + c;
  // First about the first pixel of each channel, then about the group's mean.
  std::memcpy(shift, x, static_cast<size_t>(c) * sizeof(float));
  auto sum_about_shift = [&](const auto& term) {
    std::memset(sums, 0, static_cast<size_t>(c) * sizeof(double));
    for_blocks(a.pixels, c, [&](int64_t begin, int64_t end, int64_t column) {
      Vec origin = load_columns(shift, column, c), sum{};
      for (int64_t p = begin; p < end; ++p) sum += term(load_columns(x + p * c, column, c) - origin);
      add_columns(sums, column, c, sum);
    });
  };
  double* means = scratch_doubles(kScores, a.groups);
  double count = static_cast<double>(a.pixels * per_group);
  sum_about_shift([](Vec d) { return d; });
  for (int64_t g = 0; g < a.groups; ++g) {
    double total = 0;
    for (int64_t i = g * per_group; i < (g + 1) * per_group; ++i)
      total += sums[i] + static_cast<double>(a.pixels) * shift[i];
    means[g] = total / count;
    for (int64_t i = g * per_group; i < (g + 1) * per_group; ++i) shift[i] = static_cast<float>(means[g]);
  }
  sum_about_shift([](Vec d) { return d * d; });
  for (int64_t g = 0; g < a.groups; ++g) {
    // The shift is the mean but for its rounding.
    double squares = 0, away = means[g] - shift[g * per_group];
    for (int64_t i = g * per_group; i < (g + 1) * per_group; ++i) squares += sums[i];
    double variance = squares / count - away * away;
    if (variance < 0) variance = 0;  // by rounding
    double rstd = 1 / std::sqrt(variance + static_cast<double>(a.eps));
    a.statistics[(n * a.groups + g) * 2] = shift[g * per_group];
    a.statistics[(n * a.groups + g) * 2 + 1] = static_cast<float>(rstd);
    for (int64_t i = g * per_group; i < (g + 1) * per_group; ++i) {
      double gain = a.gamma[i], bias = a.beta[i];
      if (a.modulation != nullptr) {
        double scale = 1 + static_cast<double>(a.modulation[n * 2 * c + i]);
        gain *= scale;
        bias = bias * scale + a.modulation[n * 2 * c + c + i];
      }
      factor[i] = static_cast<float>(rstd * gain);
      offset[i] = static_cast<float>(bias - away * rstd * gain);
    }
  }
  for_blocks(a.pixels, c, [&](int64_t begin, int64_t end, int64_t column) {
    Vec origin = load_columns(shift, column, c), gain = load_columns(factor, column, c);
    Vec bias = load_columns(offset, column, c);
    for (int64_t p = begin; p < end; ++p) {
      Vec v = (load_columns(x + p * c, column, c) - origin) * gain + bias;
      store_columns(y + p * c, column, c, a.silu ? v * sigmoid(v) : v);
    }
  });
}

/** Adds the terms of one image to its row of dgamma and dbeta, and writes its dx and dmodulation. */
void differentiate(const GroupNormBackwardArgs& a, int64_t n, double* dgamma, double* dbeta) {
  int64_t c = a.c, per_group = c / a.groups;
  const float* x = a.x + n * a.pixels * c;
  const float* dy = a.dy + n * a.pixels * c;
  float* dx = a.dx + n * a.pixels * c;
  // Per channel: xhat = (x - mean) rstd; v = xhat gain + bias is what SiLU sees.
  float* mean = scratch_floats(kPanelScratch, 6 * c);
  float *rstd = mean + c, *gain = rstd + c, *bias = gain + c, *from_xhat = bias + c, *constant = from_xhat + c;
  for (int64_t i = 0; i < c; ++i) {
    const float* statistics = a.statistics + (n * a.groups + i / per_group) * 2;
    mean[i] = statistics[0];
    rstd[i] = statistics[1];
    float scale = a.modulation == nullptr ? 1.0f : 1.0f + a.modulation[n * 2 * c + i];
    gain[i] = a.gamma[i] * scale;
    bias[i] = a.modulation == nullptr ? a.beta[i] : a.beta[i] * scale + a.modulation[n * 2 * c + c + i];
  }
  // Calls visit(pixel, xhat, gradient by v) for the pixels of a block.
  auto for_pixels = [&](int64_t begin, int64_t end, int64_t column, const auto& visit) {
    Vec m = load_columns(mean, column, c), r = load_columns(rstd, column, c);
    Vec g = load_columns(gain, column, c), b = load_columns(bias, column, c);
    for (int64_t p = begin; p < end; ++p) {
      Vec xhat = (load_columns(x + p * c, column, c) - m) * r, dv = load_columns(dy + p * c, column, c);
      if (a.silu) {
        Vec v = xhat * g + b, s = sigmoid(v);
        dv = dv * s * (1.0f + v * (1.0f - s));
      }
      visit(p, xhat, dv);
    }
  };
  double* sum_dv = scratch_doubles(kPartialSums, 2 * c);
  double* sum_dv_xhat = sum_dv + c;
  std::memset(sum_dv, 0, static_cast<size_t>(2 * c) * sizeof(double));
  for_blocks(a.pixels, c, [&](int64_t begin, int64_t end, int64_t column) {
    Vec sum{}, with_xhat{};
    for_pixels(begin, end, column, [&](int64_t, Vec xhat, Vec dv) {
      sum += dv;
      with_xhat += dv * xhat;
    });
    add_columns(sum_dv, column, c, sum);
    add_columns(sum_dv_xhat, column, c, with_xhat);
  });
  for (int64_t i = 0; i < c; ++i) {
    double scale = a.modulation == nullptr ? 1 : 1 + static_cast<double>(a.modulation[n * 2 * c + i]);
    dgamma[i] = sum_dv_xhat[i] * scale;
    dbeta[i] = sum_dv[i] * scale;
    if (a.modulation != nullptr) {
      a.dmodulation[n * 2 * c + i] = static_cast<float>(a.gamma[i] * sum_dv_xhat[i] + a.beta[i] * sum_dv[i]);
      a.dmodulation[n * 2 * c + c + i] = static_cast<float>(sum_dv[i]);
    }
  }
  // dx = rstd (gain dv - mean over the group of gain dv - xhat * mean over the group of gain dv xhat).
  double count = static_cast<double>(a.pixels * per_group);
  for (int64_t g = 0; g < a.groups; ++g) {
    double sum = 0, sum_xhat = 0;
    for (int64_t i = g * per_group; i < (g + 1) * per_group; ++i) {
      sum += gain[i] * sum_dv[i];
      sum_xhat += gain[i] * sum_dv_xhat[i];
    }
    for (int64_t i = g * per_group; i < (g + 1) * per_group; ++i) {
      constant[i] = static_cast<float>(sum / count);
      from_xhat[i] = static_cast<float>(sum_xhat / count);
    }
  }
  for_blocks(a.pixels, c, [&](int64_t begin, int64_t end, int64_t column) {
    Vec r = load_columns(rstd, column, c), g = load_columns(gain, column, c);
    Vec k = load_columns(constant, column, c), f = load_columns(from_xhat, column, c);
    for_pixels(begin, end, column, [&](int64_t p, Vec xhat, Vec dv) {
      store_columns(dx + p * c, column, c, (g * dv - k - xhat * f) * r);
    });
  });
}

}  // namespace

ddpm_status group_norm(const GroupNormArgs& a) {
  parallel_for(a.n, [&](int64_t n) { normalize(a, n); });
  return DDPM_OK;
}

ddpm_status group_norm_backward(const GroupNormBackwardArgs& a) {
  double* partial = scratch_doubles(kPackedInput, a.n * 2 * a.c);
  parallel_for(a.n, [&](int64_t n) { differentiate(a, n, partial + n * 2 * a.c, partial + n * 2 * a.c + a.c); });
  for (int64_t i = 0; i < a.c; ++i) {
    double dgamma = 0, dbeta = 0;
    for (int64_t n = 0; n < a.n; ++n) {
      dgamma += partial[n * 2 * a.c + i];
      dbeta += partial[n * 2 * a.c + a.c + i];
    }
    a.dgamma[i] += static_cast<float>(dgamma);
    a.dbeta[i] += static_cast<float>(dbeta);
  }
  return DDPM_OK;
}

}  // namespace ddpm::cpu::DDPM_ISA
