// Attention against the defining formula.
#include "reference/attention.h"

#include "harness.h"
#include "reference/pointwise.h"

using namespace ddpm::test;
using reference::Heads;

namespace {

#define SHAPE(h) h.n, h.tokens, h.heads, h.dim, static_cast<float>(h.scale)

int pick_int(Random& random, int low, int high) { return static_cast<int>(pick(random, low, high)); }

std::vector<Heads> heads(Random& random, int count) {
  // The notebook's at 14 x 14, the diffusers form's at 7 x 7 and 16 x 16, one token, a long row of narrow heads.
  std::vector<Heads> all = {{1, 196, 4, 16, 0.25}, {2, 49, 1, 96, 0.1}, {1, 256, 1, 64, 0.125}, {2, 1, 2, 3, 1}, {1, 700, 2, 8, 0.35}};
  for (int i = 0; i < count; ++i)
    all.push_back({pick_int(random, 1, 2), pick_int(random, 1, 70), pick_int(random, 1, 4), pick_int(random, 1, 40), 0.3});
  return all;
}

}  // namespace

TEST(attention_is_close) {
  for (const Heads& h : heads(random, 30)) {
    auto q = normal(random, h.size()), k = normal(random, h.size()), v = normal(random, h.size());
    Array q_in(q), k_in(k), v_in(v), o(h.size()), log_sums(int64_t{h.n} * h.heads * h.tokens);
    OK(ddpm_attention(q_in, k_in, v_in, o, log_sums, SHAPE(h)));
    std::vector<double> sums;
    std::vector<float> plain_sums;
    auto truth = reference::attention(h, as<double>(q), as<double>(k), as<double>(v), &sums);
    check_close(o.get(), truth, reference::attention(h, q, k, v, &plain_sums), "o");
    check_close(log_sums.get(), sums, plain_sums, "log_sum_exp");
    Array without(h.size());
    OK(ddpm_attention(q_in, k_in, v_in, without, 0, SHAPE(h)));
    check_same(without.get(), o.get(), "o without log_sum_exp");
  }
}

TEST(attention_with_huge_scores_is_one_hot) {
  Heads h{1, 20, 1, 4, 1};
  auto q = whole(random, h.size(), 3), k = whole(random, h.size(), 3), v = normal(random, h.size());
  for (float& x : q) x *= 1000;
  Array q_in(q), k_in(k), v_in(v), o(h.size());
  OK(ddpm_attention(q_in, k_in, v_in, o, 0, SHAPE(h)));
  check_close(o.get(), reference::attention(h, as<double>(q), as<double>(k), as<double>(v)),
              reference::attention(h, q, k, v), "o");
}

TEST(attention_gradients_are_close) {
  for (const Heads& h : heads(random, 30)) {
    auto q = normal(random, h.size()), k = normal(random, h.size()), v = normal(random, h.size());
    auto d_o = normal(random, h.size());
    Array q_in(q), k_in(k), v_in(v), d_o_in(d_o), o(h.size()), log_sums(int64_t{h.n} * h.heads * h.tokens);
    Array dq(h.size()), dk(h.size()), dv(h.size());
    OK(ddpm_attention(q_in, k_in, v_in, o, log_sums, SHAPE(h)));
    OK(ddpm_attention_backward(q_in, k_in, v_in, o, log_sums, d_o_in, dq, dk, dv, SHAPE(h)));
    auto truth = reference::attention_backward(h, as<double>(q), as<double>(k), as<double>(v), as<double>(d_o));
    auto plain = reference::attention_backward(h, q, k, v, d_o);
    check_close(dv.get(), truth.dv, plain.dv, "dv");
    if (h.tokens == 1) continue;  // the weights are 1 whatever q and k: their true gradients are 0
    check_close(dq.get(), truth.dq, plain.dq, "dq");
    check_close(dk.get(), truth.dk, plain.dk, "dk");
  }
}

TEST(attention_gradients_match_central_differences) {
  Heads h{1, 6, 2, 3, 0.5};
  auto q = normal(random, h.size()), k = normal(random, h.size()), v = normal(random, h.size());
  auto d_o = normal(random, h.size());
  Array q_in(q), k_in(k), v_in(v), d_o_in(d_o), o(h.size()), log_sums(int64_t{h.n} * h.heads * h.tokens);
  Array dq(h.size()), dk(h.size()), dv(h.size());
  OK(ddpm_attention(q_in, k_in, v_in, o, log_sums, SHAPE(h)));
  OK(ddpm_attention_backward(q_in, k_in, v_in, o, log_sums, d_o_in, dq, dk, dv, SHAPE(h)));
  auto loss = [&](const std::vector<double>& q1, const std::vector<double>& k1, const std::vector<double>& v1) {
    return reference::dot(reference::attention(h, q1, k1, v1), d_o);
  };
  auto qd = as<double>(q), kd = as<double>(k), vd = as<double>(v);
  check_gradient(random, dq.get(), qd, [&](const std::vector<double>& at) { return loss(at, kd, vd); }, "dq");
  check_gradient(random, dk.get(), kd, [&](const std::vector<double>& at) { return loss(qd, at, vd); }, "dk");
  check_gradient(random, dv.get(), vd, [&](const std::vector<double>& at) { return loss(qd, kd, at); }, "dv");
}

TEST(an_image_does_not_depend_on_its_batch_or_the_threads) {
  int threads = ddpm_threads();
  Heads h{3, 50, 2, 20, 0.2}, one = h;
  one.n = 1;
  auto q = normal(random, h.size()), k = normal(random, h.size()), v = normal(random, h.size());
  Array q_in(q), k_in(k), v_in(v), o(h.size());
  OK(ddpm_attention(q_in, k_in, v_in, o, 0, SHAPE(h)));
  auto all = o.get();
  for (int t : {1, 2, 3}) {
    OK(ddpm_set_threads(t));
    for (int i = 0; i < h.n; ++i) {
      auto part = [&](const std::vector<float>& x) {
        return std::vector<float>(x.begin() + i * one.size(), x.begin() + (i + 1) * one.size());
      };
      Array q_one(part(q)), k_one(part(k)), v_one(part(v)), o_one(one.size());
      OK(ddpm_attention(q_one, k_one, v_one, o_one, 0, SHAPE(one)));
      check_same(o_one.get(), part(all), "image of o");
    }
  }
  OK(ddpm_set_threads(threads));
}

TEST(bad_attention_is_refused) {
  Array q(std::vector<float>(64, 1)), o(64);
  FAILS(DDPM_INVALID_ARGUMENT, "dimension of 0", ddpm_attention(q, q, q, o, 0, 1, 0, 1, 4, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "scale is nan", ddpm_attention(q, q, q, o, 0, 1, 4, 1, 4, NAN));
  FAILS(DDPM_INVALID_ARGUMENT, "o overlaps q", ddpm_attention(q, q, q, q, 0, 1, 4, 1, 4, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "more than 2^38", ddpm_attention(q, q, q, o, 0, 1, 1 << 30, 1, 1, 1));
}
