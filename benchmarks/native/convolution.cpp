// Convolutions and linear maps.
#include "reference/convolution.h"

#include <string>
#include <vector>

#include "ops.h"
#include "reference/winograd.h"

namespace ddpm::bench {
namespace {

using test::reference::Window;
namespace reference = test::reference;

#define GEOMETRY(g) g.n, g.h, g.w, g.c, g.k, g.r, g.s, g.stride_h, g.stride_w, g.top, g.left, g.bottom, g.right

/** The operands of a convolution and its gradients. A linear map is one too: rows of pixels, a window of one. */
struct Convolution {
  explicit Convolution(const Window& window)
      : g(window),
        x(random_floats(g.input())),
        w(random_floats(g.weights())),
        dy(random_floats(g.output())),
        x_in(x),
        w_in(w),
        dy_in(dy),
        y(g.output()),
        dx(g.input()),
        dw(g.weights()) {
    ok(ddpm_keep_packed(w_in, 1));
  }

  Window g;
  Floats x, w, dy;
  Buffer x_in, w_in, dy_in, y, dx, dw;
};

/** The three calls of a layer; convolutions and linear maps differ only in how they are called. */
struct Layer {
  const char *forward_name, *input_name, *weights_name;
  void (*forward)(const Convolution&);
  void (*backward_input)(const Convolution&);
  void (*backward_weights)(const Convolution&);
};

const Layer conv2d{
    "conv2d",
    "conv2d_backward_input",
    "conv2d_backward_weights",
    [](const Convolution& c) { ok(ddpm_conv2d(c.x_in, c.w_in, 0, 0, 0, c.y, GEOMETRY(c.g))); },
    [](const Convolution& c) { ok(ddpm_conv2d_backward_input(c.dy_in, c.w_in, 0, c.dx, GEOMETRY(c.g))); },
    [](const Convolution& c) { ok(ddpm_conv2d_backward_weights(c.x_in, c.dy_in, c.dw, 0, GEOMETRY(c.g))); }};

const Layer linear{
    "linear",
    "linear_backward_input",
    "linear_backward_weights",
    [](const Convolution& c) { ok(ddpm_linear(c.x_in, c.w_in, 0, 0, c.y, c.g.n, c.g.c, c.g.k)); },
    [](const Convolution& c) { ok(ddpm_linear_backward_input(c.dy_in, c.w_in, c.dx, c.g.n, c.g.c, c.g.k)); },
    [](const Convolution& c) { ok(ddpm_linear_backward_weights(c.x_in, c.dy_in, c.dw, 0, c.g.n, c.g.c, c.g.k)); }};

/** Products with elements inside the picture: what a convolution cannot do without. */
double products_of(const Window& g) {
  auto taps = [](int size, int out, int window, int stride, int pad) {
    double count = 0;
    for (int o = 0; o < out; ++o)
      for (int r = 0; r < window; ++r) count += o * stride - pad + r >= 0 && o * stride - pad + r < size;
    return count;
  };
  return taps(g.h, g.oh(), g.r, g.stride_h, g.top) * taps(g.w, g.ow(), g.s, g.stride_w, g.left) * g.n * g.c * g.k;
}

bool by_winograd(const Window& g) {
  return std::string(ddpm_convolution_algorithm()) != "direct" && g.r == 3 && g.s == 3 && g.stride_h == 1 &&
         g.stride_w == 1;
}

/** A convolution in plain float32, the coarser of those that may have been chosen. */
Floats plain_conv2d(const Window& g, const Floats& x, const Floats& w) {
  return by_winograd(g) ? reference::winograd(g, 4, x, w, false) : reference::conv2d<float>(g, x, w, {}, {}, {});
}

Floats plain_conv2d_backward_input(const Window& g, const Floats& dy, const Floats& w) {
  return by_winograd(g) ? reference::winograd(reference::turned(g), 4, dy, reference::turned(g, w), false)
                        : reference::conv2d_backward_input<float>(g, dy, w, {});
}

void bench_layer(Bench& bench, const Layer& layer, const std::string& shape, const Window& g) {
  bool forward = bench.wants(layer.forward_name, shape), input = bench.wants(layer.input_name, shape),
       weights = bench.wants(layer.weights_name, shape);
  if (!forward && !input && !weights) return;
  double products = products_of(g);
  if (bench.checks()) {
    Window part = g;
    part.n = images_to_check(g.n, products);
    Convolution c(part);
    if (forward) {
      layer.forward(c);
      bench.check(layer.forward_name, c.y.get(),
                  reference::conv2d<double>(part, doubles(c.x), doubles(c.w), {}, {}, {}),
                  plain_conv2d(part, c.x, c.w));
    }
    if (input) {
      layer.backward_input(c);
      bench.check(layer.input_name, c.dx.get(),
                  reference::conv2d_backward_input<double>(part, doubles(c.dy), doubles(c.w), {}),
                  plain_conv2d_backward_input(part, c.dy, c.w));
    }
    if (weights) {
      layer.backward_weights(c);
      bench.check(
          layer.weights_name, c.dw.get(),
          reference::conv2d_backward_weights(part, doubles(c.x), doubles(c.dy), std::vector<double>(c.w.size())),
          reference::conv2d_backward_weights(part, c.x, c.dy, Floats(c.w.size())));
    }
  }
  Convolution c(g);
  // Each reads two of the three arrays and writes the other.
  Work work{2 * products, 4.0 * static_cast<double>(g.input() + g.weights() + g.output())};
  if (forward) bench.measure(layer.forward_name, shape, work, [&] { layer.forward(c); });
  if (input) bench.measure(layer.input_name, shape, work, [&] { layer.backward_input(c); });
  if (weights) bench.measure(layer.weights_name, shape, work, [&] { layer.backward_weights(c); });
}

}  // namespace

void bench_convolution(Bench& bench) {
  for_shapes(bench.options(), "convolution.txt", 13, [&](const std::string& name, const std::vector<int>& v) {
    bench_layer(bench, conv2d, name, {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11], v[12]});
  });
}

void bench_linear(Bench& bench) {
  for_shapes(bench.options(), "linear.txt", 3, [&](const std::string& name, const std::vector<int>& v) {
    bench_layer(bench, linear, name, {v[0], 1, 1, v[1], v[2], 1, 1, 1, 1, 0, 0, 0, 0});
  });
}

}  // namespace ddpm::bench
