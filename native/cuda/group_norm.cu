// Group normalisation, forward. x is read twice, for moments and for the result:
//
//   norm_moments  mean and squared deviations of each channel over a chunk of pixels (see pixels.cuh)
//   norm_fold     a warp to an image and group: moments of the group, and three numbers a channel
//   norm_apply    y = act((x - mean) factor + offset)
//
// A convolution that normalises its input itself (fused_convolution.cu) takes the numbers of norm_fold, of two inputs
// whose channels it joins.
//
// So a large image is spread over many blocks, and the second reading of a small one comes from the second-level cache:
// 12 bytes an element, 8 of them to and from memory where a batch fits the cache.
//
// A thread sums up eight values less the first of them and the squares, in float32: next to nothing cancels among eight
// neighbours. All that is merged is merged in double by Chan's formula (Chan, Golub and LeVeque, "Updating formulae and
// a pairwise algorithm for computing sample variances", 1979), one merge to eight values and channel, which even GPUs
// with few double units do in the shadow of memory. Squares that float32 cannot hold are summed in double.
#include "cuda/cuda.h"
#include "cuda/group_norm.cuh"

namespace ddpm::cuda {

/** Count, mean and sum of squared deviations of values. */
struct Moments {
  double count, mean, deviations;

  DDPM_DEVICE void merge(const Moments& other) {
    if (other.count == 0) return;
    if (count == 0) {
      *this = other;
      return;
    }
    double total = count + other.count, delta = other.mean - mean, share = other.count / total;
    mean += delta * share;
    deviations += other.deviations + delta * delta * (count * share);
    count = total;
  }
};

struct ChannelMoments {
  double mean, deviations;
};

/** Moments of up to eight values, the first of which is first. */
DDPM_DEVICE Moments moments_of(const Quad (&x)[kThreadPixels], int channel, int count) {
  float first = x[0].at[channel], sum = 0, squares = 0;
#pragma unroll
  for (int i = 1; i < kThreadPixels; ++i) {
    float d = i < count ? x[i].at[channel] - first : 0.0f;
    sum += d;
    squares += d * d;
  }
  double total = sum, total_squares = squares;
  if (!(squares < 3e38f)) {
    total = total_squares = 0;
#pragma unroll
    for (int i = 1; i < kThreadPixels; ++i) {
      double d = i < count ? static_cast<double>(x[i].at[channel]) - first : 0;
      total += d;
      total_squares += d * d;
    }
  }
  double mean = total / count, deviations = total_squares - total * mean;
  // Below 0 by rounding; NaN stays.
  return {static_cast<double>(count), first + mean, deviations < 0 ? 0 : deviations};
}

__global__ void __launch_bounds__(kPixelThreads)
    norm_moments_kernel(PixelPlan plan, JoinedPixels x, ChannelMoments* kept) {
  PixelPart part(plan);
  Quad values[kThreadPixels];
#pragma unroll
  for (int i = 0; i < kThreadPixels; ++i)
    values[i] = i < part.count ? x.load(part.pixel(plan, i), part.channel) : Quad{};
  // Means and deviations of four channels, and the count of all.
  double moments[9] = {};
  if (part.count > 0) {
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      Moments m = moments_of(values, c, part.count);
      moments[2 * c] = m.mean;
      moments[2 * c + 1] = m.deviations;
    }
    moments[8] = part.count;
  }
  merge_phases(plan, part, moments, [](double(&mine)[9], const double(&other)[9]) {
    double count = mine[8];
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      Moments m{count, mine[2 * c], mine[2 * c + 1]};
      m.merge({other[8], other[2 * c], other[2 * c + 1]});
      mine[2 * c] = m.mean;
      mine[2 * c + 1] = m.deviations;
      mine[8] = m.count;
    }
  });
  if (!part.keeps(plan)) return;
  ChannelMoments* to = kept + (part.image * plan.chunks + part.chunk) * plan.c() + part.channel;
#pragma unroll
  for (int c = 0; c < 4; ++c)
    if (part.channel + c < plan.c()) to[c] = {moments[2 * c], moments[2 * c + 1]};
}

/** The moments of all lanes. The lower of two lanes comes first, so that both get the same bits. */
DDPM_DEVICE Moments merge_lanes(Moments mine, int lane) {
#pragma unroll
  for (int lanes = 1; lanes < 32; lanes *= 2) {
    Moments other{__shfl_xor_sync(0xffffffffu, mine.count, lanes), __shfl_xor_sync(0xffffffffu, mine.mean, lanes),
                  __shfl_xor_sync(0xffffffffu, mine.deviations, lanes)};
    if ((lane & lanes) != 0) {
      other.merge(mine);
      mine = other;
    } else {
      mine.merge(other);
    }
  }
  return mine;
}

/** coefficients [N,3,C]: mean, factor and offset. */
__global__ void __launch_bounds__(kFoldThreads)
    norm_fold_kernel(PixelPlan plan, GroupNormArgs a, const ChannelMoments* kept, float* coefficients) {
  NormGroup at(a.n, a.groups);
  if (!at.valid) return;
  int64_t per_group = a.c / a.groups, first = at.group * per_group;
  Moments m{0, 0, 0};
  for (int64_t i = at.lane; i < plan.chunks * per_group; i += 32) {
    int64_t channel, chunk = split(i, per_group, &channel);
    const ChannelMoments part = kept[(at.image * plan.chunks + chunk) * a.c + first + channel];
    m.merge({static_cast<double>(plan.count(chunk)), part.mean, part.deviations});
  }
  m = merge_lanes(m, at.lane);
  double rstd = 1 / sqrt(m.deviations / m.count + static_cast<double>(a.eps));
  auto mean = static_cast<float>(m.mean);
  if (at.lane == 0 && a.statistics != nullptr) {
    float* statistics = a.statistics + (at.image * a.groups + at.group) * 2;
    statistics[0] = mean;
    statistics[1] = static_cast<float>(rstd);
  }
  float* to = coefficients + at.image * 3 * a.c;
  for (int64_t c = first + at.lane; c < first + per_group; c += 32) {
    double gain = a.gamma[c], bias = a.beta[c];
    if (a.modulation != nullptr) {
      const float* modulation = a.modulation + at.image * 2 * a.c + c;
      double scale = 1 + static_cast<double>(modulation[0]);
      gain *= scale;
      bias = bias * scale + modulation[a.c];
    }
    // x less the float32 next to the mean is exact for x near it; the offset makes up for what the mean lost.
    to[c] = mean;
    to[a.c + c] = static_cast<float>(rstd * gain);
    to[2 * a.c + c] = static_cast<float>((mean - m.mean) * rstd * gain + bias);
  }
}

template <bool kSilu>
__global__ void __launch_bounds__(kPixelThreads)
    norm_apply_kernel(PixelPlan plan, const float* x, const float* coefficients, float* y) {
  PixelPart part(plan);
  if (part.count == 0) return;
  Quad values[kThreadPixels];
#pragma unroll
  for (int i = 0; i < kThreadPixels; ++i)
    if (i < part.count) values[i] = plan.rows.load(x + part.at(plan, i), part.channel);
  const float* from = coefficients + part.image * 3 * plan.c();
  Rows rows = plan.rows;
  Quad mean = rows.load(from, part.channel), factor = rows.load(from + plan.c(), part.channel);
  Quad offset = rows.load(from + 2 * plan.c(), part.channel);
#pragma unroll
  for (int i = 0; i < kThreadPixels; ++i) {
    if (i >= part.count) continue;
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      float v = (values[i].at[c] - mean.at[c]) * factor.at[c] + offset.at[c];
      values[i].at[c] = kSilu ? silu_of(v) : v;
    }
    rows.store(y + part.at(plan, i), part.channel, values[i]);
  }
}

void norm_coefficients(const GroupNormArgs& a, const float* skip, int64_t skip_c, float* coefficients) {
  int64_t x_c = a.c - skip_c;
  PixelPlan plan = PixelPlan::of(a.n, a.pixels, a.c);
  JoinedPixels pixels{a.x, skip, rows_of(2, x_c, a.x), rows_of(2, skip_c, skip)};
  pixels.of_skip.vector &= x_c % 4 == 0;
  Stream stream = op_stream();
  DeviceArray<ChannelMoments> kept(a.n * plan.chunks * a.c, stream);
  ChannelMoments* moments = kept;
  each_part("norm_moments", norm_moments_kernel, plan, pixels, moments);
  launch("norm_fold", norm_fold_kernel, fold_grid(a.n, a.groups), dim3(kFoldThreads), 0, stream, plan, a, moments,
         coefficients);
}

ddpm_status group_norm(const GroupNormArgs& a) {
  DeviceArray<float> coefficients(a.n * 3 * a.c, op_stream());
  float* numbers = coefficients;
  norm_coefficients(a, nullptr, 0, numbers);
  each_part("norm_apply", a.silu ? norm_apply_kernel<true> : norm_apply_kernel<false>,
            PixelPlan::of(a.n, a.pixels, a.c, a.x, a.y), a.x, numbers, a.y);
  return DDPM_OK;
}

}  // namespace ddpm::cuda
