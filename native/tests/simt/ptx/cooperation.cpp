// What threads do together: barriers, collectives of a warp, products of matrices.
#include "simt/language.h"
#include "simt/matrices.h"
#include "simt/ptx/operations.h"

namespace ddpm::simt::ptx {
namespace {

void run_barrier(Frame& f, const Instruction& i) {
  if (f.get<uint32_t>(i.at[0]) != 0) stop("line %d of %s: a barrier other than 0", i.line, f.function->file);
  __syncthreads(f.line(i));
}
enum Reduction : uint32_t { kAnd, kOr, kCount, kAdd, kMin, kMax };
void run_barrier_reduction(Frame& f, const Instruction& i) {
  if (f.get<uint32_t>(i.at[1]) != 0) stop("line %d of %s: a barrier other than 0", i.line, f.function->file);
  int value = f.get<bool>(i.at[2]);
  if (i.variant == kCount)
    f.set(i.at[0], static_cast<uint32_t>(__syncthreads_count(value, f.line(i))));
  else
    f.set(i.at[0], (i.variant == kOr ? __syncthreads_or(value, f.line(i)) : __syncthreads_and(value, f.line(i))) != 0);
}
void run_warp_barrier(Frame& f, const Instruction& i) { __syncwarp(f.get<uint32_t>(i.at[0]), f.line(i)); }

/** As the manual has it: c holds the segments' lanes and the last lane that may be read. */
enum Direction : uint32_t { kIndex, kUp, kDown, kAcross };
void run_shuffle(Frame& f, const Instruction& i) {
  struct Lane {
    uint32_t in, out;
    int from;
  };
  int b = f.get<int>(i.at[3]) & 31, c = f.get<int>(i.at[4]), lane = now.lane();
  int segment = c >> 8 & 31, limit = c & 31, most = (lane & segment) | (limit & ~segment), least = lane & segment;
  int from = i.variant == kUp       ? lane - b
             : i.variant == kDown   ? lane + b
             : i.variant == kAcross ? lane ^ b
                                    : least | (b & ~segment);
  bool valid = i.variant == kUp ? from >= most : from <= most;
  uint32_t value = f.get<uint32_t>(i.at[2]);
  Lane mine{value, value, valid ? from : lane};
  exchange_in_warp(
      f.get<uint32_t>(i.at[5]), mine,
      [](Lane* const* lanes) {
        for (int l = 0; l < kWarp; ++l) {
          if (lanes[l] == nullptr) continue;
          const Lane* other = lanes[lanes[l]->from];
          if (other == nullptr)
            stop("lane %d asks for the value of lane %d, which the mask leaves out", l, lanes[l]->from);
          lanes[l]->out = other->in;
        }
      },
      f.line(i));
  f.set(i.at[0], mine.out);
  f.set(i.at[1], valid);
}

void run_ballot(Frame& f, const Instruction& i) {
  f.set(i.at[0], __ballot_sync(f.get<uint32_t>(i.at[2]), f.get<bool>(i.at[1]), f.line(i)));
}
void run_vote(Frame& f, const Instruction& i) {
  uint32_t mask = f.get<uint32_t>(i.at[2]), votes = __ballot_sync(mask, f.get<bool>(i.at[1]), f.line(i));
  f.set(i.at[0], i.variant == kOr ? votes != 0 : votes == mask);
}

template <class T>
void run_reduce(Frame& f, const Instruction& i) {
  uint32_t how = i.variant;
  auto reduce = [=](T a, T b) {
    return how == kAdd   ? static_cast<T>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b))
           : how == kMin ? std::min(a, b)
           : how == kMax ? std::max(a, b)
           : how == kAnd ? static_cast<T>(a & b)
                         : static_cast<T>(a | b);
  };
  f.set(i.at[0], reduce_in_warp(f.get<uint32_t>(i.at[2]), f.get<T>(i.at[1]), reduce, f.line(i)));
}

/** The variant: the number of matrices; 8 more if transposed. */
void run_load_matrices(Frame& f, const Instruction& i) {
  uint32_t r[4];
  int count = static_cast<int>(i.variant & 7);
  uint32_t row = f.get<uint32_t>(i.at[count]) + static_cast<uint32_t>(i.offset[0]);
  load_matrices(r, count, i.variant > 7, row, f.line(i));
  for (int m = 0; m < count; ++m) f.set(i.at[m], r[m]);
}

/** The variant has the elements of a, and of b by 16. */
void run_multiply(Frame& f, const Instruction& i) {
  ProductLane lane;
  for (int n = 0; n < 4; ++n) lane.a[n] = f.get<uint32_t>(i.at[4 + n]);
  for (int n = 0; n < 2; ++n) lane.b[n] = f.get<uint32_t>(i.at[8 + n]);
  for (int n = 0; n < 4; ++n) lane.d[n] = f.get<uint32_t>(i.at[10 + n]);
  multiply(lane, static_cast<Element>(i.variant & 15), static_cast<Element>(i.variant >> 4), f.line(i));
  for (int n = 0; n < 4; ++n) f.set(i.at[n], lane.d[n]);
}

void add_product(Operations& table, const std::string& shape, const std::string& sum, const char* a, Element a_type,
                 const char* b, Element b_type) {
  auto variant = static_cast<uint32_t>(a_type) | static_cast<uint32_t>(b_type) << 4;
  table["mma.sync.aligned." + shape + ".row.col." + sum + "." + a + "." + b + "." + sum] = {run_multiply, variant};
}

}  // namespace

void add_cooperation(Operations& table) {
  for (const char* name : {"bar.sync", "barrier.sync", "barrier.sync.aligned", "bar.cta.sync"})
    table[name] = {run_barrier, 0};
  table["bar.red.and.pred"] = {run_barrier_reduction, kAnd};
  table["bar.red.or.pred"] = {run_barrier_reduction, kOr};
  table["bar.red.popc.u32"] = {run_barrier_reduction, kCount};
  table["bar.warp.sync"] = {run_warp_barrier, 0};
  table["shfl.sync.idx.b32"] = {run_shuffle, kIndex};
  table["shfl.sync.up.b32"] = {run_shuffle, kUp};
  table["shfl.sync.down.b32"] = {run_shuffle, kDown};
  table["shfl.sync.bfly.b32"] = {run_shuffle, kAcross};
  table["vote.sync.ballot.b32"] = {run_ballot, 0};
  table["vote.sync.any.pred"] = {run_vote, kOr};
  table["vote.sync.all.pred"] = {run_vote, kAnd};
  for (const auto& [name, how] : std::map<std::string, uint32_t>{{"add", kAdd}, {"min", kMin}, {"max", kMax}}) {
    table["redux.sync." + name + ".u32"] = {run_reduce<uint32_t>, how};
    table["redux.sync." + name + ".s32"] = {run_reduce<int32_t>, how};
  }
  table["redux.sync.and.b32"] = {run_reduce<uint32_t>, kAnd};
  table["redux.sync.or.b32"] = {run_reduce<uint32_t>, kOr};
  for (uint32_t count : {1u, 2u, 4u}) {
    std::string shape = "ldmatrix.sync.aligned.m8n8.x" + std::to_string(count);
    table[shape + ".shared.b16"] = {run_load_matrices, count};
    table[shape + ".trans.shared.b16"] = {run_load_matrices, count + 8};
  }
  for (const auto& [a, a_type] : std::map<const char*, Element>{{"s8", Element::kS8}, {"u8", Element::kU8}})
    for (const auto& [b, b_type] : std::map<const char*, Element>{{"s8", Element::kS8}, {"u8", Element::kU8}})
      add_product(table, "m16n8k32", "s32", a, a_type, b, b_type);
  add_product(table, "m16n8k16", "f32", "bf16", Element::kBf16, "bf16", Element::kBf16);
  add_product(table, "m16n8k16", "f32", "f16", Element::kF16, "f16", Element::kF16);
  add_product(table, "m16n8k8", "f32", "tf32", Element::kTf32, "tf32", Element::kTf32);
}

}  // namespace ddpm::simt::ptx
