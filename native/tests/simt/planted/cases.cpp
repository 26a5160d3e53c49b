#include "simt/planted/cases.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace ddpm::cuda::planted {
namespace {

/** Device memory with values of the host. */
template <class T>
class Values {
 public:
  explicit Values(const std::vector<T>& values) : memory_(static_cast<int64_t>(values.size()), nullptr), host_(values) {
    copy_to_device(memory_, host_.data(), host_.size() * sizeof(T), nullptr);
  }
  /** Values that nobody has written. */
  explicit Values(size_t count) : memory_(static_cast<int64_t>(count), nullptr), host_(count) {}
  operator T*() const { return memory_; }
  const std::vector<T>& get() {
    copy_to_host(host_.data(), memory_, host_.size() * sizeof(T), nullptr);
    return host_;
  }

 private:
  DeviceArray<T> memory_;
  std::vector<T> host_;
};

std::mt19937 numbers(20200620);

template <class T>
std::vector<T> whole_numbers(size_t count, int low, int high) {
  std::vector<T> values(count);
  for (T& value : values) value = static_cast<T>(std::uniform_int_distribution<int>(low, high)(numbers));
  return values;
}

}  // namespace

bool run_gemm(Bug bug) {
  const int m = 41, n = 40, k = 72;
  std::vector<float> a = whole_numbers<float>(m * k, -4, 4), b = whole_numbers<float>(k * n, -4, 4);
  auto shorts = [](const std::vector<float>& from) {
    std::vector<uint16_t> to;
    for (float x : from) to.push_back(static_cast<uint16_t>(simt::to_bf16(x)));
    return to;
  };
  Values<uint16_t> on_a(shorts(a)), on_b(shorts(b));
  Values<float> c(m * n);
  launch("gemm", gemm, dim3(2, 2), dim3(kGemmThreads), 4 * kGemmTile * kGemmTile * 2, nullptr,
         Gemm{on_a, on_b, c, m, n, k, bug});
  for (int i = 0; i < m * n; ++i) {
    float expected = 0;
    for (int l = 0; l < k; ++l)
      expected += a[static_cast<size_t>(i / n * k + l)] * b[static_cast<size_t>(l * n + i % n)];
    if (c.get()[static_cast<size_t>(i)] != expected) return false;
  }
  return true;
}

bool run_sum(Bug bug) {
  const int blocks = 2, count = bug == kEarlyReturn ? 100 : 133;
  std::vector<float> x = whole_numbers<float>(blocks * count, -9, 9);
  Values<float> on(x), out(blocks);
  launch("sum", sum, dim3(blocks), dim3(kSumThreads), 0, nullptr, Sum{on, out, count, bug});
  for (int b = 0; b < blocks; ++b) {
    float expected = 0;
    for (int i = 0; i < count; ++i) expected += x[static_cast<size_t>(b * count + i)];
    if (out.get()[static_cast<size_t>(b)] != expected) return false;
  }
  return true;
}

bool run_transpose(Bug bug) {
  const int rows = 37, columns = 44;
  std::vector<float> x = whole_numbers<float>(rows * columns, -99, 99);
  Values<float> on(x), y(rows * columns);
  launch("transpose", transpose, dim3(2, 2), dim3(kTile * 8), 0, nullptr, Transpose{on, y, rows, columns, bug});
  for (int i = 0; i < rows * columns; ++i)
    if (y.get()[static_cast<size_t>(i % columns * rows + i / columns)] != x[static_cast<size_t>(i)]) return false;
  return true;
}

bool run_softmax(Bug bug) {
  const int rows = 4, columns = 71;
  std::vector<float> x = whole_numbers<float>(rows * columns, 80, 100);
  Values<float> on(x), y(rows * columns);
  launch("softmax", softmax, dim3(rows), dim3(32), 0, nullptr, Softmax{on, y, columns, bug});
  for (int r = 0; r < rows; ++r) {
    double total = 0;
    for (int c = 0; c < columns; ++c)
      total += std::exp(static_cast<double>(x[static_cast<size_t>(r * columns + c)]) - 100);
    for (int c = 0; c < columns; ++c) {
      auto i = static_cast<size_t>(r * columns + c);
      double expected = std::exp(static_cast<double>(x[i]) - 100) / total;
      // expf, a sum of 71 and a division in float32; exp's argument is exact.
      if (!(std::fabs(y.get()[i] - expected) <= 8e-7 * expected * 8)) return false;
    }
  }
  return true;
}

bool run_histogram(Bug bug) {
  const int blocks = 3, threads = 64, count = blocks * threads - 5;
  std::vector<int32_t> x = whole_numbers<int32_t>(count, 0, kBins);
  Values<int32_t> on(x);
  Values<uint32_t> counts(std::vector<uint32_t>(kBins, 0));
  launch("histogram", histogram, dim3(blocks), dim3(threads), 0, nullptr, Histogram{on, counts, count, bug});
  std::vector<uint32_t> expected(kBins + 1, 0);
  for (int32_t bin : x) ++expected[static_cast<size_t>(bin)];
  expected.pop_back();
  return counts.get() == expected;
}

bool run_scan(Bug bug) {
  std::vector<int32_t> x = whole_numbers<int32_t>(kScanThreads, -9, 9);
  Values<int32_t> on(x), y(x.size());
  launch("scan", scan, dim3(1), dim3(kScanThreads), 0, nullptr, Scan{on, y, bug});
  int32_t expected = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    expected += x[i];
    if (y.get()[i] != expected) return false;
  }
  return true;
}

bool run_prologue(Bug bug) {
  const int images = 3, length = 10, pixels = images * length, skip_c = kPrologueChannels - kPrologueX;
  std::vector<float> x = whole_numbers<float>(pixels * kPrologueX, -4, 4);
  std::vector<float> skip = whole_numbers<float>(static_cast<size_t>(pixels * skip_c), -4, 4);
  std::vector<float> norm = whole_numbers<float>(images * 3 * kPrologueChannels, -3, 3);
  std::vector<float> w = whole_numbers<float>(kPrologueColumns * 3 * kPrologueChannels, -4, 4);
  Values<float> on_x(x), on_skip(skip), on_norm(norm), on_w(w), y(pixels * kPrologueColumns);
  launch("prologue", prologue, dim3(2), dim3(kPrologueThreads), kPrologueBytes, nullptr,
         Prologue{on_x, on_skip, on_norm, on_w, y, images, length, bug});
  auto at = [](const std::vector<float>& values, int i) { return values[static_cast<size_t>(i)]; };
  for (int i = 0; i < pixels * kPrologueColumns; ++i) {
    int pixel = i / kPrologueColumns, column = i % kPrologueColumns, image = pixel / length;
    float expected = 0;
    for (int tap = 0; tap < 3; ++tap)
      for (int c = 0; c < kPrologueChannels; ++c) {
        int from = pixel + tap - 1, channels = 3 * kPrologueChannels * image + c;
        if (pixel % length + tap < 1 || pixel % length + tap > length) continue;
        float value = c < kPrologueX ? at(x, from * kPrologueX + c) : at(skip, from * skip_c + c - kPrologueX);
        value = (value - at(norm, channels)) * at(norm, channels + kPrologueChannels);
        value = std::max(value + at(norm, channels + 2 * kPrologueChannels), 0.0f);
        expected += value * at(w, (column * 3 + tap) * kPrologueChannels + c);
      }
    if (at(y.get(), i) != expected) return false;
  }
  return true;
}

}  // namespace ddpm::cuda::planted
