// Programs: the ops of a sampler's steps as one op that finds its step in the device's memory.
#include <thread>

#include "harness.h"

using namespace ddpm::test;

namespace {

struct Graph {
  int64_t graph = 0;
  ~Graph() { ddpm_graph_free(graph); }
};

struct Program {
  int64_t program = 0;
  ~Program() { ddpm_program_free(program); }
};

/** The images of a run, and what a step of it may do with them. */
struct Run {
  int32_t images;
  int64_t per_image, size = images * per_image;
  Array x, output, x0, first, second, noise, times;

  Run(int32_t n, int64_t each, Random random)
      : images(n),
        per_image(each),
        x(normal(random, size)),
        output(normal(random, size)),
        x0(normal(random, size)),
        first(normal(random, size)),
        second(normal(random, size)),
        noise(normal(random, size)),
        times(normal(random, n)) {}

  /** Ops of all kinds, with other numbers in every step, some of which a step leaves out. */
  void step(int s) {
    float c = static_cast<float>(s + 1);
    if (s != 1) OK(ddpm_randn(noise, images, per_image, 7, (int64_t{1} << 33) + s, s));
    OK(ddpm_reverse_step(x, output, s == 1 ? 0 : ddpm_mem{noise}, x, s == 2 ? 0 : ddpm_mem{x0}, size, 1.1f, -0.3f * c,
                         1, 0.7f, 0.2f, 0.1f / c, s == 1 ? 0 : 0.5f));
    ddpm_mem terms[] = {x, s % 2 == 0 ? first : second, x0, noise, output, x0, first, second};
    float weights[] = {0.9f, 0.25f, s == 0 ? 0 : -0.125f, 0.3f, 0.1f / c, 0.2f, -0.1f, 0.7f};
    OK(ddpm_copy(s % 2 == 0 ? second : first, x, size));
    OK(ddpm_linear_combination(terms, weights, 1 + 3 * s % 8, x, size));
    OK(ddpm_scale(x, output, size, 1 / c));
    OK(ddpm_fill(times, images, 1000 / c));
    if (s == 3) OK(ddpm_fill(x0, size, c));
  }

  void check_like(const Run& other) const {
    check_same(x.get(), other.x.get(), "x");
    check_same(output.get(), other.output.get(), "output");
    check_same(x0.get(), other.x0.get(), "x0");
    check_same(first.get(), other.first.get(), "first");
    check_same(second.get(), other.second.get(), "second");
    check_same(noise.get(), other.noise.get(), "noise");
    check_same(times.get(), other.times.get(), "times");
  }
};

constexpr int kSteps = 6;

void record(Run* run, int64_t* program) {
  OK(ddpm_program_begin(device(), run->images, run->per_image));
  for (int s = 0; s < kSteps; ++s) {
    OK(ddpm_program_step(device()));
    run->step(s);
  }
  OK(ddpm_program_end(device(), program));
}

}  // namespace

TEST(programs_have_the_bits_of_their_ops) {
  if (device() == 0) return;
  for (auto [images, per_image] : {std::pair<int32_t, int64_t>{1, 1}, {3, 7}, {2, 64}, {5, 129}}) {
    Run recorded(images, per_image, random), plain(images, per_image, random);
    Program p;
    record(&recorded, &p.program);
    recorded.check_like(plain);  // nothing has run
    for (int s = 0; s < kSteps; ++s) {
      OK(ddpm_program_run(p.program));
      plain.step(s);
      recorded.check_like(plain);
    }
    OK(ddpm_program_run(p.program));
    recorded.check_like(plain);
  }
}

TEST(a_captured_program_goes_on_from_step_to_step) {
  if (device() == 0) return;
  Run recorded(2, 33, random), plain(2, 33, random);
  Program p;
  record(&recorded, &p.program);
  Graph g;
  OK(ddpm_capture_begin(device()));
  OK(ddpm_program_run(p.program));
  OK(ddpm_copy(recorded.output, recorded.second, recorded.size));
  OK(ddpm_capture_end(device(), &g.graph));
  int64_t ops = 0, graphs = 0, ops_after = 0, graphs_after = 0;
  OK(ddpm_device_calls(&ops, &graphs));
  for (int s = 0; s < kSteps; ++s) OK(ddpm_graph_run(g.graph));
  OK(ddpm_device_calls(&ops_after, &graphs_after));
  CHECK(ops_after == ops && graphs_after == graphs + kSteps);
  for (int s = 0; s < kSteps; ++s) {
    plain.step(s);
    OK(ddpm_copy(plain.output, plain.second, plain.size));
  }
  recorded.check_like(plain);
  FAILS(DDPM_INVALID_ARGUMENT, "must not be null", ddpm_device_calls(&ops, nullptr));
}

TEST(what_a_program_cannot_be_is_refused) {
  int64_t program = 0;
  if (device() == 0) {
    FAILS(DDPM_NOT_SUPPORTED, "CPU", ddpm_program_begin(0, 1, 1));
    FAILS(DDPM_INVALID_ARGUMENT, "records no program", ddpm_program_end(0, &program));
    return;
  }
  Array x(normal(random, 24)), y(normal(random, 24)), w(normal(random, 24));
  float host[24] = {};
  FAILS(DDPM_INVALID_ARGUMENT, "images", ddpm_program_begin(device(), 0, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "expected", ddpm_program_begin(ddpm_device_count(), 1, 1));
  FAILS(DDPM_INVALID_ARGUMENT, "records no program", ddpm_program_step(device()));
  OK(ddpm_program_begin(device(), 2, 8));
  FAILS(DDPM_INVALID_ARGUMENT, "already", ddpm_program_begin(device(), 2, 8));
  FAILS(DDPM_NOT_SUPPORTED, "recording a program", ddpm_copy(y, x, 16));  // of no step yet
  OK(ddpm_program_step(device()));
  FAILS(DDPM_NOT_SUPPORTED, "copy_to_host", ddpm_copy_to_host(host, x, 16));
  FAILS(DDPM_NOT_SUPPORTED, "copy_from_host", ddpm_copy_from_host(x, host, 16));
  FAILS(DDPM_NOT_SUPPORTED, "silu", ddpm_silu(x, y, 16));
  FAILS(DDPM_NOT_SUPPORTED, "copy", ddpm_copy(y, x, 15));
  FAILS(DDPM_NOT_SUPPORTED, "fill", ddpm_fill(y, 3, 1));
  FAILS(DDPM_NOT_SUPPORTED, "randn", ddpm_randn(y, 1, 16, 0, 0, 0));
  OK(ddpm_copy(y, x, 16));
  FAILS(DDPM_NOT_SUPPORTED, "copy", ddpm_copy(w, y + 4, 16));   // what others write
  FAILS(DDPM_NOT_SUPPORTED, "fill", ddpm_fill(x + 32, 16, 1));  // what others read
  OK(ddpm_program_step(device()));
  OK(ddpm_copy(w, y + 4, 16));
  // Another thread works on meanwhile.
  std::vector<float> seen;
  std::thread([&] {
    Array other(std::vector<float>(16, 3));
    seen = other.get();
  }).join();
  check_same(seen, std::vector<float>(16, 3), "the other thread's");
  FAILS(DDPM_INVALID_ARGUMENT, "must not be null", ddpm_program_end(device(), nullptr));
  OK(ddpm_program_end(device(), &program));
  OK(ddpm_program_free(program));
  FAILS(DDPM_STALE_MEMORY, "freed", ddpm_program_run(program));
  OK(ddpm_program_free(0));
  OK(ddpm_program_begin(device(), 2, 8));
  FAILS(DDPM_INVALID_ARGUMENT, "no steps", ddpm_program_end(device(), &program));
  CHECK(program == 0);
}
