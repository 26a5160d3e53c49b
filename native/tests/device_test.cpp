// Devices beside the CPU: why there are none, and memory, order, graphs and faults of those that there are.
#include <dlfcn.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "ddpm/interop.h"
#include "harness.h"

using namespace ddpm::test;

namespace {

bool on_cpu() { return device() == 0; }

/** A recorded graph, freed at the end. */
struct Graph {
  int64_t graph = 0;
  ~Graph() { ddpm_graph_free(graph); }
};

}  // namespace

TEST(a_device_says_what_it_is_or_why_it_is_not_used) {
  std::string status = ddpm_cuda_status();
  CHECK(!status.empty());
  CHECK(status.find('\n') == std::string::npos);
  CHECK(ddpm_device_count() >= 1);
  CHECK(std::strcmp(ddpm_device_name(0), "CPU") == 0);
  OK(ddpm_device_check(0));
  OK(ddpm_synchronize(0));
  int32_t none = ddpm_device_count();
  CHECK(ddpm_device_name(none)[0] == 0);
  CHECK(ddpm_device_name(-1)[0] == 0);
  FAILS(DDPM_INVALID_ARGUMENT, "expected", ddpm_device_check(none));
  FAILS(DDPM_INVALID_ARGUMENT, "expected", ddpm_device_check(-1));
  FAILS(DDPM_INVALID_ARGUMENT, "expected", ddpm_synchronize(none));
  FAILS(DDPM_INVALID_ARGUMENT, "CPU", ddpm_device_properties(0, nullptr, nullptr, nullptr));
  ddpm_mem block = 0;
  FAILS(DDPM_INVALID_ARGUMENT, "expected", ddpm_block_allocate(none, 64, &block));
  for (int32_t i = 1; i < none; ++i) {
    int64_t memory = 0;
    int32_t capability = 0, multiprocessors = 0;
    OK(ddpm_device_properties(i, &memory, &capability, &multiprocessors));
    CHECK(memory > 0 && capability >= 10 && multiprocessors > 0);
    CHECK(ddpm_device_name(i)[0] != 0);
  }
}

TEST(a_library_without_a_usable_device_says_why) {
  if (ddpm_device_count() > 1) return;
  const std::string no_driver = "there is no NVIDIA driver (libcuda.so.1)";
  std::string status = ddpm_cuda_status(), reason = "this build has no CUDA kernels";
  if (const char* expected = std::getenv("DDPM_TEST_CUDA_STATUS")) reason = expected;
  // Where there is a driver with no device, it may say many things.
  if (reason == no_driver && dlopen("libcuda.so.1", RTLD_LAZY) != nullptr) return;
  if (status.find(reason) != 0) fail_test("the status is '%s', expected '%s'", status.c_str(), reason.c_str());
}

TEST(addresses_are_a_devices_own) {
  int64_t address = 0;
  Array a(4);
  FAILS(DDPM_INVALID_ARGUMENT, "must not be null", ddpm_device_address(a, nullptr));
  FAILS(DDPM_INVALID_ARGUMENT, "not a memory reference", ddpm_device_address(0, &address));
  if (on_cpu()) {
    FAILS(DDPM_INVALID_ARGUMENT, "CPU", ddpm_device_address(a, &address));
  } else {
    int64_t next = 0;
    OK(ddpm_device_address(a, &address));
    OK(ddpm_device_address(a + 4, &next));
    CHECK(address != 0 && next == address + 4);
  }
}

TEST(a_device_has_a_stream) {
  int64_t stream = 0, again = 0;
  FAILS(DDPM_INVALID_ARGUMENT, "must not be null", ddpm_device_stream(device(), nullptr));
  FAILS(DDPM_INVALID_ARGUMENT, "expected", ddpm_device_stream(ddpm_device_count(), &stream));
  if (on_cpu()) {
    FAILS(DDPM_INVALID_ARGUMENT, "CPU", ddpm_device_stream(0, &stream));
  } else {
    OK(ddpm_device_stream(device(), &stream));
    OK(ddpm_device_stream(device(), &again));
    CHECK(stream != 0 && stream == again);
  }
}

TEST(copies_of_any_size_arrive) {
  // The staging memory is 2^18 floats twice.
  for (int64_t count : {1, 1000, 1 << 18, (1 << 18) + 1, 3 * (1 << 18) + 17}) {
    auto values = normal(random, count);
    auto sent = values;
    Array a(sent), b(count);
    for (float& value : sent) value = 0;  // whose copy must have been taken
    OK(ddpm_copy(b, a, count));
    check_same(a.get(), values, "a");
    check_same(b.get(), values, "b");
  }
}

TEST(operands_of_two_devices_are_refused) {
  if (ddpm_device_count() < 2) return;
  ddpm_mem here = 0, there = 0;
  OK(ddpm_block_allocate(0, 64, &here));
  for (int32_t i = 1; i < ddpm_device_count(); ++i) {
    int64_t before = ddpm_block_bytes(i);
    OK(ddpm_block_allocate(i, 64, &there));
    CHECK(ddpm_block_bytes(i) == before + 64);
    FAILS(DDPM_INVALID_ARGUMENT, "is on device", ddpm_copy(here, there, 1));
    OK(ddpm_block_free(there));
  }
  OK(ddpm_block_free(here));
}

TEST(what_is_captured_runs_when_asked_and_on_what_is_there_then) {
  if (on_cpu()) {
    int64_t graph = 0;
    FAILS(DDPM_NOT_SUPPORTED, "CPU", ddpm_capture_begin(0));
    FAILS(DDPM_NOT_SUPPORTED, "CPU", ddpm_capture_end(0, &graph));
    return;
  }
  const int64_t n = 1000;
  auto first = normal(random, n), second = normal(random, n);
  Array x(first), y(n), z(n);
  Graph g;
  OK(ddpm_capture_begin(device()));
  OK(ddpm_copy(y, x, n));
  OK(ddpm_copy(z, y, n));
  OK(ddpm_fill(y, n, 7));
  FAILS(DDPM_NOT_SUPPORTED, "captured", ddpm_copy_from_host(x, first.data(), n));
  FAILS(DDPM_NOT_SUPPORTED, "captured", ddpm_copy_to_host(first.data(), x, n));
  FAILS(DDPM_NOT_SUPPORTED, "captured", ddpm_synchronize(device()));
  FAILS(DDPM_INVALID_ARGUMENT, "already", ddpm_capture_begin(device()));
  // Another thread works on meanwhile.
  std::vector<float> seen;
  std::thread([&] {
    Array other(second);
    seen = other.get();
  }).join();
  check_same(seen, second, "the other thread's");
  OK(ddpm_capture_end(device(), &g.graph));
  CHECK(std::isnan(y.get()[0]));
  OK(ddpm_graph_run(g.graph));
  check_same(z.get(), first, "z");
  check_same(y.get(), std::vector<float>(n, 7), "y");
  OK(ddpm_copy_from_host(x, second.data(), n));
  OK(ddpm_graph_run(g.graph));
  OK(ddpm_copy(x, y, n));
  check_same(z.get(), second, "z of the second run");
  check_same(x.get(), std::vector<float>(n, 7), "x");
}

TEST(bad_graphs_are_refused) {
  for (int64_t graph : {int64_t{-1}, int64_t{1} << 40}) {
    FAILS(DDPM_STALE_MEMORY, "never was", ddpm_graph_run(graph));
    FAILS(DDPM_STALE_MEMORY, "never was", ddpm_graph_free(graph));
  }
  OK(ddpm_graph_free(0));
  if (on_cpu()) return;
  int64_t graph = 0;
  FAILS(DDPM_INVALID_ARGUMENT, "does not capture", ddpm_capture_end(device(), &graph));
  OK(ddpm_capture_begin(device()));
  FAILS(DDPM_INVALID_ARGUMENT, "must not be null", ddpm_capture_end(device(), nullptr));
  OK(ddpm_capture_end(device(), &graph));
  OK(ddpm_graph_run(graph));
  OK(ddpm_graph_free(graph));
  FAILS(DDPM_STALE_MEMORY, "freed", ddpm_graph_run(graph));
}
