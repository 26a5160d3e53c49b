// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011)
// and normals by Box-Muller.
//
// The logarithm, sine and cosine are polynomials of our own and this file is compiled without contraction to FMA, so a
// seed gives the same bits on every instruction set, with any C library. The loops run over plain arrays of counters,
// which the compiler vectorises.
#include "cpu/kernels/chunks.h"
#include "cpu/kernels/ops.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Counters computed together; each gives four words. */
constexpr int kBatch = 64;
constexpr int64_t kWords = 4 * kBatch;

/** Words or normals as they are computed: plane w holds number w of every counter. */
template <class T>
using Planes = T[4][kBatch];

struct Stream {
  uint32_t key0, key1, draw, image0, image1;
};

Stream stream_of(int64_t seed, int64_t image, uint32_t draw) {
  return {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32), draw, static_cast<uint32_t>(image),
          static_cast<uint32_t>(image >> 32)};
}

/** words[w][i] = word w of counter (first + i, draw, image), for kBatch counters. */
void philox(const Stream& stream, uint32_t first, Planes<uint32_t>& words) {
  for (int i = 0; i < kBatch; ++i) {
    uint32_t c0 = first + static_cast<uint32_t>(i), c1 = stream.draw, c2 = stream.image0, c3 = stream.image1;
    uint32_t k0 = stream.key0, k1 = stream.key1;
    for (int round = 0; round < 10; ++round) {
      uint64_t p0 = uint64_t{0xD2511F53u} * c0, p1 = uint64_t{0xCD9E8D57u} * c2;
      c0 = static_cast<uint32_t>(p1 >> 32) ^ c1 ^ k0;
      c1 = static_cast<uint32_t>(p1);
      c2 = static_cast<uint32_t>(p0 >> 32) ^ c3 ^ k1;
      c3 = static_cast<uint32_t>(p0);
      k0 += 0x9E3779B9u;
      k1 += 0xBB67AE85u;
    }
    words[0][i] = c0;
    words[1][i] = c1;
    words[2][i] = c2;
    words[3][i] = c3;
  }
}

float bits_to_float(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

/** (word + 1/2) / 2^32, rounded once: the 24 high bits and the rest are exact by themselves. */
float fraction(uint32_t word) {
  return (static_cast<float>(word >> 8) + (static_cast<float>(word & 255u) + 0.5f) * 0.00390625f) *
         5.9604644775390625e-08f;
}

/** -ln(u) for u = (word + 1/2) / 2^32, of relative accuracy 1e-6: u never reaches 0 or 1. */
float minus_log(uint32_t word) {
  // u = m 2^e with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh(z), z = (m - 1) / (m + 1), |z| < 0.172. Near 1 the 24
  // bits of a float would lose u's distance from it, so 1 - u is taken from the word's complement.
  uint32_t complement = ~word;
  float low = fraction(word), high = fraction(complement);
  uint32_t bits;
  std::memcpy(&bits, &low, sizeof bits);
  uint32_t shifted = bits - 0x3F3504F3u;
  int32_t exponent = static_cast<int32_t>(shifted) >> 23;
  float m = bits_to_float((shifted & 0x007FFFFFu) + 0x3F3504F3u);
  float numerator = exponent == 0 ? -high : m - 1.0f;
  float z = numerator / (m + 1.0f);
  float z2 = z * z;
  float series = 1.0f + z2 * (0.33333333f + z2 * (0.2f + z2 * (0.14285715f + z2 * 0.11111111f)));
  return -(static_cast<float>(exponent) * 0.69314718f + 2.0f * z * series);
}

/** Cosine and sine of 2 pi word / 2^32. */
void circle(uint32_t word, float* cosine, float* sine) {
  // The nearest quarter turn and the rest, in [-1/8, 1/8] of a turn.
  uint32_t quarter = (word + 0x20000000u) >> 30;
  const float step = 1.4629180792671596e-09f;  // 2 pi / 2^32
  float rest = static_cast<float>(static_cast<int32_t>(word - (quarter << 30))) * step;
  float r2 = rest * rest;
  float s = rest * (1.0f + r2 * (-0.16666667f + r2 * (8.3333333e-3f + r2 * (-1.9841270e-4f + r2 * 2.7557319e-6f))));
  float c = 1.0f + r2 * (-0.5f + r2 * (4.1666668e-2f + r2 * (-1.3888889e-3f + r2 * 2.4801587e-5f)));
  bool swap = (quarter & 1u) != 0;
  float a = swap ? s : c, b = swap ? c : s;
  *cosine = quarter == 1u || quarter == 2u ? -a : a;
  *sine = quarter == 2u || quarter == 3u ? -b : b;
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
    for (int i = 0; i < kBatch; ++i) {
      float cosine, sine, radius = std::sqrt(2.0f * minus_log(words[pair][i]));
      circle(words[pair + 1][i], &cosine, &sine);
      planes[pair][i] = radius * cosine;
      planes[pair + 1][i] = radius * sine;
    }
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
    Stream stream = stream_of(seed, first_image + image, draw);
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
  // A word below p 2^32 drops its element.
  const auto threshold = static_cast<uint32_t>(static_cast<double>(a.p) * 4294967296.0);
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
