// The host half of the seam on the engine: order of streams, events, graphs with kernels, and what a fault leaves.
#include <cmath>
#include <cstring>
#include <string>

#include "common/error.h"
#include "cuda/device.h"
#include "harness.h"

using namespace ddpm::test;
using namespace ddpm::cuda;

namespace {

constexpr int kCount = 100, kThreads = 32;

__global__ void add_one(float* x, int count) {
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) x[i] += 1;
}

__global__ void stray(float* x) {
  if (threadIdx.x == 0) ddpm::simt::stop("goes astray at %p", static_cast<void*>(x));
}

void start_add_one(float* x, Stream stream) {
  launch("add_one", add_one, dim3(1), dim3(kThreads), 0, stream, x, kCount);
}

/** Host memory that copies can reach, and device memory. */
struct Memory {
  float* host = static_cast<float*>(allocate_pinned(kCount * sizeof(float)));
  float* device = static_cast<float*>(allocate(kCount * sizeof(float)));
  ~Memory() {
    release_pinned(host);
    release(device);
  }
  void set(float value) {
    for (int i = 0; i < kCount; ++i) host[i] = value;
  }
  void check(float value) const {
    for (int i = 0; i < kCount; ++i)
      if (host[i] != value) fail_test("%d is %g, expected %g", i, host[i], value);
  }
};

constexpr size_t kBytes = kCount * sizeof(float);

/** The message of the Error that f throws, of that code. */
template <class F>
std::string message_of(ddpm_status code, const F& f) {
  try {
    f();
  } catch (const ddpm::Error& error) {
    CHECK(error.code == code);
    return error.message;
  }
  fail_test("nothing failed");
}

}  // namespace

TEST(work_is_done_in_order_and_not_before_it_is_waited_for) {
  Stream stream = create_stream();
  Memory a;
  a.set(1);
  copy_async(a.device, a.host, kBytes, stream);
  start_add_one(a.device, stream);
  copy_async(a.host, a.device, kBytes, stream);
  a.check(1);
  synchronize(stream);
  a.check(2);
  clear(a.device, kBytes, stream);
  copy_to_host(a.host, a.device, kBytes, stream);
  a.check(0);
  destroy(stream);
}

TEST(events_order_streams_and_tell_time) {
  Stream first = create_stream(), second = create_stream();
  Event before = create_event(), after = create_event();
  Memory a;
  a.set(5);
  record(before, first);
  copy_async(a.device, a.host, kBytes, first);
  record(after, first);
  start_add_one(a.device, first);
  wait(second, after);
  copy_async(a.host, a.device, kBytes, second);
  synchronize(second);
  a.check(5);  // not what comes after the event
  synchronize(after);
  CHECK(milliseconds_between(before, after) >= 0);
  synchronize(first);
  copy_to_host(a.host, a.device, kBytes, second);
  a.check(6);
  for (Event event : {before, after}) destroy(event);
  for (Stream stream : {first, second}) destroy(stream);
}

TEST(a_graph_repeats_kernels_on_what_is_there_then) {
  Stream stream = create_stream();
  Memory a;
  a.set(0);
  begin_capture(stream);
  CHECK(is_capturing(stream));
  {
    DeviceArray<float> scratch(kCount, stream);
    copy_async(scratch, a.device, kBytes, stream);
    start_add_one(scratch, stream);
    copy_async(a.device, scratch, kBytes, stream);
  }
  CHECK(message_of(DDPM_NOT_SUPPORTED, [&] { synchronize(stream); }).find("captured") != std::string::npos);
  Graph graph = end_capture(stream);
  copy_async(a.device, a.host, kBytes, stream);
  for (int i = 0; i < 3; ++i) run_graph(graph, stream);
  copy_to_host(a.host, a.device, kBytes, stream);
  a.check(3);
  destroy(graph);
  destroy(stream);
}

TEST(memory_ends_and_is_counted) {
  CHECK(message_of(DDPM_OUT_OF_MEMORY, [] { allocate(size_t{1} << 40); }).find("memory") != std::string::npos);
  for (int i = 0; i < 3; ++i) release(allocate(size_t{1} << 22));
}

// The last case: nothing works any more then.
TEST(a_fault_shows_later_and_stays) {
  Stream stream = create_stream();
  float* memory = static_cast<float*>(allocate(kBytes));
  launch("stray", stray, dim3(1), dim3(kThreads), 0, stream, memory);
  std::string message = message_of(DDPM_DEVICE_ERROR, [&] { synchronize(stream); });
  CHECK(message.find("stray") != std::string::npos && message.find("any more") != std::string::npos);
  for (int i = 0; i < 2; ++i) message_of(DDPM_DEVICE_ERROR, [&] { clear(memory, kBytes, stream); });
  ddpm_mem block = 0;
  FAILS(DDPM_DEVICE_ERROR, "stray", ddpm_block_allocate(1, 64, &block));
  CHECK(block == 0);
}
