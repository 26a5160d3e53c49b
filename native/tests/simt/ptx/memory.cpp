// Loads, stores, atomics and addresses.
#include "simt/memory.h"

#include "simt/checker.h"
#include "simt/copies.h"
#include "simt/language.h"
#include "simt/ptx/operations.h"
#include "simt/trace.h"

namespace ddpm::simt::ptx {
namespace {

/** Where an address lies; the frame has parameters and local variables. */
enum Space : uint32_t { kGeneric, kGlobal, kShared, kFrame };

unsigned char* address(const Frame& f, const Instruction& i, int operand, int which, uint32_t space, size_t bytes) {
  if (space == kShared)
    return at_shared(f.get<uint32_t>(i.at[operand]) + static_cast<uint32_t>(i.offset[which]), bytes);
  return reinterpret_cast<unsigned char*>(f.get<uint64_t>(i.at[operand]) + static_cast<uint64_t>(i.offset[which]));
}

/** What the checker and the trace see of a load or store. */
void watch_access(const Frame& f, const Instruction& i, const unsigned char* at, size_t bytes, Way way) {
  if (reinterpret_cast<uintptr_t>(at) % bytes != 0)
    stop("misaligned: line %d of %s is at %p with %zu bytes", i.line, f.function->file, static_cast<const void*>(at),
         bytes);
  if (i.variant == kFrame) return;
  note(at, bytes, way == Way::kStore);
  trace(at, bytes, way, f.line(i));
}

template <class T, int kCount>
void run_load(Frame& f, const Instruction& i) {
  const unsigned char* at = address(f, i, kCount, 0, i.variant, kCount * sizeof(T));
  watch_access(f, i, at, kCount * sizeof(T), Way::kLoad);
  for (int n = 0; n < kCount; ++n) {
    T value;
    std::memcpy(&value, at + static_cast<size_t>(n) * sizeof(T), sizeof value);
    f.set(i.at[n], value);
  }
}

template <class T, int kCount>
void run_store(Frame& f, const Instruction& i) {
  unsigned char* at = address(f, i, 0, 0, i.variant, kCount * sizeof(T));
  watch_access(f, i, at, kCount * sizeof(T), Way::kStore);
  for (int n = 0; n < kCount; ++n) {
    T value = f.get<T>(i.at[1 + n]);
    std::memcpy(at + static_cast<size_t>(n) * sizeof(T), &value, sizeof value);
  }
}

enum Change : uint32_t { kAdd, kMin, kMax, kAnd, kOr, kXor, kExchange, kCompare };

template <class T>
T changed(uint32_t change, T x, T a, T b) {
  switch (change) {
    case kAdd:
      return static_cast<T>(static_cast<uint64_t>(x) + static_cast<uint64_t>(a));
    case kMin:
      return std::min(x, a);
    case kMax:
      return std::max(x, a);
    case kAnd:
      return x & a;
    case kOr:
      return x | a;
    case kXor:
      return x ^ a;
    case kExchange:
      return a;
    default:
      return x == a ? b : x;
  }
}

/** The variant has the space in its upper bits. */
template <class T>
void run_atomic(Frame& f, const Instruction& i) {
  auto* at = reinterpret_cast<T*>(address(f, i, 1, 0, i.variant >> 8, sizeof(T)));
  if (reinterpret_cast<uintptr_t>(at) % sizeof(T) != 0)
    stop("misaligned: line %d of %s is at %p", i.line, f.function->file, static_cast<void*>(at));
  T a = f.get<T>(i.at[2]), b = f.get<T>(i.at[3]);
  f.set(i.at[0], change(at, [&](T x) { return changed(i.variant & 255, x, a, b); }));
}

/** The variant: 0 keeps an address, 1 makes one of shared memory generic, 2 the other way round. */
void run_convert_address(Frame& f, const Instruction& i) {
  auto base = reinterpret_cast<uint64_t>(shared_base());
  uint64_t at = f.get<uint64_t>(i.at[1]);
  f.set(i.at[0], i.variant == 0 ? at : i.variant == 1 ? at + base : at - base);
}

void run_copy_async(Frame& f, const Instruction& i) {
  size_t bytes = f.get<uint32_t>(i.at[2]);
  copy_async(address(f, i, 0, 0, kShared, bytes), address(f, i, 1, 1, kGlobal, bytes), bytes, f.get<uint32_t>(i.at[3]),
             f.line(i));
}
void run_copy_commit(Frame&, const Instruction&) { copy_commit(); }
void run_copy_wait(Frame& f, const Instruction& i) { copy_wait(f.get<int>(i.at[0])); }
void run_copy_wait_all(Frame&, const Instruction&) {
  copy_commit();
  copy_wait(0);
}

template <class T>
void add_accesses(Operations& table, const std::string& type) {
  static const std::map<std::string, uint32_t> spaces = {{"", kGeneric},          {".global", kGlobal},
                                                         {".global.nc", kGlobal}, {".const", kGlobal},
                                                         {".volatile", kGeneric}, {".volatile.global", kGlobal},
                                                         {".shared", kShared},    {".volatile.shared", kShared},
                                                         {".param", kFrame},      {".local", kFrame}};
  for (const auto& [space, variant] : spaces) {
    table["ld" + space + type] = {run_load<T, 1>, variant};
    table["ld" + space + ".v2" + type] = {run_load<T, 2>, variant};
    table["ld" + space + ".v4" + type] = {run_load<T, 4>, variant};
    table["st" + space + type] = {run_store<T, 1>, variant};
    table["st" + space + ".v2" + type] = {run_store<T, 2>, variant};
    table["st" + space + ".v4" + type] = {run_store<T, 4>, variant};
  }
}

template <class T>
void add_atomics(Operations& table, const std::string& type, const std::map<std::string, uint32_t>& changes) {
  const std::map<std::string, uint32_t> spaces = {{"", kGeneric}, {".global", kGlobal}, {".shared", kShared}};
  for (const auto& [space, number] : spaces)
    for (const char* order : {"", ".relaxed.gpu", ".relaxed.cta"})
      for (const auto& [name, change] : changes)
        table["atom" + std::string(order) + space + "." + name + type] = {run_atomic<T>, change | number << 8};
}

}  // namespace

void add_memory(Operations& table) {
  for_types<uint8_t, int8_t, uint16_t, int16_t, uint32_t, int32_t, uint64_t, int64_t, float, double>([&](auto t) {
    using T = decltype(t);
    add_accesses<T>(table, std::string(".") + type_name<T>());
    if (std::is_unsigned_v<T>) add_accesses<T>(table, "." + bits_name<T>());
  });
  for_types<uint32_t, int32_t, uint64_t, int64_t>([&](auto t) {
    using T = decltype(t);
    std::string type = std::string(".") + type_name<T>();
    add_atomics<T>(table, type, {{"add", kAdd}, {"min", kMin}, {"max", kMax}});
    if (std::is_unsigned_v<T>)
      add_atomics<T>(table, "." + bits_name<T>(),
                     {{"and", kAnd}, {"or", kOr}, {"xor", kXor}, {"exch", kExchange}, {"cas", kCompare}});
  });
  for (const char* bits : {".u64", ".u32"}) {
    for (const char* space : {".global", ".local", ".const", ".param"})
      for (const char* way : {"cvta", "cvta.to"}) table[std::string(way) + space + bits] = {run_convert_address, 0};
    table[std::string("cvta.shared") + bits] = {run_convert_address, 1};
    table[std::string("cvta.to.shared") + bits] = {run_convert_address, 2};
  }
  for (const char* hint : {"", ".L2::64B", ".L2::128B", ".L2::256B"})
    for (const char* cache : {".ca", ".cg"})
      table[std::string("cp.async") + cache + ".shared.global" + hint] = {run_copy_async, 0};
  table["cp.async.commit_group"] = {run_copy_commit, 0};
  table["cp.async.wait_group"] = {run_copy_wait, 0};
  table["cp.async.wait_all"] = {run_copy_wait_all, 0};
}

}  // namespace ddpm::simt::ptx
