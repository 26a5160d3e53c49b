// Packed copies of weights: the same results as without, and never older than the weights.
#include <functional>
#include <thread>

#include "harness.h"

using namespace ddpm::test;

namespace {

constexpr int kN = 2, kSize = 8, kC = 40, kK = 48, kWeights = kK * 9 * kC;

/** A convolution and a linear map whose weights share a block. */
struct Layers {
  Array x, weights;

  explicit Layers(Random& random)
      : x(normal(random, kN * kSize * kSize * kC)), weights(normal(random, kWeights + kK * kC)) {}

  std::vector<float> convolution() const {
    Array y(kN * kSize * kSize * kK);
    OK(ddpm_conv2d(x, weights, 0, 0, 0, y, kN, kSize, kSize, kC, kK, 3, 3, 1, 1, 1, 1, 1, 1));
    return y.get();
  }
  std::vector<float> linear() const {
    Array y(kN * kSize * kSize * kK);
    OK(ddpm_linear(x, weights + kWeights * 4, 0, 0, y, kN * kSize * kSize, kC, kK));
    return y.get();
  }
  /** Results of the layers with nothing kept. */
  void check(const std::vector<float>& convolved, const std::vector<float>& mapped) const {
    Array copy(weights.get());
    Array y(kN * kSize * kSize * kK);
    OK(ddpm_conv2d(x, copy, 0, 0, 0, y, kN, kSize, kSize, kC, kK, 3, 3, 1, 1, 1, 1, 1, 1));
    check_same(convolved, y.get(), "conv2d");
    OK(ddpm_linear(x, copy + kWeights * 4, 0, 0, y, kN * kSize * kSize, kC, kK));
    check_same(mapped, y.get(), "linear");
  }
};

}  // namespace

TEST(copies_are_kept_and_freed) {
  int64_t before = ddpm_packed_bytes();
  {
    Layers layers(random);
    (void)layers.convolution();
    CHECK(ddpm_packed_bytes() == before);
    OK(ddpm_keep_packed(layers.weights, 1));
    for (const char* algorithm : {"direct", "winograd2", "winograd4", "auto"}) {
      OK(ddpm_set_convolution_algorithm(algorithm));
      for (int i = 0; i < 3; ++i) layers.check(layers.convolution(), layers.linear());
    }
    int64_t kept = ddpm_packed_bytes();
    CHECK(kept > before);
    layers.check(layers.convolution(), layers.linear());
    CHECK(ddpm_packed_bytes() == kept);
    OK(ddpm_keep_packed(layers.weights + 400, 0));
    CHECK(ddpm_packed_bytes() == before);
    layers.check(layers.convolution(), layers.linear());
    CHECK(ddpm_packed_bytes() == before);
    OK(ddpm_keep_packed(layers.weights, 1));
    (void)layers.convolution();
    CHECK(ddpm_packed_bytes() > before);
  }
  CHECK(ddpm_packed_bytes() == before);
  FAILS(DDPM_INVALID_ARGUMENT, "not a memory reference", ddpm_keep_packed(0, 1));
}

TEST(every_write_makes_copies_void) {
  Layers layers(random);
  OK(ddpm_keep_packed(layers.weights, 1));
  ddpm_mem w = layers.weights;
  const int count = kWeights + kK * kC;
  Array other(normal(random, count)), m(normal(random, count)), v(std::vector<float>(count, 1.0f));
  auto values = normal(random, count);
  const std::function<void()> writes[] = {
      [&] { OK(ddpm_copy_from_host(w, values.data(), count)); },
      [&] { OK(ddpm_fill(w + 4, 1, 7.0f)); },
      [&] { OK(ddpm_copy(w, other, count)); },
      [&] { OK(ddpm_adam(w, other, m, v, count, 1, 0.1f, 0.9f, 0.999f, 1e-8f, 1.0f)); },
      [&] { OK(ddpm_ema(w, other, count, 0.5f)); },
      [&] { OK(ddpm_add(w, other, w, count)); },
      [&] { OK(ddpm_linear(other, m, 0, 0, w, kK, kC, kC)); },
      [&] { OK(ddpm_randn(w, 1, count, 3, 0, 0)); },
  };
  for (const auto& write : writes) {
    layers.check(layers.convolution(), layers.linear());
    auto before = layers.convolution();
    write();
    auto after = layers.convolution();
    CHECK(before != after);
    layers.check(after, layers.linear());
  }
}

TEST(several_callers_share_copies) {
  Layers layers(random);
  auto convolved = layers.convolution(), mapped = layers.linear();
  OK(ddpm_keep_packed(layers.weights, 1));
  bool same[4] = {};
  std::vector<std::thread> callers;
  for (bool& result : same)
    callers.emplace_back([&] {
      result = true;
      for (int i = 0; i < 20; ++i) result = result && layers.convolution() == convolved && layers.linear() == mapped;
    });
  // Copies come and go beside their use.
  for (int i = 0; i < 20; ++i) {
    OK(ddpm_keep_packed(layers.weights, i % 2));
    (void)layers.linear();
  }
  for (std::thread& caller : callers) caller.join();
  for (bool result : same) CHECK(result);
}
