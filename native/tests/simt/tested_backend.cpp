// Runs the cases of optimal_test.cpp on the CUDA kernels: partial results come from the engine, and must have the bits
// of the CPU's.
#include <cstring>
#include <vector>

#include "cpu/cpu.h"
#include "cuda/cuda.h"
#include "ddpm/optimal.h"
#include "simt/checker.h"
#include "simt/memory.h"

namespace ddpm {
namespace {

/** A copy in device memory, which ends where it should. */
template <class T>
class OnDevice {
 public:
  OnDevice(const T* values, int64_t count)
      : copy_(static_cast<T*>(simt::allocate(sizeof(T) * static_cast<size_t>(count)))) {
    std::memcpy(copy_, values, sizeof(T) * static_cast<size_t>(count));
    simt::note_host_write(copy_, sizeof(T) * static_cast<size_t>(count));
  }
  ~OnDevice() { simt::release(copy_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  operator T*() const { return copy_; }

 private:
  T* copy_;
};

ddpm_status optimal_partial(const OptimalPartialArgs& args) {
  ddpm_status status = cpu::portable::backend()->optimal_partial(args);
  if (status != DDPM_OK) return status;
  size_t size = static_cast<size_t>(DDPM_OPTIMAL_HEADER + 4 * args.data.pixels());
  size_t count = static_cast<size_t>(args.queries) * size;
  const int64_t* expected = args.partial;
  std::vector<int64_t> got(count);
  int64_t report[DDPM_OPTIMAL_REPORT];
  OptimalPartialArgs mine = args;
  mine.partial = got.data();
  mine.report = report;
  const ByteImages& data = args.data;
  OnDevice<int8_t> rows(data.rows, data.images * data.row_bytes());
  OnDevice<double> norms(data.norms, data.images);
  OnDevice<float> xt(args.xt, args.queries * data.pixels());
  mine.data.rows = rows;
  mine.data.norms = norms;
  mine.data.coarse = nullptr;
  mine.data.rests = nullptr;
  mine.xt = xt;
  status = cuda::backend()->optimal_partial(mine);
  if (status != DDPM_OK) fail(DDPM_INTERNAL_ERROR, "the CUDA kernels decline the case");
  for (size_t i = 0; i < count; ++i)
    if (got[i] != expected[i])
      fail(DDPM_INTERNAL_ERROR, "query %zu: number %zu of its partial result is %lld, on the CPU %lld", i / size,
           i % size, static_cast<long long>(got[i]), static_cast<long long>(expected[i]));
  if (args.report == nullptr) return DDPM_OK;
  // Bounds save the CPU work, and it may sum up what will fall below the bins.
  const char* kinds[] = {"all", "compared", "refined", "summed", "narrowed"};
  bool fits[] = {report[0] == args.report[0], report[1] >= args.report[1], report[2] <= report[1],
                 report[3] <= args.report[3], report[4] == 0};
  static_assert(sizeof fits == DDPM_OPTIMAL_REPORT);
  for (int i = 0; i < DDPM_OPTIMAL_REPORT; ++i)
    if (!fits[i])
      fail(DDPM_INTERNAL_ERROR, "%lld pairs %s, on the CPU %lld", static_cast<long long>(report[i]), kinds[i],
           static_cast<long long>(args.report[i]));
  if (!args.prune && report[1] != args.report[1])
    fail(DDPM_INTERNAL_ERROR, "%lld pairs compared, on the CPU %lld", static_cast<long long>(report[1]),
         static_cast<long long>(args.report[1]));
  args.report[3] = report[3];
  return DDPM_OK;
}

const Backend table = [] {
  Backend b;
  b.name = "simt beside the CPU";
  b.optimal_partial = optimal_partial;
  return b;
}();

[[maybe_unused]] const bool set = (set_tested_backend(&table), true);

}  // namespace
}  // namespace ddpm
