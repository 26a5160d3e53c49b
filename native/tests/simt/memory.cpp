#include "simt/memory.h"

#include <sys/mman.h>

#include <cstring>
#include <map>
#include <new>

#include "simt/checker.h"
#include "simt/engine.h"

namespace ddpm::simt {
namespace {

constexpr size_t kPage = 4096;
/** Where accesses fault, before and behind memory: an index must be far off to get beyond it. */
constexpr size_t kGuard = 1024 * 1024;
/** What every GPU has: for variables, and what a launch may ask for. */
constexpr size_t kVariableBytes = 48 * 1024, kLaunchBytes = 99 * 1024;
/** Variables stand apart, so that an index beyond one of them meets no other. */
constexpr size_t kGap = 128, kVariableArea = 3 * kVariableBytes;
constexpr size_t kSharedBytes = kVariableArea + kLaunchBytes;

struct Memory {
  unsigned char* shared = nullptr;
  size_t variable_bytes = 0, variable_end = 0, launch_bytes = 0;
  std::map<const void*, unsigned char*> variables;
  std::map<void*, size_t> allocations;
};

Memory& memory() {
  static Memory m;
  return m;
}

size_t whole_pages(size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

unsigned char* map_guarded(size_t bytes, size_t alignment) {
  size_t body = whole_pages(bytes);
  void* all = mmap(nullptr, body + 2 * kGuard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (all == MAP_FAILED) throw std::bad_alloc();
  unsigned char* start = static_cast<unsigned char*>(all) + kGuard;
  mprotect(start, body, PROT_READ | PROT_WRITE);
  unsigned char* at = start + (body - bytes) / alignment * alignment;
  std::memset(at, 0xff, bytes);
  return at;
}

}  // namespace

void* allocate(size_t bytes) {
  void* at = map_guarded(bytes, 256);
  memory().allocations[at] = bytes;
  watch(at, bytes, "device");
  return at;
}

void release(void* at) {
  auto allocation = memory().allocations.find(at);
  if (allocation == memory().allocations.end()) stop("%p is not the start of device memory", at);
  // The addresses stay taken, without memory: who uses them still, faults.
  size_t before = reinterpret_cast<uintptr_t>(at) % kPage;
  mmap(static_cast<char*>(at) - before, whole_pages(before + allocation->second), PROT_NONE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
  memory().allocations.erase(allocation);
  forget(at);
}

void* shared_variable(const void* key, size_t bytes) {
  Memory& m = memory();
  unsigned char*& at = m.variables[key];
  if (at != nullptr) return at;
  m.variable_bytes += (bytes + 15) / 16 * 16;
  if (m.variable_bytes > kVariableBytes) stop("more than %zu bytes of shared variables", kVariableBytes);
  at = m.shared + m.variable_end;
  m.variable_end += (bytes + 2 * kGap - 1) / kGap * kGap;
  if (m.variable_end > kVariableArea) stop("more than %zu bytes of shared variables and gaps", kVariableArea);
  permit(m.shared, at, bytes);
  return at;
}

unsigned char* shared_base() { return memory().shared; }

unsigned char* shared_memory() {
  return memory().shared + kVariableArea + (kLaunchBytes - memory().launch_bytes) / 128 * 128;
}

unsigned char* at_shared(size_t address, size_t bytes) {
  if (address + bytes > kSharedBytes) stop("%zu is no address in shared memory", address);
  return memory().shared + address;
}

bool is_shared(const void* at) {
  auto* byte = static_cast<const unsigned char*>(at);
  return byte >= memory().shared && byte < memory().shared + kSharedBytes;
}

void start_memory_of_launch(size_t shared_bytes) {
  Memory& m = memory();
  if (shared_bytes > kLaunchBytes) stop("%zu bytes of shared memory, expected at most %zu", shared_bytes, kLaunchBytes);
  if (m.shared == nullptr) m.shared = map_guarded(kSharedBytes, kPage);
  m.launch_bytes = shared_bytes;
}

void start_memory_of_block() {
  Memory& m = memory();
  std::memset(m.shared, 0xff, m.variable_end);
  std::memset(shared_memory(), 0xff, m.launch_bytes);
  m.variables.clear();
  m.variable_bytes = m.variable_end = 0;
  watch(m.shared, kSharedBytes, "shared", false);
  permit(m.shared, shared_memory(), m.launch_bytes);
}

}  // namespace ddpm::simt
