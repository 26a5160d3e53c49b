#include "simt/engine.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/error.h"
#include "simt/checker.h"
#include "simt/copies.h"
#include "simt/faults.h"
#include "simt/fiber.h"
#include "simt/memory.h"
#include "simt/trace.h"

namespace ddpm::simt {

Now now;

namespace {

constexpr unsigned kMostThreads = 1024;

struct Thread {
  Fiber fiber;
  bool ended;
  const char* waits;  // for what, at line
  Line line;
};

/** Threads on their way to one place. */
struct Meeting {
  unsigned mask;  // of a warp
  int arrived = 0;
  Line line;
  void* values[kMostThreads] = {};
};

struct Warp {
  std::vector<Meeting*> meetings;  // those that some lane waits at
  int64_t interval;
  unsigned ended;  // lanes
};

struct Engine {
  const char* name = "";
  const std::function<void()>* kernel = nullptr;
  Fiber outside;
  std::vector<Thread> threads;  // as many as any block had
  std::vector<int> ready;
  Meeting block;
  std::vector<Warp> warps;
  std::vector<Meeting*> spare;
  int count = 0, ended = 0;
  std::string failure;
  uint64_t seed = 0, random = 0;

  Engine() {
    const char* text = std::getenv("SIMT_SEED");
    seed = text == nullptr ? 1 : std::strtoull(text, nullptr, 10);
    random = seed * 0x9e3779b97f4a7c15u | 1;
    threads = std::vector<Thread>(kMostThreads);
    warps = std::vector<Warp>(kMostThreads / kWarp);
  }
  Thread& self() { return threads[static_cast<size_t>(now.index)]; }
  Warp& warp() { return warps[static_cast<size_t>(now.index / kWarp)]; }
};

Engine& engine() {
  static Engine e;
  return e;
}

void enter(int index) {
  unsigned n = static_cast<unsigned>(index), x = now.block_size.x, y = now.block_size.y;
  now.index = index;
  now.thread = {n % x, n / x % y, n / x / y};
  now.warp_interval = engine().warp().interval;
}

/** Goes on with any thread that can. */
void run_next() {
  Engine& e = engine();
  Thread& self = e.self();
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
  if (next == now.index) return;
  enter(next);
  self.fiber.switch_to(e.self().fiber);
}

void wait_at(const char* what, const Line& line) {
  Thread& self = engine().self();
  self.waits = what;
  self.line = line;
  run_next();
}

void run_thread() {
  Engine& e = engine();
  (*e.kernel)();
  end_copies();
  e.self().ended = true;
  e.warp().ended |= 1u << now.lane();
  ++e.ended;
  run_next();
}

void run_block() {
  Engine& e = engine();
  start_memory_of_block();
  e.block.arrived = e.ended = 0;
  e.ready.clear();
  for (int w = 0; w < e.count / kWarp; ++w) {
    Warp& warp = e.warps[static_cast<size_t>(w)];
    e.spare.insert(e.spare.end(), warp.meetings.begin(), warp.meetings.end());
    warp.meetings.clear();
    warp.ended = 0;
  }
  for (int i = 0; i < e.count; ++i) {
    Thread& t = e.threads[static_cast<size_t>(i)];
    t.ended = false;
    t.waits = nullptr;
    t.fiber.start(run_thread);
    e.ready.push_back(i);
  }
  start_copies(e.count);
  ++now.interval;
  e.ready.erase(e.ready.begin());
  enter(0);
  now.running = true;
  e.outside.switch_to(e.threads[0].fiber);
  now.running = false;
  trace_block();
  if (!e.failure.empty()) fail(DDPM_INTERNAL_ERROR, "%s", std::exchange(e.failure, {}).c_str());
}

}  // namespace

const char* kernel_name() { return engine().name; }

void stop(const char* format, ...) {
  Engine& e = engine();
  char text[600];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  e.failure = std::string(e.name) + ", block (" + std::to_string(now.block.x) + "," + std::to_string(now.block.y) +
              "," + std::to_string(now.block.z) + "), thread " + std::to_string(now.index) + ", seed " +
              std::to_string(e.seed) + ": " + text;
  if (!now.running) fail(DDPM_INTERNAL_ERROR, "%s", std::exchange(e.failure, {}).c_str());
  e.self().fiber.switch_to(e.outside);
  std::abort();  // nobody comes back to it
}

void run(const char* name, dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& kernel) {
  Engine& e = engine();
  e.name = name;
  unsigned count = block.x * block.y * block.z;
  if (count < 1 || count > kMostThreads || count % kWarp != 0)
    stop("a block of %u threads, expected 32 to %u in whole warps", count, kMostThreads);
  if (grid.x < 1 || grid.y < 1 || grid.y > 65535 || grid.z < 1 || grid.z > 65535)
    stop("a grid of %u x %u x %u blocks", grid.x, grid.y, grid.z);
  FaultCatcher faults;
  start_memory_of_launch(shared_bytes);
  e.kernel = &kernel;
  e.count = static_cast<int>(count);
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

void meet_block(void* value, const Exchange& exchange, const Line& line) {
  Engine& e = engine();
  if (e.ended > 0) stop("comes to the barrier of line %d, but %d threads have ended", line.number, e.ended);
  Meeting& meeting = e.block;
  if (meeting.arrived > 0 && !(meeting.line == line))
    stop("threads meet at the barriers of lines %d and %d", meeting.line.number, line.number);
  meeting.line = line;
  meeting.values[now.index] = value;
  if (++meeting.arrived < e.count) return wait_at("barrier", line);
  ++now.interval;
  exchange.call(exchange.work, meeting.values);
  meeting.arrived = 0;
  for (int i = 0; i < e.count; ++i) e.ready.push_back(i);
  run_next();
}

void meet_warp(unsigned mask, void* value, const Exchange& exchange, const Line& line, bool orders_memory) {
  Engine& e = engine();
  Warp& warp = e.warp();
  unsigned self = 1u << now.lane();
  if ((mask & self) == 0) stop("the mask %08x of line %d does not name the lane", mask, line.number);
  if ((mask & warp.ended) != 0) stop("lanes of the mask %08x of line %d have ended", mask, line.number);
  Meeting* meeting = nullptr;
  for (Meeting* other : warp.meetings) {
    if ((other->mask & mask) == 0) continue;
    if (other->mask != mask)
      stop("lanes meet with the masks %08x of line %d and %08x of line %d", other->mask, other->line.number, mask,
           line.number);
    if (!(other->line == line))
      stop("lanes meet at the collectives of lines %d and %d", other->line.number, line.number);
    meeting = other;
  }
  if (meeting == nullptr) {
    if (e.spare.empty()) e.spare.push_back(new Meeting);
    meeting = e.spare.back();
    e.spare.pop_back();
    meeting->mask = mask;
    meeting->line = line;
    meeting->arrived = 0;
    std::fill_n(meeting->values, kWarp, nullptr);
    warp.meetings.push_back(meeting);
  }
  meeting->values[now.lane()] = value;
  if (++meeting->arrived < __builtin_popcount(mask)) return wait_at("warp's collective", line);
  if (orders_memory) now.warp_interval = ++warp.interval;
  exchange.call(exchange.work, meeting->values);
  warp.meetings.erase(std::find(warp.meetings.begin(), warp.meetings.end(), meeting));
  e.spare.push_back(meeting);
  for (int l = 0; l < kWarp; ++l)
    if (mask >> l & 1) e.ready.push_back(now.index - now.lane() + l);
  run_next();
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

}  // namespace ddpm::simt
