// Moves, bits, comparisons and choices.
#include <cmath>

#include "simt/ptx/operations.h"

namespace ddpm::simt::ptx {
namespace {

template <class T>
struct Same {
  static T apply(T a) { return a; }
};
template <class T>
struct Not {
  static T apply(T a) { return static_cast<T>(~a); }
};
template <>
struct Not<bool> {
  static bool apply(bool a) { return !a; }
};
template <class T>
struct And {
  static T apply(T a, T b) { return static_cast<T>(a & b); }
};
template <class T>
struct Or {
  static T apply(T a, T b) { return static_cast<T>(a | b); }
};
template <class T>
struct Xor {
  static T apply(T a, T b) { return static_cast<T>(a ^ b); }
};

template <class T>
void run_shift_left(Frame& f, const Instruction& i) {
  uint32_t n = f.get<uint32_t>(i.at[2]);
  f.set<T>(i.at[0], n < 8 * sizeof(T) ? static_cast<T>(f.get<T>(i.at[1]) << n) : T(0));
}
template <class T>
void run_shift_right(Frame& f, const Instruction& i) {
  uint32_t n = std::min<uint32_t>(f.get<uint32_t>(i.at[2]), 8 * sizeof(T));
  T x = f.get<T>(i.at[1]);
  f.set<T>(i.at[0],
           n < 8 * sizeof(T) ? static_cast<T>(x >> n) : static_cast<T>(std::is_signed_v<T> && x < T(0) ? -1 : 0));
}
/** Of two words; the variant: 1 left, 2 by the number modulo 32. */
void run_funnel_shift(Frame& f, const Instruction& i) {
  uint64_t words = static_cast<uint64_t>(f.get<uint32_t>(i.at[2])) << 32 | f.get<uint32_t>(i.at[1]);
  uint32_t n = f.get<uint32_t>(i.at[3]);
  n = (i.variant & 2) != 0 ? n & 31 : std::min(n, 32u);
  f.set(i.at[0], static_cast<uint32_t>((i.variant & 1) != 0 ? (words << n) >> 32 : words >> n));
}

/** Ones at `count` bits from `first` on. */
uint64_t field(uint32_t first, uint32_t count) {
  if (first > 63) return 0;
  return (count > 63 ? ~uint64_t(0) : (uint64_t(1) << count) - 1) << first;
}
template <class T>
void run_insert(Frame& f, const Instruction& i) {
  uint32_t first = f.get<uint32_t>(i.at[3]) & 255, count = f.get<uint32_t>(i.at[4]) & 255;
  uint64_t mask = field(first, count), value = first > 63 ? 0 : static_cast<uint64_t>(f.get<T>(i.at[1])) << first;
  f.set(i.at[0], static_cast<T>((f.get<T>(i.at[2]) & ~mask) | (value & mask)));
}
template <class T>
void run_extract(Frame& f, const Instruction& i) {
  uint32_t first = f.get<uint32_t>(i.at[2]) & 255, count = f.get<uint32_t>(i.at[3]) & 255;
  T x = f.get<T>(i.at[1]);
  // Beyond the number there are copies of its sign.
  auto wide = static_cast<__int128>(x) >> std::min<uint32_t>(first, 64);
  uint32_t sign_bit = std::min<uint32_t>(first + count - 1, 8 * sizeof(T) - 1);
  bool negative = std::is_signed_v<T> && count > 0 && (x >> sign_bit & 1) != 0;
  uint64_t mask = field(0, count);
  f.set(i.at[0], static_cast<T>((static_cast<uint64_t>(wide) & mask) | (negative ? ~mask : 0)));
}

void run_permute(Frame& f, const Instruction& i) {
  uint64_t bytes = static_cast<uint64_t>(f.get<uint32_t>(i.at[2])) << 32 | f.get<uint32_t>(i.at[1]);
  uint32_t selector = f.get<uint32_t>(i.at[3]), result = 0;
  for (int n = 0; n < 4; ++n) {
    uint32_t which = selector >> 4 * n, byte = static_cast<uint32_t>(bytes >> 8 * (which & 7)) & 255;
    if ((which & 8) != 0) byte = (byte & 128) != 0 ? 255 : 0;  // its sign
    result |= byte << 8 * n;
  }
  f.set(i.at[0], result);
}

void run_logic(Frame& f, const Instruction& i) {
  uint32_t a = f.get<uint32_t>(i.at[1]), b = f.get<uint32_t>(i.at[2]), c = f.get<uint32_t>(i.at[3]);
  uint32_t truth = f.get<uint32_t>(i.at[4]), result = 0;
  for (int n = 0; n < 8; ++n)
    if ((truth >> n & 1) != 0) result |= ((n & 4) != 0 ? a : ~a) & ((n & 2) != 0 ? b : ~b) & ((n & 1) != 0 ? c : ~c);
  f.set(i.at[0], result);
}

template <class T>
void run_count(Frame& f, const Instruction& i) {
  f.set(i.at[0], static_cast<uint32_t>(__builtin_popcountll(f.get<T>(i.at[1]))));
}
template <class T>
uint32_t leading_zeros(T x) {
  return x == 0 ? 8 * sizeof(T) : static_cast<uint32_t>(__builtin_clzll(x)) - (64 - 8 * sizeof(T));
}
template <class T>
void run_leading_zeros(Frame& f, const Instruction& i) {
  f.set(i.at[0], leading_zeros(f.get<T>(i.at[1])));
}
/** The highest bit that differs from the sign. */
template <class T>
void run_find_bit(Frame& f, const Instruction& i) {
  T x = f.get<T>(i.at[1]);
  auto bits = static_cast<std::make_unsigned_t<T>>(std::is_signed_v<T> && x < T(0) ? ~x : x);
  f.set(i.at[0], bits == 0 ? ~0u : static_cast<uint32_t>(8 * sizeof(T)) - 1 - leading_zeros(bits));
}
template <class T>
void run_reverse(Frame& f, const Instruction& i) {
  T x = f.get<T>(i.at[1]), result = 0;
  for (size_t n = 0; n < 8 * sizeof(T); ++n) result = static_cast<T>(result << 1 | (x >> n & 1));
  f.set(i.at[0], result);
}

template <class T>
void run_select(Frame& f, const Instruction& i) {
  f.set<T>(i.at[0], f.get<bool>(i.at[3]) ? f.get<T>(i.at[1]) : f.get<T>(i.at[2]));
}

// Comparisons: the set of outcomes that make one true, and how another predicate joins.

enum Outcome : uint32_t { kLess = 1, kEqual = 2, kGreater = 4, kUnordered = 8 };
enum Join : uint32_t { kNone = 0, kAnd = 16, kOr = 32, kXor = 48 };

template <class T>
void run_compare(Frame& f, const Instruction& i) {
  T a = f.get<T>(i.at[2]), b = f.get<T>(i.at[3]);
  uint32_t outcome = a < b ? kLess : a > b ? kGreater : a == b ? kEqual : kUnordered;
  bool holds = (i.variant & outcome) != 0, first = holds, second = !holds;
  if ((i.variant & kXor) != kNone) {
    bool other = f.get<bool>(i.at[4]);
    auto join = [&](bool x) {
      return (i.variant & kXor) == kAnd ? x && other : (i.variant & kXor) == kOr ? x || other : x != other;
    };
    first = join(holds);
    second = join(!holds);
  }
  f.set(i.at[0], first);
  f.set(i.at[1], second);
}

const std::map<std::string, uint32_t> comparisons = {{"eq", kEqual},   {"ne", kLess | kGreater},
                                                     {"lt", kLess},    {"le", kLess | kEqual},
                                                     {"gt", kGreater}, {"ge", kGreater | kEqual}};

template <class T>
void add_comparison(Operations& table, const std::string& name, const std::string& type, uint32_t outcomes) {
  for (const char* flush : {"", ".ftz"}) {
    if (flush[0] != 0 && !std::is_same_v<T, float>) continue;
    table["setp." + name + flush + type] = {run_compare<T>, outcomes};
    table["setp." + name + ".and" + flush + type] = {run_compare<T>, outcomes | kAnd};
    table["setp." + name + ".or" + flush + type] = {run_compare<T>, outcomes | kOr};
    table["setp." + name + ".xor" + flush + type] = {run_compare<T>, outcomes | kXor};
  }
}

/** A number of several smaller ones and back. */
template <class T, class Part>
void run_pack(Frame& f, const Instruction& i) {
  T result = 0;
  for (size_t n = 0; n < sizeof(T) / sizeof(Part); ++n)
    result = static_cast<T>(result | static_cast<T>(f.get<Part>(i.at[1 + n])) << 8 * sizeof(Part) * n);
  f.set(i.at[0], result);
}
template <class T, class Part>
void run_unpack(Frame& f, const Instruction& i) {
  constexpr size_t count = sizeof(T) / sizeof(Part);
  T x = f.get<T>(i.at[count]);
  for (size_t n = 0; n < count; ++n) f.set(i.at[n], static_cast<Part>(x >> 8 * sizeof(Part) * n));
}

}  // namespace

void add_bits(Operations& table) {
  for_types<uint16_t, uint32_t, uint64_t>([&](auto t) {
    using T = decltype(t);
    std::string type = "." + bits_name<T>();
    table["not" + type] = {run_unary<T, Not<T>>, 0};
    table["and" + type] = {run_binary<T, And<T>>, 0};
    table["or" + type] = {run_binary<T, Or<T>>, 0};
    table["xor" + type] = {run_binary<T, Xor<T>>, 0};
    table["shl" + type] = {run_shift_left<T>, 0};
    table["shr" + type] = {run_shift_right<T>, 0};
    for (const std::string& moved : {type, std::string(".") + type_name<T>(), ".s" + type.substr(2)}) {
      table["mov" + moved] = {run_unary<T, Same<T>>, 0};
      table["selp" + moved] = {run_select<T>, 0};
    }
    add_comparison<T>(table, "eq", type, kEqual);
    add_comparison<T>(table, "ne", type, kLess | kGreater);
  });
  for (const char* name : {"mov", "selp"})
    for (const char* type : {"32", "64"})
      table[std::string(name) + ".f" + type] = table[std::string(name) + ".b" + type];
  table["mov.pred"] = {run_unary<bool, Same<bool>>, 0};
  table["not.pred"] = {run_unary<bool, Not<bool>>, 0};
  table["and.pred"] = {run_binary<bool, And<bool>>, 0};
  table["or.pred"] = {run_binary<bool, Or<bool>>, 0};
  table["xor.pred"] = {run_binary<bool, Xor<bool>>, 0};
  for_types<uint16_t, int16_t, uint32_t, int32_t, uint64_t, int64_t, float, double>([&](auto t) {
    using T = decltype(t);
    std::string type = std::string(".") + type_name<T>();
    if constexpr (std::is_integral_v<T>) table["shr" + type] = {run_shift_right<T>, 0};
    for (const auto& [name, outcomes] : comparisons) {
      add_comparison<T>(table, name, type, outcomes);
      if (std::is_floating_point_v<T>) add_comparison<T>(table, name + "u", type, outcomes | kUnordered);
    }
    if (std::is_floating_point_v<T>) {
      add_comparison<T>(table, "num", type, kLess | kEqual | kGreater);
      add_comparison<T>(table, "nan", type, kUnordered);
    } else if (std::is_unsigned_v<T>) {
      add_comparison<T>(table, "lo", type, kLess);
      add_comparison<T>(table, "ls", type, kLess | kEqual);
      add_comparison<T>(table, "hi", type, kGreater);
      add_comparison<T>(table, "hs", type, kGreater | kEqual);
    }
  });
  for_types<uint32_t, int32_t, uint64_t, int64_t>([&](auto t) {
    using T = decltype(t);
    table[std::string("bfe.") + type_name<T>()] = {run_extract<T>, 0};
    table[std::string("bfind.") + type_name<T>()] = {run_find_bit<T>, 0};
  });
  for_types<uint32_t, uint64_t>([&](auto t) {
    using T = decltype(t);
    table["bfi." + bits_name<T>()] = {run_insert<T>, 0};
    table["popc." + bits_name<T>()] = {run_count<T>, 0};
    table["clz." + bits_name<T>()] = {run_leading_zeros<T>, 0};
    table["brev." + bits_name<T>()] = {run_reverse<T>, 0};
  });
  table["shf.r.clamp.b32"] = {run_funnel_shift, 0};
  table["shf.l.clamp.b32"] = {run_funnel_shift, 1};
  table["shf.r.wrap.b32"] = {run_funnel_shift, 2};
  table["shf.l.wrap.b32"] = {run_funnel_shift, 3};
  table["prmt.b32"] = {run_permute, 0};
  table["lop3.b32"] = {run_logic, 0};
  table["mov.b32.pack2"] = {run_pack<uint32_t, uint16_t>, 0};
  table["mov.b64.pack2"] = {run_pack<uint64_t, uint32_t>, 0};
  table["mov.b64.pack4"] = {run_pack<uint64_t, uint16_t>, 0};
  table["mov.b32.unpack2"] = {run_unpack<uint32_t, uint16_t>, 0};
  table["mov.b64.unpack2"] = {run_unpack<uint64_t, uint32_t>, 0};
  table["mov.b64.unpack4"] = {run_unpack<uint64_t, uint16_t>, 0};
}

}  // namespace ddpm::simt::ptx
