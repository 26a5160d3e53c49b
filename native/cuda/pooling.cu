// Pooling: a thread takes four channels of a pixel of the result (see quads.cuh) and gathers, in a fixed order. That
// costs max pooling's gradient a search of all windows that hold the pixel, r s / stride^2 windows of r s places, 9 to
// 20 loads from the cache for the usual 2 x 2 and 3 x 3 with stride 2; a scatter would need atomics where windows
// overlap, or a record of the places.
#include "cuda/cuda.h"
#include "cuda/quads.cuh"

namespace ddpm::cuda {

/** Positions along an axis. */
struct Span {
  int64_t begin, end;
};

/** The window of one output position, cut to the picture. */
DDPM_DEVICE Span window_span(int64_t out, int64_t stride, int64_t pad, int64_t window, int64_t size) {
  int64_t begin = out * stride - pad;
  return {max(int64_t{0}, begin), min(size, begin + window)};
}

/** Output positions whose window holds an input position. */
DDPM_DEVICE Span windows_holding(int64_t in, int64_t stride, int64_t pad, int64_t window, int64_t outputs) {
  int64_t begin = in + pad - window + 1;
  return {begin <= 0 ? 0 : (begin + stride - 1) / stride, min(outputs, (in + pad) / stride + 1)};
}

struct Windows {
  WindowGeometry g;
  Rows rows;  // of channels
  bool count_padding;

  DDPM_DEVICE Span lines(int64_t oh) const { return window_span(oh, g.stride_h, g.pad_top, g.r, g.h); }
  DDPM_DEVICE Span columns(int64_t ow) const { return window_span(ow, g.stride_w, g.pad_left, g.s, g.w); }
  DDPM_DEVICE const float* input(const float* x, int64_t n, int64_t h, int64_t w) const {
    return x + ((n * g.h + h) * g.w + w) * g.c;
  }
  DDPM_DEVICE const float* output(const float* y, int64_t n, int64_t oh, int64_t ow) const {
    return y + ((n * g.oh + oh) * g.ow + ow) * g.c;
  }
  /** The divisor of a mean: the whole window, padding included but not what lies beyond it, or the part inside. */
  DDPM_DEVICE float divisor(int64_t oh, int64_t ow) const {
    Span h = lines(oh), w = columns(ow);
    if (!count_padding) return static_cast<float>((h.end - h.begin) * (w.end - w.begin));
    int64_t top = oh * g.stride_h - g.pad_top, left = ow * g.stride_w - g.pad_left;
    return static_cast<float>((min(top + g.r, g.h + g.pad_bottom) - top) * (min(left + g.s, g.w + g.pad_right) - left));
  }
};

/** Whether x takes the place of the best so far: in PyTorch's order NaN is larger than any number. */
DDPM_DEVICE bool beats(float x, float best) { return x > best || x != x; }

/** The largest of a window, and where it comes first, counted along the window. */
struct Largest {
  Quad value;
  int place[4] = {};

  DDPM_DEVICE Largest(const Windows& p, const float* x, int64_t n, const Span& h, const Span& w, int64_t column)
      : value(p.rows.load(p.input(x, n, h.begin, w.begin), column)) {
    int at = 0;
    // Unrolled, the loops take more registers than there are on some architectures.
#pragma unroll 1
    for (int64_t ih = h.begin; ih < h.end; ++ih)
#pragma unroll 1
      for (int64_t iw = w.begin; iw < w.end; ++iw, ++at) {
        Quad q = p.rows.load(p.input(x, n, ih, iw), column);
#pragma unroll
        for (int i = 0; i < 4; ++i)
          if (beats(q.at[i], value.at[i])) {
            value.at[i] = q.at[i];
            place[i] = at;
          }
      }
  }
};

struct MaxPool : Windows {
  const float* x;
  float* y;
  DDPM_DEVICE void operator()(int64_t pixel, int64_t column) const {
    int64_t oh, ow, n = split(split(pixel, g.ow, &ow), g.oh, &oh);
    rows.store(y + pixel * g.c, column, Largest(*this, x, n, lines(oh), columns(ow), column).value);
  }
};

struct AveragePool : Windows {
  const float* x;
  float* y;
  DDPM_DEVICE void operator()(int64_t pixel, int64_t column) const {
    int64_t oh, ow, n = split(split(pixel, g.ow, &ow), g.oh, &oh);
    Span h = lines(oh), w = columns(ow);
    Quad sum{};
    for (int64_t ih = h.begin; ih < h.end; ++ih)
      for (int64_t iw = w.begin; iw < w.end; ++iw) {
        Quad q = rows.load(input(x, n, ih, iw), column);
#pragma unroll
        for (int i = 0; i < 4; ++i) sum.at[i] += q.at[i];
      }
    float count = divisor(oh, ow);
#pragma unroll
    for (int i = 0; i < 4; ++i) sum.at[i] /= count;
    rows.store(y + pixel * g.c, column, sum);
  }
};

struct PoolBackward : Windows {
  const float *x, *dy;
  float* dx;

  /** Adds up part(n, h, w, oh, ow) over the windows that hold the pixel. */
  template <class Part>
  DDPM_DEVICE void gather(int64_t pixel, int64_t column, const Part& part) const {
    int64_t h, w, n = split(split(pixel, g.w, &w), g.h, &h);
    Span over_h = windows_holding(h, g.stride_h, g.pad_top, g.r, g.oh);
    Span over_w = windows_holding(w, g.stride_w, g.pad_left, g.s, g.ow);
    Quad sum{};
    for (int64_t oh = over_h.begin; oh < over_h.end; ++oh)
      for (int64_t ow = over_w.begin; ow < over_w.end; ++ow)
        part(n, h, w, oh, ow, rows.load(output(dy, n, oh, ow), column), sum);
    rows.store(dx + pixel * g.c, column, sum);
  }
};

struct MaxPoolBackward : PoolBackward {
  DDPM_DEVICE void operator()(int64_t pixel, int64_t column) const {
    gather(pixel, column, [&](int64_t n, int64_t h, int64_t w, int64_t oh, int64_t ow, const Quad& slope, Quad& sum) {
      Span over_h = lines(oh), over_w = columns(ow);
      Largest largest(*this, x, n, over_h, over_w, column);
      auto place = static_cast<int>((h - over_h.begin) * (over_w.end - over_w.begin) + (w - over_w.begin));
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (largest.place[i] == place) sum.at[i] += slope.at[i];
    });
  }
};

struct AveragePoolBackward : PoolBackward {
  DDPM_DEVICE void operator()(int64_t pixel, int64_t column) const {
    gather(pixel, column, [&](int64_t, int64_t, int64_t, int64_t oh, int64_t ow, const Quad& slope, Quad& sum) {
      float count = divisor(oh, ow);
#pragma unroll
      for (int i = 0; i < 4; ++i) sum.at[i] += slope.at[i] / count;
    });
  }
};

namespace {

template <class F>
ddpm_status pool(const char* name, const PoolArgs& a) {
  const WindowGeometry& g = a.g;
  each_quad(name, F{{g, rows_of(2, g.c, a.x, a.y), a.count_padding}, a.x, a.y}, g.n * g.oh * g.ow, g.c);
  return DDPM_OK;
}

template <class F>
ddpm_status pool_backward(const char* name, const PoolBackwardArgs& a) {
  const WindowGeometry& g = a.g;
  F f{{{g, rows_of(2, g.c, a.x, a.dy, a.dx), a.count_padding}, a.x, a.dy, a.dx}};
  each_quad(name, f, g.n * g.h * g.w, g.c);
  return DDPM_OK;
}

}  // namespace

ddpm_status max_pool(const PoolArgs& a) { return pool<MaxPool>("max_pool", a); }
ddpm_status average_pool(const PoolArgs& a) { return pool<AveragePool>("average_pool", a); }
ddpm_status max_pool_backward(const PoolBackwardArgs& a) {
  return pool_backward<MaxPoolBackward>("max_pool_backward", a);
}
ddpm_status average_pool_backward(const PoolBackwardArgs& a) {
  return pool_backward<AveragePoolBackward>("average_pool_backward", a);
}

}  // namespace ddpm::cuda
