// Element-wise ops against the obvious formulas in double precision.
#include <cmath>

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

TEST(add_scale_concat_and_sum_pixels_are_exact_on_whole_numbers) {
  for (int i = 0; i < 30; ++i) {
    int n = static_cast<int>(pick(random, 1, 4)), pixels = static_cast<int>(pick(random, 1, 60));
    int ca = static_cast<int>(pick(random, 1, 40)), cb = static_cast<int>(pick(random, 1, 40));
    int64_t rows = int64_t{n} * pixels;
    auto a = whole(random, rows * ca, 99), b = whole(random, rows * cb, 99), other = whole(random, rows * ca, 99);
    Array a_in(a), b_in(b), other_in(other), joined(rows * (ca + cb)), da(rows * ca), db(rows * cb), sum(rows * ca);
    OK(ddpm_concat(a_in, b_in, joined, rows, ca, cb));
    auto y = joined.get();
    for (int64_t r = 0; r < rows; ++r)
      for (int c = 0; c < ca + cb; ++c) CHECK(y[r * (ca + cb) + c] == (c < ca ? a[r * ca + c] : b[r * cb + c - ca]));
    OK(ddpm_concat_backward(joined, da, db, rows, ca, cb));
    check_same(da.get(), a, "da");
    check_same(db.get(), b, "db");
    OK(ddpm_concat_backward(joined, 0, db, rows, ca, cb));
    OK(ddpm_add(a_in, other_in, sum, rows * ca));
    std::vector<float> expected(a.size());
    for (size_t j = 0; j < a.size(); ++j) expected[j] = a[j] + other[j];
    check_same(sum.get(), expected, "a + b");
    OK(ddpm_add(a_in, other_in, other_in, rows * ca));
    check_same(other_in.get(), expected, "a + b over b");
    Array scaled(rows * ca), totals(int64_t{n} * ca);
    OK(ddpm_scale(a_in, scaled, rows * ca, -0.5f));
    for (size_t j = 0; j < a.size(); ++j) expected[j] = -0.5f * a[j];
    check_same(scaled.get(), expected, "-0.5 a");
    OK(ddpm_sum_pixels(a_in, totals, n, pixels, ca));
    std::vector<float> sums(static_cast<size_t>(n) * ca);
    for (int64_t j = 0; j < rows * ca; ++j) sums[j / (int64_t{pixels} * ca) * ca + j % ca] += a[j];
    check_same(totals.get(), sums, "sums over pixels");
  }
}

TEST(time_embedding_follows_its_formula) {
  for (int flip : {0, 1})
    for (float shift : {0.0f, 1.0f}) {
      const int dim = 64, n = 5;
      Array t({0, 1, 17, 500, 999}), out(n * dim);
      OK(ddpm_time_embedding(t, out, n, dim, flip, shift));
      auto got = out.get(), times = t.get();
      for (int i = 0; i < n; ++i)
        for (int k = 0; k < dim / 2; ++k) {
          double angle = times[i] * std::exp(-std::log(10000.0) * k / (dim / 2 - double(shift)));
          // The angle is computed in double, so one float rounding of the result is all.
          CHECK(std::abs(got[i * dim + (flip ? dim / 2 : 0) + k] - std::sin(angle)) < 6e-8);
          CHECK(std::abs(got[i * dim + (flip ? 0 : dim / 2) + k] - std::cos(angle)) < 6e-8);
        }
    }
  Array t({1}), out(6);
  FAILS(DDPM_INVALID_ARGUMENT, "dim is 5", ddpm_time_embedding(t, out, 1, 5, 0, 0));
  FAILS(DDPM_INVALID_ARGUMENT, "freq_shift is 3", ddpm_time_embedding(t, out, 1, 6, 0, 3));
}

TEST(embedding_picks_rows_and_its_gradient_adds_to_them) {
  auto table = whole(random, 5 * 7, 9), dy = whole(random, 3 * 7, 9);
  Array table_in(table), indices({4, 0, 4}), out(3 * 7), dy_in(dy), dtable(std::vector<float>(5 * 7, 1.0f));
  OK(ddpm_embedding(table_in, indices, out, 3, 5, 7));
  OK(ddpm_embedding_backward(dy_in, indices, dtable, 3, 5, 7));
  auto got = out.get(), gradient = dtable.get();
  for (int i = 0; i < 7; ++i) {
    CHECK(got[i] == table[4 * 7 + i] && got[7 + i] == table[i] && got[14 + i] == table[4 * 7 + i]);
    CHECK(gradient[4 * 7 + i] == 1 + dy[i] + dy[14 + i] && gradient[i] == 1 + dy[7 + i] && gradient[7 + i] == 1);
  }
  Array bad({4, 5, 0});
  FAILS(DDPM_INVALID_ARGUMENT, "value 5", ddpm_embedding(table_in, bad, out, 3, 5, 7));
}
