#include "simt/engine.h"

#include <sys/mman.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "simt/checker.h"
#include "simt/fiber.h"

#undef threadIdx
#undef blockIdx
#undef blockDim
#undef gridDim

namespace ddpm::simt {

Now now;

namespace {

constexpr size_t kPage = 4096;
/** What every GPU has: for variables, and what a launch may ask for. */
constexpr size_t kVariableBytes = 48 * 1024, kLaunchBytes = 99 * 1024;
constexpr unsigned kMostThreads = 1024;

struct Copy {
  void* to;
  const void* from;
  size_t bytes;
  bool valid, landed;
};

struct Thread {
  Fiber fiber;
  const char* waits = nullptr;  // for what, or null
  Line line{};
  bool ended = false;
  std::vector<Copy> open;                // copies of no group yet
  std::deque<std::vector<Copy>> groups;  // that were not waited for
};

/** Threads that meet again and again. */
struct Meeting {
  int arrived = 0;
  Line line{};
  void* values[kMostThreads];
};

struct Engine {
  const char* name = "";
  const std::function<void()>* kernel = nullptr;
  Fiber outside;
  std::vector<Thread> threads;  // as many as any block had
  std::vector<int> ready;
  Meeting block;
  std::vector<Meeting> warps;
  int count = 0, ended = 0;
  std::string failure;
  unsigned char* shared = nullptr;  // variables, then the launch's, up to a page that faults
  size_t variable_bytes = 0, launch_bytes = 0;
  std::map<const void*, unsigned char*> variables;
  std::map<void*, size_t> allocations;
  uint64_t seed = 0, random = 0;
};

Engine& engine() {
  static Engine e;
  return e;
}

size_t whole_pages(size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

/** Memory full of ones before a page that faults. */
unsigned char* map_guarded(size_t bytes, size_t alignment) {
  size_t body = whole_pages(bytes);
  void* memory = mmap(nullptr, body + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto* start = static_cast<unsigned char*>(memory);
  mprotect(start + body, kPage, PROT_NONE);
  unsigned char* at = start + (body - bytes) / alignment * alignment;
  std::memset(at, 0xff, bytes);
  return at;
}

/** Goes on with any thread that can. */
void run_next() {
  Engine& e = engine();
  Thread& self = e.threads[static_cast<size_t>(now.index)];
  if (e.ready.empty()) {
    if (e.ended == e.count) {
      self.fiber.switch_to(e.outside);
      return;
    }
    std::map<std::string, int> waiting;
    for (int i = 0; i < e.count; ++i) {
      const Thread& t = e.threads[static_cast<size_t>(i)];
      if (!t.ended) ++waiting[std::string(t.waits) + " of line " + std::to_string(t.line.number)];
    }
    std::string text;
    for (const auto& [where, threads] : waiting) text += "; " + std::to_string(threads) + " wait at the " + where;
    stop("no thread can go on: %d have ended%s", e.ended, text.c_str());
  }
  std::swap(e.ready[random_below(e.ready.size())], e.ready.back());
  int next = e.ready.back();
  e.ready.pop_back();
  int index = now.index;
  if (next == index) return;
  now.index = next;
  unsigned n = static_cast<unsigned>(next), x = now.block_size.x, y = now.block_size.y;
  now.thread = {n % x, n / x % y, n / x / y};
  self.fiber.switch_to(e.threads[static_cast<size_t>(next)].fiber);
}

void meet(Meeting& meeting, int first, int count, void* value, Exchange exchange, const Line& line, const char* what) {
  Engine& e = engine();
  if (meeting.arrived > 0 && !(meeting.line == line))
    stop("threads meet at the %s of lines %d and %d", what, meeting.line.number, line.number);
  Thread& self = e.threads[static_cast<size_t>(now.index)];
  meeting.line = self.line = line;
  meeting.values[now.index - first] = value;
  if (++meeting.arrived < count) {
    self.waits = what;
    run_next();
    return;
  }
  exchange(meeting.values, count);
  meeting.arrived = 0;
  for (int i = first; i < first + count; ++i) {
    e.threads[static_cast<size_t>(i)].waits = nullptr;
    e.ready.push_back(i);
  }
  run_next();
}

void run_thread() {
  Engine& e = engine();
  (*e.kernel)();
  Thread& self = e.threads[static_cast<size_t>(now.index)];
  if (!self.open.empty() || !self.groups.empty()) stop("ends with copies that it did not wait for");
  self.ended = true;
  ++e.ended;
  run_next();
}

void land(Copy& copy) {
  if (copy.landed) return;
  copy.landed = true;
  note(copy.to, copy.bytes, true);
  if (copy.valid) note(copy.from, copy.bytes, false);
  if (copy.valid)
    std::memcpy(copy.to, copy.from, copy.bytes);
  else
    std::memset(copy.to, 0, copy.bytes);
}

void run_block() {
  Engine& e = engine();
  std::memset(e.shared, 0xff, kVariableBytes);
  std::memset(shared_memory(), 0xff, e.launch_bytes);
  watch(e.shared, kVariableBytes + kLaunchBytes, true);
  e.variables.clear();
  e.variable_bytes = 0;
  e.block.arrived = e.ended = 0;
  e.ready.clear();
  for (Meeting& warp : e.warps) warp.arrived = 0;
  for (int i = 0; i < e.count; ++i) {
    Thread& t = e.threads[static_cast<size_t>(i)];
    t.ended = false;
    t.waits = nullptr;
    t.open.clear();
    t.groups.clear();
    t.fiber.start(run_thread);
    e.ready.push_back(i);
  }
  ++now.interval;
  now.index = 0;
  now.thread = {0, 0, 0};
  e.ready.erase(e.ready.begin());
  now.running = true;
  e.outside.switch_to(e.threads[0].fiber);
  now.running = false;
  if (!e.failure.empty()) fail(DDPM_INTERNAL_ERROR, "%s", std::exchange(e.failure, {}).c_str());
}

}  // namespace

void stop(const char* format, ...) {
  Engine& e = engine();
  char text[600];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  e.failure = std::string(e.name) + ", block (" + std::to_string(now.block.x) + "," + std::to_string(now.block.y) +
              "), thread " + std::to_string(now.index) + ", seed " + std::to_string(e.seed) + ": " + text;
  if (!now.running) fail(DDPM_INTERNAL_ERROR, "%s", std::exchange(e.failure, {}).c_str());
  e.threads[static_cast<size_t>(now.index)].fiber.switch_to(e.outside);
  std::abort();  // nobody comes back to it
}

void run(const char* name, dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& kernel) {
  Engine& e = engine();
  e.name = name;
  unsigned count = block.x * block.y * block.z;
  if (count < 1 || count > kMostThreads || count % 32 != 0)
    stop("a block of %u threads, expected 32 to %u in whole warps", count, kMostThreads);
  if (grid.x < 1 || grid.y < 1 || grid.y > 65535 || grid.z < 1 || grid.z > 65535)
    stop("a grid of %u x %u x %u blocks", grid.x, grid.y, grid.z);
  if (shared_bytes > kLaunchBytes) stop("%zu bytes of shared memory, expected at most %zu", shared_bytes, kLaunchBytes);
  if (e.shared == nullptr) {
    const char* seed = std::getenv("SIMT_SEED");
    e.seed = seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10);
    e.random = e.seed * 0x9e3779b97f4a7c15u | 1;
    e.shared = map_guarded(kVariableBytes + kLaunchBytes, kPage);
    e.threads = std::vector<Thread>(kMostThreads);
    e.warps = std::vector<Meeting>(kMostThreads / 32);
  }
  e.kernel = &kernel;
  e.count = static_cast<int>(count);
  e.launch_bytes = shared_bytes;
  now.block_size = block;
  now.grid = grid;
  note_launch();
  std::vector<int64_t> order(static_cast<size_t>(grid.x) * grid.y * grid.z);
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = static_cast<int64_t>(i);
    std::swap(order[i], order[random_below(i + 1)]);
  }
  for (int64_t b : order) {
    uint64_t n = static_cast<uint64_t>(b);
    now.block_index = b;
    now.block = {static_cast<unsigned>(n % grid.x), static_cast<unsigned>(n / grid.x % grid.y),
                 static_cast<unsigned>(n / grid.x / grid.y)};
    run_block();
  }
}

void meet_block(void* value, Exchange exchange, const Line& line) {
  Engine& e = engine();
  if (e.ended > 0) stop("comes to the barrier of line %d, but %d threads have ended", line.number, e.ended);
  bool last = e.block.arrived == e.count - 1;
  if (last) ++now.interval;
  meet(e.block, 0, e.count, value, exchange, line, "barrier");
}

void meet_warp(void* value, Exchange exchange, const Line& line) {
  int warp = now.index / 32;
  meet(engine().warps[static_cast<size_t>(warp)], warp * 32, 32, value, exchange, line, "warp's collective");
}

void pause() {
  if (random_below(4) != 0) return;
  engine().ready.push_back(now.index);
  run_next();
}

uint64_t random_below(uint64_t n) {
  uint64_t& r = engine().random;
  r ^= r << 13;
  r ^= r >> 7;
  r ^= r << 17;
  return (r >> 11) % n;
}

void copy_async(void* to, const void* from, bool valid, size_t bytes) {
  if (reinterpret_cast<uintptr_t>(to) % bytes != 0 || reinterpret_cast<uintptr_t>(from) % bytes != 0)
    stop("copies %zu bytes from or to an address that is no multiple of that", bytes);
  Copy copy{to, from, bytes, valid, false};
  if (random_below(2) == 0) land(copy);
  engine().threads[static_cast<size_t>(now.index)].open.push_back(copy);
}

void copy_commit() {
  Thread& self = engine().threads[static_cast<size_t>(now.index)];
  self.groups.push_back(std::exchange(self.open, {}));
}

void copy_wait(int groups) {
  Thread& self = engine().threads[static_cast<size_t>(now.index)];
  for (; static_cast<int>(self.groups.size()) > groups; self.groups.pop_front())
    for (Copy& copy : self.groups.front()) land(copy);
}

void* shared_variable(const void* key, size_t bytes) {
  Engine& e = engine();
  unsigned char*& at = e.variables[key];
  if (at == nullptr) {
    at = e.shared + e.variable_bytes;
    e.variable_bytes += (bytes + 15) / 16 * 16;
    if (e.variable_bytes > kVariableBytes) stop("more than %zu bytes of shared variables", kVariableBytes);
  }
  return at;
}

unsigned char* shared_base() { return engine().shared; }

unsigned char* shared_memory() {
  Engine& e = engine();
  return e.shared + kVariableBytes + (kLaunchBytes - e.launch_bytes) / 128 * 128;
}

void* allocate(size_t bytes) {
  void* memory = map_guarded(bytes, 256);
  engine().allocations[memory] = bytes;
  watch(memory, bytes, false);
  return memory;
}

void release(void* memory) {
  auto allocation = engine().allocations.find(memory);
  if (allocation == engine().allocations.end()) stop("%p is not the start of device memory", memory);
  // The addresses stay taken, without memory: who uses them still, faults.
  size_t before = reinterpret_cast<uintptr_t>(memory) % kPage;
  mmap(static_cast<char*>(memory) - before, whole_pages(before + allocation->second), PROT_NONE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
  engine().allocations.erase(allocation);
  forget(memory);
}

}  // namespace ddpm::simt
