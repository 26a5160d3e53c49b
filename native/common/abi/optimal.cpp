#include "ddpm/optimal.h"

#include <cmath>

#include "common/backend.h"
#include "common/operands.h"
#include "common/thread_pool.h"

using namespace ddpm;

namespace {

constexpr int64_t kMaxPixels = int64_t{1} << 26;
constexpr int64_t kMaxImages = int64_t{1} << 31;

void check_pixels(int64_t pixels) {
  require(pixels >= 1 && pixels <= kMaxPixels, "pixels", static_cast<double>(pixels), "1 to 2^26");
}

ByteImages sizes(int64_t images, int32_t height, int32_t width, int32_t channels) {
  require(images >= 1 && images <= kMaxImages, "images", static_cast<double>(images), "1 to 2^31");
  check_pixels(elements("an image", height, width, channels));
  ByteImages data{};
  data.images = images;
  data.height = height;
  data.width = width;
  data.channels = channels;
  return data;
}

ByteImages byte_images(Operands& operands, ddpm_mem mem, int64_t images, int32_t height, int32_t width,
                       int32_t channels, bool written) {
  ByteImages data = sizes(images, height, width, channels);
  if (mem % 8 != 0) fail(DDPM_INVALID_ARGUMENT, "data is not aligned to 8 bytes");
  // Operands are counted in floats.
  int64_t floats = elements("data", data.bytes() / 4);
  const float* memory = written ? operands.out(mem, "data", floats) : operands.in(mem, "data", floats);
  char* at = reinterpret_cast<char*>(const_cast<float*>(memory));
  data.rows = reinterpret_cast<int8_t*>(at);
  data.coarse = reinterpret_cast<int16_t*>(at + images * data.row_bytes());
  data.norms = reinterpret_cast<double*>(data.coarse + images * data.coarse_row());
  data.rests = data.norms + images;
  return data;
}

void check_process(double signal, double variance) {
  require(signal >= 0 && signal <= 1, "signal", signal, "0 to 1");
  require(variance > 0 && std::isfinite(variance), "variance", variance, "a positive number");
}

OptimalPartialArgs partial_args(Operands& operands, ddpm_mem data, int64_t images, int32_t height, int32_t width,
                                int32_t channels, const int32_t* chunks, int32_t chunk_count, int32_t first_chunk,
                                int32_t last_chunk, ddpm_mem xt, int32_t queries, double signal, double variance,
                                int32_t prune) {
  check_process(signal, variance);
  if (chunks == nullptr) fail(DDPM_INVALID_ARGUMENT, "optimal: chunks must not be null");
  require(chunk_count >= 1, "chunk_count", chunk_count, "at least 1");
  require(first_chunk >= 0 && first_chunk <= chunk_count, "first_chunk", first_chunk, "0 to chunk_count");
  require(last_chunk >= first_chunk && last_chunk <= chunk_count, "last_chunk", last_chunk,
          "first_chunk to chunk_count");
  for (int32_t c = 0; c < chunk_count; ++c)
    if (chunks[c] < 0 || chunks[c + 1] <= chunks[c] || chunks[c + 1] - chunks[c] > DDPM_OPTIMAL_CHUNK ||
        chunks[c + 1] > images)
      fail(DDPM_INVALID_ARGUMENT, "chunk %d is rows %d to %d, expected 1 to %d rows of %lld", c, chunks[c],
           chunks[c + 1], static_cast<int>(DDPM_OPTIMAL_CHUNK), static_cast<long long>(images));
  OptimalPartialArgs args{};
  args.data = byte_images(operands, data, images, height, width, channels, false);
  args.chunks = chunks;
  args.first_chunk = first_chunk;
  args.last_chunk = last_chunk;
  args.xt = operands.in(xt, "xt", elements("xt", queries, args.data.pixels()));
  args.queries = queries;
  args.signal = signal;
  args.variance = variance;
  args.prune = prune != 0;
  return args;
}

}  // namespace

extern "C" {

int64_t ddpm_optimal_bytes(int64_t images, int32_t height, int32_t width, int32_t channels) {
  int64_t bytes = 0;
  (void)guard([&] { bytes = sizes(images, height, width, channels).bytes(); });
  return bytes;
}

int64_t ddpm_optimal_partial_size(int64_t pixels) {
  return pixels < 1 || pixels > kMaxPixels ? 0 : DDPM_OPTIMAL_HEADER + 4 * pixels;
}

ddpm_status ddpm_optimal_load(ddpm_mem data, int64_t images, int32_t height, int32_t width, int32_t channels,
                              const uint8_t* host, int64_t first, int64_t count) {
  return guard([&] {
    if (host == nullptr) fail(DDPM_INVALID_ARGUMENT, "optimal_load: host must not be null");
    Operands operands("optimal_load");
    OptimalLoadArgs args{};
    args.data = byte_images(operands, data, images, height, width, channels, true);
    require(first >= 0 && first < images, "first", static_cast<double>(first), "an image of the data set");
    require(count >= 1 && count <= images - first, "count", static_cast<double>(count), "images of the data set");
    args.host = host;
    args.first = first;
    args.count = count;
    dispatch(operands.device(), "optimal_load", &Backend::optimal_load, args);
  });
}

ddpm_status ddpm_optimal_partial(ddpm_mem data, int64_t images, int32_t height, int32_t width, int32_t channels,
                                 const int32_t* chunks, int32_t chunk_count, int32_t first_chunk, int32_t last_chunk,
                                 ddpm_mem xt, int32_t queries, double signal, double variance, int32_t prune,
                                 int64_t* partial, int64_t* report) {
  return guard([&] {
    if (partial == nullptr) fail(DDPM_INVALID_ARGUMENT, "optimal_partial: partial must not be null");
    Operands operands("optimal_partial");
    OptimalPartialArgs args = partial_args(operands, data, images, height, width, channels, chunks, chunk_count,
                                           first_chunk, last_chunk, xt, queries, signal, variance, prune);
    args.partial = partial;
    args.report = report;
    dispatch(operands.device(), "optimal_partial", &Backend::optimal_partial, args);
  });
}

ddpm_status ddpm_optimal_denoise(ddpm_mem data, int64_t images, int32_t height, int32_t width, int32_t channels,
                                 const int32_t* chunks, int32_t chunk_count, int32_t first_chunk, int32_t last_chunk,
                                 ddpm_mem xt, int32_t queries, double signal, double variance, int32_t prune,
                                 ddpm_mem x0, ddpm_mem eps, double* log_sums, int64_t* report) {
  return guard([&] {
    Operands operands("optimal_denoise");
    OptimalPartialArgs args = partial_args(operands, data, images, height, width, channels, chunks, chunk_count,
                                           first_chunk, last_chunk, xt, queries, signal, variance, prune);
    int64_t pixels = args.data.pixels(), size = queries * pixels;
    OptimalFinishArgs finish{};
    finish.x0 = operands.optional_out(x0, "x0", size);
    finish.eps = operands.optional_out(eps, "eps", size);
    auto* partial = static_cast<int64_t*>(
        thread_scratch(kOptimalResult, static_cast<size_t>(queries * ddpm_optimal_partial_size(pixels)) * 8));
    args.partial = partial;
    args.report = report;
    dispatch(operands.device(), "optimal_partial", &Backend::optimal_partial, args);
    finish.partial = partial;
    finish.xt = args.xt;
    finish.queries = queries;
    finish.pixels = pixels;
    finish.signal = signal;
    finish.variance = variance;
    finish.log_sums = log_sums;
    dispatch(operands.device(), "optimal_finish", &Backend::optimal_finish, finish);
  });
}

ddpm_status ddpm_optimal_finish(const int64_t* partial, int64_t pixels, ddpm_mem xt, int32_t queries, double signal,
                                double variance, ddpm_mem x0, ddpm_mem eps, double* log_sums) {
  return guard([&] {
    if (partial == nullptr) fail(DDPM_INVALID_ARGUMENT, "optimal_finish: partial must not be null");
    check_pixels(pixels);
    check_process(signal, variance);
    Operands operands("optimal_finish");
    OptimalFinishArgs args{};
    args.partial = partial;
    elements("xt", queries, pixels);
    if (eps == 0 && log_sums == nullptr && x0 == 0) return;
    if (eps != 0 || log_sums != nullptr) args.xt = operands.in(xt, "xt", queries * pixels);
    args.queries = queries;
    args.pixels = pixels;
    args.signal = signal;
    args.variance = variance;
    args.x0 = operands.optional_out(x0, "x0", queries * pixels);
    args.eps = operands.optional_out(eps, "eps", queries * pixels);
    args.log_sums = log_sums;
    dispatch(operands.device(), "optimal_finish", &Backend::optimal_finish, args);
  });
}

ddpm_status ddpm_optimal_log_kernels(ddpm_mem data, int64_t images, int32_t height, int32_t width, int32_t channels,
                                     ddpm_mem xt, int32_t queries, double signal, double variance,
                                     double* log_kernels) {
  return guard([&] {
    if (log_kernels == nullptr) fail(DDPM_INVALID_ARGUMENT, "optimal_log_kernels: log_kernels must not be null");
    check_process(signal, variance);
    Operands operands("optimal_log_kernels");
    OptimalLogKernelsArgs args{};
    args.data = byte_images(operands, data, images, height, width, channels, false);
    args.xt = operands.in(xt, "xt", elements("xt", queries, args.data.pixels()));
    args.queries = queries;
    args.signal = signal;
    args.variance = variance;
    args.log_kernels = log_kernels;
    dispatch(operands.device(), "optimal_log_kernels", &Backend::optimal_log_kernels, args);
  });
}
}
