#include "ddpm/diffusion.h"

#include "common/backend.h"
#include "common/operands.h"

using namespace ddpm;

namespace {

/** A stream position counts groups of four elements in 32 bits. */
int64_t checked_stream(int32_t images, int64_t per_image, int64_t first_image, int32_t draw) {
  int64_t size = elements("out", images, per_image);
  require(per_image <= int64_t{1} << 34, "per_image", static_cast<double>(per_image), "at most 2^34");
  require(first_image >= 0 && first_image <= INT64_MAX - images, "first_image", static_cast<double>(first_image),
          "at least 0, and the last image's number below 2^63");
  require(draw >= 0, "draw", draw, "at least 0");
  return size;
}

}  // namespace

extern "C" {

ddpm_status ddpm_randn(ddpm_mem out, int32_t images, int64_t per_image, int64_t seed, int64_t first_image,
                       int32_t draw) {
  return guard([&] {
    int64_t size = checked_stream(images, per_image, first_image, draw);
    Operands operands("randn");
    RandnArgs args{operands.out(out, "out", size), images, per_image, seed, first_image, static_cast<uint32_t>(draw)};
    dispatch(operands.device(), "randn", &Backend::randn, args);
  });
}

ddpm_status ddpm_dropout(ddpm_mem x, ddpm_mem y, int32_t images, int64_t per_image, float p, int64_t seed,
                         int64_t first_image, int32_t draw) {
  return guard([&] {
    int64_t size = checked_stream(images, per_image, first_image, draw);
    require(p >= 0 && p < 1, "p", p, "at least 0 and less than 1");
    Operands operands("dropout");
    DropoutArgs args{};
    args.x = operands.in(x, "x", size);
    args.y = operands.out_in_place(y, "y", size);
    args.images = images;
    args.per_image = per_image;
    args.p = p;
    args.seed = seed;
    args.first_image = first_image;
    args.draw = static_cast<uint32_t>(draw);
    dispatch(operands.device(), "dropout", &Backend::dropout, args);
  });
}

ddpm_status ddpm_q_sample(ddpm_mem x0, ddpm_mem noise, ddpm_mem signal, ddpm_mem sigma, ddpm_mem xt, int32_t images,
                          int64_t per_image) {
  return guard([&] {
    int64_t size = elements("x0", images, per_image);
    Operands operands("q_sample");
    QSampleArgs args{};
    args.x0 = operands.in(x0, "x0", size);
    args.noise = operands.in(noise, "noise", size);
    args.signal = operands.in(signal, "signal", images);
    args.sigma = operands.in(sigma, "sigma", images);
    args.xt = operands.out(xt, "xt", size);
    args.images = images;
    args.per_image = per_image;
    dispatch(operands.device(), "q_sample", &Backend::q_sample, args);
  });
}

ddpm_status ddpm_reverse_step(ddpm_mem xt, ddpm_mem output, ddpm_mem noise, ddpm_mem out, ddpm_mem x0, int64_t count,
                              float x0_from_xt, float x0_from_output, float clip, float from_x0, float from_xt,
                              float from_output, float from_noise) {
  return guard([&] {
    elements("xt", count);
    require(clip > 0, "clip", clip, "a positive number, or infinity");
    if (noise == 0) require(from_noise == 0, "from_noise", from_noise, "0, as no noise is given");
    Operands operands("reverse_step");
    ReverseStepArgs args{};
    args.xt = operands.in(xt, "xt", count);
    args.output = operands.in(output, "output", count);
    args.noise = operands.optional_in(noise, "noise", count);
    args.out = out == xt ? operands.out_in_place(out, "out", count) : operands.out(out, "out", count);
    args.x0 = operands.optional_out(x0, "x0", count);
    args.count = count;
    args.x0_from_xt = x0_from_xt;
    args.x0_from_output = x0_from_output;
    args.clip = clip;
    args.from_x0 = from_x0;
    args.from_xt = from_xt;
    args.from_output = from_output;
    args.from_noise = from_noise;
    dispatch(operands.device(), "reverse_step", &Backend::reverse_step, args);
  });
}

ddpm_status ddpm_linear_combination(const ddpm_mem* x, const float* weights, int32_t terms, ddpm_mem out,
                                    int64_t count) {
  return guard([&] {
    elements("out", count);
    require(terms >= 1 && terms <= LinearCombinationArgs::kMaxTerms, "terms", terms, "1 to 8");
    if (x == nullptr || weights == nullptr)
      fail(DDPM_INVALID_ARGUMENT, "linear_combination: x and weights must not be null");
    Operands operands("linear_combination");
    LinearCombinationArgs args{};
    for (int k = 0; k < terms; ++k) {
      if (weights[k] == 0 && (k + 1 < terms || args.terms > 0)) continue;
      args.x[args.terms] = operands.in(x[k], "x", count);
      args.weights[args.terms++] = weights[k];
    }
    args.out = operands.out_in_place(out, "out", count);
    args.count = count;
    dispatch(operands.device(), "linear_combination", &Backend::linear_combination, args);
  });
}
}
