// Attention and its gradient.
#include "reference/attention.h"

#include <cmath>
#include <string>
#include <vector>

#include "ops.h"

namespace ddpm::bench {
namespace {

using test::reference::Heads;
namespace reference = test::reference;

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

void bench_heads(Bench& bench, const std::string& shape, const Heads& h) {
  bool forward = bench.wants("attention", shape), backward = bench.wants("attention_backward", shape);
  if (!forward && !backward) return;
  double products = 2.0 * h.size() * h.tokens;
  // In other precisions the weights are rounded too.
  if (bench.checks() && !bench.rounds()) {
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
  if (forward) bench.measure("attention", shape, {2 * products, 4 * bytes}, [&] { a.forward(); });
  if (backward) bench.measure("attention_backward", shape, {5 * products, 8 * bytes}, [&] { a.backward(); });
}

}  // namespace

void bench_attention(Bench& bench) {
  for_shapes(bench.options(), "attention.txt", 4, [&](const std::string& name, const std::vector<int>& v) {
    bench_heads(bench, name, {v[0], v[1], v[2], v[3], 1 / std::sqrt(static_cast<double>(v[3]))});
  });
}

}  // namespace ddpm::bench
