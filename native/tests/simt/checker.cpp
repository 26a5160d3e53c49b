#include "simt/checker.h"

#include <cstdint>
#include <cstring>
#include <map>
#include <vector>

#include "simt/engine.h"

namespace ddpm::simt {
namespace {

struct Access {
  uint32_t interval;  // 0: none
  uint32_t block : 20, thread : 11, atomic : 1;
};

struct Byte {
  Access write, read;
  bool many_readers;  // in the interval of the last one
};

/** Watched memory, by address. */
struct Memory {
  size_t size;
  bool shared;
  std::vector<Byte> bytes;
};

/** What alignment may leave between the end of memory and the page that faults. */
constexpr size_t kSlack = 256;

bool enabled = false;
std::map<uintptr_t, Memory> memories;
uintptr_t lowest = UINTPTR_MAX, highest = 0;
int64_t first_interval = 0;

Memory* find(const void* at, size_t* offset) {
  auto address = reinterpret_cast<uintptr_t>(at);
  if (address < lowest || address >= highest) return nullptr;
  auto memory = memories.upper_bound(address);
  if (memory == memories.begin()) return nullptr;
  --memory;
  *offset = address - memory->first;
  return *offset < memory->second.size + kSlack ? &memory->second : nullptr;
}

/** Whether an access came before the present one for sure. */
bool is_ordered(const Access& other) {
  if (other.interval <= first_interval) return true;
  bool same_block = other.block == (now.block_index & 0xfffff);
  return same_block && (other.thread == static_cast<uint32_t>(now.index) || other.interval != now.interval);
}

void check(Byte& byte, const void* at, bool write, bool atomic, const char* kind) {
  auto race = [&](const Access& other, const char* what) {
    if (!is_ordered(other) && !(atomic && other.atomic))
      stop("race: %s %s memory at %p that thread %d of block %d %s without a barrier between",
           write ? "writes" : "reads", kind, at, static_cast<int>(other.thread), static_cast<int>(other.block), what);
  };
  race(byte.write, "wrote");
  Access access{static_cast<uint32_t>(now.interval), static_cast<uint32_t>(now.block_index & 0xfffff),
                static_cast<uint32_t>(now.index), atomic};
  if (write) {
    race(byte.read, "read");
    if (byte.many_readers && byte.read.interval == now.interval)
      stop("race: writes %s memory at %p that several threads read without a barrier between", kind, at);
    byte.write = access;
    return;
  }
  if (byte.write.interval == 0) stop("reads %s memory at %p that nobody wrote", kind, at);
  bool same_interval = byte.read.interval == access.interval;
  byte.many_readers = same_interval && (byte.many_readers || byte.read.thread != access.thread);
  byte.read = access;
}

}  // namespace

void note(const void* at, size_t bytes, bool write, bool atomic) {
  size_t offset;
  if (!enabled || !now.running) return;
  Memory* memory = find(at, &offset);
  if (memory == nullptr) return;
  const char* kind = memory->shared ? "shared" : "device";
  if (offset + bytes > memory->size) stop("reaches beyond %s memory at %p", kind, at);
  for (size_t i = 0; i < bytes; ++i)
    check(memory->bytes[offset + i], static_cast<const char*>(at) + i, write, atomic, kind);
}

void watch(void* memory, size_t bytes, bool shared) {
  if (!enabled) return;
  auto address = reinterpret_cast<uintptr_t>(memory);
  Memory& entry = memories[address];
  entry = {bytes, shared, {}};
  entry.bytes.resize(bytes);
  lowest = address < lowest ? address : lowest;
  highest = address + bytes + kSlack > highest ? address + bytes + kSlack : highest;
}

void forget(void* memory) { memories.erase(reinterpret_cast<uintptr_t>(memory)); }

void note_host_write(const void* at, size_t bytes) {
  size_t offset;
  Memory* memory = enabled ? find(at, &offset) : nullptr;
  // Of interval 1, before any kernel.
  for (size_t i = 0; memory != nullptr && i < bytes; ++i) memory->bytes[offset + i] = {{1, 0, 0, 0}, {}, false};
}

void note_launch() { first_interval = ++now.interval; }

}  // namespace ddpm::simt

// What -fsanitize=thread calls.
#define DDPM_ACCESS(bytes)                                                          \
  void __tsan_read##bytes(void* p) { ddpm::simt::note(p, bytes, false); }           \
  void __tsan_write##bytes(void* p) { ddpm::simt::note(p, bytes, true); }           \
  void __tsan_unaligned_read##bytes(void* p) { ddpm::simt::note(p, bytes, false); } \
  void __tsan_unaligned_write##bytes(void* p) { ddpm::simt::note(p, bytes, true); }
extern "C" {
void __tsan_init() { ddpm::simt::enabled = true; }
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void*, void*) {}
DDPM_ACCESS(1)
DDPM_ACCESS(2)
DDPM_ACCESS(4)
DDPM_ACCESS(8)
DDPM_ACCESS(16)
void __tsan_read_range(void* p, size_t bytes) { ddpm::simt::note(p, bytes, false); }
void __tsan_write_range(void* p, size_t bytes) { ddpm::simt::note(p, bytes, true); }
void* __tsan_memcpy(void* to, const void* from, size_t bytes) {
  ddpm::simt::note(from, bytes, false);
  ddpm::simt::note(to, bytes, true);
  return std::memcpy(to, from, bytes);
}
void* __tsan_memset(void* to, int value, size_t bytes) {
  ddpm::simt::note(to, bytes, true);
  return std::memset(to, value, bytes);
}
}
