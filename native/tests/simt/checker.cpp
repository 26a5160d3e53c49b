#include "simt/checker.h"

#include <cstdint>
#include <map>
#include <vector>

#include "simt/engine.h"

namespace ddpm::simt {
namespace {

struct Access {
  uint32_t interval = 0;  // 0: none
  uint32_t warp_interval = 0;
  uint32_t block : 20, thread : 11, atomic : 1;
};

/** Who has read since what orders the last read: one thread, some of its warp, of its block, or in other blocks. */
enum class Readers : uint8_t { kOne, kWarp, kBlock, kGrid };

struct Byte {
  Access write, read;
  Readers readers = Readers::kOne;
  bool permitted = true, flies = false;
};

/** Watched memory, by address. */
struct Memory {
  size_t size;
  const char* kind;
  std::vector<Byte> bytes;
};

/** What alignment may leave between the end of memory and the page that faults. */
constexpr size_t kSlack = 256;

bool enabled = false;
std::map<uintptr_t, Memory> memories;
uintptr_t lowest = UINTPTR_MAX, highest = 0;
uint32_t first_interval = 0;

/** What was found last: accesses stay in few arrays for long. */
struct Found {
  uintptr_t start = 0;
  Memory* memory = nullptr;
};
Found recent[4];
unsigned oldest = 0;

Memory* find(const void* at, size_t* offset) {
  auto address = reinterpret_cast<uintptr_t>(at);
  if (address < lowest || address >= highest) return nullptr;
  for (const Found& found : recent) {
    *offset = address - found.start;
    if (found.memory != nullptr && *offset < found.memory->size) return found.memory;
  }
  auto memory = memories.upper_bound(address);
  if (memory == memories.begin()) return nullptr;
  --memory;
  *offset = address - memory->first;
  if (*offset >= memory->second.size + kSlack) return nullptr;
  recent[oldest++ % 4] = {memory->first, &memory->second};
  return &memory->second;
}

Access present(bool atomic) {
  Access access;
  access.interval = static_cast<uint32_t>(now.interval);
  access.warp_interval = static_cast<uint32_t>(now.warp_interval);
  access.block = now.block_index & 0xfffff;
  access.thread = static_cast<uint32_t>(now.index);
  access.atomic = atomic;
  return access;
}

bool in_this_launch(const Access& a) { return a.interval > first_interval; }
bool same_warp(const Access& a, const Access& b) { return a.thread / kWarp == b.thread / kWarp; }

/** Whether an access came before the present one for sure. */
bool is_ordered(const Access& other, const Access& self) {
  if (!in_this_launch(other)) return true;
  if (other.block != self.block) return false;
  if (other.interval != self.interval || other.thread == self.thread) return true;
  return same_warp(other, self) && other.warp_interval != self.warp_interval;
}

void check_write(const Byte& byte, const Access& self, const char* kind, const void* at) {
  const Access& read = byte.read;
  if (!in_this_launch(read)) return;
  bool same_interval = read.block == self.block && read.interval == self.interval;
  bool race = !is_ordered(read, self) || byte.readers == Readers::kGrid ||
              (byte.readers == Readers::kBlock && same_interval) ||
              (byte.readers == Readers::kWarp && same_interval && read.warp_interval == self.warp_interval);
  if (race)
    stop("race: writes %s memory at %p that thread %d of block %d reads, and nothing orders them", kind, at,
         static_cast<int>(read.thread), static_cast<int>(read.block));
}

void add_reader(Byte& byte, const Access& self) {
  const Access& last = byte.read;
  bool same_interval = last.block == self.block && last.interval == self.interval;
  if (!in_this_launch(last))
    byte.readers = Readers::kOne;
  else if (byte.readers == Readers::kGrid || last.block != self.block)
    byte.readers = Readers::kGrid;
  else if (!same_interval)
    byte.readers = Readers::kOne;
  else if (byte.readers == Readers::kBlock || !same_warp(last, self))
    byte.readers = Readers::kBlock;
  else if (last.warp_interval != self.warp_interval)
    byte.readers = Readers::kOne;
  else if (last.thread != self.thread)
    byte.readers = Readers::kWarp;
  byte.read = self;
}

void check(Byte& byte, const void* at, bool write, const Access& self, const char* kind) {
  if (!byte.permitted) stop("reaches beyond an array in %s memory at %p", kind, at);
  if (byte.flies)
    stop("%s %s memory at %p that an asynchronous copy is on its way to", write ? "writes" : "reads", kind, at);
  if (!write && byte.write.interval == 0) stop("uninitialised: reads %s memory at %p that nobody wrote", kind, at);
  if (!is_ordered(byte.write, self) && !(self.atomic && byte.write.atomic))
    stop("race: %s %s memory at %p that thread %d of block %d writes, and nothing orders them",
         write ? "writes" : "reads", kind, at, static_cast<int>(byte.write.thread), static_cast<int>(byte.write.block));
  if (!write) return add_reader(byte, self);
  check_write(byte, self, kind, at);
  byte.write = self;
}

void note_in(Memory& memory, size_t offset, const void* at, size_t bytes, bool write, bool atomic) {
  if (offset + bytes > memory.size) stop("reaches beyond an array in %s memory at %p", memory.kind, at);
  Access self = present(atomic);
  for (size_t i = 0; i < bytes; ++i)
    check(memory.bytes[offset + i], static_cast<const char*>(at) + i, write, self, memory.kind);
}

}  // namespace

void enable_checker() { enabled = true; }
bool is_checking() { return enabled; }

void note(const void* at, size_t bytes, bool write, bool atomic) {
  size_t offset;
  if (!enabled || !now.running) return;
  Memory* memory = find(at, &offset);
  if (memory != nullptr) note_in(*memory, offset, at, bytes, write, atomic);
}

void note_flight(const void* at, size_t bytes, bool flies) {
  size_t offset;
  Memory* memory = enabled ? find(at, &offset) : nullptr;
  for (size_t i = 0; memory != nullptr && i < bytes; ++i) memory->bytes[offset + i].flies = flies;
}

void watch(void* memory, size_t bytes, const char* kind, bool permitted) {
  if (!enabled) return;
  auto address = reinterpret_cast<uintptr_t>(memory);
  Memory& entry = memories[address];
  entry.size = bytes;
  entry.kind = kind;
  Byte fresh;
  fresh.permitted = permitted;
  entry.bytes.assign(bytes, fresh);
  lowest = address < lowest ? address : lowest;
  highest = address + bytes + kSlack > highest ? address + bytes + kSlack : highest;
}

void permit(void* memory, void* at, size_t bytes) {
  if (!enabled) return;
  size_t offset = static_cast<size_t>(static_cast<char*>(at) - static_cast<char*>(memory));
  std::vector<Byte>& all = memories.at(reinterpret_cast<uintptr_t>(memory)).bytes;
  for (size_t i = 0; i < bytes; ++i) all[offset + i].permitted = true;
}

void forget(void* memory) {
  std::fill(std::begin(recent), std::end(recent), Found());
  memories.erase(reinterpret_cast<uintptr_t>(memory));
}

void note_host_write(const void* at, size_t bytes) {
  size_t offset;
  Memory* memory = enabled ? find(at, &offset) : nullptr;
  // Of interval 1, before any kernel.
  Byte written;
  written.write.interval = 1;
  for (size_t i = 0; memory != nullptr && i < bytes && offset + i < memory->size; ++i)
    memory->bytes[offset + i] = written;
}

void note_launch() { first_interval = static_cast<uint32_t>(++now.interval); }

}  // namespace ddpm::simt
