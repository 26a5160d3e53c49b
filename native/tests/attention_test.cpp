// Attention against the defining formula.
#include "reference/attention.h"

#include <cmath>

#include "harness.h"
#include "reference/pointwise.h"

using namespace ddpm::test;
using reference::Heads;

namespace {

#define SHAPE(h) h.n, h.tokens, h.heads, h.dim, static_cast<float>(h.scale)

int pick_int(Random& random, int low, int high) { return static_cast<int>(pick(random, low, high)); }

/** Shapes to test, and some at random; fewer on a device, which the engine of simt/ may be, where each takes long. */
std::vector<Heads> heads(Random& random) {
  // The notebook's at 14 x 14, the diffusers form's at 7 x 7 and 16 x 16, one token, a long row of narrow heads.
  // One channel per head; many heads; a scale that turns the order of the scores round.
  std::vector<Heads> all = {{1, 196, 4, 16, 0.25}, {2, 49, 1, 96, 0.1},   {1, 256, 1, 64, 0.125},
                            {2, 1, 2, 3, 1},       {1, 700, 2, 8, 0.35},  {2, 30, 3, 1, 0.5},
                            {5, 40, 3, 12, 0.3},   {1, 20, 1, 512, 0.04}, {1, 40, 2, 8, -0.3}};
  if (device() != 0) all[4].tokens = 270;
  for (int i = 0; i < (device() == 0 ? 30 : 6); ++i)
    all.push_back(
        {pick_int(random, 1, 2), pick_int(random, 1, 70), pick_int(random, 1, 4), pick_int(random, 1, 40), 0.3});
  return all;
}

}  // namespace

TEST(attention_is_close) {
  for (const Heads& h : heads(random)) {
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
  for (const Heads& h : heads(random)) {
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
  check_gradient(
      random, dq.get(), qd, [&](const std::vector<double>& at) { return loss(at, kd, vd); }, "dq");
  check_gradient(
      random, dk.get(), kd, [&](const std::vector<double>& at) { return loss(qd, at, vd); }, "dk");
  check_gradient(
      random, dv.get(), vd, [&](const std::vector<double>& at) { return loss(qd, kd, at); }, "dv");
}

TEST(an_image_does_not_depend_on_its_batch_or_the_threads) {
  int threads = ddpm_threads();
  // Few heads share out the queries of one, many do not; one image has few.
  for (Heads h : {Heads{3, 50, 2, 20, 0.2}, Heads{5, 130, 2, 20, 0.2}}) {
    Heads one = h;
    one.n = 1;
    int64_t sums = int64_t{h.n} * h.heads * h.tokens, one_sums = sums / h.n;
    auto q = normal(random, h.size()), k = normal(random, h.size()), v = normal(random, h.size());
    auto d_o = normal(random, h.size());
    Array q_in(q), k_in(k), v_in(v), d_o_in(d_o), o(h.size()), log_sums(sums), dq(h.size()), dk(h.size()), dv(h.size());
    OK(ddpm_attention(q_in, k_in, v_in, o, log_sums, SHAPE(h)));
    OK(ddpm_attention_backward(q_in, k_in, v_in, o, log_sums, d_o_in, dq, dk, dv, SHAPE(h)));
    auto all = o.get(), all_dq = dq.get(), all_dk = dk.get(), all_dv = dv.get();
    for (int t : {1, 2, 3}) {
      OK(ddpm_set_threads(t));
      for (int i = 0; i < h.n; ++i) {
        auto part = [&](const std::vector<float>& x) {
          return std::vector<float>(x.begin() + i * one.size(), x.begin() + (i + 1) * one.size());
        };
        Array q_one(part(q)), k_one(part(k)), v_one(part(v)), d_o_one(part(d_o)), o_one(one.size()), sums_one(one_sums);
        Array dq_one(one.size()), dk_one(one.size()), dv_one(one.size());
        OK(ddpm_attention(q_one, k_one, v_one, o_one, sums_one, SHAPE(one)));
        OK(ddpm_attention_backward(q_one, k_one, v_one, o_one, sums_one, d_o_one, dq_one, dk_one, dv_one, SHAPE(one)));
        check_same(o_one.get(), part(all), "image of o");
        check_same(dq_one.get(), part(all_dq), "image of dq");
        check_same(dk_one.get(), part(all_dk), "image of dk");
        check_same(dv_one.get(), part(all_dv), "image of dv");
      }
    }
    OK(ddpm_set_threads(threads));
  }
}

TEST(infinities_and_nans_stay_in_their_image_and_head) {
  Heads h{2, 30, 2, 5, 0.4};
  auto q = normal(random, h.size()), k = normal(random, h.size()), v = normal(random, h.size());
  Array clean_q(q), k_in(k), v_in(v), clean(h.size()), o(h.size()), log_sums(int64_t{h.n} * h.heads * h.tokens);
  Array dq(h.size()), dk(h.size()), dv(h.size());
  OK(ddpm_attention(clean_q, k_in, v_in, clean, 0, SHAPE(h)));
  q[h.at(0, 3, 0, 1)] = NAN;
  q[h.at(0, 4, 0, 2)] = INFINITY;
  Array q_in(q);
  OK(ddpm_attention(q_in, k_in, v_in, o, log_sums, SHAPE(h)));
  OK(ddpm_attention_backward(q_in, k_in, v_in, o, log_sums, clean, dq, dk, dv, SHAPE(h)));
  auto got = o.get(), expected = clean.get();
  for (int image = 0; image < h.n; ++image)
    for (int token = 0; token < h.tokens; ++token)
      for (int head = 0; head < h.heads; ++head) {
        float value = got[h.at(image, token, head, 0)];
        bool spoilt = image == 0 && head == 0 && (token == 3 || token == 4);
        CHECK(spoilt ? std::isnan(value) : value == expected[h.at(image, token, head, 0)]);
      }
}

TEST(bad_attention_is_refused) {
  Array q(std::vector<float>(64, 1)), o(64);
  FAILS(DDPM_INVALID_ARGUMENT, "dimension of 0", ddpm_attention(q, q, q, o, 0, 1, 0, 1, 4, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "scale is nan", ddpm_attention(q, q, q, o, 0, 1, 4, 1, 4, NAN));
  FAILS(DDPM_INVALID_ARGUMENT, "o overlaps q", ddpm_attention(q, q, q, q, 0, 1, 4, 1, 4, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "more than 2^38", ddpm_attention(q, q, q, o, 0, 1, 1 << 30, 1, 1, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "log_sum_exp must not be null",
        ddpm_attention_backward(q, q, q, q, 0, q, o, o, o, 1, 4, 1, 4, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "dk overlaps dq", ddpm_attention_backward(q, q, q, q, q, q, o, o, o, 1, 4, 1, 4, 1));
}
