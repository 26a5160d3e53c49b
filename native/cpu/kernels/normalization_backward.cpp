// The gradient of group normalisation:
//
//   dx = (gain dv - constant - xhat from_xhat) rstd   with xhat = (x - mean) rstd and dv = dy act'(xhat gain + bias)
//
// The first pass leaves the dv of a SiLU in dx for the second: writing it costs less than its exponential and division.
#include "cpu/kernels/chunks.h"
#include "cpu/kernels/normalization_passes.h"
#include "cpu/kernels/ops.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/**
 * Channels and pixels that the backward pass sums in float32 in the first-level cache before the sums go on in double.
 */
constexpr int64_t kStrip = 64, kBlock = 32;

struct Backward {
  static constexpr int64_t kSums = 2, kCoefficients = 6;

  const GroupNormBackwardArgs& a;
  double* parameter_gradients;  // [N,2,C]: dgamma and dbeta of each image

  void prepare(int64_t image, float* coefficients) const {
    float *mean = coefficients, *rstd = mean + a.c, *gain = rstd + a.c, *bias = gain + a.c;
    const float* modulation = a.modulation == nullptr ? nullptr : a.modulation + image * 2 * a.c;
    for (int64_t i = 0; i < a.c; ++i) {
      const float* statistics = a.statistics + (image * a.groups + i / (a.c / a.groups)) * 2;
      float scale = modulation == nullptr ? 1.0f : 1.0f + modulation[i];
      mean[i] = statistics[0];
      rstd[i] = statistics[1];
      gain[i] = a.gamma[i] * scale;
      bias[i] = modulation == nullptr ? a.beta[i] : a.beta[i] * scale + modulation[a.c + i];
    }
  }

  void add(const Pixels& pixels, const float* coefficients, double* sums) const {
    for (int64_t first = 0; first < a.c; first += kStrip)
      for (int64_t begin = pixels.begin; begin < pixels.end; begin += kBlock) {
        int64_t end = begin + kBlock < pixels.end ? begin + kBlock : pixels.end;
        if (a.silu)
          add_block<true>({pixels.image, begin, end}, first, coefficients, sums);
        else
          add_block<false>({pixels.image, begin, end}, first, coefficients, sums);
      }
  }

  template <bool kSilu>
  void add_block(const Pixels& pixels, int64_t first, const float* coefficients, double* sums) const {
    const float *mean = coefficients + first, *rstd = mean + a.c, *gain = rstd + a.c, *bias = gain + a.c;
    int64_t count = a.c - first < kStrip ? a.c - first : kStrip;
    float sum[kStrip] = {}, with_xhat[kStrip] = {};
    for (int64_t p = pixels.begin; p < pixels.end; ++p) {
      int64_t at = (pixels.image * a.pixels + p) * a.c + first;
      for (int64_t i = 0; i < count; i += kLanes) {
        auto column = [&](const float* row) { return load_columns(row, i, count); };
        Vec xhat = (column(a.x + at) - column(mean)) * column(rstd);
        Vec dv = column(a.dy + at);
        if (kSilu) {
          dv *= silu_slope(xhat * column(gain) + column(bias));
          store_columns(a.dx + at, i, count, dv);
        }
        store(sum + i, load(sum + i) + dv);
        store(with_xhat + i, load(with_xhat + i) + dv * xhat);
      }
    }
    for (int64_t i = 0; i < count; ++i) {
      sums[first + i] += sum[i];
      sums[a.c + first + i] += with_xhat[i];
    }
  }

  void fold(int64_t image, const double* sums, float* coefficients) const {
    int64_t per_group = a.c / a.groups;
    const double *sum_dv = sums, *sum_dv_xhat = sums + a.c;
    double *dgamma = parameter_gradients + image * 2 * a.c, *dbeta = dgamma + a.c;
    for (int64_t i = 0; i < a.c; ++i) {
      double scale = 1;
      if (a.modulation != nullptr) {
        scale += static_cast<double>(a.modulation[image * 2 * a.c + i]);
        float* dmodulation = a.dmodulation + image * 2 * a.c;
        dmodulation[i] = static_cast<float>(a.gamma[i] * sum_dv_xhat[i] + a.beta[i] * sum_dv[i]);
        dmodulation[a.c + i] = static_cast<float>(sum_dv[i]);
      }
      dgamma[i] = sum_dv_xhat[i] * scale;
      dbeta[i] = sum_dv[i] * scale;
    }
    // The gradient by xhat less its parts along the constant and along xhat, which the normalisation takes out.
    const float* gain = coefficients + 2 * a.c;
    float *constant = coefficients + 4 * a.c, *from_xhat = constant + a.c;
    double count = static_cast<double>(a.pixels * per_group);
    for (int64_t g = 0; g < a.groups; ++g) {
      int64_t begin = g * per_group, end = begin + per_group;
      double sum = 0, sum_xhat = 0;
      for (int64_t i = begin; i < end; ++i) {
        sum += gain[i] * sum_dv[i];
        sum_xhat += gain[i] * sum_dv_xhat[i];
      }
      for (int64_t i = begin; i < end; ++i) {
        constant[i] = static_cast<float>(sum / count);
        from_xhat[i] = static_cast<float>(sum_xhat / count);
      }
    }
  }

  void write(const Pixels& pixels, const float* coefficients) const {
    const float *mean = coefficients, *rstd = mean + a.c, *gain = rstd + a.c;
    const float *constant = gain + 2 * a.c, *from_xhat = constant + a.c;
    for (int64_t p = pixels.begin; p < pixels.end; ++p) {
      int64_t at = (pixels.image * a.pixels + p) * a.c;
      map_range(
          0, a.c, a.dx + at,
          [](Vec x, Vec dv, Vec m, Vec r, Vec g, Vec k, Vec f) { return (g * dv - k - (x - m) * r * f) * r; }, a.x + at,
          (a.silu ? a.dx : a.dy) + at, mean, rstd, gain, constant, from_xhat);
    }
  }
};

}  // namespace

ddpm_status group_norm_backward(const GroupNormBackwardArgs& a) {
  double* images = scratch<double>(kPackedInput, (a.n + 1) * 2 * a.c);
  run_passes(Backward{a, images}, a.n, a.pixels, a.c);
  double* total = images + a.n * 2 * a.c;
  std::memset(total, 0, static_cast<size_t>(2 * a.c) * sizeof(double));
  for (int64_t n = 0; n < a.n; ++n)
    for (int64_t i = 0; i < 2 * a.c; ++i) total[i] += images[n * 2 * a.c + i];
  for (int64_t i = 0; i < a.c; ++i) {
    a.dgamma[i] += static_cast<float>(total[i]);
    a.dbeta[i] += static_cast<float>(total[a.c + i]);
  }
  return DDPM_OK;
}

}  // namespace ddpm::cpu::DDPM_ISA
