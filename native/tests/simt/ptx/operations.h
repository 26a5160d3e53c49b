#pragma once
#include <map>
#include <string>
#include <unordered_map>

#include "simt/numbers.h"
#include "simt/ptx/program.h"

/** What operations are made of. Each file of them adds its own to the table. */
namespace ddpm::simt::ptx {

using Operations = std::unordered_map<std::string, Operation>;
void add_arithmetic(Operations& table);
void add_bits(Operations& table);
void add_conversions(Operations& table);
void add_memory(Operations& table);
void add_cooperation(Operations& table);

/** The name of T in opcodes, for numbers of a kind. */
template <class T>
const char* type_name() {
  constexpr int size = sizeof(T);
  if constexpr (std::is_floating_point_v<T>)
    return size == 4 ? "f32" : "f64";
  else if constexpr (std::is_signed_v<T>)
    return size == 1 ? "s8" : size == 2 ? "s16" : size == 4 ? "s32" : "s64";
  else
    return size == 1 ? "u8" : size == 2 ? "u16" : size == 4 ? "u32" : "u64";
}
/** And as mere bits. */
template <class T>
std::string bits_name() {
  return "b" + std::to_string(8 * sizeof(T));
}

template <class T, class F>
void run_unary(Frame& f, const Instruction& i) {
  f.set<T>(i.at[0], F::apply(f.get<T>(i.at[1])));
}
template <class T, class F>
void run_binary(Frame& f, const Instruction& i) {
  f.set<T>(i.at[0], F::apply(f.get<T>(i.at[1]), f.get<T>(i.at[2])));
}
template <class T, class F>
void run_ternary(Frame& f, const Instruction& i) {
  f.set<T>(i.at[0], F::apply(f.get<T>(i.at[1]), f.get<T>(i.at[2]), f.get<T>(i.at[3])));
}

/** Calls add(T()) for each type. */
template <class... T, class F>
void for_types(const F& add) {
  (add(T()), ...);
}

}  // namespace ddpm::simt::ptx
