// Attention with operands rounded to tf32 and bfloat16: bounds for every backend, however exact it is.
#include <cmath>
#include <cstring>

#include "harness.h"
#include "reference/attention.h"

using namespace ddpm::test;
using reference::Heads;

namespace {

#define SHAPE(h) h.n, h.tokens, h.heads, h.dim, static_cast<float>(h.scale)

struct Rounding {
  const char* name;
  int bits;  // of a float that are left out
};

/** To the nearest number with fewer bits. */
std::vector<float> rounded(std::vector<float> values, const Rounding& rounding) {
  for (float& value : values) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    bits = (bits + (1u << (rounding.bits - 1))) >> rounding.bits << rounding.bits;
    std::memcpy(&value, &bits, sizeof bits);
  }
  return values;
}

struct Results {
  std::vector<float> o, dq, dk, dv;
};

Results run(const Heads& h, const std::vector<std::vector<float>>& operands) {
  Array q(operands[0]), k(operands[1]), v(operands[2]), d_o(operands[3]);
  Array o(h.size()), log_sums(int64_t{h.n} * h.heads * h.tokens), dq(h.size()), dk(h.size()), dv(h.size());
  OK(ddpm_attention(q, k, v, o, log_sums, SHAPE(h)));
  OK(ddpm_attention_backward(q, k, v, o, log_sums, d_o, dq, dk, dv, SHAPE(h)));
  return {o.get(), dq.get(), dk.get(), dv.get()};
}

/** The plain implementation rounds its operands, and not the weights; the factor of two of check_close is for those. */
void check(const Heads& h, const Rounding& rounding, Random& random) {
  std::vector<std::vector<float>> operands, coarse;
  for (int i = 0; i < 4; ++i) {
    operands.push_back(normal(random, static_cast<int64_t>(h.size())));
    coarse.push_back(rounded(operands.back(), rounding));
  }
  auto exact = [&](int i) { return as<double>(operands[static_cast<size_t>(i)]); };
  Results float32 = run(h, operands);
  OK(ddpm_set_precision(rounding.name));
  Results got = run(h, operands);
  OK(ddpm_set_precision("float32"));
  auto truth = reference::attention_backward(h, exact(0), exact(1), exact(2), exact(3));
  auto plain = reference::attention_backward(h, coarse[0], coarse[1], coarse[2], coarse[3]);
  check_close(got.o, reference::attention(h, exact(0), exact(1), exact(2)),
              reference::attention(h, coarse[0], coarse[1], coarse[2]), rounding.name);
  check_close(got.dv, truth.dv, plain.dv, rounding.name);
  check_close(got.dq, truth.dq, plain.dq, rounding.name);
  check_close(got.dk, truth.dk, plain.dk, rounding.name);
  // The CPU computes in float32 all the same; a device does not.
  bool rounds = got.o != float32.o && got.dq != float32.dq && got.dk != float32.dk && got.dv != float32.dv;
  CHECK(rounds == (device() != 0));
}

/** Each precision that rounds. */
void check(const std::vector<Heads>& heads, Random& random) {
  for (const Heads& h : heads)
    for (Rounding rounding : {Rounding{"tf32", 13}, Rounding{"bfloat16", 16}}) check(h, rounding, random);
}

}  // namespace

TEST(attention_with_rounded_operands_is_close) {
  // One and several pieces of 64 channels, of which 12 leave part; tokens that fill tiles, and not.
  check({{1, 128, 1, 64, 0.125},
         {1, 70, 1, 12, 0.3},
         {1, 33, 1, 128, 0.09},
         {1, 65, 1, 256, 0.06},
         {1, 20, 1, 320, 0.05}},
        random);
}

TEST(attention_with_rounded_operands_is_close_for_ragged_heads) { check({{2, 45, 2, 40, 0.2}}, random); }
