// The host half of device.h on the engine, as two devices. One kernel runs at a time, on the thread that waits for it.
#include "cuda/host.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "common/error.h"
#include "simt/checker.h"
#include "simt/engine.h"
#include "simt/memory.h"

namespace ddpm::simt {

using Work = std::function<void()>;
using Clock = std::chrono::steady_clock;

struct GraphState {
  std::vector<Work> work;
  std::vector<void*> memory;  // which its work uses, and releases
};

struct StreamState {
  std::deque<Work> work;
  std::unique_ptr<GraphState> captured;  // null: not capturing
};

struct EventState {
  StreamState* stream = nullptr;
  bool done = true;
  Clock::time_point time;
};

namespace {

constexpr int kDevices = 2;
constexpr size_t kDeviceBytes = size_t{4} << 30;

std::recursive_mutex mutex;
std::string fault;
size_t used_bytes = 0;
std::map<void*, size_t> sizes;

void require_no_fault() {
  if (!fault.empty()) fail(DDPM_DEVICE_ERROR, "%s; the device cannot be used any more", fault.c_str());
}

/** Does a stream's work, until an event is done. */
void run(StreamState& stream, const EventState* until = nullptr) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  while (!stream.work.empty() && (until == nullptr || !until->done)) {
    require_no_fault();
    Work work = std::move(stream.work.front());
    stream.work.pop_front();
    try {
      work();
    } catch (const Error& error) {
      fault = error.message;
    }
  }
  require_no_fault();
}

StreamState* order(StreamState* stream) { return stream == nullptr ? cuda::op_stream() : stream; }

void require_no_capture(StreamState* stream, const char* what) {
  if (cuda::is_capturing(stream)) fail(DDPM_NOT_SUPPORTED, "%s cannot be part of a captured graph", what);
}

void copy(void* to, const void* from, size_t bytes) {
  std::memcpy(to, from, bytes);
  note_host_write(to, bytes);
}

}  // namespace

void enqueue(StreamState* stream, Work work) {
  stream = order(stream);
  if (stream == nullptr) return work();
  std::lock_guard<std::recursive_mutex> lock(mutex);
  require_no_fault();
  if (stream->captured)
    stream->captured->work.push_back(std::move(work));
  else
    stream->work.push_back(std::move(work));
}

}  // namespace ddpm::simt

namespace ddpm::cuda {

using namespace ddpm::simt;

int count_devices(char* status, size_t size) {
  std::snprintf(status, size, "%d devices, run on the CPU", kDevices);
  return kDevices;
}

accelerator::Properties properties_of(int device) {
  accelerator::Properties p{};
  std::snprintf(p.name, sizeof p.name, "SIMT engine %d", device);
  p.memory = kDeviceBytes;
  p.major = 8;
  p.multiprocessors = 1;
  return p;
}

void select_device(int) {}

bool is_capturing(Stream stream) {
  stream = order(stream);
  return stream != nullptr && stream->captured != nullptr;
}

void* allocate(size_t bytes) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  require_no_fault();
  if (bytes > kDeviceBytes - used_bytes) fail(DDPM_OUT_OF_MEMORY, "device memory: no %zu bytes are left", bytes);
  void* memory = simt::allocate(bytes);
  sizes[memory] = bytes;
  used_bytes += bytes;
  return memory;
}

void release(void* memory) {
  std::lock_guard<std::recursive_mutex> lock(mutex);
  auto found = sizes.find(memory);
  if (found != sizes.end()) {
    used_bytes -= found->second;
    sizes.erase(found);
  }
  simt::release(memory);
}

void* allocate(size_t bytes, Stream) { return allocate(bytes); }

void release(void* memory, Stream stream) {
  if (is_capturing(stream))
    order(stream)->captured->memory.push_back(memory);
  else
    enqueue(stream, [=] { release(memory); });
}

void* allocate_pinned(size_t bytes) { return std::malloc(bytes); }
void release_pinned(void* memory) { std::free(memory); }

void clear(void* to, size_t bytes, Stream stream) {
  enqueue(stream, [=] {
    std::memset(to, 0, bytes);
    note_host_write(to, bytes);
  });
}

void copy_async(void* to, const void* from, size_t bytes, Stream stream) {
  enqueue(stream, [=] { copy(to, from, bytes); });
}

void copy_to_device(void* to, const void* from, size_t bytes, Stream stream) {
  require_no_capture(stream, "a copy from memory of the host");
  const char* values = static_cast<const char*>(from);
  enqueue(stream, [to, kept = std::vector<char>(values, values + bytes)] { copy(to, kept.data(), kept.size()); });
}

void copy_to_host(void* to, const void* from, size_t bytes, Stream stream) {
  require_no_capture(stream, "a copy to memory of the host");
  enqueue(stream, [=] { std::memcpy(to, from, bytes); });
  synchronize(stream);
}

Stream create_stream() { return new StreamState; }
void destroy(Stream stream) {
  run(*stream);
  delete stream;
}

void synchronize(Stream stream) {
  require_no_capture(stream, "waiting for the device");
  stream = order(stream);
  if (stream != nullptr) run(*stream);
}

Event create_event() { return new EventState; }
void destroy(Event event) { delete event; }

void record(Event event, Stream stream) {
  event->stream = order(stream);
  event->done = false;
  enqueue(stream, [=] {
    event->done = true;
    event->time = Clock::now();
  });
}

void wait(Stream stream, Event event) {
  enqueue(stream, [=] {
    if (!event->done) run(*event->stream, event);
  });
}

void synchronize(Event event) {
  if (!event->done) run(*event->stream, event);
}

float milliseconds_between(Event from, Event to) {
  if (!from->done || !to->done) fail(DDPM_DEVICE_ERROR, "an event is not done, so there is no time between the two");
  return std::chrono::duration<float, std::milli>(to->time - from->time).count();
}

void begin_capture(Stream stream) {
  require_no_capture(stream, "another capture");
  stream->captured = std::make_unique<GraphState>();
}

Graph end_capture(Stream stream) {
  if (!stream->captured) fail(DDPM_DEVICE_ERROR, "nothing is being captured");
  return stream->captured.release();
}

void run_graph(Graph graph, Stream stream) {
  enqueue(stream, [=] {
    for (const Work& work : graph->work) work();
  });
}

void destroy(Graph graph) {
  for (void* memory : graph->memory) release(memory);
  delete graph;
}

void begin_range(const char*) {}
void end_range() {}

}  // namespace ddpm::cuda
