// Element-wise ops against the obvious formulas in double precision.
#include "harness.h"
#include "reference/pointwise.h"

using namespace ddpm::test;

TEST(silu_is_close_for_any_count) {
  for (int i = 0; i < 40; ++i) {
    int64_t count = pick(random, 1, i < 20 ? 40 : 50000);
    std::vector<float> x = normal(random, count, 10);
    Array in(x), out(count);
    OK(ddpm_silu(in, out, count));
    check_close(out.get(), reference::silu(as<double>(x)), reference::silu(as<float>(x)), "silu");
    OK(ddpm_silu(in, in, count));
    check_same(in.get(), out.get(), "silu in place");
  }
}

TEST(silu_of_extreme_values_is_finite) {
  Array in({-3e38f, -1000, -104, -88.5f, -87, 0, 87, 88.5f, 104, 1000, 3e38f}), out(11);
  OK(ddpm_silu(in, out, 11));
  check_close(out.get(), {0, 0, 0, 0, -87 * 1.6458e-38, 0, 87, 88.5f, 104, 1000, 3e38f},
              {0, 0, 0, 0, 0, 0, 87, 88.5f, 104, 1000, 3e38f}, "silu");
}

TEST(silu_backward_is_close_and_matches_central_differences) {
  for (int i = 0; i < 20; ++i) {
    int64_t count = pick(random, 1, 3000);
    std::vector<float> x = normal(random, count, 3), dy = normal(random, count);
    Array x_in(x), dy_in(dy), dx(count);
    OK(ddpm_silu_backward(x_in, dy_in, dx, count));
    check_close(dx.get(), reference::silu_backward(as<double>(x), as<double>(dy)),
                reference::silu_backward(as<float>(x), as<float>(dy)), "silu_backward");
    check_gradient(
        random, dx.get(), as<double>(x),
        [&](const std::vector<double>& at) { return reference::dot(reference::silu(at), dy); }, "silu_backward");
  }
}

TEST(silu_refuses_bad_operands) {
  Array x({1, 2, 3}), y(3);
  FAILS(DDPM_INVALID_ARGUMENT, "x must not be null", ddpm_silu(0, y, 3));
  FAILS(DDPM_INVALID_ARGUMENT, "dimension of 0", ddpm_silu(x, y, 0));
  FAILS(DDPM_INVALID_ARGUMENT, "needs 400 bytes", ddpm_silu(x, y, 100));
  FAILS(DDPM_INVALID_ARGUMENT, "y overlaps x", ddpm_silu(x, x + 4, 3));
  FAILS(DDPM_INVALID_ARGUMENT, "not aligned", ddpm_silu(x + 1, y, 3));
}
