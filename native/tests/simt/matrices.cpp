#include "simt/matrices.h"

#include "simt/checker.h"
#include "simt/memory.h"
#include "simt/numbers.h"
#include "simt/trace.h"

namespace ddpm::simt {
namespace {

constexpr int kRowBytes = 32;  // of a, of a column of b

int bytes_of(Element e) { return e == Element::kTf32 ? 4 : e == Element::kBf16 || e == Element::kF16 ? 2 : 1; }

/** Element i of a register. */
template <class T>
T element(uint32_t bits, int i, Element type) {
  switch (type) {
    case Element::kS8:
      return static_cast<T>(static_cast<int8_t>(bits >> 8 * i & 255));
    case Element::kU8:
      return static_cast<T>(bits >> 8 * i & 255);
    case Element::kBf16:
      return static_cast<T>(from_bf16(bits >> 16 * i & 0xffff));
    case Element::kF16:
      return static_cast<T>(from_f16(bits >> 16 * i & 0xffff));
    default:
      return static_cast<T>(from_tf32(bits));
  }
}

int32_t add_up(int32_t start, const int32_t* a, const int32_t* b, int count) {
  int64_t sum = start;
  for (int k = 0; k < count; ++k) sum += static_cast<int64_t>(a[k]) * b[k];
  if (sum != static_cast<int32_t>(sum)) stop("a sum of 32 bits overflows: %lld", static_cast<long long>(sum));
  return static_cast<int32_t>(sum);
}

float add_up(float start, const float* a, const float* b, int count) {
  for (int k = 0; k < count; ++k) start += a[k] * b[k];
  return start;
}

template <class T>
void multiply_all(ProductLane* const* lanes, Element a_type, Element b_type) {
  // Lane l has of a the rows l / 4 and 8 more, of b the column l / 4: bytes 4 (l % 4) and on, and those 16 on. Of d it
  // has two neighbours, 2 (l % 4) and on, of these rows.
  T a[16][kRowBytes], b[8][kRowBytes];
  int width = 4 / bytes_of(a_type), half = 4 * width;
  tensor_products += static_cast<uint64_t>(16 * 8 * 2 * half);
  for (int l = 0; l < kWarp; ++l)
    for (int i = 0; i < width; ++i) {
      int k = l % 4 * width + i;
      for (int r = 0; r < 4; ++r) a[l / 4 + r % 2 * 8][k + r / 2 * half] = element<T>(lanes[l]->a[r], i, a_type);
      for (int r = 0; r < 2; ++r) b[l / 4][k + r * half] = element<T>(lanes[l]->b[r], i, b_type);
    }
  for (int l = 0; l < kWarp; ++l)
    for (int e = 0; e < 4; ++e) {
      T sum;
      std::memcpy(&sum, &lanes[l]->d[e], 4);
      sum = add_up(sum, a[l / 4 + e / 2 * 8], b[l % 4 * 2 + e % 2], 2 * half);
      std::memcpy(&lanes[l]->d[e], &sum, 4);
    }
}

}  // namespace

void multiply(ProductLane& lane, Element a, Element b, const Line& line) {
  exchange_in_warp(
      kWholeWarp, lane,
      [=](ProductLane* const* lanes) {
        if (a == Element::kS8 || a == Element::kU8)
          multiply_all<int32_t>(lanes, a, b);
        else
          multiply_all<float>(lanes, a, b);
      },
      line);
}

void load_matrices(uint32_t* r, int count, bool transposed, uint32_t row, const Line& line) {
  struct Lane {
    const unsigned char* row;
    uint32_t r[4];
  } lane{nullptr, {}};
  if (now.lane() < 8 * count) {
    if (row % 16 != 0) stop("misaligned: a row of a matrix is at %u, expected a multiple of 16", row);
    lane.row = at_shared(row, 16);
    note(lane.row, 16, false);
  }
  exchange_in_warp(
      kWholeWarp, lane,
      [=](Lane* const* lanes) {
        for (int l = 0; l < kWarp; ++l)
          for (int m = 0; m < count; ++m)
            for (int i = 0; i < 2; ++i) {
              int from = 8 * m + (transposed ? l % 4 * 2 + i : l / 4), at = transposed ? l / 4 : l % 4 * 2 + i;
              std::memcpy(reinterpret_cast<char*>(&lanes[l]->r[m]) + 2 * i, lanes[from]->row + 2 * at, 2);
            }
      },
      line);
  std::copy_n(lane.r, count, r);
  if (now.lane() < 8 * count) trace(lane.row, 16, Way::kMatrix, line);
}

}  // namespace ddpm::simt
