// The devices of CUDA, or of the engine of tests/simt.
//
// All ops of a device run in one stream, so that memory that one op leaves can be given to the next without waiting,
// from whatever threads they are called. A thread that captures has a stream of its own meanwhile.
#include "common/accelerator.h"

#include <cstdio>
#include <deque>
#include <mutex>
#include <utility>

#include "cuda/cuda.h"
#include "cuda/host.h"
#include "cuda/staging.h"

namespace ddpm::cuda {
namespace {

struct Device {
  accelerator::Properties properties{};
  std::once_flag made;
  Stream stream = nullptr;
  Staging staging;
};

struct Devices {
  char status[512];
  std::deque<Device> all;

  Devices() {
    int count = count_devices(status, sizeof status);
    for (int i = 0; i < count; ++i) {
      Device& device = all.emplace_back();
      try {
        device.properties = properties_of(i);
      } catch (const Error& error) {
        std::snprintf(device.properties.problem, sizeof device.properties.problem, "%s", error.message.c_str());
      }
    }
  }
};

// Never destroyed: threads may still run when the process exits.
Devices& devices() {
  static Devices* d = new Devices;
  return *d;
}

/** What the calling thread works with. */
thread_local Device* selected = nullptr;
thread_local Stream capturing = nullptr;

Device& select(int number) {
  accelerator::require_usable(number);
  Device& device = devices().all[static_cast<size_t>(number)];
  if (capturing != nullptr && selected != &device)
    fail(DDPM_NOT_SUPPORTED, "device %d cannot be used while another one captures", number + 1);
  select_device(number);
  std::call_once(device.made, [&] { device.stream = create_stream(); });
  selected = &device;
  return device;
}

}  // namespace

Stream op_stream() { return capturing != nullptr ? capturing : selected == nullptr ? nullptr : selected->stream; }

Staging& current_staging() { return selected->staging; }

void select_for_op(int device) { select(device - 1); }

}  // namespace ddpm::cuda

namespace ddpm::accelerator {

using namespace ddpm::cuda;

struct Graph {
  int device;
  cuda::Graph graph;
};

int count() { return static_cast<int>(devices().all.size()); }
const char* status() { return devices().status; }

const Properties& properties(int device) {
  if (device < 0 || device >= count())
    fail(DDPM_INVALID_ARGUMENT, "device is %d, expected 0 (the CPU) to %d: %s", device + 1, count(), status());
  return devices().all[static_cast<size_t>(device)].properties;
}

void require_usable(int device) {
  const Properties& found = properties(device);
  if (found.problem[0] != 0)
    fail(DDPM_DEVICE_ERROR, "device %d (%s) cannot be used: %s", device + 1, found.name, found.problem);
}

const Backend* backend() { return count() == 0 ? nullptr : cuda::backend(); }

void* allocate(int device, int64_t bytes) {
  select(device);
  return cuda::allocate(static_cast<size_t>(bytes));
}

void release(int device, void* memory) {
  try {
    cuda::synchronize(select(device).stream);
  } catch (const Error&) {
    // The next op tells.
  }
  cuda::release(memory);
}

void synchronize(int device) {
  if (capturing != nullptr) fail(DDPM_NOT_SUPPORTED, "waiting for a device cannot be part of a captured graph");
  cuda::synchronize(select(device).stream);
}

void* stream(int device) {
  select(device);
  return op_stream();
}

double seconds(int device, const std::function<void()>& before, const std::function<void()>& work) {
  select(device);
  Event start = create_event(), end = create_event();
  before();
  record(start, nullptr);
  work();
  record(end, nullptr);
  cuda::synchronize(end);
  double seconds = 1e-3 * milliseconds_between(start, end);
  for (Event event : {start, end}) destroy(event);
  return seconds;
}

void begin_capture(int device) {
  if (capturing != nullptr) fail(DDPM_INVALID_ARGUMENT, "this thread captures already");
  select(device);
  Stream stream = create_stream();
  cuda::begin_capture(stream);
  capturing = stream;
}

Graph* end_capture(int device) {
  if (capturing == nullptr) fail(DDPM_INVALID_ARGUMENT, "this thread does not capture");
  select(device);
  Stream stream = std::exchange(capturing, nullptr);
  struct Destroyer {
    Stream stream;
    ~Destroyer() { destroy(stream); }
  } destroyer{stream};
  return new Graph{device, cuda::end_capture(stream)};
}

void run(Graph* graph) {
  select(graph->device);
  run_graph(graph->graph, nullptr);
}

void release(Graph* graph) {
  try {
    cuda::synchronize(select(graph->device).stream);
  } catch (const Error&) {
    // The next op tells.
  }
  destroy(graph->graph);
  delete graph;
}

void begin_range(const char* name) { cuda::begin_range(name); }
void end_range() { cuda::end_range(); }

}  // namespace ddpm::accelerator
