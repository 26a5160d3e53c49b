// What the machine can do at best: the roofs of the roofline model (Williams, Waterman, Patterson, CACM 52(4), 2009).
#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "common/error.h"
#include "common/thread_pool.h"
#include "ddpm/device.h"

namespace ddpm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kChains = 12;  // latency 4 times two units, and a margin
constexpr int kRounds = 20000;
constexpr size_t kFloats = size_t{1} << 24;  // a thread's; beyond the caches
constexpr size_t kSlice = kFloats / 32;
constexpr double kSeconds = 0.3;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Independent chains of multiply-adds in registers; gives the number of operations.
#define DEFINE_MULTIPLY_ADDS(isa, attribute, lanes)                                  \
  typedef float Vec_##isa __attribute__((vector_size(4 * lanes)));                   \
  attribute double multiply_adds_##isa() {                                           \
    Vec_##isa sum[kChains] = {}, a = Vec_##isa{} + 0.999f, b = Vec_##isa{} + 0.001f; \
    for (int i = 0; i < kRounds; ++i) {                                              \
      _Pragma("GCC unroll 16") for (int j = 0; j < kChains; ++j) {                   \
        sum[j] = sum[j] * a + b;                                                     \
        asm volatile("" : "+x"(sum[j]));                                             \
      }                                                                              \
    }                                                                                \
    return 2.0 * lanes * kChains * kRounds;                                          \
  }
#if defined(DDPM_X86)
DEFINE_MULTIPLY_ADDS(avx512, __attribute__((target("avx512f"))), 16)
DEFINE_MULTIPLY_ADDS(avx2, __attribute__((target("avx2,fma"))), 8)
DEFINE_MULTIPLY_ADDS(portable, , 4)
double multiply_adds() {
  const char* isa = ddpm_cpu_isa();
  if (std::strcmp(isa, "avx512") == 0) return multiply_adds_avx512();
  return std::strcmp(isa, "avx2") == 0 ? multiply_adds_avx2() : multiply_adds_portable();
}
#else
#error "the peak of this architecture's vector units is not defined"
#endif

/** Reads a slice of memory; gives the number of bytes. */
double read(const float* memory) {
  typedef float Vec __attribute__((vector_size(16)));
  Vec sum[8] = {};
  for (size_t i = 0; i < kSlice; i += 32)
    for (size_t j = 0; j < 8; ++j) {
      Vec v;
      std::memcpy(&v, &memory[i + 4 * j], sizeof v);
      sum[j] += v;
    }
  for (Vec& s : sum) asm volatile("" : "+x"(s));
  return static_cast<double>(kSlice * sizeof(float));
}

/** The best rate of work in slices of some milliseconds, which others on the machine leave undisturbed. */
template <class Work>
double best_rate(int repeats, const Work& work) {
  double best = 0;
  for (Clock::time_point start = Clock::now(); seconds_since(start) < kSeconds;) {
    Clock::time_point slice = Clock::now();
    double amount = 0;
    for (int i = 0; i < repeats; ++i) amount += work();
    best = std::max(best, amount / seconds_since(slice));
  }
  return best;
}

}  // namespace
}  // namespace ddpm

extern "C" ddpm_status ddpm_measure_peak(double* flops, double* bytes_per_second) {
  using namespace ddpm;
  return guard([&] {
    if (flops == nullptr || bytes_per_second == nullptr)
      fail(DDPM_INVALID_ARGUMENT, "measure_peak: flops and bytes_per_second must not be null");
    size_t threads = static_cast<size_t>(thread_count());
    std::vector<std::vector<float>> memory(threads, std::vector<float>(kFloats, 1.0f));
    std::vector<double> operations(threads), bytes(threads);
    // Threads of their own: a loop of the pool may give one thread all tasks.
    auto measure = [](std::vector<double>& rates, const auto& rate) {
      std::vector<std::thread> workers;
      for (size_t i = 0; i < rates.size(); ++i) workers.emplace_back([&rates, &rate, i] { rates[i] = rate(i); });
      for (std::thread& worker : workers) worker.join();
      double sum = 0;
      for (double r : rates) sum += r;
      return sum;
    };
    *flops = measure(operations, [](size_t) { return best_rate(20, multiply_adds); });
    *bytes_per_second = measure(bytes, [&](size_t i) {
      size_t next = 0;
      return best_rate(1, [&] { return read(&memory[i][kSlice * (next++ % (kFloats / kSlice))]); });
    });
  });
}
