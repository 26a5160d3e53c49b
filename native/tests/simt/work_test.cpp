// What convolutions and attention cost, at channels and head sizes of networks; run with SIMT_TRACE=1, on arrays that
// are aligned. Plain loads and stores, and products that threads make, show only in PTX.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>

#include "harness.h"
#include "reference/attention.h"
#include "reference/convolution.h"
#include "simt/trace.h"

namespace ddpm::simt {
namespace {

using namespace test;
using reference::Heads;
using reference::Window;

/** What an op may move, in bytes that its blocks need at least. */
constexpr double kMostMoved = 1.25;

unsigned long long number(uint64_t n) { return n; }

/** Checks what the traced kernels that move tiles have done. */
void check_work(const std::string& what, double most_moved, bool on_tensor_cores) {
  int kernels = 0;
  for (const auto& [kernel, done] : work()) {
    if (done.moved == 0) continue;
    ++kernels;
    std::printf("%s, %s: %llu bytes moved, %llu needed; products: %llu on tensor cores, %llu by threads\n",
                what.c_str(), kernel.c_str(), number(done.moved), number(done.least), number(done.by_tensor_cores),
                number(done.by_threads));
    if (static_cast<double>(done.moved) > most_moved * static_cast<double>(done.least))
      fail_test("%s, %s: moves %llu bytes, %llu would do", what.c_str(), kernel.c_str(), number(done.moved),
                number(done.least));
    auto all = static_cast<double>(done.by_tensor_cores + done.by_threads);
    if (on_tensor_cores && static_cast<double>(done.by_tensor_cores) < 0.95 * all)
      fail_test("%s, %s: %llu products on tensor cores, %llu by threads", what.c_str(), kernel.c_str(),
                number(done.by_tensor_cores), number(done.by_threads));
    if (on_tensor_cores != (done.by_tensor_cores > 0)) fail_test("%s, %s: no products", what.c_str(), kernel.c_str());
    for (const Traffic& t : traffic()) {
      // Stored to shared memory, but for a norm on the way, is what a block finds out once before its loop.
      bool counts = t.shared ? t.way != Way::kStore || kernel == "fused_conv2d" : t.way == Way::kStore;
      if (t.kernel == kernel && counts && t.cost != t.least)
        fail_test("%s, %s, %s:%d: %llu passes or sectors, expected %llu", what.c_str(), kernel.c_str(), t.file.c_str(),
                  t.line, number(t.cost), number(t.least));
    }
  }
  CHECK(kernels > 0);
}

/** Runs an op in each precision. */
void measure(const std::string& what, const Array& result, const std::function<ddpm_status()>& op,
             double most_moved = kMostMoved) {
  for (const char* precision : {"float32", "tf32", "bfloat16"}) {
    OK(ddpm_set_precision(precision));
    start_trace();
    OK(op());
    (void)result.get();
    OK(ddpm_set_precision("float32"));
    check_work(what + " in " + precision, most_moved, precision[0] != 'f');
  }
}

#define GEOMETRY(g) g.n, g.h, g.w, g.c, g.k, g.r, g.s, g.stride_h, g.stride_w, g.top, g.left, g.bottom, g.right

TEST(convolutions_move_little_and_meet_no_bank_twice) {
  if (std::getenv("SIMT_TRACE") == nullptr) return;
  struct Shape {
    Window g;
    double forward, back;
  };
  // 3 x 3 on lines of 8, 16 and 32 pixels, 1 x 1; and those without patches: halved pictures, and few channels.
  for (const Shape& s : {Shape{{2, 8, 8, 64, 64, 3, 3, 1, 1, 1, 1, 1, 1}, kMostMoved, kMostMoved},
                         Shape{{1, 16, 16, 64, 64, 3, 3, 1, 1, 1, 1, 1, 1}, kMostMoved, kMostMoved},
                         Shape{{1, 4, 32, 64, 64, 3, 3, 1, 1, 1, 1, 1, 1}, kMostMoved, kMostMoved},
                         Shape{{1, 8, 16, 96, 64, 1, 1, 1, 1, 0, 0, 0, 0}, kMostMoved, kMostMoved},
                         Shape{{1, 16, 16, 64, 64, 3, 3, 2, 2, 1, 1, 1, 1}, 1.4, 1.4}}) {
    const Window& g = s.g;
    std::string name = std::to_string(g.h) + " x " + std::to_string(g.w) + ", window " + std::to_string(g.r) +
                       ", stride " + std::to_string(g.stride_h);
    Array x(normal(random, g.input())), w(normal(random, g.weights())), dy(normal(random, g.output()));
    Array residual(normal(random, g.output())), y(g.output()), dx(g.input());
    Array dw(std::vector<float>(static_cast<size_t>(g.weights()), 0.0f));
    measure(
        "conv2d of " + name, y, [&] { return ddpm_conv2d(x, w, 0, 0, residual, y, GEOMETRY(g)); }, s.forward);
    measure(
        "gradient by the input of " + name, dx, [&] { return ddpm_conv2d_backward_input(dy, w, 0, dx, GEOMETRY(g)); },
        s.back);
    measure("gradient by the weights of " + name, dw,
            [&] { return ddpm_conv2d_backward_weights(x, dy, dw, 0, GEOMETRY(g)); });
  }
}

TEST(fused_convolutions_move_little_and_meet_no_bank_twice) {
  if (std::getenv("SIMT_TRACE") == nullptr) return;
  Window g{2, 8, 8, 96, 64, 3, 3, 1, 1, 1, 1, 1, 1};
  const int skip_c = 32, groups = 8;
  Array x(normal(random, g.input() / g.c * (g.c - skip_c))), skip(normal(random, g.input() / g.c * skip_c));
  Array gamma(normal(random, g.c)), beta(normal(random, g.c)), w(normal(random, g.weights())), y(g.output());
  measure("fused convolution", y, [&] {
    return ddpm_fused_conv2d(x, skip, gamma, beta, 0, w, 0, 0, 0, y, g.n, g.h, g.w, g.c - skip_c, skip_c, groups, 1e-5f,
                             1, g.k, g.r, g.s, g.stride_h, g.stride_w, g.top, g.left, g.bottom, g.right);
  });
}

TEST(attention_moves_little_and_meets_no_bank_twice) {
  if (std::getenv("SIMT_TRACE") == nullptr) return;
  // Gradients of more than 128 channels have no room for their rows (attention.cuh).
  for (int dim : {64, 128, 256}) {
    Heads h{1, 128, 2, dim, 0.1};
    if (dim > 64) h.heads = 1;
    float scale = static_cast<float>(h.scale);
    Array q(normal(random, h.size())), k(normal(random, h.size())), v(normal(random, h.size()));
    Array d_o(normal(random, h.size())), o(h.size()), sums(int64_t{h.n} * h.heads * h.tokens);
    Array dq(h.size()), dk(h.size()), dv(h.size());
    std::string name = std::to_string(dim) + " channels";
    measure("attention of " + name, o,
            [&] { return ddpm_attention(q, k, v, o, sums, h.n, h.tokens, h.heads, h.dim, scale); });
    measure(
        "gradients of attention of " + name, dv,
        [&] {
          return ddpm_attention_backward(q, k, v, o, sums, d_o, dq, dk, dv, h.n, h.tokens, h.heads, h.dim, scale);
        },
        dim > 128 ? 3 : kMostMoved);
  }
}

}  // namespace
}  // namespace ddpm::simt
