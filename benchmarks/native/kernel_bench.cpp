// Times single kernels through the C ABI, over the shapes in benchmarks/shapes, on the CPU or a CUDA device.
//
//   kernel_bench [--op conv2d] [--shape mnist_28] [--seconds 0.2] [--shapes DIR] [--peak GFLOP/s] [--bandwidth GB/s]
//                [--threads 2] [--isa avx2] [--algorithm direct]
//                [--cuda 0] [--precision float32|tf32|bfloat16] [--flush MiB]
//
// --op and --shape keep the kernels and shapes whose names contain the text. Before it is timed, every kernel is
// checked against the tests' double-precision reference, on as many images as make some 2^25 products. A line gives the
// best and the median time, the rates of arithmetic and of the bytes that must move at least at the best, and the share
// that the roof's time has of it: the longer of both at peak and bandwidth, which are measured on the CPU with the same
// number of threads and must be given for CUDA. Rates of convolutions count direct products, so Winograd's algorithm
// can exceed the peak.
//
// On the CPU, one thread is timed by its own CPU time, so that other load disturbs little; several by the wall.
// Operands stay in the caches from one repetition to the next as far as they fit, and weights stay packed, as in a
// model that does not train. A CUDA kernel is timed by events, each time after a fill of 256 MiB, so with nothing of
// its operands in the caches. In tf32 and bfloat16 the operands are such as have a bfloat16, so that products can be
// checked as in float32; attention rounds its weights too and is not checked.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "common/accelerator.h"
#include "ops.h"

namespace ddpm::bench {
namespace {

/** What time on the CPU is read from: the calling thread's CPU time, or the wall's if several threads work. */
clockid_t clock_used = CLOCK_THREAD_CPUTIME_ID;

double now() {
  timespec time{};
  clock_gettime(clock_used, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double seconds_since(double start) { return now() - start; }

class Timer : public Bench {
 public:
  explicit Timer(const Options& options);
  void measure(const std::string& op, const std::string& shape, const Work& work,
               const std::function<void()>& kernel) override;
  bool measured() const { return measured_; }

 private:
  std::vector<double> sample(const std::function<void()>& kernel) const;

  double peak_, bandwidth_;  // per second; 0: not known
  bool measured_ = false;
};

Timer::Timer(const Options& options) : Bench(options), peak_(options.peak), bandwidth_(options.bandwidth) {
  if (options.threads > 1) clock_used = CLOCK_MONOTONIC;
  double flops = 0, bytes_per_second = 0;
  if (options.device == 0 && (peak_ == 0 || bandwidth_ == 0)) ok(ddpm_measure_peak(&flops, &bytes_per_second));
  if (peak_ == 0) peak_ = flops;
  if (bandwidth_ == 0) bandwidth_ = bytes_per_second;
  if (options.device == 0)
    std::printf("%s, %d threads", ddpm_cpu_isa(), options.threads);
  else
    std::printf("%s, %s", ddpm_device_name(options.device), options.precision.c_str());
  std::printf(", peak %.1f GFLOP/s, %.1f GB/s\n", peak_ / 1e9, bandwidth_ / 1e9);
  std::printf("%-24s %-18s %10s %10s %9s %8s %6s\n", "kernel", "shape", "best ms", "median ms", "GFLOP/s", "GB/s",
              "roof");
}

std::vector<double> Timer::sample(const std::function<void()>& kernel) const {
  std::vector<double> samples;
  if (options().device > 0) {
    // By the device's clock, with nothing in its caches.
    auto floats = static_cast<int64_t>(options().flush * (1 << 18));
    Buffer flushed(static_cast<size_t>(floats));
    auto flush = [&] { ok(ddpm_fill(flushed, floats, 1)); };
    double total = 0;
    kernel();  // loads it
    while (total < options().seconds || samples.size() < 5) {
      samples.push_back(accelerator::seconds(options().device - 1, flush, kernel));
      total += samples.back();
    }
    return samples;
  }
  double once = now();
  kernel();
  // Samples long enough for the clock.
  int repeats = static_cast<int>(std::max(1.0, 2e-4 / seconds_since(once)));
  for (double start = now(); seconds_since(start) < options().seconds || samples.size() < 5;) {
    double sample = now();
    for (int i = 0; i < repeats; ++i) kernel();
    samples.push_back(seconds_since(sample) / repeats);
  }
  return samples;
}

void Timer::measure(const std::string& op, const std::string& shape, const Work& work,
                    const std::function<void()>& kernel) {
  measured_ = true;
  std::vector<double> samples = sample(kernel);
  std::sort(samples.begin(), samples.end());
  double best = samples[0];
  std::printf("%-24s %-18s %10.4f %10.4f %9.1f %8.1f", op.c_str(), shape.c_str(), best * 1e3,
              samples[samples.size() / 2] * 1e3, work.flop / best / 1e9, work.bytes / best / 1e9);
  if (peak_ > 0 && bandwidth_ > 0)
    std::printf(" %5.1f%%", 100 * std::max(work.flop / peak_, work.bytes / bandwidth_) / best);
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace
}  // namespace ddpm::bench

int main(int argc, char** argv) {
  using namespace ddpm::bench;
  Options options = parse(argc, argv);
  select(options);
  Timer timer(options);
  bench_all(timer);
  if (!timer.measured())
    stop("--op '" + options.op + "' --shape '" + options.shape +
         "' is no kernel and shape; there are conv2d, linear, attention and group_norm, their _backward..., and "
         "optimal");
  return 0;
}
