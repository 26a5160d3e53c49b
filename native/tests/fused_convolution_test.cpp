// A convolution that joins and normalises its input on the way, against the parts one after the other: the same bits.
// Algorithms are the CPU's choice; a device has cases of its own.
#include <cmath>

#include "harness.h"
#include "reference/convolution.h"

using namespace ddpm::test;
using reference::Window;

namespace {

#define GEOMETRY(g) g.k, g.r, g.s, g.stride_h, g.stride_w, g.top, g.left, g.bottom, g.right

int pick_int(Random& random, int low, int high) { return static_cast<int>(pick(random, low, high)); }

/** Selects an algorithm for as long as it lives. */
struct Algorithm {
  explicit Algorithm(const char* name) { OK(ddpm_set_convolution_algorithm(name)); }
  ~Algorithm() { (void)ddpm_set_convolution_algorithm("auto"); }
};

/** A convolution whose window has c channels, the last of them in skip, and what its input goes through. */
struct Case {
  Window g;
  int skip, groups;
  bool norm, silu, modulated;
};

/** Operands as they are given: the optional ones may be left out. */
struct Operands {
  explicit Operands(Random& random, const Case& c)
      : x(normal(random, c.g.input() / c.g.c * (c.g.c - c.skip), 2, 1)),
        skip(normal(random, c.g.input() / c.g.c * c.skip + 1)),
        gamma(normal(random, c.g.c, 0.3f, 1)),
        beta(normal(random, c.g.c, 0.3f)),
        modulation(normal(random, c.g.n * 2 * c.g.c, 0.3f)),
        w(normal(random, c.g.weights())),
        bias(normal(random, c.g.k)),
        image_bias(normal(random, c.g.n * c.g.k)),
        residual(normal(random, c.g.output())),
        y(c.g.output()),
        with_bias(pick(random, 0, 1)),
        with_image_bias(pick(random, 0, 1)),
        with_residual(pick(random, 0, 1)) {}

  Array x, skip, gamma, beta, modulation, w, bias, image_bias, residual, y;
  bool with_bias, with_image_bias, with_residual;
};

ddpm_mem optional(bool given, const Array& array) { return given ? ddpm_mem{array} : ddpm_mem{0}; }

ddpm_status run_fused(const Case& c, const Operands& o) {
  const Window& g = c.g;
  return ddpm_fused_conv2d(o.x, optional(c.skip > 0, o.skip), optional(c.norm, o.gamma), optional(c.norm, o.beta),
                           optional(c.norm && c.modulated, o.modulation), o.w, optional(o.with_bias, o.bias),
                           optional(o.with_image_bias, o.image_bias), optional(o.with_residual, o.residual), o.y, g.n,
                           g.h, g.w, g.c - c.skip, c.skip, c.groups, 1e-5f, c.silu, GEOMETRY(g));
}

std::vector<float> run_parts(const Case& c, const Operands& o) {
  const Window& g = c.g;
  int64_t pixels = int64_t{g.n} * g.h * g.w;
  Array joined(g.input()), normalized(g.input()), statistics(int64_t{g.n} * c.groups * 2), y(g.output());
  ddpm_mem input = o.x;
  if (c.skip > 0) {
    OK(ddpm_concat(o.x, o.skip, joined, pixels, g.c - c.skip, c.skip));
    input = joined;
  }
  if (c.norm) {
    OK(ddpm_group_norm(input, o.gamma, o.beta, optional(c.modulated, o.modulation), normalized, statistics, g.n,
                       g.h * g.w, g.c, c.groups, 1e-5f, c.silu));
    input = normalized;
  }
  OK(ddpm_conv2d(input, o.w, optional(o.with_bias, o.bias), optional(o.with_image_bias, o.image_bias),
                 optional(o.with_residual, o.residual), y, g.n, g.h, g.w, g.c, GEOMETRY(g)));
  return y.get();
}

/** 3 x 3 with stride 1, any padding, tails in every dimension; or, without a normalisation, any window. */
Case any_case(Random& random, bool winograd) {
  Case c{};
  Window& g = c.g;
  do {
    c.groups = pick_int(random, 1, 5);
    bool tall = pick(random, 0, 4) == 0;  // several runs of tiles
    g.n = pick_int(random, 1, tall ? 7 : 3);
    g.h = pick_int(random, 1, tall ? 40 : 13);
    g.w = pick_int(random, 1, tall ? 30 : 13);
    g.c = c.groups * pick_int(random, 1, 13);
    g.k = pick_int(random, 1, 60);
    g.r = winograd ? 3 : pick_int(random, 1, 3);
    g.s = winograd ? 3 : pick_int(random, 1, 3);
    g.stride_h = winograd ? 1 : pick_int(random, 1, 2);
    g.stride_w = winograd ? 1 : pick_int(random, 1, 2);
    g.top = pick_int(random, 0, 4);
    g.left = pick_int(random, 0, 4);
    g.bottom = pick_int(random, 0, 4);
    g.right = pick_int(random, 0, 4);
  } while (g.h + g.top + g.bottom < g.r || g.w + g.left + g.right < g.s);
  c.skip = pick_int(random, 0, 1) * pick_int(random, 0, g.c - 1);
  c.norm = winograd && pick_int(random, 0, 4) > 0;
  c.silu = pick(random, 0, 1);
  c.modulated = pick(random, 0, 1);
  return c;
}

}  // namespace

TEST(winograd_has_the_bits_of_the_parts) {
  if (device() != 0) return;
  int threads = ddpm_threads();
  for (const char* name : {"winograd2", "winograd4"}) {
    Algorithm algorithm(name);
    for (int i = 0; i < 60; ++i) {
      Case c = any_case(random, true);
      Operands operands(random, c);
      auto expected = run_parts(c, operands);
      for (int t : {1, 2, 5}) {
        OK(ddpm_set_threads(t));
        OK(run_fused(c, operands));
        check_same(operands.y.get(), expected, name);
      }
      OK(ddpm_set_threads(threads));
    }
  }
}

TEST(one_picture_shared_by_output_channels_has_the_bits_of_the_parts) {
  if (device() != 0) return;
  // With more threads than runs of tiles, tasks share the tiles of a picture and take panels of channels each.
  int threads = ddpm_threads();
  OK(ddpm_set_threads(4));
  for (int skip : {0, 24, 40}) {
    Case c{{1, 8, 8, 64, 256, 3, 3, 1, 1, 1, 1, 1, 1}, skip, 8, true, true, skip == 24};
    Operands operands(random, c);
    OK(run_fused(c, operands));
    check_same(operands.y.get(), run_parts(c, operands), "y");
  }
  OK(ddpm_set_threads(threads));
}

TEST(the_direct_product_joins_its_input_and_has_the_bits_of_the_parts) {
  if (device() != 0) return;
  Algorithm algorithm("direct");
  for (int i = 0; i < 60; ++i) {
    Case c = any_case(random, false);
    if (i == 0) c = {{2, 7, 9, 96, 40, 1, 1, 1, 1, 0, 0, 0, 0}, 32, 1, false, false, false};
    if (i == 1) c = {{9, 4, 4, 30, 20, 3, 3, 1, 1, 1, 1, 1, 1}, 12, 1, false, false, false};  // tiles across images
    if (c.g.k <= 4) c.g.k += 4;  // few outputs are declined
    Operands operands(random, c);
    OK(run_fused(c, operands));
    check_same(operands.y.get(), run_parts(c, operands), "y");
  }
}

TEST(a_device_has_the_bits_of_the_parts_in_every_precision) {
  if (device() == 0) return;
  // Tiles within a picture, of parts of two and of many; tails of channels, a seam within four of them; other windows.
  const std::vector<Case> cases = {{{1, 8, 8, 32, 20, 3, 3, 1, 1, 1, 1, 1, 1}, 0, 4, true, true, false},
                                   {{2, 9, 9, 36, 12, 3, 3, 1, 1, 1, 1, 1, 1}, 12, 3, true, true, true},
                                   {{7, 4, 4, 22, 70, 3, 3, 1, 1, 1, 1, 1, 1}, 9, 2, true, true, false},
                                   {{3, 5, 3, 24, 8, 2, 5, 1, 1, 0, 3, 2, 1}, 8, 6, true, false, true},
                                   {{2, 6, 6, 40, 24, 1, 1, 1, 1, 0, 0, 0, 0}, 24, 5, true, true, false},
                                   {{2, 6, 6, 40, 24, 1, 1, 1, 1, 0, 0, 0, 0}, 16, 1, false, false, false},
                                   {{2, 5, 6, 19, 10, 3, 3, 1, 1, 1, 1, 1, 1}, 3, 1, false, false, false}};
  for (const char* precision : {"float32", "tf32", "bfloat16"}) {
    OK(ddpm_set_precision(precision));
    for (const Case& c : cases) {
      Operands operands(random, c);
      OK(run_fused(c, operands));
      check_same(operands.y.get(), run_parts(c, operands), precision);
    }
  }
  OK(ddpm_set_precision("float32"));
}

TEST(a_device_declines_what_shares_no_pixels) {
  if (device() == 0) return;
  for (Window g : {Window{1, 6, 6, 16, 16, 3, 3, 2, 2, 1, 1, 1, 1}, Window{1, 6, 6, 8, 16, 3, 3, 1, 1, 1, 1, 1, 1},
                   Window{1, 3, 200, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1}}) {
    Case c{g, 0, 4, true, true, false};
    Operands operands(random, c);
    FAILS(DDPM_NOT_SUPPORTED, "fused_conv2d", run_fused(c, operands));
    for (float y : operands.y.get()) CHECK(std::isnan(y));
  }
}

TEST(what_is_not_fused_is_declined_and_nothing_written) {
  if (device() != 0) return;
  Algorithm algorithm("direct");
  Case c{{1, 6, 6, 16, 16, 3, 3, 1, 1, 1, 1, 1, 1}, 0, 4, true, true, false};
  Operands operands(random, c);
  FAILS(DDPM_NOT_SUPPORTED, "fused_conv2d", run_fused(c, operands));
  for (float y : operands.y.get()) CHECK(std::isnan(y));
  Case few{{1, 6, 6, 16, 3, 3, 3, 1, 1, 1, 1, 1, 1}, 4, 1, false, false, false};
  Operands of_few(random, few);
  FAILS(DDPM_NOT_SUPPORTED, "fused_conv2d", run_fused(few, of_few));
}

TEST(bad_inputs_are_refused) {
  Array x(std::vector<float>(1024, 1.0f)), skip(std::vector<float>(1024, 1.0f)), p(std::vector<float>(64, 1.0f));
  Array w(std::vector<float>(9 * 32 * 32, 1.0f)), y(1024);
  auto run = [&](ddpm_mem skip_in, int c_skip, ddpm_mem gamma, ddpm_mem beta, ddpm_mem modulation, int groups,
                 float eps, ddpm_mem target) {
    return ddpm_fused_conv2d(x, skip_in, gamma, beta, modulation, w, 0, 0, 0, target, 1, 8, 8, 16, c_skip, groups, eps,
                             1, 16, 3, 3, 1, 1, 1, 1, 1, 1);
  };
  OK(run(skip, 16, p, p, 0, 4, 1e-5f, y));
  FAILS(DDPM_INVALID_ARGUMENT, "c_skip is 16", run(0, 16, p, p, 0, 4, 1e-5f, y));
  FAILS(DDPM_INVALID_ARGUMENT, "c_skip is 0", run(skip, 0, p, p, 0, 4, 1e-5f, y));
  FAILS(DDPM_INVALID_ARGUMENT, "both be null", run(skip, 16, p, 0, 0, 4, 1e-5f, y));
  FAILS(DDPM_INVALID_ARGUMENT, "both be null", run(skip, 16, 0, 0, p, 4, 1e-5f, y));
  FAILS(DDPM_INVALID_ARGUMENT, "groups is 5", run(skip, 16, p, p, 0, 5, 1e-5f, y));
  FAILS(DDPM_INVALID_ARGUMENT, "eps is -1", run(skip, 16, p, p, 0, 4, -1.0f, y));
  FAILS(DDPM_INVALID_ARGUMENT, "skip", run(skip + 400, 16, p, p, 0, 4, 1e-5f, y));
  FAILS(DDPM_INVALID_ARGUMENT, "y overlaps skip", run(skip, 16, p, p, 0, 4, 1e-5f, skip));
}
