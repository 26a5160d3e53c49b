// Times single kernels through the C ABI, over the shapes in benchmarks/shapes, on the CPU or a CUDA device.
//
//   kernel_bench [--op conv2d] [--shape mnist_28] [--seconds 0.2] [--shapes DIR] [--peak GFLOP/s] [--bandwidth GB/s]
//                [--threads 2] [--isa avx2] [--algorithm direct]
//                [--cuda 0] [--precision float32|tf32|bfloat16] [--flush MiB]
//
// --op and --shape keep the kernels and shapes whose names contain the text. Before it is timed, every kernel is
// checked against the tests' double-precision reference, on as many images as make some 2^25 products. A line gives the
// best and the median time, the rates of arithmetic and of the bytes that must move at least at the best, and the share
// that the roof's time has of it: the longer of both at peak and bandwidth, which are measured on the CPU with the same
// number of threads and must be given for CUDA. Rates of convolutions count direct products, so Winograd's algorithm
// can exceed the peak.
//
// On the CPU, one thread is timed by its own CPU time, so that other load disturbs little; several by the wall.
// Operands stay in the caches from one repetition to the next as far as they fit, and weights stay packed, as in a
// model that does not train. A CUDA kernel is timed by events, each time after a fill of 256 MiB, so with nothing of
// its operands in the caches. In tf32 and bfloat16 the operands are such as have a bfloat16, so that products can be
// checked as in float32; attention rounds its weights too and is not checked.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "bench.h"
#include "reference/attention.h"
#include "reference/convolution.h"
#include "reference/winograd.h"

namespace {

using ddpm::test::reference::Heads;
using ddpm::test::reference::Window;
namespace reference = ddpm::test::reference;
using namespace ddpm::bench;

constexpr double kProductsToCheck = 1 << 25;

/** Of a batch of n, how many images are checked. */
int images_to_check(int n, double products) {
  return static_cast<int>(std::clamp(kProductsToCheck / (products / n), 1.0, static_cast<double>(n)));
}

#define GEOMETRY(g) g.n, g.h, g.w, g.c, g.k, g.r, g.s, g.stride_h, g.stride_w, g.top, g.left, g.bottom, g.right

std::vector<double> doubles(const Floats& values) { return {values.begin(), values.end()}; }

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

void bench_layer(const Bench& bench, const Layer& layer, const std::string& shape, const Window& g) {
  bool forward = bench.wants(layer.forward_name, shape), input = bench.wants(layer.input_name, shape),
       weights = bench.wants(layer.weights_name, shape);
  if (!forward && !input && !weights) return;
  double products = products_of(g);
  {
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
  if (forward) bench.time(layer.forward_name, shape, work, [&] { layer.forward(c); });
  if (input) bench.time(layer.input_name, shape, work, [&] { layer.backward_input(c); });
  if (weights) bench.time(layer.weights_name, shape, work, [&] { layer.backward_weights(c); });
}

/** The operands of attention and its gradient. */
struct Attention {
  explicit Attention(const Heads& heads)
      : h(heads),
        q(random_floats(h.size())),
        k(random_floats(h.size())),
        v(random_floats(h.size())),
        d_o(random_floats(h.size())),
        q_in(q),
        k_in(k),
        v_in(v),
        d_o_in(d_o),
        o(h.size()),
        log_sums(size_t(h.n) * h.heads * h.tokens),
        dq(h.size()),
        dk(h.size()),
        dv(h.size()) {}

  void forward() const {
    ok(ddpm_attention(q_in, k_in, v_in, o, log_sums, h.n, h.tokens, h.heads, h.dim, static_cast<float>(h.scale)));
  }
  void backward() const {
    ok(ddpm_attention_backward(q_in, k_in, v_in, o, log_sums, d_o_in, dq, dk, dv, h.n, h.tokens, h.heads, h.dim,
                               static_cast<float>(h.scale)));
  }

  Heads h;
  Floats q, k, v, d_o;
  Buffer q_in, k_in, v_in, d_o_in, o, log_sums, dq, dk, dv;
};

void bench_attention(const Bench& bench, const std::string& shape, const Heads& h) {
  bool forward = bench.wants("attention", shape), backward = bench.wants("attention_backward", shape);
  if (!forward && !backward) return;
  double products = 2.0 * h.size() * h.tokens;
  if (!bench.rounds()) {
    Heads part = h;
    part.n = images_to_check(h.n, products);
    Attention a(part);
    a.forward();
    bench.check("attention", a.o.get(), reference::attention(part, doubles(a.q), doubles(a.k), doubles(a.v)),
                reference::attention(part, a.q, a.k, a.v));
    if (backward) {
      a.backward();
      auto truth = reference::attention_backward(part, doubles(a.q), doubles(a.k), doubles(a.v), doubles(a.d_o));
      auto plain = reference::attention_backward(part, a.q, a.k, a.v, a.d_o);
      bench.check("dq", a.dq.get(), truth.dq, plain.dq);
      bench.check("dk", a.dk.get(), truth.dk, plain.dk);
      bench.check("dv", a.dv.get(), truth.dv, plain.dv);
    }
  }
  Attention a(h);
  a.forward();
  double bytes = 4.0 * static_cast<double>(h.size());
  if (forward) bench.time("attention", shape, {2 * products, 4 * bytes}, [&] { a.forward(); });
  if (backward) bench.time("attention_backward", shape, {5 * products, 8 * bytes}, [&] { a.backward(); });
}

}  // namespace

int main(int argc, char** argv) {
  Options options = parse(argc, argv);
  select(options);
  Bench bench(options);
  for_shapes(options, "convolution.txt", 13, [&](const std::string& name, const std::vector<int>& v) {
    bench_layer(bench, conv2d, name, {v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11], v[12]});
  });
  for_shapes(options, "linear.txt", 3, [&](const std::string& name, const std::vector<int>& v) {
    bench_layer(bench, linear, name, {v[0], 1, 1, v[1], v[2], 1, 1, 1, 1, 0, 0, 0, 0});
  });
  for_shapes(options, "attention.txt", 4, [&](const std::string& name, const std::vector<int>& v) {
    bench_attention(bench, name, {v[0], v[1], v[2], v[3], 1 / std::sqrt(static_cast<double>(v[3]))});
  });
  return 0;
}
