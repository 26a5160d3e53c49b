// What of the optimal denoiser is no work for a device: packing the data set, which happens once, what follows from
// sums that are on the host anyway, and the logarithms of single kernels, which are for looking at. The CPU's backend
// does it, on copies.
#include "cuda/optimal_host.h"

#include <vector>

#include "cuda/host.h"
#include "cuda/staging.h"

namespace ddpm::cuda {
namespace {

const Backend& cpu() { return *backends_of(0)[0]; }

template <class T>
void to_device(T* to, const T* from, int64_t count) {
  current_staging().to_device(reinterpret_cast<char*>(to), reinterpret_cast<const char*>(from),
                              static_cast<size_t>(count) * sizeof(T));
}

template <class T>
std::vector<T> to_host(const T* from, int64_t count) {
  std::vector<T> values(static_cast<size_t>(count));
  current_staging().to_host(reinterpret_cast<char*>(values.data()), reinterpret_cast<const char*>(from),
                            values.size() * sizeof(T));
  return values;
}

}  // namespace

ddpm_status optimal_load(const OptimalLoadArgs& a) {
  const ByteImages& data = a.data;
  ByteImages part = data;
  part.images = a.count;
  std::vector<int8_t> rows(static_cast<size_t>(a.count * data.row_bytes()));
  std::vector<int16_t> coarse(static_cast<size_t>(a.count * data.coarse_row()));
  std::vector<double> norms(static_cast<size_t>(a.count)), rests(norms);
  part.rows = rows.data();
  part.coarse = coarse.data();
  part.norms = norms.data();
  part.rests = rests.data();
  ddpm_status status = cpu().optimal_load({part, a.host, 0, a.count});
  if (status != DDPM_OK) return status;
  to_device(data.rows + a.first * data.row_bytes(), rows.data(), a.count * data.row_bytes());
  to_device(data.coarse + a.first * data.coarse_row(), coarse.data(), a.count * data.coarse_row());
  to_device(data.norms + a.first, norms.data(), a.count);
  to_device(data.rests + a.first, rests.data(), a.count);
  return DDPM_OK;
}

ddpm_status optimal_finish(const OptimalFinishArgs& a) {
  int64_t size = a.queries * a.pixels;
  OptimalFinishArgs host = a;
  std::vector<float> xt, x0, eps;
  if (a.xt != nullptr) xt = to_host(a.xt, size);
  if (a.x0 != nullptr) x0.resize(static_cast<size_t>(size));
  if (a.eps != nullptr) eps.resize(static_cast<size_t>(size));
  host.xt = a.xt == nullptr ? nullptr : xt.data();
  host.x0 = a.x0 == nullptr ? nullptr : x0.data();
  host.eps = a.eps == nullptr ? nullptr : eps.data();
  ddpm_status status = cpu().optimal_finish(host);
  if (status != DDPM_OK) return status;
  if (a.x0 != nullptr) to_device(a.x0, x0.data(), size);
  if (a.eps != nullptr) to_device(a.eps, eps.data(), size);
  return DDPM_OK;
}

ddpm_status optimal_log_kernels(const OptimalLogKernelsArgs& a) {
  OptimalLogKernelsArgs host = a;
  std::vector<int8_t> rows = to_host(a.data.rows, a.data.images * a.data.row_bytes());
  std::vector<double> norms = to_host(a.data.norms, a.data.images);
  std::vector<float> xt = to_host(a.xt, a.queries * a.data.pixels());
  host.data.rows = rows.data();
  host.data.norms = norms.data();
  host.data.coarse = nullptr;
  host.data.rests = nullptr;
  host.xt = xt.data();
  return cpu().optimal_log_kernels(host);
}

}  // namespace ddpm::cuda
