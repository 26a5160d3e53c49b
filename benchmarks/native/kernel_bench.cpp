// Times single kernels through the C ABI, over the shapes in benchmarks/shapes, against the peak of the machine's FMA
// units.
//
//   kernel_bench [--op conv2d] [--shape mnist_28] [--threads 2] [--isa avx2] [--seconds 0.2] [--shapes DIR]
//                [--algorithm direct] [--precision bfloat16]
//
// --op and --shape keep the kernels and shapes whose names contain the text. Before it is timed, every kernel is
// checked against the tests' double-precision reference, on as many images as make some 2^25 products. A line gives the
// best and the median time, the arithmetic rate of the best, and its share of the peak that was measured at the start
// of the run with the same number of threads. Rates of convolutions count direct products, so Winograd's algorithm can
// exceed the peak. One thread is timed by its own CPU time, so that other load disturbs little; several by the wall.
// Operands stay in the caches from one repetition to the next as far as they fit, and weights stay packed, as in a
// model that does not train.
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <limits>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "ddpm/ddpm.h"
#include "reference/attention.h"
#include "reference/convolution.h"
#include "reference/winograd.h"

namespace {

using ddpm::test::reference::Heads;
using ddpm::test::reference::Window;
namespace reference = ddpm::test::reference;
using Floats = std::vector<float>;

constexpr double kProductsToCheck = 1 << 25;

struct Options {
  std::string op, shape, isa, algorithm = "auto", precision = "float32", shapes = DDPM_SHAPES;
  int threads = 1;
  double seconds = 0.2;
};

[[noreturn]] void stop(const std::string& message) {
  std::fprintf(stderr, "kernel_bench: %s\n", message.c_str());
  std::exit(1);
}

void ok(ddpm_status status) {
  if (status != DDPM_OK) stop(ddpm_last_error());
}

/** What time is read from: the calling thread's CPU time, or the wall's if several threads work. */
clockid_t clock_used = CLOCK_THREAD_CPUTIME_ID;

double now() {
  timespec time{};
  clock_gettime(clock_used, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double seconds_since(double start) { return now() - start; }

double peak_flops() {
  double flops = 0, bytes_per_second = 0;
  ok(ddpm_measure_peak(&flops, &bytes_per_second));
  return flops;
}

// ---- Operands.

Floats random_floats(size_t count) {
  static std::mt19937 random(20200620);
  std::normal_distribution<float> normal;
  Floats values(count);
  // With seven bits of fraction: no precision rounds them, so that the check holds for all.
  for (float& value : values) {
    value = normal(random);
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    bits &= 0xFFFF0000;
    std::memcpy(&value, &bits, sizeof bits);
  }
  return values;
}

/** A block of device memory. */
class Buffer {
 public:
  explicit Buffer(size_t count) : count_(static_cast<int64_t>(count)) {
    ok(ddpm_block_allocate(0, count_ * 4, &mem_));
    ok(ddpm_fill(mem_, count_, 0));
  }
  explicit Buffer(const Floats& values) : Buffer(values.size()) {
    ok(ddpm_copy_from_host(mem_, values.data(), count_));
  }
  ~Buffer() { ddpm_block_free(mem_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  operator ddpm_mem() const { return mem_; }
  Floats get() const {
    Floats values(static_cast<size_t>(count_));
    ok(ddpm_copy_to_host(values.data(), mem_, count_));
    return values;
  }

 private:
  int64_t count_;
  ddpm_mem mem_ = 0;
};

// ---- Checking and timing.

class Bench {
 public:
  explicit Bench(const Options& options) : options_(options), peak_(peak_flops()) {
    std::printf("%s, %d threads, peak %.1f GFLOP/s\n", ddpm_cpu_isa(), options.threads, peak_ / 1e9);
    std::printf("%-24s %-18s %10s %10s %9s %6s\n", "kernel", "shape", "best ms", "median ms", "GFLOP/s", "peak");
  }

  bool wants(const std::string& op, const std::string& shape) const {
    return op.find(options_.op) != std::string::npos && shape.find(options_.shape) != std::string::npos;
  }

  /** As in the tests: at most twice the error of plain float32, and one rounding of the largest value. */
  void check(const std::string& what, const Floats& got, const std::vector<double>& truth, const Floats& plain) const {
    double error = 0, plain_error = 0, largest = 0;
    for (size_t i = 0; i < truth.size(); ++i) {
      double difference = std::abs(got[i] - truth[i]);
      error = std::isnan(difference) ? INFINITY : std::max(error, difference);
      plain_error = std::max(plain_error, std::abs(plain[i] - truth[i]));
      largest = std::max(largest, std::abs(truth[i]));
    }
    if (!(error <= 2 * plain_error + largest * std::numeric_limits<float>::epsilon()))
      stop(what + " is wrong by " + std::to_string(error) + ", plain float32 by " + std::to_string(plain_error));
  }

  void time(const std::string& op, const std::string& shape, double flop, const std::function<void()>& kernel) const {
    double once = now();
    kernel();
    // Samples long enough for the clock.
    int repeats = static_cast<int>(std::max(1.0, 2e-4 / seconds_since(once)));
    std::vector<double> samples;
    for (double start = now(); seconds_since(start) < options_.seconds || samples.size() < 5;) {
      double sample = now();
      for (int i = 0; i < repeats; ++i) kernel();
      samples.push_back(seconds_since(sample) / repeats);
    }
    std::sort(samples.begin(), samples.end());
    double rate = flop / samples[0];
    std::printf("%-24s %-18s %10.4f %10.4f %9.1f %5.1f%%\n", op.c_str(), shape.c_str(), samples[0] * 1e3,
                samples[samples.size() / 2] * 1e3, rate / 1e9, 100 * rate / peak_);
    std::fflush(stdout);
  }

 private:
  Options options_;
  double peak_;
};

/** Lines of a file of shapes: a name, then whole numbers. */
void for_shapes(const Options& options, const char* file, size_t numbers,
                const std::function<void(const std::string& name, const std::vector<int>& values)>& visit) {
  std::ifstream lines(options.shapes + "/" + file);
  if (!lines) stop("cannot read " + options.shapes + "/" + file);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name;
    if (!(words >> name) || name[0] == '#') continue;
    std::vector<int> values;
    for (int value; words >> value;) values.push_back(value);
    if (values.size() != numbers)
      stop(std::string(file) + ": " + name + " must have " + std::to_string(numbers) + " numbers");
    visit(name, values);
  }
}

/** Of a batch of n, how many images are checked. */
int images_to_check(int n, double products) {
  return static_cast<int>(std::clamp(kProductsToCheck / (products / n), 1.0, static_cast<double>(n)));
}

// ---- The kernels.

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
  if (forward) bench.time(layer.forward_name, shape, 2 * products, [&] { layer.forward(c); });
  if (input) bench.time(layer.input_name, shape, 2 * products, [&] { layer.backward_input(c); });
  if (weights) bench.time(layer.weights_name, shape, 2 * products, [&] { layer.backward_weights(c); });
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
  {
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
  if (forward) bench.time("attention", shape, 2 * products, [&] { a.forward(); });
  if (backward) bench.time("attention_backward", shape, 5 * products, [&] { a.backward(); });
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    std::string name = argv[i];
    if (i + 1 == argc) stop(name + " needs a value");
    std::string value = argv[i + 1];
    if (name == "--op")
      options.op = value;
    else if (name == "--shape")
      options.shape = value;
    else if (name == "--isa")
      options.isa = value;
    else if (name == "--algorithm")
      options.algorithm = value;
    else if (name == "--precision")
      options.precision = value;
    else if (name == "--shapes")
      options.shapes = value;
    else if (name == "--threads")
      options.threads = std::atoi(value.c_str());
    else if (name == "--seconds")
      options.seconds = std::atof(value.c_str());
    else
      stop("unknown option " + name);
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  Options options = parse(argc, argv);
  if (!options.isa.empty()) ok(ddpm_set_cpu_isa(options.isa.c_str()));
  ok(ddpm_set_convolution_algorithm(options.algorithm.c_str()));
  ok(ddpm_set_precision(options.precision.c_str()));
  ok(ddpm_set_threads(options.threads));
  if (options.threads > 1) clock_used = CLOCK_MONOTONIC;
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
