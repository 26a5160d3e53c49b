// Losses and optimisers against the obvious formulas in double precision.
#include <cmath>

#include "harness.h"

using namespace ddpm::test;

TEST(mse_and_its_gradient_are_close) {
  for (int i = 0; i < 20; ++i) {
    int64_t images = pick(random, 1, 4), per_image = pick(random, 1, 3000), count = images * per_image;
    auto p = normal(random, count), t = normal(random, count);
    Array p_in(p), t_in(t), losses(images), gradient(count);
    OK(ddpm_mse(p_in, t_in, losses, gradient, static_cast<int>(images), per_image, 0.5f));
    std::vector<double> truth(images), slope(count);
    std::vector<float> plain(images), plain_slope(count);
    for (int64_t j = 0; j < count; ++j) {
      double d = double(p[j]) - t[j];
      truth[j / per_image] += d * d / per_image;
      plain[j / per_image] += (p[j] - t[j]) * (p[j] - t[j]) / per_image;
      slope[j] = 2 * 0.5 * d / count;
      plain_slope[j] = (p[j] - t[j]) / count;
    }
    check_close(losses.get(), truth, plain, "losses");
    check_close(gradient.get(), slope, plain_slope, "gradient");
  }
}

TEST(cross_entropy_and_its_gradient_are_close) {
  for (int i = 0; i < 20; ++i) {
    int64_t rows = pick(random, 1, 50), classes = pick(random, 2, 20);
    auto logits = normal(random, rows * classes, i == 0 ? 300.0f : 3.0f);
    std::vector<float> labels(rows);
    for (float& label : labels) label = static_cast<float>(pick(random, 0, classes - 1));
    Array logits_in(logits), labels_in(labels), losses(rows), gradient(rows * classes);
    OK(ddpm_cross_entropy(logits_in, labels_in, losses, gradient, static_cast<int>(rows), static_cast<int>(classes)));
    std::vector<double> truth, slope;
    for (int64_t r = 0; r < rows; ++r) {
      double largest = -INFINITY, sum = 0;
      for (int64_t c = 0; c < classes; ++c) largest = std::max<double>(largest, logits[r * classes + c]);
      for (int64_t c = 0; c < classes; ++c) sum += std::exp(logits[r * classes + c] - largest);
      truth.push_back(largest + std::log(sum) - logits[r * classes + static_cast<int64_t>(labels[r])]);
      for (int64_t c = 0; c < classes; ++c)
        slope.push_back((std::exp(logits[r * classes + c] - largest) / sum - (c == labels[r])) / rows);
    }
    check_close(losses.get(), truth, std::vector<float>(truth.begin(), truth.end()), "losses");
    check_close(gradient.get(), slope, std::vector<float>(slope.begin(), slope.end()), "gradient");
  }
  Array logits(std::vector<float>(4, 1)), losses(2);
  for (float bad : {-1.0f, 2.0f, 0.5f, NAN, 1e20f}) {
    Array labels({0, bad});
    FAILS(DDPM_INVALID_ARGUMENT, "labels has the value", ddpm_cross_entropy(logits, labels, losses, 0, 2, 2));
  }
}

TEST(adam_follows_its_algorithm) {
  const int64_t count = 1003;
  auto start = normal(random, count);
  Array p(start), m(std::vector<float>(count, 0.0f)), v(std::vector<float>(count, 0.0f));
  std::vector<double> dp = as<double>(start), dm(count), dv(count);
  std::vector<float> fp = start, fm(count), fv(count);
  const float rate = 1e-2f, beta1 = 0.9f, beta2 = 0.999f, eps = 1e-8f, scale = 0.5f;
  for (int step = 1; step <= 5; ++step) {
    auto g = normal(random, count);
    Array g_in(g);
    OK(ddpm_adam(p, g_in, m, v, count, step, rate, beta1, beta2, eps, scale));
    double c1 = 1 - std::pow(double(beta1), step), c2 = 1 - std::pow(double(beta2), step);
    for (int64_t i = 0; i < count; ++i) {
      double d = double(scale) * g[i];
      dm[i] = beta1 * dm[i] + (1 - double(beta1)) * d;
      dv[i] = beta2 * dv[i] + (1 - double(beta2)) * d * d;
      dp[i] -= rate / c1 * dm[i] / (std::sqrt(dv[i] / c2) + eps);
      float f = scale * g[i];
      fm[i] = beta1 * fm[i] + (1 - beta1) * f;
      fv[i] = beta2 * fv[i] + (1 - beta2) * f * f;
      fp[i] -= float(rate / c1) * fm[i] / (std::sqrt(fv[i]) / float(std::sqrt(c2)) + eps);
    }
  }
  check_close(p.get(), dp, fp, "parameters");
  check_close(m.get(), dm, fm, "m");
  check_close(v.get(), dv, fv, "v");
  Array g(start);
  FAILS(DDPM_INVALID_ARGUMENT, "step is 0", ddpm_adam(p, g, m, v, count, 0, rate, beta1, beta2, eps, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "beta2 is 1", ddpm_adam(p, g, m, v, count, 1, rate, beta1, 1, eps, 1));
}

TEST(ema_moves_towards_the_parameters) {
  auto a = normal(random, 501), p = normal(random, 501);
  Array average(a), parameters(p);
  OK(ddpm_ema(average, parameters, 501, 0.9f));
  std::vector<double> truth(501);
  std::vector<float> plain(501);
  for (int i = 0; i < 501; ++i) {
    truth[i] = double(0.9f) * a[i] + (1 - double(0.9f)) * p[i];
    plain[i] = 0.9f * a[i] + (1 - 0.9f) * p[i];
  }
  check_close(average.get(), truth, plain, "average");
}

TEST(ema_of_equal_values_stays_put) {
  auto a = normal(random, 100);
  Array average(a), parameters(a);
  OK(ddpm_ema(average, parameters, 100, 0.9999f));
  check_same(average.get(), a, "average");
  FAILS(DDPM_INVALID_ARGUMENT, "decay is nan", ddpm_ema(average, parameters, 100, NAN));
}

TEST(sums_of_squares_may_exceed_float32) {
  Array x(std::vector<float>(33, 1e30f)), zero(std::vector<float>(33, 0.0f)), losses(1);
  double sum = 0;
  OK(ddpm_sum_squares(x, 33, &sum));
  CHECK(std::abs(sum / (33 * double(1e30f) * double(1e30f)) - 1) < 1e-14);
  FAILS(DDPM_INVALID_ARGUMENT, "sum must not be null", ddpm_sum_squares(x, 33, nullptr));
  OK(ddpm_mse(x, zero, losses, 0, 1, 33, 1));
  CHECK(std::isinf(losses.get()[0]));
}

TEST(training_results_do_not_depend_on_the_batch_or_the_threads) {
  int threads = ddpm_threads();
  const int64_t images = 3, per_image = 5001, count = images * per_image;
  auto p = normal(random, count), t = normal(random, count), state = normal(random, count);
  for (float& v : state) v = std::abs(v);
  Array p_in(p), t_in(t), losses(images), slope(count);
  std::vector<float> first_losses, first_slope, first_parameters;
  for (int used : {1, 2, 3}) {
    OK(ddpm_set_threads(used));
    OK(ddpm_mse(p_in, t_in, losses, slope, images, per_image, 1));
    Array parameters(p), m(t), v(state);
    OK(ddpm_adam(parameters, slope, m, v, count, 7, 1e-3f, 0.9f, 0.999f, 1e-8f, 1));
    if (used == 1) first_losses = losses.get(), first_slope = slope.get(), first_parameters = parameters.get();
    check_same(losses.get(), first_losses, "losses");
    check_same(slope.get(), first_slope, "dprediction");
    check_same(parameters.get(), first_parameters, "parameters");
    for (int64_t n = 0; n < images; ++n) {
      Array one(1);
      OK(ddpm_mse(p_in + n * per_image * 4, t_in + n * per_image * 4, one, 0, 1, per_image, 1));
      check_same(one.get(), {first_losses[n]}, "loss of an image");
    }
  }
  OK(ddpm_set_threads(threads));
}

TEST(loss_gradients_match_central_differences) {
  const int64_t rows = 6, classes = 5;
  auto x = normal(random, rows * classes), target = normal(random, rows * classes);
  std::vector<float> labels = {0, 4, 2, 2, 1, 3};
  Array x_in(x), target_in(target), labels_in(labels), losses(rows), dx(rows * classes);
  OK(ddpm_mse(x_in, target_in, losses, dx, rows, classes, 3));
  check_gradient(
      random, dx.get(), as<double>(x),
      [&](const std::vector<double>& at) {
        double sum = 0;
        for (size_t i = 0; i < at.size(); ++i) sum += (at[i] - target[i]) * (at[i] - target[i]);
        return 3 * sum / at.size();
      },
      "mse");
  OK(ddpm_cross_entropy(x_in, labels_in, losses, dx, rows, classes));
  check_gradient(
      random, dx.get(), as<double>(x),
      [&](const std::vector<double>& at) {
        double loss = 0;
        for (int64_t r = 0; r < rows; ++r) {
          double sum = 0;
          for (int64_t c = 0; c < classes; ++c) sum += std::exp(at[r * classes + c]);
          loss += std::log(sum) - at[r * classes + static_cast<int64_t>(labels[r])];
        }
        return loss / rows;
      },
      "cross_entropy");
}

TEST(sum_squares_does_not_depend_on_the_threads) {
  auto x = normal(random, 100003);
  Array in(x);
  double truth = 0, first = 0;
  for (double v : x) truth += v * v;
  int threads = ddpm_threads();
  for (int t : {1, 2, 3}) {
    OK(ddpm_set_threads(t));
    double sum = 0;
    OK(ddpm_sum_squares(in, 100003, &sum));
    // Squares of floats are exact in double, and 1e5 sums of them lose less than 1e5 roundings of 1.1e-16.
    CHECK(std::abs(sum - truth) < 1.2e-11 * truth);
    if (t == 1) first = sum;
    CHECK(sum == first);
  }
  OK(ddpm_set_threads(threads));
}
