#include "ddpm/training.h"

#include <cmath>

#include "common/backend.h"
#include "common/operands.h"

using namespace ddpm;

extern "C" {

ddpm_status ddpm_mse(ddpm_mem prediction, ddpm_mem target, ddpm_mem losses, ddpm_mem dprediction, int32_t images,
                     int64_t per_image, float grad_scale) {
  return guard([&] {
    int64_t size = elements("prediction", images, per_image);
    Operands operands("mse");
    MseArgs args{};
    args.prediction = operands.in(prediction, "prediction", size);
    args.target = operands.in(target, "target", size);
    args.losses = operands.out(losses, "losses", images);
    args.dprediction = operands.optional_out(dprediction, "dprediction", size);
    args.images = images;
    args.per_image = per_image;
    args.grad_scale = grad_scale;
    dispatch(operands.device(), "mse", &Backend::mse, args);
  });
}

ddpm_status ddpm_cross_entropy(ddpm_mem logits, ddpm_mem labels, ddpm_mem losses, ddpm_mem dlogits, int32_t rows,
                               int32_t classes) {
  return guard([&] {
    int64_t size = elements("logits", rows, classes);
    Operands operands("cross_entropy");
    CrossEntropyArgs args{};
    args.logits = operands.in(logits, "logits", size);
    args.labels = operands.in(labels, "labels", rows);
    args.losses = operands.out(losses, "losses", rows);
    args.dlogits = operands.optional_out(dlogits, "dlogits", size);
    args.rows = rows;
    args.classes = classes;
    dispatch(operands.device(), "cross_entropy", &Backend::cross_entropy, args);
  });
}

ddpm_status ddpm_adam(ddpm_mem parameters, ddpm_mem gradients, ddpm_mem m, ddpm_mem v, int64_t count, int64_t step,
                      float learning_rate, float beta1, float beta2, float eps, float grad_scale) {
  return guard([&] {
    elements("parameters", count);
    require(step >= 1, "step", static_cast<double>(step), "at least 1");
    require(std::isfinite(learning_rate), "learning_rate", learning_rate, "a finite number");
    require(beta1 >= 0 && beta1 < 1, "beta1", beta1, "at least 0 and less than 1");
    require(beta2 >= 0 && beta2 < 1, "beta2", beta2, "at least 0 and less than 1");
    require(eps > 0 && std::isfinite(eps), "eps", eps, "a positive number");
    Operands operands("adam");
    AdamArgs args{};
    args.parameters = operands.out(parameters, "parameters", count);
    args.gradients = operands.in(gradients, "gradients", count);
    args.m = operands.out(m, "m", count);
    args.v = operands.out(v, "v", count);
    args.count = count;
    args.step = step;
    args.learning_rate = learning_rate;
    args.beta1 = beta1;
    args.beta2 = beta2;
    args.eps = eps;
    args.grad_scale = grad_scale;
    dispatch(operands.device(), "adam", &Backend::adam, args);
  });
}

ddpm_status ddpm_ema(ddpm_mem average, ddpm_mem parameters, int64_t count, float decay) {
  return guard([&] {
    elements("average", count);
    require(decay >= 0 && decay <= 1, "decay", decay, "0 to 1");
    Operands operands("ema");
    EmaArgs args{operands.out(average, "average", count), operands.in(parameters, "parameters", count), count, decay};
    dispatch(operands.device(), "ema", &Backend::ema, args);
  });
}

ddpm_status ddpm_sum_squares(ddpm_mem x, int64_t count, double* sum) {
  return guard([&] {
    elements("x", count);
    if (sum == nullptr) fail(DDPM_INVALID_ARGUMENT, "sum_squares: sum must not be null");
    Operands operands("sum_squares");
    SumSquaresArgs args{operands.in(x, "x", count), count, sum};
    dispatch(operands.device(), "sum_squares", &Backend::sum_squares, args);
  });
}
}
