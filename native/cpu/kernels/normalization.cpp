// Group normalisation.
//
// In NHWC a group is a run of neighbouring channels, so sums are kept per channel and folded into groups at the end.
// The second pass has few numbers per channel, into which all that is constant over an image has been folded by then:
//
//   y = act((x - mean) factor + offset)
//
// A convolution may do the second pass itself; see normalization.h.
#include "cpu/kernels/normalization.h"

#include "cpu/kernels/normalization_passes.h"
#include "cpu/kernels/ops.h"
#include "cpu/kernels/sums.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** The first pass: what normalises each channel of an image. */
struct Statistics {
  static constexpr int64_t kSums = 2, kCoefficients = kNormCoefficients;

  const GroupNormArgs& a;
  const Joined& from;

  void prepare(int64_t, float*) const {}

  void add(const Pixels& pixels, const float*, double* sums) const {
    int64_t first = pixels.image * a.pixels + pixels.begin, count = pixels.end - pixels.begin;
    double* squares = sums + a.c;
    add_rows_and_squares(from.x + first * from.x_c, count, from.x_c, sums, squares);
    if (from.skip_c > 0)
      add_rows_and_squares(from.skip + first * from.skip_c, count, from.skip_c, sums + from.x_c, squares + from.x_c);
  }

  void fold(int64_t image, const double* sums, float* coefficients) const {
    int64_t per_group = a.c / a.groups;
    float *kept_mean = coefficients, *factor = kept_mean + a.c, *offset = factor + a.c;
    const float* modulation = a.modulation == nullptr ? nullptr : a.modulation + image * 2 * a.c;
    double count = static_cast<double>(a.pixels * per_group);
    for (int64_t g = 0; g < a.groups; ++g) {
      int64_t begin = g * per_group, end = begin + per_group;
      double sum = 0, squares = 0;
      for (int64_t i = begin; i < end; ++i) {
        sum += sums[i];
        squares += sums[a.c + i];
      }
      double mean = sum / count, variance = squares / count - mean * mean;
      if (variance < 0) variance = 0;  // by rounding
      double rstd = 1 / std::sqrt(variance + static_cast<double>(a.eps));
      float near_mean = static_cast<float>(mean);
      if (a.statistics != nullptr) {
        float* statistics = a.statistics + (image * a.groups + g) * 2;
        statistics[0] = near_mean;
        statistics[1] = static_cast<float>(rstd);
      }
      for (int64_t i = begin; i < end; ++i) {
        double gain = a.gamma[i], bias = a.beta[i];
        if (modulation != nullptr) {
          double scale = 1 + static_cast<double>(modulation[i]);
          gain *= scale;
          bias = bias * scale + modulation[a.c + i];
        }
        // x less the float32 next to the mean is exact for x near it; the offset makes up for what the mean lost.
        kept_mean[i] = near_mean;
        factor[i] = static_cast<float>(rstd * gain);
        offset[i] = static_cast<float>((near_mean - mean) * rstd * gain + bias);
      }
    }
  }
};

struct Forward : Statistics {
  void write(const Pixels& pixels, const float* coefficients) const {
    int64_t first = pixels.image * a.pixels + pixels.begin;
    prepare_pixels(from, coefficients, a.silu, first, pixels.end - pixels.begin, a.y + first * a.c);
  }
};

/** Keeps the coefficients and writes nothing else. */
struct Coefficients : Statistics {
  float* kept;  // [N,kNormCoefficients,C]

  void fold(int64_t image, const double* sums, float*) const {
    Statistics::fold(image, sums, kept + image * kNormCoefficients * a.c);
  }
  void write(const Pixels&, const float*) const {}
};

}  // namespace

ddpm_status group_norm(const GroupNormArgs& a) {
  Joined from{a.x, nullptr, a.c, 0};
  run_passes(Forward{{a, from}}, a.n, a.pixels, a.c);
  return DDPM_OK;
}

void norm_coefficients(const GroupNormArgs& a, const Joined& from, float* coefficients) {
  run_passes(Coefficients{{a, from}, coefficients}, a.n, a.pixels, a.c);
}

}  // namespace ddpm::cpu::DDPM_ISA
