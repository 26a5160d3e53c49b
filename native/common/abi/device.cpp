#include "ddpm/device.h"

#include <memory>

#include "common/accelerator.h"
#include "common/backend.h"
#include "common/handles.h"

using namespace ddpm;

namespace {

struct GraphReleaser {
  void operator()(accelerator::Graph* graph) const { accelerator::release(graph); }
};

using Graph = std::unique_ptr<accelerator::Graph, GraphReleaser>;

// Never destroyed: threads may still run when the process exits.
Handles<accelerator::Graph, GraphReleaser>& graphs() {
  static auto* all = new Handles<accelerator::Graph, GraphReleaser>("graph");
  return *all;
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
    *graph = graphs().add(Graph(accelerator::end_capture(device - 1)));
  });
}

ddpm_status ddpm_graph_run(int64_t graph) {
  return guard([&] {
    graphs().use(graph, [](accelerator::Graph& g) { accelerator::run(&g); });
    ++device_calls().graphs;
  });
}

ddpm_status ddpm_graph_free(int64_t graph) {
  return guard([&] { graphs().free(graph); });
}

ddpm_status ddpm_device_calls(int64_t* ops, int64_t* graph_runs) {
  return guard([&] {
    if (ops == nullptr || graph_runs == nullptr) fail(DDPM_INVALID_ARGUMENT, "ops and graph_runs must not be null");
    *ops = device_calls().ops;
    *graph_runs = device_calls().graphs;
  });
}

void ddpm_range_begin(const char* name) {
  if (name != nullptr) accelerator::begin_range(name);
}

void ddpm_range_end(void) { accelerator::end_range(); }
}
