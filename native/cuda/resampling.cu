// Up-sampling by two: a thread takes four channels of a pixel of the result (see quads.cuh) and gathers what enters it,
// 1, 4 or up to 16 pixels, in a fixed order. Neighbouring threads read the same pixels, so all but the first reading
// come from a cache, and memory moves what it must.
#include "cuda/cuda.h"
#include "cuda/quads.cuh"

namespace ddpm::cuda {

/** A pixel of pictures of h by w. */
struct Pixel {
  int64_t n, h, w;
  DDPM_DEVICE Pixel(int64_t index, int64_t height, int64_t width) { n = split(split(index, width, &w), height, &h); }
};

/**
 * Bilinear up-sampling takes 3/4 of the small position that a large one lies in and 1/4 of the next one on its side;
 * beyond the edge that is the same one again.
 */
DDPM_DEVICE int64_t far_position(int64_t large, int64_t small) {
  int64_t far = large / 2 + (large % 2 == 0 ? -1 : 1);
  return far < 0 || far >= small ? large / 2 : far;
}

/** With what weight a small position enters a large one. */
DDPM_DEVICE float weight_of(int64_t large, int64_t position, int64_t small) {
  return (large / 2 == position ? 0.75f : 0) + (far_position(large, small) == position ? 0.25f : 0);
}

struct Upsample {
  UpsampleArgs a;
  Rows rows;  // of channels

  DDPM_DEVICE Quad small(int64_t n, int64_t h, int64_t w, int64_t column) const {
    return rows.load(a.src + ((n * a.h + h) * a.w + w) * a.c, column);
  }
  DDPM_DEVICE Quad large(int64_t n, int64_t h, int64_t w, int64_t column) const {
    return rows.load(a.src + ((n * 2 * a.h + h) * 2 * a.w + w) * a.c, column);
  }
};

struct NearestForward : Upsample {
  DDPM_DEVICE void operator()(int64_t pixel, int64_t column) const {
    Pixel p(pixel, 2 * a.h, 2 * a.w);
    rows.store(a.dst + pixel * a.c, column, small(p.n, p.h / 2, p.w / 2, column));
  }
};

struct NearestBackward : Upsample {
  DDPM_DEVICE void operator()(int64_t pixel, int64_t column) const {
    Pixel p(pixel, a.h, a.w);
    Quad q[4], sum;
#pragma unroll
    for (int i = 0; i < 4; ++i) q[i] = large(p.n, 2 * p.h + i / 2, 2 * p.w + i % 2, column);
#pragma unroll
    for (int i = 0; i < 4; ++i) sum.at[i] = (q[0].at[i] + q[1].at[i]) + (q[2].at[i] + q[3].at[i]);
    rows.store(a.dst + pixel * a.c, column, sum);
  }
};

struct BilinearForward : Upsample {
  /** near + (far - near) / 4 is near where both are the same. */
  DDPM_DEVICE static Quad blend(const Quad& near, const Quad& far) {
    Quad q;
#pragma unroll
    for (int i = 0; i < 4; ++i) q.at[i] = near.at[i] + 0.25f * (far.at[i] - near.at[i]);
    return q;
  }
  DDPM_DEVICE void operator()(int64_t pixel, int64_t column) const {
    Pixel p(pixel, 2 * a.h, 2 * a.w);
    int64_t h = p.h / 2, w = p.w / 2, far_h = far_position(p.h, a.h), far_w = far_position(p.w, a.w);
    Quad near = blend(small(p.n, h, w, column), small(p.n, far_h, w, column));
    Quad far = blend(small(p.n, h, far_w, column), small(p.n, far_h, far_w, column));
    rows.store(a.dst + pixel * a.c, column, blend(near, far));
  }
};

struct BilinearBackward : Upsample {
  DDPM_DEVICE void operator()(int64_t pixel, int64_t column) const {
    Pixel p(pixel, a.h, a.w);
    Quad sum{};
    for (int64_t h = max(int64_t{0}, 2 * p.h - 1); h < min(2 * a.h, 2 * p.h + 3); ++h) {
      float from_line = weight_of(h, p.h, a.h);
      Quad line{};
      for (int64_t w = max(int64_t{0}, 2 * p.w - 1); w < min(2 * a.w, 2 * p.w + 3); ++w) {
        Quad dy = large(p.n, h, w, column);
        float weight = weight_of(w, p.w, a.w);
#pragma unroll
        for (int i = 0; i < 4; ++i) line.at[i] += weight * dy.at[i];
      }
#pragma unroll
      for (int i = 0; i < 4; ++i) sum.at[i] += from_line * line.at[i];
    }
    rows.store(a.dst + pixel * a.c, column, sum);
  }
};

namespace {

/** Each pixel of the result, of which there are so many for one of the small picture. */
template <class F>
ddpm_status upsample(const char* name, const UpsampleArgs& a, int64_t pixels) {
  int64_t count = a.n * a.h * a.w * pixels;
  each_quad(name, F{{a, rows_of(2, a.c, a.src, a.dst)}}, count, a.c);
  return DDPM_OK;
}

}  // namespace

ddpm_status upsample_nearest(const UpsampleArgs& a) { return upsample<NearestForward>("upsample_nearest", a, 4); }

ddpm_status upsample_nearest_backward(const UpsampleArgs& a) {
  return upsample<NearestBackward>("upsample_nearest_backward", a, 1);
}

ddpm_status upsample_bilinear(const UpsampleArgs& a) { return upsample<BilinearForward>("upsample_bilinear", a, 4); }

ddpm_status upsample_bilinear_backward(const UpsampleArgs& a) {
  return upsample<BilinearBackward>("upsample_bilinear_backward", a, 1);
}

}  // namespace ddpm::cuda
