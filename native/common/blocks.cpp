// The table of live memory blocks behind ddpm_mem.
//
// A reference packs (generation, slot, offset): 11, 12 and 40 bits below a zero sign bit. A slot's generation moves on
// when its block is freed, so an old reference is recognised; slots are taken in turn, so a generation comes round only
// after eight million blocks.
#include "common/blocks.h"

#include <atomic>
#include <cstdlib>
#include <mutex>

#include "common/accelerator.h"
#include "common/allocation.h"
#include "common/error.h"
#include "common/packed_weights.h"

namespace ddpm {
namespace {

constexpr int kOffsetBits = 40, kSlotBits = 12, kGenerationBits = 11;
constexpr int64_t kMaxBytes = int64_t{1} << kOffsetBits;
constexpr int kSlots = 1 << kSlotBits;
constexpr int kGenerations = 1 << kGenerationBits;

struct Slot {
  std::atomic<char*> data{nullptr};  // null: free
  std::atomic<int64_t> bytes{0};
  std::atomic<int> generation{1};
  std::atomic<int64_t> version{0};
  int device = 0;
};

Slot slots[kSlots];
std::mutex slots_mutex;  // guards allocation and freeing; resolve() reads without it
int next_slot = 0;

ddpm_mem pack(int slot, int generation) {
  return int64_t{generation} << (kOffsetBits + kSlotBits) | int64_t{slot} << kOffsetBits;
}

Slot& slot_of(ddpm_mem mem) { return slots[(mem >> kOffsetBits) & (kSlots - 1)]; }

int generation_of(ddpm_mem mem) { return static_cast<int>(mem >> (kOffsetBits + kSlotBits)); }

int64_t live_bytes_of(int32_t device) {
  int64_t bytes = 0;
  for (const Slot& slot : slots)
    if (slot.data.load() != nullptr && slot.device == device) bytes += slot.bytes;
  return bytes;
}

void allocate(int32_t device, int64_t bytes, ddpm_mem* block) {
  if (block == nullptr) fail(DDPM_INVALID_ARGUMENT, "block must not be null");
  *block = 0;
  if (device != 0) accelerator::require_usable(device - 1);
  if (bytes < 1 || bytes > kMaxBytes)
    fail(DDPM_INVALID_ARGUMENT, "a block of %lld bytes was asked for, expected 1 to %lld",
         static_cast<long long>(bytes), static_cast<long long>(kMaxBytes));
  std::lock_guard<std::mutex> lock(slots_mutex);
  for (int i = 0; i < kSlots; ++i) {
    int index = (next_slot + i) % kSlots;
    Slot& slot = slots[index];
    if (slot.data.load() != nullptr) continue;
    void* data = device == 0 ? allocate_aligned(static_cast<size_t>(bytes)) : accelerator::allocate(device - 1, bytes);
    if (data == nullptr)
      fail(DDPM_OUT_OF_MEMORY, "no memory for a block of %lld bytes; %lld bytes are in use",
           static_cast<long long>(bytes), static_cast<long long>(live_bytes_of(device)));
    slot.device = device;
    slot.bytes = bytes;
    slot.data.store(static_cast<char*>(data), std::memory_order_release);
    next_slot = (index + 1) % kSlots;
    *block = pack(index, slot.generation);
    return;
  }
  fail(DDPM_OUT_OF_MEMORY, "all %d memory blocks are in use", kSlots);
}

void release(ddpm_mem block) {
  if (block == 0) return;
  std::lock_guard<std::mutex> lock(slots_mutex);
  Extent extent = resolve(block);
  Slot& slot = slot_of(block);
  if (extent.data != slot.data.load())
    fail(DDPM_INVALID_ARGUMENT, "only the start of a block can be freed, not %lld bytes into it",
         static_cast<long long>(extent.data - slot.data.load()));
  forget_packed(block);
  slot.data = nullptr;
  slot.generation = slot.generation % (kGenerations - 1) + 1;
  if (extent.device == 0)
    std::free(extent.data);
  else
    accelerator::release(extent.device - 1, extent.data);
}

}  // namespace

Extent resolve(ddpm_mem mem) {
  if (mem <= 0) fail(DDPM_INVALID_ARGUMENT, "%lld is not a memory reference", static_cast<long long>(mem));
  Slot& slot = slot_of(mem);
  char* data = slot.data.load(std::memory_order_acquire);
  int64_t offset = mem & (kMaxBytes - 1);
  int64_t bytes = slot.bytes;
  if (data == nullptr || slot.generation != generation_of(mem))
    fail(DDPM_STALE_MEMORY, "memory reference %#llx belongs to a block that has been freed",
         static_cast<unsigned long long>(mem));
  if (offset >= bytes)
    fail(DDPM_INVALID_ARGUMENT, "memory reference is %lld bytes into a block of %lld", static_cast<long long>(offset),
         static_cast<long long>(bytes));
  return {data + offset, slot.device, bytes - offset};
}

ddpm_mem block_of(ddpm_mem mem) { return mem & ~(kMaxBytes - 1); }

int64_t block_version(ddpm_mem mem) { return slot_of(mem).version; }

void count_write(ddpm_mem mem) { slot_of(mem).version.fetch_add(1); }

}  // namespace ddpm

extern "C" {

ddpm_status ddpm_block_allocate(int32_t device, int64_t bytes, ddpm_mem* block) {
  return ddpm::guard([&] { ddpm::allocate(device, bytes, block); });
}

ddpm_status ddpm_block_free(ddpm_mem block) {
  return ddpm::guard([&] { ddpm::release(block); });
}

int64_t ddpm_block_bytes(int32_t device) {
  std::lock_guard<std::mutex> lock(ddpm::slots_mutex);
  return ddpm::live_bytes_of(device);
}
}
