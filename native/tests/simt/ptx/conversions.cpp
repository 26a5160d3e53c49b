// From one kind of number to another.
#include <cfenv>
#include <cmath>
#include <limits>

#include "simt/ptx/operations.h"

namespace ddpm::simt::ptx {
namespace {

enum Rounding : uint32_t { kNearest, kZero, kDown, kUp, kRoundings };
constexpr uint32_t kFlush = 4, kSaturate = 8;

template <class T>
T rounded(T x, uint32_t variant) {
  switch (variant % kRoundings) {
    case kZero:
      return std::trunc(x);
    case kDown:
      return std::floor(x);
    case kUp:
      return std::ceil(x);
    default:
      return std::nearbyint(x);
  }
}

template <class T>
T flushed(T x, uint32_t variant) {
  return (variant & kFlush) != 0 && std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(T(0), x) : x;
}

template <class To, class From>
To clamped(From x) {
  using Limits = std::numeric_limits<To>;
  if constexpr (std::is_floating_point_v<From>) {
    if (std::isnan(x)) return 0;
    // 2 to the number of bits, which both kinds have exactly.
    From above = std::ldexp(From(1), Limits::digits), below = std::is_signed_v<To> ? -above : From(0);
    return x >= above ? Limits::max() : x <= below ? Limits::min() : static_cast<To>(x);
  } else {
    auto wide = static_cast<__int128>(x);
    return static_cast<To>(std::min<__int128>(std::max<__int128>(wide, Limits::min()), Limits::max()));
  }
}

template <class To, class From>
void convert_whole(Frame& f, const Instruction& i) {
  From x = f.get<From>(i.at[1]);
  f.set(i.at[0], (i.variant & kSaturate) != 0 ? clamped<To>(x) : static_cast<To>(x));
}

template <class To, class From>
void convert_to_whole(Frame& f, const Instruction& i) {
  f.set(i.at[0], clamped<To>(rounded(flushed(f.get<From>(i.at[1]), i.variant), i.variant)));
}

/** To a float of another kind, or from a whole number. */
template <class To, class From>
void convert_to_float(Frame& f, const Instruction& i) {
  static constexpr int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
  From x = f.get<From>(i.at[1]);
  if constexpr (std::is_floating_point_v<From>) x = flushed(x, i.variant);
  volatile From in = x;
  std::fesetround(modes[i.variant % kRoundings]);
  volatile To result = static_cast<To>(in);
  std::fesetround(FE_TONEAREST);
  To y = flushed<To>(result, i.variant);
  if ((i.variant & kSaturate) != 0) y = y > 0 ? std::min<To>(y, 1) : 0;
  f.set<To>(i.at[0], y);
}

/** To a whole number of the same kind, or just with modifiers; the variant's 16 says which. */
template <class T>
void convert_in_kind(Frame& f, const Instruction& i) {
  T x = flushed(f.get<T>(i.at[1]), i.variant);
  if ((i.variant & 16) != 0) x = rounded(x, i.variant);
  if ((i.variant & kSaturate) != 0) x = x > 0 ? std::min<T>(x, 1) : 0;
  f.set<T>(i.at[0], x);
}

/** To a short float; with two sources the first is the upper half. */
template <uint32_t (*kConvert)(float)>
void convert_to_short(Frame& f, const Instruction& i) {
  f.set(i.at[0], static_cast<uint16_t>(kConvert(f.get<float>(i.at[1]))));
}
template <uint32_t (*kConvert)(float)>
void convert_to_shorts(Frame& f, const Instruction& i) {
  uint32_t upper = kConvert(f.get<float>(i.at[1])), lower = kConvert(f.get<float>(i.at[2]));
  f.set(i.at[0], upper << 16 | lower);
}
template <float (*kConvert)(uint32_t)>
void convert_from_short(Frame& f, const Instruction& i) {
  f.set(i.at[0], kConvert(f.get<uint16_t>(i.at[1])));
}
void convert_to_tf32(Frame& f, const Instruction& i) { f.set(i.at[0], to_tf32(f.get<float>(i.at[1]))); }

const std::map<std::string, uint32_t> to_whole = {{".rni", kNearest}, {".rzi", kZero}, {".rmi", kDown}, {".rpi", kUp}};
const std::map<std::string, uint32_t> to_float = {{".rn", kNearest}, {".rz", kZero}, {".rm", kDown}, {".rp", kUp}};

template <class To, class From>
void add_conversion(Operations& table) {
  std::string types = std::string(".") + type_name<To>() + "." + type_name<From>();
  constexpr bool from_float = std::is_floating_point_v<From>, into_float = std::is_floating_point_v<To>;
  if constexpr (!from_float && !into_float) {
    table["cvt" + types] = {convert_whole<To, From>, 0};
    table["cvt.sat" + types] = {convert_whole<To, From>, kSaturate};
  } else if constexpr (!into_float) {
    for (const auto& [rounding, variant] : to_whole) {
      table["cvt" + rounding + types] = {convert_to_whole<To, From>, variant};
      table["cvt" + rounding + ".ftz" + types] = {convert_to_whole<To, From>, variant | kFlush};
      table["cvt" + rounding + ".sat" + types] = {convert_to_whole<To, From>, variant};
    }
  } else if constexpr (std::is_same_v<To, From>) {
    for (uint32_t bits : {0u, kFlush, kSaturate, kFlush | kSaturate}) {
      std::string modifiers = std::string((bits & kFlush) != 0 ? ".ftz" : "") + ((bits & kSaturate) != 0 ? ".sat" : "");
      table["cvt" + modifiers + types] = {convert_in_kind<To>, bits};
      for (const auto& [rounding, variant] : to_whole)
        table["cvt" + rounding + modifiers + types] = {convert_in_kind<To>, variant | bits | 16};
    }
  } else {
    for (const auto& [rounding, variant] : to_float)
      for (uint32_t bits : {0u, kFlush, kSaturate, kFlush | kSaturate})
        table["cvt" + rounding + ((bits & kFlush) != 0 ? ".ftz" : "") + ((bits & kSaturate) != 0 ? ".sat" : "") +
              types] = {convert_to_float<To, From>, variant | bits};
    table["cvt" + types] = {convert_to_float<To, From>, 0};
    table["cvt.ftz" + types] = {convert_to_float<To, From>, kFlush};
  }
}

}  // namespace

void add_conversions(Operations& table) {
  auto for_all = [](const auto& add) {
    for_types<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, uint64_t, int64_t, float, double>(add);
  };
  for_all([&](auto to) { for_all([&](auto from) { add_conversion<decltype(to), decltype(from)>(table); }); });
  table["cvt.rn.bf16.f32"] = {convert_to_short<to_bf16>, 0};
  table["cvt.rn.f16.f32"] = {convert_to_short<to_f16>, 0};
  table["cvt.rn.bf16x2.f32"] = {convert_to_shorts<to_bf16>, 0};
  table["cvt.rn.f16x2.f32"] = {convert_to_shorts<to_f16>, 0};
  table["cvt.f32.bf16"] = {convert_from_short<from_bf16>, 0};
  table["cvt.f32.f16"] = {convert_from_short<from_f16>, 0};
  table["cvt.rna.tf32.f32"] = {convert_to_tf32, 0};
}

}  // namespace ddpm::simt::ptx
