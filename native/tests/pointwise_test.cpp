// Element-wise ops against the obvious formulas in double precision.
#include "reference/pointwise.h"

#include <cmath>

#include "harness.h"

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

TEST(silu_is_accurate_relative_to_its_own_size) {
  // Over all of the range in which exp(-x) is finite: exp to 1.5 ulp, a sum and a division.
  std::vector<float> x;
  for (float v = -88; v < 88; v += 0.00037f) x.push_back(v);
  int64_t count = static_cast<int64_t>(x.size());
  Array in(x), out(count);
  OK(ddpm_silu(in, out, count));
  auto got = out.get();
  auto truth = reference::silu(as<double>(x));
  for (size_t i = 0; i < x.size(); ++i)
    if (!(std::abs(got[i] - truth[i]) <= 2.5 * 1.2e-7 * std::abs(truth[i])))
      fail_test("silu(%.9g) is %.9g, expected %.9g", x[i], got[i], truth[i]);
}

TEST(silu_has_its_limits_far_out) {
  Array in({-3e38f, -1e10f, -100, 100, 1e10f, 3e38f, NAN}), one(std::vector<float>(7, 1.0f)), y(7), dx(7);
  OK(ddpm_silu(in, y, 7));
  OK(ddpm_silu_backward(in, one, dx, 7));
  auto got = y.get(), slope = dx.get();
  const float expected[] = {0, 0, 0, 100, 1e10f, 3e38f};
  for (int i = 0; i < 6; ++i) {
    CHECK(got[i] == expected[i] && slope[i] == (i < 3 ? 0.0f : 1.0f));
  }
  CHECK(std::isnan(got[6]) && std::isnan(slope[6]));
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
  FAILS(DDPM_INVALID_ARGUMENT, "y overlaps x", ddpm_silu(x, x + 4, 2));
  FAILS(DDPM_INVALID_ARGUMENT, "not aligned", ddpm_silu(x + 1, y, 2));
}

TEST(relu_is_exact_for_any_count_and_keeps_nan) {
  for (int i = 0; i < 40; ++i) {
    int64_t count = pick(random, 1, i < 20 ? 40 : 50000);
    std::vector<float> x = normal(random, count), dy = normal(random, count);
    Array in(x), dy_in(dy), out(count), dx(count);
    OK(ddpm_relu(in, out, count));
    check_same(out.get(), reference::relu(x), "relu");
    OK(ddpm_relu_backward(in, dy_in, dx, count));
    std::vector<float> slope(x.size());
    for (size_t j = 0; j < x.size(); ++j) slope[j] = x[j] > 0 ? dy[j] : 0;
    check_same(dx.get(), slope, "relu_backward");
    OK(ddpm_relu(in, in, count));
    check_same(in.get(), out.get(), "relu in place");
  }
  Array nan({NAN, -INFINITY, INFINITY}), y(3);
  OK(ddpm_relu(nan, y, 3));
  auto got = y.get();
  CHECK(std::isnan(got[0]) && got[1] == 0 && got[2] == INFINITY);
}

TEST(relu_gradient_matches_central_differences) {
  // Away from the kink at 0, which differences would straddle.
  std::vector<float> x = normal(random, 500), dy = normal(random, 500);
  for (float& v : x) v += v < 0 ? -0.1f : 0.1f;
  Array x_in(x), dy_in(dy), dx(500);
  OK(ddpm_relu_backward(x_in, dy_in, dx, 500));
  check_gradient(
      random, dx.get(), as<double>(x),
      [&](const std::vector<double>& at) { return reference::dot(reference::relu(at), dy); }, "relu_backward");
}

TEST(relu_refuses_bad_operands) {
  Array x({1, 2, 3}), y(3);
  FAILS(DDPM_INVALID_ARGUMENT, "x must not be null", ddpm_relu(0, y, 3));
  FAILS(DDPM_INVALID_ARGUMENT, "needs 400 bytes", ddpm_relu(x, y, 100));
  FAILS(DDPM_INVALID_ARGUMENT, "y overlaps x", ddpm_relu(x, x + 4, 2));
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

TEST(sum_pixels_keeps_small_terms_beside_large_ones) {
  // 2^24 and 1000 ones: float32 would lose every one of them.
  const int pixels = 1001, c = 70;
  std::vector<float> x(pixels * c, 1.0f);
  for (int i = 0; i < c; ++i) x[i] = 16777216.0f;
  Array in(x), y(c);
  OK(ddpm_sum_pixels(in, y, 1, pixels, c));
  for (float v : y.get()) CHECK(v == 16777216.0f + 1000);
}

TEST(pointwise_results_do_not_depend_on_the_threads_or_the_place) {
  int threads = ddpm_threads();
  const int64_t count = 50003, offset = 12345;
  auto x = normal(random, count, 5), z = normal(random, count);
  Array x_in(x), z_in(z);
  std::vector<float> first, first_slope;
  for (int t : {1, 2, 3}) {
    OK(ddpm_set_threads(t));
    Array y(count), dx(count);
    OK(ddpm_silu(x_in, y, count));
    OK(ddpm_silu_backward(x_in, z_in, dx, count));
    if (t == 1) first = y.get(), first_slope = dx.get();
    check_same(y.get(), first, "silu");
    check_same(dx.get(), first_slope, "silu_backward");
  }
  OK(ddpm_set_threads(threads));
  Array part(count - offset), slope_part(count - offset);
  OK(ddpm_silu(x_in + offset * 4, part, count - offset));
  OK(ddpm_silu_backward(x_in + offset * 4, z_in + offset * 4, slope_part, count - offset));
  check_same(part.get(), {first.begin() + offset, first.end()}, "part of silu");
  check_same(slope_part.get(), {first_slope.begin() + offset, first_slope.end()}, "part of silu_backward");
}

TEST(time_embedding_follows_its_formula) {
  for (int flip : {0, 1})
    for (float shift : {0.0f, 1.0f}) {
      const int dim = 64, n = 5;
      Array t({0, 1, 17.5f, 999, 123456}), out(n * dim);
      OK(ddpm_time_embedding(t, out, n, dim, flip, shift));
      auto got = out.get(), times = t.get();
      for (int i = 0; i < n; ++i)
        for (int k = 0; k < dim / 2; ++k) {
          double exponent = -std::log(10000.0) * k / (dim / 2 - double(shift));
          double angle = times[i] * std::exp(exponent);
          // Three roundings on the way to the exponent, then one each of frequency, angle and result.
          double error = std::ldexp(3 * -exponent * angle + 2 * angle + 1, -24);
          CHECK(std::abs(got[i * dim + (flip ? dim / 2 : 0) + k] - std::sin(angle)) <= error);
          CHECK(std::abs(got[i * dim + (flip ? 0 : dim / 2) + k] - std::cos(angle)) <= error);
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
  // Refused before anything is written, be it the last index that is wrong.
  for (float index : {-1.0f, 0.5f, NAN, INFINITY, 3e9f}) {
    Array last({0, 1, index}), kept(std::vector<float>(5 * 7, 1.0f));
    FAILS(DDPM_INVALID_ARGUMENT, "indices has the value", ddpm_embedding_backward(dy_in, last, kept, 3, 5, 7));
    check_same(kept.get(), std::vector<float>(5 * 7, 1.0f), "dtable");
  }
}
