// Random numbers; see common/random_arithmetic.h. The loops run over plain arrays of counters, which the compiler
// vectorises.
#include "common/random_arithmetic.h"
#include "cpu/kernels/chunks.h"
#include "cpu/kernels/ops.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

using random::Stream;

/** Counters computed together; each gives four words. */
constexpr int kBatch = 64;
constexpr int64_t kWords = 4 * kBatch;

/** Words or normals as they are computed: plane w holds number w of every counter. */
template <class T>
using Planes = T[4][kBatch];

/** words[w][i] = word w of counter first + i, for kBatch counters. */
void philox(const Stream& stream, uint32_t first, Planes<uint32_t>& words) {
  for (int i = 0; i < kBatch; ++i) {
    uint32_t of_counter[4];
    random::philox(stream, first + static_cast<uint32_t>(i), of_counter);
    for (int w = 0; w < 4; ++w) words[w][i] = of_counter[w];
  }
}

/** The numbers counter by counter. */
template <class T>
void interleave(const Planes<T>& planes, T* out) {
  for (int i = 0; i < kBatch; ++i)
    for (int w = 0; w < 4; ++w) out[4 * i + w] = planes[w][i];
}

/** factors[i] = 0 for a word below the threshold, else kept. */
void keep_or_drop(const uint32_t* words, uint32_t threshold, float kept, float* factors) {
  for (int64_t i = 0; i < kWords; ++i) factors[i] = words[i] < threshold ? 0.0f : kept;
}

/** kWords normals: words (0,1) and (2,3) of each counter give a pair each. */
void normals(const Stream& stream, uint32_t first, float* out) {
  Planes<uint32_t> words;
  Planes<float> planes;
  philox(stream, first, words);
  for (int pair = 0; pair < 4; pair += 2)
    for (int i = 0; i < kBatch; ++i)
      random::normals(words[pair][i], words[pair + 1][i], &planes[pair][i], &planes[pair + 1][i]);
  interleave(planes, out);
}

/** Runs body(image, first element, count, stream) over runs of kWords elements, a few to a task. */
template <class Body>
void for_runs(int64_t images, int64_t per_image, int64_t seed, int64_t first_image, uint32_t draw, const Body& body) {
  int64_t runs = divide_up(per_image, kWords);
  constexpr int64_t kRunsPerTask = 16;
  int64_t tasks = divide_up(runs, kRunsPerTask);
  parallel_for(images * tasks, [&](int64_t task) {
    int64_t image = task / tasks;
    Stream stream = random::stream_of(seed, first_image + image, draw);
    for (int64_t run = task % tasks * kRunsPerTask; run < (task % tasks + 1) * kRunsPerTask && run < runs; ++run) {
      int64_t first = run * kWords, count = per_image - first < kWords ? per_image - first : kWords;
      body(image, first, count, stream);
    }
  });
}

}  // namespace

ddpm_status randn(const RandnArgs& a) {
  for_runs(a.images, a.per_image, a.seed, a.first_image, a.draw,
           [&](int64_t image, int64_t first, int64_t count, const Stream& stream) {
             float values[kWords];
             normals(stream, static_cast<uint32_t>(first / 4), values);
             std::memcpy(a.out + image * a.per_image + first, values, static_cast<size_t>(count) * sizeof(float));
           });
  return DDPM_OK;
}

ddpm_status dropout(const DropoutArgs& a) {
  const uint32_t threshold = random::dropout_threshold(a.p);
  const float kept = 1.0f / (1.0f - a.p);
  for_runs(a.images, a.per_image, a.seed, a.first_image, a.draw,
           [&](int64_t image, int64_t first, int64_t count, const Stream& stream) {
             Planes<uint32_t> planes;
             uint32_t words[kWords];
             float factors[kWords];
             philox(stream, static_cast<uint32_t>(first / 4), planes);
             interleave(planes, words);
             keep_or_drop(words, threshold, kept, factors);
             int64_t at = image * a.per_image + first;
             // A dropped NaN is dropped too: chosen, not multiplied.
             map_range(
                 0, count, a.y + at, [](Vec x, Vec f) { return f == 0.0f ? Vec{} : x * f; }, a.x + at, factors);
           });
  return DDPM_OK;
}

}  // namespace ddpm::cpu::DDPM_ISA
