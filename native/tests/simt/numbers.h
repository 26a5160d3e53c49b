#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>

/** The short floats of tensor cores, as their bits. */
namespace ddpm::simt {

inline uint32_t bits_of(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}
inline float float_of(uint32_t bits) {
  float x;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

inline float from_bf16(uint32_t bits) { return float_of(bits << 16); }

/** To the nearest, to even between two. */
inline uint32_t to_bf16(float x) {
  if (std::isnan(x)) return 0x7fff;
  uint32_t bits = bits_of(x);
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

inline float from_f16(uint32_t bits) {
  int exponent = static_cast<int>(bits >> 10 & 31);
  float fraction = static_cast<float>(bits & 1023) / 1024;
  float size = exponent == 0    ? std::ldexp(fraction, -14)
               : exponent == 31 ? (fraction == 0 ? INFINITY : NAN)
                                : std::ldexp(1 + fraction, exponent - 15);
  return (bits & 0x8000) != 0 ? -size : size;
}

/** To the nearest, to even between two. */
inline uint32_t to_f16(float x) {
  if (std::isnan(x)) return 0x7fff;
  uint32_t sign = bits_of(x) >> 16 & 0x8000;
  float size = std::fabs(x);
  if (size >= 65520) return sign | 0x7c00;
  // In units of the last place, which nearbyint rounds to.
  int exponent = size < 0x1p-14f ? -14 : std::ilogb(size);
  auto units = static_cast<uint32_t>(std::nearbyint(std::ldexp(size, 10 - exponent)));
  // 1024 units are the exponent's first number; what rounds up to 2048 becomes the next one's by the carry.
  return sign | (static_cast<uint32_t>(exponent + 14) * 1024 + units);
}

/** To the nearest of 10 bits of fraction, away from 0 between two. */
inline uint32_t to_tf32(float x) {
  uint32_t bits = bits_of(x);
  if ((bits & 0x7f800000) == 0x7f800000) return bits;
  return (bits + 0x1000) & 0xffffe000;
}
/** Tensor cores do not look at the last 13 bits. */
inline float from_tf32(uint32_t bits) { return float_of(bits & 0xffffe000); }

}  // namespace ddpm::simt
