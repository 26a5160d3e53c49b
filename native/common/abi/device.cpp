#include "ddpm/device.h"

#include <map>
#include <mutex>

#include "common/accelerator.h"

using namespace ddpm;

namespace {

std::mutex graphs_mutex;
std::map<int64_t, accelerator::Graph*>& graphs() {
  // Never destroyed: threads may still run when the process exits.
  static auto* all = new std::map<int64_t, accelerator::Graph*>();
  return *all;
}
int64_t last_graph = 0;

accelerator::Graph* graph_of(int64_t graph) {
  auto found = graphs().find(graph);
  if (found == graphs().end())
    fail(DDPM_STALE_MEMORY, "graph %lld has been freed or never was", static_cast<long long>(graph));
  return found->second;
}

void require_capturable(int32_t device) {
  if (device == 0) fail(DDPM_NOT_SUPPORTED, "ops of the CPU cannot be captured as a graph");
}

}  // namespace

extern "C" {

int32_t ddpm_device_count(void) { return 1 + accelerator::count(); }

const char* ddpm_cuda_status(void) { return accelerator::status(); }

ddpm_status ddpm_device_check(int32_t device) {
  return guard([&] {
    if (device != 0) accelerator::require_usable(device - 1);
  });
}

const char* ddpm_device_name(int32_t device) {
  if (device == 0) return "CPU";
  return device < 0 || device > accelerator::count() ? "" : accelerator::properties(device - 1).name;
}

ddpm_status ddpm_device_properties(int32_t device, int64_t* memory, int32_t* compute_capability,
                                   int32_t* multiprocessors) {
  return guard([&] {
    if (device == 0) fail(DDPM_INVALID_ARGUMENT, "device is 0 (the CPU), expected a CUDA device");
    const accelerator::Properties& found = accelerator::properties(device - 1);
    if (memory != nullptr) *memory = found.memory;
    if (compute_capability != nullptr) *compute_capability = 10 * found.major + found.minor;
    if (multiprocessors != nullptr) *multiprocessors = found.multiprocessors;
  });
}

ddpm_status ddpm_synchronize(int32_t device) {
  return guard([&] {
    if (device != 0) accelerator::synchronize(device - 1);
  });
}

ddpm_status ddpm_capture_begin(int32_t device) {
  return guard([&] {
    require_capturable(device);
    accelerator::begin_capture(device - 1);
  });
}

ddpm_status ddpm_capture_end(int32_t device, int64_t* graph) {
  return guard([&] {
    require_capturable(device);
    if (graph == nullptr) fail(DDPM_INVALID_ARGUMENT, "graph must not be null");
    *graph = 0;
    accelerator::Graph* captured = accelerator::end_capture(device - 1);
    std::lock_guard<std::mutex> lock(graphs_mutex);
    graphs()[++last_graph] = captured;
    *graph = last_graph;
  });
}

ddpm_status ddpm_graph_run(int64_t graph) {
  return guard([&] {
    std::lock_guard<std::mutex> lock(graphs_mutex);
    accelerator::run(graph_of(graph));
  });
}

ddpm_status ddpm_graph_free(int64_t graph) {
  return guard([&] {
    if (graph == 0) return;
    std::lock_guard<std::mutex> lock(graphs_mutex);
    accelerator::Graph* freed = graph_of(graph);
    graphs().erase(graph);
    accelerator::release(freed);
  });
}

void ddpm_range_begin(const char* name) {
  if (name != nullptr) accelerator::begin_range(name);
}

void ddpm_range_end(void) { accelerator::end_range(); }
}
