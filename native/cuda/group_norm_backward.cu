// Gradient of group normalisation. With xhat = (x - mean) rstd and dv = dy act'(xhat gain + bias),
//
//   norm_slopes      sums of dv and dv xhat of each channel over a chunk of pixels (see pixels.cuh); the dv of a SiLU
//   is
//                    left in dx, as writing it costs less than its exponential and division
//   norm_fold_slopes a warp to an image and group: sums over chunks, the gradient of the modulation, an image's share
//   of
//                    those of gamma and beta, and what the normalisation takes out of the gradient
//   norm_input_slope dx = (gain dv - constant - xhat from_xhat) rstd
//   norm_parameters  dgamma and dbeta, a thread to a channel, over images in order
//
// x and dy are read twice: 20 bytes an element, or 24 with SiLU. A thread sums up eight products in float32, all
// further sums are in double.
#include "cuda/cuda.h"
#include "cuda/group_norm.cuh"

namespace ddpm::cuda {

/** Sums over an image of each channel: of dv, and of dv xhat. */
constexpr int kSlopeSums = 2;

/** What is the same over an image, of four channels. */
struct NormChannels {
  Quad mean, rstd, gain, bias;

  DDPM_DEVICE NormChannels(const GroupNormBackwardArgs& a, int64_t image, int64_t first) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      int64_t c = min(first + i, a.c - 1), rest;
      const float* statistics = a.statistics + (image * a.groups + split(c, a.c / a.groups, &rest)) * 2;
      mean.at[i] = statistics[0];
      rstd.at[i] = statistics[1];
      float scale = 1, shift = 0;
      if (a.modulation != nullptr) {
        scale = 1 + a.modulation[image * 2 * a.c + c];
        shift = a.modulation[image * 2 * a.c + a.c + c];
      }
      gain.at[i] = a.gamma[c] * scale;
      bias.at[i] = a.beta[c] * scale + shift;
    }
  }
};

template <bool kSilu>
__global__ void __launch_bounds__(kPixelThreads)
    norm_slopes_kernel(PixelPlan plan, GroupNormBackwardArgs a, double* kept) {
  PixelPart part(plan);
  double sums[4 * kSlopeSums] = {};
  if (part.count > 0) {
    NormChannels channels(a, part.image, part.channel);
    Quad x[kThreadPixels], dv[kThreadPixels], sum{}, with_xhat{};
#pragma unroll
    for (int i = 0; i < kThreadPixels; ++i) {
      if (i >= part.count) continue;
      x[i] = plan.rows.load(a.x + part.at(plan, i), part.channel);
      dv[i] = plan.rows.load(a.dy + part.at(plan, i), part.channel);
    }
#pragma unroll
    for (int i = 0; i < kThreadPixels; ++i) {
      if (i >= part.count) continue;
#pragma unroll
      for (int c = 0; c < 4; ++c) {
        float xhat = (x[i].at[c] - channels.mean.at[c]) * channels.rstd.at[c];
        if (kSilu) dv[i].at[c] *= silu_slope(xhat * channels.gain.at[c] + channels.bias.at[c]);
        sum.at[c] += dv[i].at[c];
        with_xhat.at[c] += dv[i].at[c] * xhat;
      }
      if (kSilu) plan.rows.store(a.dx + part.at(plan, i), part.channel, dv[i]);
    }
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      sums[c] = sum.at[c];
      sums[4 + c] = with_xhat.at[c];
    }
  }
  sum_phases(plan, part, sums);
  if (!part.keeps(plan)) return;
  double* to = kept + (part.image * plan.chunks + part.chunk) * kSlopeSums * plan.c() + part.channel;
#pragma unroll
  for (int c = 0; c < 4; ++c)
    if (part.channel + c < plan.c()) {
      to[c] = sums[c];
      to[plan.c() + c] = sums[4 + c];
    }
}

/** The sum over lanes, in all of them with the same bits. */
DDPM_DEVICE double sum_lanes(double value) {
#pragma unroll
  for (int lanes = 1; lanes < 32; lanes *= 2) value += __shfl_xor_sync(0xffffffffu, value, lanes);
  return value;
}

/** of_images [N,2,C]: each image's share of dgamma and dbeta. taken_out [N,groups,2]: constant and from_xhat. */
__global__ void __launch_bounds__(kFoldThreads)
    norm_fold_slopes_kernel(PixelPlan plan, GroupNormBackwardArgs a, const double* kept, double* of_images,
                            float* taken_out) {
  NormGroup at(a.n, a.groups);
  if (!at.valid) return;
  int64_t per_group = a.c / a.groups;
  double group_sum = 0, group_with_xhat = 0;
  for (int64_t c = at.group * per_group; c < (at.group + 1) * per_group; ++c) {
    double sum = 0, with_xhat = 0;
    for (int64_t chunk = at.lane; chunk < plan.chunks; chunk += 32) {
      const double* from = kept + (at.image * plan.chunks + chunk) * kSlopeSums * a.c + c;
      sum += from[0];
      with_xhat += from[a.c];
    }
    sum = sum_lanes(sum);
    with_xhat = sum_lanes(with_xhat);
    double scale = 1;
    if (a.modulation != nullptr) {
      scale += static_cast<double>(a.modulation[at.image * 2 * a.c + c]);
      float* dmodulation = a.dmodulation + at.image * 2 * a.c + c;
      if (at.lane == 0) {
        dmodulation[0] = static_cast<float>(a.gamma[c] * with_xhat + a.beta[c] * sum);
        dmodulation[a.c] = static_cast<float>(sum);
      }
    }
    double* of_image = of_images + at.image * 2 * a.c + c;
    if (at.lane == 0) {
      of_image[0] = with_xhat * scale;
      of_image[a.c] = sum * scale;
    }
    double gain = static_cast<double>(a.gamma[c]) * scale;
    group_sum += gain * sum;
    group_with_xhat += gain * with_xhat;
  }
  double count = static_cast<double>(a.pixels * per_group);
  float* to = taken_out + (at.image * a.groups + at.group) * 2;
  if (at.lane == 0) {
    to[0] = static_cast<float>(group_sum / count);
    to[1] = static_cast<float>(group_with_xhat / count);
  }
}

__global__ void __launch_bounds__(kPixelThreads)
    norm_input_slope_kernel(PixelPlan plan, GroupNormBackwardArgs a, const float* dv, const float* taken_out) {
  PixelPart part(plan);
  if (part.count == 0) return;
  NormChannels channels(a, part.image, part.channel);
  Quad constant, from_xhat, x[kThreadPixels], slope[kThreadPixels];
#pragma unroll
  for (int i = 0; i < kThreadPixels; ++i) {
    if (i >= part.count) continue;
    x[i] = plan.rows.load(a.x + part.at(plan, i), part.channel);
    slope[i] = plan.rows.load(dv + part.at(plan, i), part.channel);
  }
#pragma unroll
  for (int c = 0; c < 4; ++c) {
    int64_t rest, group = split(min(part.channel + c, a.c - 1), a.c / a.groups, &rest);
    constant.at[c] = taken_out[(part.image * a.groups + group) * 2];
    from_xhat.at[c] = taken_out[(part.image * a.groups + group) * 2 + 1];
  }
#pragma unroll
  for (int i = 0; i < kThreadPixels; ++i) {
    if (i >= part.count) continue;
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      float xhat = (x[i].at[c] - channels.mean.at[c]) * channels.rstd.at[c];
      float kept = channels.gain.at[c] * slope[i].at[c] - constant.at[c] - xhat * from_xhat.at[c];
      slope[i].at[c] = kept * channels.rstd.at[c];
    }
    plan.rows.store(a.dx + part.at(plan, i), part.channel, slope[i]);
  }
}

__global__ void __launch_bounds__(kQuadThreads)
    norm_parameters_kernel(GroupNormBackwardArgs a, const double* of_images) {
  int64_t c = int64_t{blockIdx.x} * kQuadThreads + threadIdx.x;
  if (c >= a.c) return;
  double gamma = 0, beta = 0;
  for (int64_t n = 0; n < a.n; ++n) {
    gamma += of_images[n * 2 * a.c + c];
    beta += of_images[n * 2 * a.c + a.c + c];
  }
  a.dgamma[c] += static_cast<float>(gamma);
  a.dbeta[c] += static_cast<float>(beta);
}

ddpm_status group_norm_backward(const GroupNormBackwardArgs& a) {
  PixelPlan plan = PixelPlan::of(a.n, a.pixels, a.c, a.x, a.dy, a.dx);
  Stream stream = op_stream();
  DeviceArray<double> kept(a.n * plan.chunks * kSlopeSums * a.c, stream), images(a.n * 2 * a.c, stream);
  DeviceArray<float> groups(a.n * a.groups * 2, stream);
  double *sums = kept, *of_images = images;
  float* taken_out = groups;
  each_part("norm_slopes", a.silu ? norm_slopes_kernel<true> : norm_slopes_kernel<false>, plan, a, sums);
  launch("norm_fold_slopes", norm_fold_slopes_kernel, fold_grid(a.n, a.groups), dim3(kFoldThreads), 0, stream, plan, a,
         sums, of_images, taken_out);
  const float* dv = a.silu ? a.dx : a.dy;
  each_part("norm_input_slope", norm_input_slope_kernel, plan, a, dv, taken_out);
  launch("norm_parameters", norm_parameters_kernel, grid_of(divide_up(a.c, kQuadThreads)), dim3(kQuadThreads), 0,
         stream, a, of_images);
  return DDPM_OK;
}

}  // namespace ddpm::cuda
