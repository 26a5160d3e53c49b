// Up-sampling by two and pooling. Gradients are gathered, not scattered: each element of dx sums what comes to it in a fixed
// order, so threads never meet.
#include "cpu/kernels/chunks.h"
#include "cpu/kernels/ops.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Where a row or column of the large picture lies between rows of the small one: (i + 1/2) / 2 - 1/2, edges repeated. */
struct Between {
  int64_t low, high;
  float to_high;  // weight of high; 1 - to_high is low's
};

Between between(int64_t i, int64_t small) {
  // Even positions lie a quarter below a small one, odd positions a quarter above.
  int64_t low = i % 2 == 0 ? i / 2 - 1 : i / 2;
  float to_high = i % 2 == 0 ? 0.75f : 0.25f;
  if (low < 0) return {0, 0, 0.0f};
  if (low + 1 >= small) return {small - 1, small - 1, 0.0f};
  return {low, low + 1, to_high};
}

/** Weight with which small position s enters large position i. */
float weight_of(int64_t i, int64_t s, int64_t small) {
  Between b = between(i, small);
  float weight = 0;
  if (b.low == s) weight += 1 - b.to_high;
  if (b.high == s) weight += b.to_high;
  return weight;
}

/** The window of one output position along one axis, cut to the picture. */
struct Span {
  int64_t begin, end;
};

Span window_span(int64_t out, int64_t stride, int64_t pad, int64_t window, int64_t size) {
  int64_t begin = out * stride - pad, end = begin + window;
  return {begin < 0 ? 0 : begin, end > size ? size : end};
}

/** Output positions whose window holds an input position. */
Span windows_holding(int64_t in, int64_t stride, int64_t pad, int64_t window, int64_t outputs) {
  int64_t begin = in + pad - window + 1;
  begin = begin <= 0 ? 0 : divide_up(begin, stride);
  int64_t end = (in + pad) / stride + 1;
  return {begin, end > outputs ? outputs : end};
}

/** Divisor of a mean: the whole window, padding included but not what lies beyond it, or the part inside the picture. */
float window_count(const WindowGeometry& g, int64_t oh, int64_t ow, bool count_padding) {
  if (count_padding) {
    int64_t top = oh * g.stride_h - g.pad_top, left = ow * g.stride_w - g.pad_left;
    int64_t bottom = top + g.r < g.h + g.pad_bottom ? top + g.r : g.h + g.pad_bottom;
    int64_t right = left + g.s < g.w + g.pad_right ? left + g.s : g.w + g.pad_right;
    return static_cast<float>((bottom - top) * (right - left));
  }
  Span h = window_span(oh, g.stride_h, g.pad_top, g.r, g.h), w = window_span(ow, g.stride_w, g.pad_left, g.s, g.w);
  return static_cast<float>((h.end - h.begin) * (w.end - w.begin));
}

/** torch's order: NaN is larger than any number. */
bool beats(float x, float best) { return x > best || x != x; }

}  // namespace

ddpm_status upsample_nearest(const UpsampleArgs& a) {
  parallel_for(a.n * a.h, [&](int64_t row) {
    const float* x = a.src + row * a.w * a.c;
    float* y = a.dst + row * 4 * a.w * a.c;
    size_t bytes = static_cast<size_t>(a.c) * sizeof(float);
    for (int64_t w = 0; w < 2 * a.w; ++w) std::memcpy(y + w * a.c, x + w / 2 * a.c, bytes);
    std::memcpy(y + 2 * a.w * a.c, y, static_cast<size_t>(2 * a.w) * bytes);
  });
  return DDPM_OK;
}

ddpm_status upsample_nearest_backward(const UpsampleArgs& a) {
  parallel_for(a.n * a.h, [&](int64_t row) {
    const float* top = a.src + row * 4 * a.w * a.c;
    const float* bottom = top + 2 * a.w * a.c;
    for (int64_t w = 0; w < a.w; ++w) {
      int64_t left = 2 * w * a.c, right = left + a.c;
      map_range(
          0, a.c, a.dst + (row * a.w + w) * a.c, [](Vec p, Vec q, Vec r, Vec s) { return (p + q) + (r + s); }, top + left,
          top + right, bottom + left, bottom + right);
    }
  });
  return DDPM_OK;
}

ddpm_status upsample_bilinear(const UpsampleArgs& a) {
  parallel_for(a.n * 2 * a.h, [&](int64_t row) {
    int64_t n = row / (2 * a.h);
    Between h = between(row % (2 * a.h), a.h);
    const float* low = a.src + (n * a.h + h.low) * a.w * a.c;
    const float* high = a.src + (n * a.h + h.high) * a.w * a.c;
    for (int64_t ow = 0; ow < 2 * a.w; ++ow) {
      Between w = between(ow, a.w);
      float ll = (1 - h.to_high) * (1 - w.to_high), lh = (1 - h.to_high) * w.to_high;
      float hl = h.to_high * (1 - w.to_high), hh = h.to_high * w.to_high;
      map_range(
          0, a.c, a.dst + (row * 2 * a.w + ow) * a.c,
          [=](Vec p, Vec q, Vec r, Vec s) { return (ll * p + lh * q) + (hl * r + hh * s); }, low + w.low * a.c,
          low + w.high * a.c, high + w.low * a.c, high + w.high * a.c);
    }
  });
  return DDPM_OK;
}

ddpm_status upsample_bilinear_backward(const UpsampleArgs& a) {
  parallel_for(a.n * a.h, [&](int64_t row) {
    int64_t n = row / a.h, h = row % a.h;
    for (int64_t w = 0; w < a.w; ++w) {
      float* dx = a.dst + (row * a.w + w) * a.c;
      std::memset(dx, 0, static_cast<size_t>(a.c) * sizeof(float));
      for (int64_t oh = 2 * h - 1 < 0 ? 0 : 2 * h - 1; oh <= 2 * h + 2 && oh < 2 * a.h; ++oh)
        for (int64_t ow = 2 * w - 1 < 0 ? 0 : 2 * w - 1; ow <= 2 * w + 2 && ow < 2 * a.w; ++ow) {
          float weight = weight_of(oh, h, a.h) * weight_of(ow, w, a.w);
          const float* dy = a.src + ((n * 2 * a.h + oh) * 2 * a.w + ow) * a.c;
          const float* kept = dx;
          map_range(0, a.c, dx, [weight](Vec sum, Vec d) { return sum + weight * d; }, kept, dy);
        }
    }
  });
  return DDPM_OK;
}

ddpm_status max_pool(const PoolArgs& a) {
  const WindowGeometry& g = a.g;
  parallel_for(g.n * g.oh, [&](int64_t row) {
    Span h = window_span(row % g.oh, g.stride_h, g.pad_top, g.r, g.h);
    const float* x = a.x + row / g.oh * g.h * g.w * g.c;
    for (int64_t ow = 0; ow < g.ow; ++ow) {
      Span w = window_span(ow, g.stride_w, g.pad_left, g.s, g.w);
      float* y = a.y + (row * g.ow + ow) * g.c;
      std::memcpy(y, x + (h.begin * g.w + w.begin) * g.c, static_cast<size_t>(g.c) * sizeof(float));
      for (int64_t ih = h.begin; ih < h.end; ++ih)
        for (int64_t iw = w.begin; iw < w.end; ++iw) {
          const float* source = x + (ih * g.w + iw) * g.c;
          const float* best = y;
          map_range(0, g.c, y, [](Vec b, Vec v) { return (v > b) | (v != v) ? v : b; }, best, source);
        }
    }
  });
  return DDPM_OK;
}

ddpm_status max_pool_backward(const PoolBackwardArgs& a) {
  const WindowGeometry& g = a.g;
  // Windows may overlap, so an image is one task: each window finds its first maximum and adds its gradient there.
  parallel_for(g.n, [&](int64_t n) {
    const float* x = a.x + n * g.h * g.w * g.c;
    float* dx = a.dx + n * g.h * g.w * g.c;
    std::memset(dx, 0, static_cast<size_t>(g.h * g.w * g.c) * sizeof(float));
    for (int64_t oh = 0; oh < g.oh; ++oh)
      for (int64_t ow = 0; ow < g.ow; ++ow) {
        Span h = window_span(oh, g.stride_h, g.pad_top, g.r, g.h), w = window_span(ow, g.stride_w, g.pad_left, g.s, g.w);
        const float* dy = a.dy + ((n * g.oh + oh) * g.ow + ow) * g.c;
        for (int64_t c = 0; c < g.c; ++c) {
          int64_t best = (h.begin * g.w + w.begin) * g.c + c;
          for (int64_t ih = h.begin; ih < h.end; ++ih)
            for (int64_t iw = w.begin; iw < w.end; ++iw) {
              int64_t at = (ih * g.w + iw) * g.c + c;
              if (at != best && beats(x[at], x[best])) best = at;
            }
          dx[best] += dy[c];
        }
      }
  });
  return DDPM_OK;
}

ddpm_status average_pool(const PoolArgs& a) {
  const WindowGeometry& g = a.g;
  parallel_for(g.n * g.oh, [&](int64_t row) {
    int64_t oh = row % g.oh;
    Span h = window_span(oh, g.stride_h, g.pad_top, g.r, g.h);
    const float* x = a.x + row / g.oh * g.h * g.w * g.c;
    for (int64_t ow = 0; ow < g.ow; ++ow) {
      Span w = window_span(ow, g.stride_w, g.pad_left, g.s, g.w);
      float count = window_count(g, oh, ow, a.count_padding);
      float* y = a.y + (row * g.ow + ow) * g.c;
      for (int64_t column = 0; column < g.c; column += kLanes) {
        Vec sum{};
        for (int64_t ih = h.begin; ih < h.end; ++ih)
          for (int64_t iw = w.begin; iw < w.end; ++iw) sum += load_columns(x + (ih * g.w + iw) * g.c, column, g.c);
        store_columns(y, column, g.c, sum / count);
      }
    }
  });
  return DDPM_OK;
}

ddpm_status average_pool_backward(const PoolBackwardArgs& a) {
  const WindowGeometry& g = a.g;
  parallel_for(g.n * g.h, [&](int64_t row) {
    int64_t n = row / g.h;
    Span h = windows_holding(row % g.h, g.stride_h, g.pad_top, g.r, g.oh);
    for (int64_t iw = 0; iw < g.w; ++iw) {
      Span w = windows_holding(iw, g.stride_w, g.pad_left, g.s, g.ow);
      for (int64_t column = 0; column < g.c; column += kLanes) {
        Vec sum{};
        for (int64_t oh = h.begin; oh < h.end; ++oh)
          for (int64_t ow = w.begin; ow < w.end; ++ow)
            sum += load_columns(a.dy + ((n * g.oh + oh) * g.ow + ow) * g.c, column, g.c) /
                   window_count(g, oh, ow, a.count_padding);
        store_columns(a.dx + (row * g.w + iw) * g.c, column, g.c, sum);
      }
    }
  });
  return DDPM_OK;
}

}  // namespace ddpm::cpu::DDPM_ISA
