// Sums, products and functions of numbers.
#include <cfenv>
#include <cmath>

#include "simt/ptx/operations.h"
#include "simt/trace.h"

namespace ddpm::simt::ptx {
namespace {

// Whole numbers: they wrap around.

template <class T>
using Bits = std::make_unsigned_t<T>;
template <class T>
using Wide =
    std::conditional_t<sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>,
                       std::conditional_t<sizeof(T) == 4, std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>,
                                          std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>>>;

template <class T>
struct AddWhole {
  static T apply(T a, T b) { return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b)); }
};
template <class T>
struct SubtractWhole {
  static T apply(T a, T b) { return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b)); }
};
template <class T>
struct MultiplyLow {
  static T apply(T a, T b) { return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b)); }
  static T apply(T a, T b, T c) { return AddWhole<T>::apply(apply(a, b), c); }
};
template <class T>
struct MultiplyHigh {
  static T apply(T a, T b) { return static_cast<T>((static_cast<Wide<T>>(a) * b) >> (8 * sizeof(T))); }
  static T apply(T a, T b, T c) { return AddWhole<T>::apply(apply(a, b), c); }
};
template <class T>
struct DivideWhole {
  static T apply(T a, T b) {
    if (b == 0) return static_cast<T>(-1);
    return b == static_cast<T>(-1) && std::is_signed_v<T> ? SubtractWhole<T>::apply(0, a) : static_cast<T>(a / b);
  }
};
template <class T>
struct Remainder {
  static T apply(T a, T b) {
    if (b == 0) return a;
    return b == static_cast<T>(-1) && std::is_signed_v<T> ? 0 : static_cast<T>(a % b);
  }
};
template <class T>
struct Negate {
  static T apply(T a) { return SubtractWhole<T>::apply(0, a); }
};
template <class T>
struct Magnitude {
  static T apply(T a) { return a < 0 ? Negate<T>::apply(a) : a; }
};
template <class T>
struct Smaller {
  static T apply(T a, T b) { return b < a ? b : a; }
};
template <class T>
struct Larger {
  static T apply(T a, T b) { return a < b ? b : a; }
};

template <class T, bool kAdds>
void run_multiply_wide(Frame& f, const Instruction& i) {
  auto product = static_cast<Wide<T>>(f.get<T>(i.at[1])) * static_cast<Wide<T>>(f.get<T>(i.at[2]));
  if (kAdds) product = AddWhole<Wide<T>>::apply(product, f.get<Wide<T>>(i.at[3]));
  f.set(i.at[0], static_cast<Wide<T>>(product));
}

// Numbers with a fraction. A variant has the rounding, and bits for .ftz and .sat.

enum Rounding : uint32_t { kNearest, kZero, kDown, kUp, kRoundings };
constexpr uint32_t kFlush = 4, kSaturate = 8;

template <class T>
T flush(T x) {
  return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(T(0), x) : x;
}

template <class T, class F>
T with_modifiers(uint32_t variant, const F& f) {
  static constexpr int modes[] = {FE_TONEAREST, FE_TOWARDZERO, FE_DOWNWARD, FE_UPWARD};
  uint32_t rounding = variant % kRoundings;
  if (rounding != kNearest) std::fesetround(modes[rounding]);
  volatile T result = f();
  if (rounding != kNearest) std::fesetround(FE_TONEAREST);
  T x = result;
  if ((variant & kFlush) != 0) x = flush(x);
  if ((variant & kSaturate) != 0) x = x > 0 ? std::min<T>(x, 1) : 0;
  return x;
}

struct Multiply;
struct MultiplyAdd;

/** For the trace. */
template <class T, class F>
void count_product() {
  if (sizeof(T) == 4 && (std::is_same_v<F, Multiply> || std::is_same_v<F, MultiplyAdd>)) ++thread_products;
}

template <class T, class F, int kCount>
void run_float(Frame& f, const Instruction& i) {
  count_product<T, F>();
  volatile T in[3] = {};
  for (int n = 0; n < kCount; ++n) {
    T x = f.get<T>(i.at[1 + n]);
    in[n] = (i.variant & kFlush) != 0 ? flush(x) : x;
  }
  f.set<T>(i.at[0], with_modifiers<T>(i.variant, [&]() -> T { return F::apply(in[0], in[1], in[2]); }));
}

#define FLOAT_OPERATION(name, expression) \
  struct name {                           \
    template <class T>                    \
    static T apply(T a, T b, T c) {       \
      (void)b, (void)c;                   \
      return static_cast<T>(expression);  \
    }                                     \
  };
FLOAT_OPERATION(Add, a + b)
FLOAT_OPERATION(Subtract, a - b)
FLOAT_OPERATION(Multiply, a* b)
FLOAT_OPERATION(MultiplyAdd, std::fma(a, b, c))
FLOAT_OPERATION(Divide, a / b)
FLOAT_OPERATION(Reciprocal, 1 / a)
FLOAT_OPERATION(Root, std::sqrt(a))
FLOAT_OPERATION(ReciprocalRoot, 1 / std::sqrt(static_cast<double>(a)))
FLOAT_OPERATION(Exp2, std::exp2(a))
FLOAT_OPERATION(Log2, std::log2(a))
FLOAT_OPERATION(Sine, std::sin(a))
FLOAT_OPERATION(Cosine, std::cos(a))
FLOAT_OPERATION(Tanh, std::tanh(a))
FLOAT_OPERATION(Minus, -a)
FLOAT_OPERATION(Absolute, std::fabs(a))
FLOAT_OPERATION(Minimum, std::fmin(a, b))
FLOAT_OPERATION(Maximum, std::fmax(a, b))
FLOAT_OPERATION(MinimumOrNan, std::isnan(a) || std::isnan(b) ? NAN : std::fmin(a, b))
FLOAT_OPERATION(MaximumOrNan, std::isnan(a) || std::isnan(b) ? NAN : std::fmax(a, b))
FLOAT_OPERATION(CopySign, std::copysign(b, a))
#undef FLOAT_OPERATION

/** name[.rounding][.ftz][.sat].type, with all of them. */
template <class F, int kCount, class... T>
void add_float(Operations& table, const std::string& name, const std::vector<std::string>& roundings) {
  static const std::map<std::string, uint32_t> known = {{".rz", kZero}, {".rm", kDown}, {".rp", kUp}};
  for (const std::string& rounding : roundings)
    for (uint32_t bits : {0u, kFlush, kSaturate, kFlush | kSaturate}) {
      std::string modified =
          name + rounding + ((bits & kFlush) != 0 ? ".ftz" : "") + ((bits & kSaturate) != 0 ? ".sat" : "");
      auto mode = known.find(rounding);
      uint32_t variant = bits | (mode == known.end() ? 0 : mode->second);
      for_types<T...>([&](auto t) {
        using X = decltype(t);
        if (sizeof(X) == 4 || bits == 0) table[modified + "." + type_name<X>()] = {run_float<X, F, kCount>, variant};
      });
    }
}

template <class F>
void run_guess(Frame& f, const Instruction& i) {
  double x = F::apply(flush(f.get<double>(i.at[1])), 0.0, 0.0);
  uint64_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  f.set(i.at[0], bits >> 32 << 32);
}

/** Two floats at once. */
template <class F, int kCount>
void run_float_pair(Frame& f, const Instruction& i) {
  for (uint32_t half = 0; half < 8; half += 4) {
    float in[3] = {};
    for (int n = 0; n < kCount; ++n) in[n] = f.get<float>(i.at[1 + n] + half);
    f.set<float>(i.at[0] + half, F::apply(in[0], in[1], in[2]));
    count_product<float, F>();
  }
}

}  // namespace

void add_arithmetic(Operations& table) {
  for_types<uint16_t, int16_t, uint32_t, int32_t, uint64_t, int64_t>([&](auto t) {
    using T = decltype(t);
    std::string type = std::string(".") + type_name<T>();
    table["add" + type] = {run_binary<T, AddWhole<T>>, 0};
    table["sub" + type] = {run_binary<T, SubtractWhole<T>>, 0};
    table["mul.lo" + type] = {run_binary<T, MultiplyLow<T>>, 0};
    table["mul.hi" + type] = {run_binary<T, MultiplyHigh<T>>, 0};
    table["mad.lo" + type] = {run_ternary<T, MultiplyLow<T>>, 0};
    table["mad.hi" + type] = {run_ternary<T, MultiplyHigh<T>>, 0};
    table["div" + type] = {run_binary<T, DivideWhole<T>>, 0};
    table["rem" + type] = {run_binary<T, Remainder<T>>, 0};
    table["min" + type] = {run_binary<T, Smaller<T>>, 0};
    table["max" + type] = {run_binary<T, Larger<T>>, 0};
    if constexpr (std::is_signed_v<T>) {
      table["neg" + type] = {run_unary<T, Negate<T>>, 0};
      table["abs" + type] = {run_unary<T, Magnitude<T>>, 0};
    }
    if constexpr (sizeof(T) < 8) {
      table["mul.wide" + type] = {run_multiply_wide<T, false>, 0};
      table["mad.wide" + type] = {run_multiply_wide<T, true>, 0};
    }
  });
  const std::vector<std::string> roundings = {"", ".rn", ".rz", ".rm", ".rp"}, approximate = {".approx"};
  add_float<Add, 2, float, double>(table, "add", roundings);
  add_float<Subtract, 2, float, double>(table, "sub", roundings);
  add_float<Multiply, 2, float, double>(table, "mul", roundings);
  add_float<MultiplyAdd, 3, float, double>(table, "fma", {".rn", ".rz", ".rm", ".rp"});
  add_float<Divide, 2, float, double>(table, "div", {".rn", ".rz", ".rm", ".rp", ".full", ".approx"});
  add_float<Reciprocal, 1, float, double>(table, "rcp", {".rn", ".rz", ".rm", ".rp", ".approx"});
  add_float<Root, 1, float, double>(table, "sqrt", {".rn", ".rz", ".rm", ".rp", ".approx"});
  add_float<ReciprocalRoot, 1, float, double>(table, "rsqrt", approximate);
  add_float<Exp2, 1, float>(table, "ex2", approximate);
  add_float<Log2, 1, float>(table, "lg2", approximate);
  add_float<Sine, 1, float>(table, "sin", approximate);
  add_float<Cosine, 1, float>(table, "cos", approximate);
  add_float<Tanh, 1, float>(table, "tanh", approximate);
  add_float<Minus, 1, float, double>(table, "neg", {""});
  add_float<Absolute, 1, float, double>(table, "abs", {""});
  add_float<Minimum, 2, float, double>(table, "min", {""});
  add_float<Maximum, 2, float, double>(table, "max", {""});
  add_float<MinimumOrNan, 2, float>(table, "min", {".NaN"});
  add_float<MaximumOrNan, 2, float>(table, "max", {".NaN"});
  add_float<CopySign, 2, float, double>(table, "copysign", {""});
  // Of doubles there are first guesses, which have the upper half of the bits.
  table["rcp.approx.ftz.f64"] = {run_guess<Reciprocal>, 0};
  table["rsqrt.approx.ftz.f64"] = {run_guess<ReciprocalRoot>, 0};
  for (const char* rounding : {"", ".rn"}) {
    table[std::string("add") + rounding + ".f32x2"] = {run_float_pair<Add, 2>, 0};
    table[std::string("sub") + rounding + ".f32x2"] = {run_float_pair<Subtract, 2>, 0};
    table[std::string("mul") + rounding + ".f32x2"] = {run_float_pair<Multiply, 2>, 0};
    table[std::string("fma") + rounding + ".f32x2"] = {run_float_pair<MultiplyAdd, 3>, 0};
  }
}

}  // namespace ddpm::simt::ptx
