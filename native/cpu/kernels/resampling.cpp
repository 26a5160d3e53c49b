// Up-sampling by two and pooling. A gradient is gathered: each element of dx sums what comes to it in a fixed order, so
// threads never meet. Only that of max pooling is scattered, by tasks that share no channel.
#include "cpu/kernels/chunks.h"
#include "cpu/kernels/ops.h"
#include "cpu/kernels/scratch.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/**
 * Bilinear up-sampling takes 3/4 of the small position that a large one lies in and 1/4 of the next one on its side;
 * beyond the edge that is the same one again.
 */
int64_t far_position(int64_t large, int64_t small) {
  int64_t far = large / 2 + (large % 2 == 0 ? -1 : 1);
  return far < 0 || far >= small ? large / 2 : far;
}

/** near + (far - near) / 4 is near where both are the same. */
inline __attribute__((always_inline)) Vec blend(Vec near, Vec far) { return near + 0.25f * (far - near); }

/** Large positions that a small one enters, and with what weights: up to four in a row. */
struct Reach {
  int64_t begin, count;
  float weights[4];
};

Reach reach_of(int64_t position, int64_t small) {
  Reach reach{position == 0 ? 0 : 2 * position - 1, 0, {}};
  for (int64_t i = reach.begin; i <= 2 * position + 2 && i < 2 * small; ++i)
    reach.weights[reach.count++] = (i / 2 == position ? 0.75f : 0) + (far_position(i, small) == position ? 0.25f : 0);
  return reach;
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

/**
 * Divisors of the means of average pooling, [OH,OW]: the whole window, padding included but not what lies beyond it, or
 * the part inside the picture. In the calling thread's scratch memory.
 */
const float* window_counts(const WindowGeometry& g, bool count_padding) {
  float* counts = scratch<float>(kPartialSums, g.oh * g.ow);
  auto length = [count_padding](int64_t out, int64_t stride, int64_t before, int64_t window, int64_t size,
                                int64_t after) {
    Span inside = window_span(out, stride, before, window, size);
    int64_t begin = out * stride - before, end = begin + window < size + after ? begin + window : size + after;
    return count_padding ? end - begin : inside.end - inside.begin;
  };
  for (int64_t oh = 0; oh < g.oh; ++oh)
    for (int64_t ow = 0; ow < g.ow; ++ow)
      counts[oh * g.ow + ow] = static_cast<float>(length(oh, g.stride_h, g.pad_top, g.r, g.h, g.pad_bottom) *
                                                  length(ow, g.stride_w, g.pad_left, g.s, g.w, g.pad_right));
  return counts;
}

/** Lanes in which x takes the place of the best so far: in PyTorch's order NaN is larger than any number. */
inline __attribute__((always_inline)) IntVec beats(Vec x, Vec best) { return (x > best) | (x != x); }

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
          0, a.c, a.dst + (row * a.w + w) * a.c, [](Vec p, Vec q, Vec r, Vec s) { return (p + q) + (r + s); },
          top + left, top + right, bottom + left, bottom + right);
    }
  });
  return DDPM_OK;
}

ddpm_status upsample_bilinear(const UpsampleArgs& a) {
  parallel_for(a.n * 2 * a.h, [&](int64_t row) {
    int64_t n = row / (2 * a.h), oh = row % (2 * a.h);
    const float* near = a.src + (n * a.h + oh / 2) * a.w * a.c;
    const float* far = a.src + (n * a.h + far_position(oh, a.h)) * a.w * a.c;
    for (int64_t w = 0; w < a.w; ++w) {
      int64_t before = far_position(2 * w, a.w), after = far_position(2 * w + 1, a.w);
      float* y = a.dst + (row * 2 * a.w + 2 * w) * a.c;
      for (int64_t column = 0; column < a.c; column += kLanes) {
        auto in_column = [&](int64_t at) {
          return blend(load_columns(near + at * a.c, column, a.c), load_columns(far + at * a.c, column, a.c));
        };
        Vec here = in_column(w);
        store_columns(y, column, a.c, blend(here, in_column(before)));
        store_columns(y + a.c, column, a.c, blend(here, in_column(after)));
      }
    }
  });
  return DDPM_OK;
}

ddpm_status upsample_bilinear_backward(const UpsampleArgs& a) {
  parallel_for(a.n * a.h, [&](int64_t row) {
    int64_t n = row / a.h;
    Reach h = reach_of(row % a.h, a.h);
    for (int64_t iw = 0; iw < a.w; ++iw) {
      Reach w = reach_of(iw, a.w);
      const float* dy = a.src + ((n * 2 * a.h + h.begin) * 2 * a.w + w.begin) * a.c;
      for (int64_t column = 0; column < a.c; column += kLanes) {
        Vec sum{};
        for (int64_t i = 0; i < h.count; ++i) {
          Vec line{};
          for (int64_t j = 0; j < w.count; ++j)
            line += w.weights[j] * load_columns(dy + (i * 2 * a.w + j) * a.c, column, a.c);
          sum += h.weights[i] * line;
        }
        store_columns(a.dst + (row * a.w + iw) * a.c, column, a.c, sum);
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
          map_range(
              0, g.c, y, [](Vec b, Vec v) { return beats(v, b) ? v : b; }, best, source);
        }
    }
  });
  return DDPM_OK;
}

ddpm_status max_pool_backward(const PoolBackwardArgs& a) {
  const WindowGeometry& g = a.g;
  // Windows may overlap, but channels never meet: a task takes some of an image's.
  constexpr int64_t kChannels = 32;
  int64_t parts = divide_up(g.c, kChannels);
  parallel_for(g.n * parts, [&](int64_t task) {
    int64_t n = task / parts, first = task % parts * kChannels;
    int64_t channels = g.c - first < kChannels ? g.c - first : kChannels;
    const float* x = a.x + n * g.h * g.w * g.c + first;
    float* dx = a.dx + n * g.h * g.w * g.c + first;
    for (int64_t pixel = 0; pixel < g.h * g.w; ++pixel)
      std::memset(dx + pixel * g.c, 0, static_cast<size_t>(channels) * sizeof(float));
    for (int64_t oh = 0; oh < g.oh; ++oh)
      for (int64_t ow = 0; ow < g.ow; ++ow) {
        Span h = window_span(oh, g.stride_h, g.pad_top, g.r, g.h);
        Span w = window_span(ow, g.stride_w, g.pad_left, g.s, g.w);
        const float* dy = a.dy + ((n * g.oh + oh) * g.ow + ow) * g.c + first;
        for (int64_t column = 0; column < channels; column += kLanes) {
          // Where the first maximum lies, counted along the window; then each place takes the lanes that are its own.
          Vec best = load_columns(x + (h.begin * g.w + w.begin) * g.c, column, channels);
          IntVec where{};
          int32_t place = 0;
          for (int64_t ih = h.begin; ih < h.end; ++ih)
            for (int64_t iw = w.begin; iw < w.end; ++iw, ++place) {
              Vec v = load_columns(x + (ih * g.w + iw) * g.c, column, channels);
              IntVec taken = beats(v, best);
              best = taken ? v : best;
              where = taken ? IntVec{} + place : where;
            }
          Vec gradient = load_columns(dy, column, channels);
          place = 0;
          for (int64_t ih = h.begin; ih < h.end; ++ih)
            for (int64_t iw = w.begin; iw < w.end; ++iw, ++place) {
              float* target = dx + (ih * g.w + iw) * g.c;
              Vec sum = load_columns(target, column, channels);
              store_columns(target, column, channels, where == place ? sum + gradient : sum);
            }
        }
      }
  });
  return DDPM_OK;
}

ddpm_status average_pool(const PoolArgs& a) {
  const WindowGeometry& g = a.g;
  const float* counts = window_counts(g, a.count_padding);
  parallel_for(g.n * g.oh, [&](int64_t row) {
    int64_t oh = row % g.oh;
    Span h = window_span(oh, g.stride_h, g.pad_top, g.r, g.h);
    const float* x = a.x + row / g.oh * g.h * g.w * g.c;
    for (int64_t ow = 0; ow < g.ow; ++ow) {
      Span w = window_span(ow, g.stride_w, g.pad_left, g.s, g.w);
      for (int64_t column = 0; column < g.c; column += kLanes) {
        Vec sum{};
        for (int64_t ih = h.begin; ih < h.end; ++ih)
          for (int64_t iw = w.begin; iw < w.end; ++iw) sum += load_columns(x + (ih * g.w + iw) * g.c, column, g.c);
        store_columns(a.y + (row * g.ow + ow) * g.c, column, g.c, sum / counts[oh * g.ow + ow]);
      }
    }
  });
  return DDPM_OK;
}

ddpm_status average_pool_backward(const PoolBackwardArgs& a) {
  const WindowGeometry& g = a.g;
  const float* counts = window_counts(g, a.count_padding);
  parallel_for(g.n * g.h, [&](int64_t row) {
    const float* dy = a.dy + row / g.h * g.oh * g.ow * g.c;
    Span h = windows_holding(row % g.h, g.stride_h, g.pad_top, g.r, g.oh);
    for (int64_t iw = 0; iw < g.w; ++iw) {
      Span w = windows_holding(iw, g.stride_w, g.pad_left, g.s, g.ow);
      for (int64_t column = 0; column < g.c; column += kLanes) {
        Vec sum{};
        for (int64_t oh = h.begin; oh < h.end; ++oh)
          for (int64_t ow = w.begin; ow < w.end; ++ow)
            sum += load_columns(dy + (oh * g.ow + ow) * g.c, column, g.c) / counts[oh * g.ow + ow];
        store_columns(a.dx + (row * g.w + iw) * g.c, column, g.c, sum);
      }
    }
  });
  return DDPM_OK;
}

}  // namespace ddpm::cpu::DDPM_ISA
