// Group normalisation, forward and backward.
//
// In NHWC a group is a run of neighbouring channels, so sums are kept per channel and folded into groups at the end.
// Both directions read their operands twice: for sums, and for the result, into whose few numbers per channel all that
// is constant over an image has been folded by then:
//
//   forward   y = act((x - mean) factor + offset)
//   backward  dx = (gain dv - constant - xhat from_xhat) rstd
//             with xhat = (x - mean) rstd and dv = dy act'(xhat gain + bias)
//
// The first backward pass leaves the dv of a SiLU in dx for the second: writing it costs less than its exponential and
// division.
//
// An image is cut into chunks of pixels that follow from its shape, and a chunk has sums of its own, which are added up
// in order. With enough images a task takes a whole one, whose second reading then comes from the cache; with few, a
// task takes a chunk. The arithmetic is the same.
#include "cpu/kernels/chunks.h"
#include "cpu/kernels/ops.h"
#include "cpu/kernels/scratch.h"
#include "cpu/kernels/sums.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Elements of a chunk, about: two threads can share the smallest image worth sharing. */
constexpr int64_t kImageChunk = 8192;

/**
 * Channels and pixels that the backward pass sums in float32 in the first-level cache before the sums go on in double.
 */
constexpr int64_t kStrip = 64, kBlock = 32;

/** A run of pixels of one image. */
struct Pixels {
  int64_t image, begin, end;
};

/**
 * Runs both passes of a direction over n images. The direction has, per channel, kSums sums and kCoefficients numbers
 * that stay the same over an image:
 *   prepare(image, coefficients) fills those that the first pass needs,
 *   add(pixels, coefficients, sums) adds pixels to sums,
 *   fold(image, sums, coefficients) fills those that the second pass needs,
 *   write(pixels, coefficients) writes the result.
 */
template <class Direction>
void run_passes(const Direction& direction, int64_t n, int64_t pixels, int64_t c) {
  int64_t step = c < kImageChunk ? kImageChunk / c : 1, chunks = divide_up(pixels, step);
  int64_t sums_size = Direction::kSums * c, coefficients_size = Direction::kCoefficients * c;
  auto chunk_of = [&](int64_t image, int64_t chunk) {
    int64_t begin = chunk * step;
    return Pixels{image, begin, begin + step < pixels ? begin + step : pixels};
  };
  auto add_chunk = [&](int64_t image, int64_t chunk, const float* coefficients, double* sums) {
    std::memset(sums, 0, static_cast<size_t>(sums_size) * sizeof(double));
    direction.add(chunk_of(image, chunk), coefficients, sums);
  };
  auto merge = [&](double* total, const double* sums) {
    for (int64_t i = 0; i < sums_size; ++i) total[i] += sums[i];
  };

  if (chunks == 1 || n % thread_count() == 0 || n >= 4 * thread_count()) {
    parallel_for(n, [&](int64_t image) {
      double* total = scratch<double>(kPartialSums, 2 * sums_size);
      float* coefficients = scratch<float>(kPanelScratch, coefficients_size);
      direction.prepare(image, coefficients);
      add_chunk(image, 0, coefficients, total);
      for (int64_t chunk = 1; chunk < chunks; ++chunk) {
        add_chunk(image, chunk, coefficients, total + sums_size);
        merge(total, total + sums_size);
      }
      direction.fold(image, total, coefficients);
      direction.write({image, 0, pixels}, coefficients);
    });
    return;
  }
  double* sums = scratch<double>(kPartialSums, n * chunks * sums_size);
  float* coefficients = scratch<float>(kPanelScratch, n * coefficients_size);
  for (int64_t image = 0; image < n; ++image) direction.prepare(image, coefficients + image * coefficients_size);
  parallel_for(n * chunks, [&](int64_t i) {
    add_chunk(i / chunks, i % chunks, coefficients + i / chunks * coefficients_size, sums + i * sums_size);
  });
  for (int64_t image = 0; image < n; ++image) {
    double* total = sums + image * chunks * sums_size;
    for (int64_t chunk = 1; chunk < chunks; ++chunk) merge(total, total + chunk * sums_size);
    direction.fold(image, total, coefficients + image * coefficients_size);
  }
  parallel_for(n * chunks, [&](int64_t i) {
    direction.write(chunk_of(i / chunks, i % chunks), coefficients + i / chunks * coefficients_size);
  });
}

struct Forward {
  static constexpr int64_t kSums = 2, kCoefficients = 3;

  const GroupNormArgs& a;

  void prepare(int64_t, float*) const {}

  void add(const Pixels& pixels, const float*, double* sums) const {
    const float* x = a.x + (pixels.image * a.pixels + pixels.begin) * a.c;
    add_rows_and_squares(x, pixels.end - pixels.begin, a.c, sums, sums + a.c);
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
      float* statistics = a.statistics + (image * a.groups + g) * 2;
      statistics[0] = static_cast<float>(mean);
      statistics[1] = static_cast<float>(rstd);
      for (int64_t i = begin; i < end; ++i) {
        double gain = a.gamma[i], bias = a.beta[i];
        if (modulation != nullptr) {
          double scale = 1 + static_cast<double>(modulation[i]);
          gain *= scale;
          bias = bias * scale + modulation[a.c + i];
        }
        // x less the float32 next to the mean is exact for x near it; the offset makes up for what the mean lost.
        kept_mean[i] = statistics[0];
        factor[i] = static_cast<float>(rstd * gain);
        offset[i] = static_cast<float>((statistics[0] - mean) * rstd * gain + bias);
      }
    }
  }

  void write(const Pixels& pixels, const float* coefficients) const {
    const float *mean = coefficients, *factor = mean + a.c, *offset = factor + a.c;
    for (int64_t p = pixels.begin; p < pixels.end; ++p) {
      int64_t at = (pixels.image * a.pixels + p) * a.c;
      auto map_pixel = [&](auto act) {
        map_range(
            0, a.c, a.y + at, [act](Vec x, Vec m, Vec f, Vec o) { return act((x - m) * f + o); }, a.x + at, mean,
            factor, offset);
      };
      if (a.silu)
        map_pixel([](Vec v) { return silu_of(v); });
      else
        map_pixel([](Vec v) { return v; });
    }
  }
};

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

ddpm_status group_norm(const GroupNormArgs& a) {
  run_passes(Forward{a}, a.n, a.pixels, a.c);
  return DDPM_OK;
}

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
