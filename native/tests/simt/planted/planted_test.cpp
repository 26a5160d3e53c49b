// Each planted bug must be found, by a report or a wrong result, and the kernels without one must pass. With SIMT_PTX
// the same of what nvcc makes of them.
#include "simt/planted/planted.h"

#include <cmath>
#include <cstdio>
#include <exception>
#include <random>
#include <string>
#include <vector>

#include "common/error.h"
#include "simt/trace.h"

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

struct Planted {
  const char *name, *reports;
  bool (*run)(Bug bug);
};
const Planted planted[] = {
#define DDPM_BUG(name, kernel, reports) {#kernel ": " #name, reports, run_##kernel},
    DDPM_PLANTED_BUGS(DDPM_BUG)
#undef DDPM_BUG
};

/** What a tester says of a kernel: nothing, "wrong", or a report. */
std::string verdict(bool (*run)(Bug), Bug bug) {
  try {
    return run(bug) ? "" : "wrong";
  } catch (const Error& error) {
    return error.message;
  }
}

bool is_among(const std::string& verdict, std::string reports) {
  for (size_t bar; !reports.empty(); reports = bar == std::string::npos ? "" : reports.substr(bar + 1)) {
    bar = reports.find('|');
    if (verdict.find(reports.substr(0, bar)) != std::string::npos) return true;
  }
  return false;
}

/** Orders of threads, copies and blocks that a kernel is tried in. */
constexpr int kOrders = 10;

/** What is said of a kernel in one of many orders. */
std::string verdict_of_orders(bool (*run)(Bug), Bug bug) {
  std::string text;
  for (int order = 0; order < kOrders && text.empty(); ++order) text = verdict(run, bug);
  return text;
}

int failures = 0, found = 0;

void expect(bool as_expected, const std::string& what, const std::string& verdict) {
  std::printf("%s %s: %s\n", as_expected ? "found" : "FAILED", what.c_str(),
              verdict.empty() ? "nothing" : verdict.c_str());
  (as_expected ? found : failures) += 1;
}

void find_planted_bugs() {
  for (int b = kNone + 1; b < kBugs; ++b) {
    const Planted& p = planted[b - 1];
    std::string text = verdict_of_orders(p.run, static_cast<Bug>(b));
    expect(is_among(text, p.reports), p.name, text);
  }
}

void pass_kernels_without_bugs() {
  for (bool (*run)(Bug) : {run_gemm, run_sum, run_transpose, run_softmax, run_histogram, run_scan})
    for (int order = 0; order < kOrders; ++order) {
      std::string text = verdict(run, kNone);
      if (!text.empty()) expect(false, "a kernel without a bug", text);
    }
}

/** A bug in what nvcc has made: its text, and what replaces it wherever it stands. */
struct Edit {
  bool (*run)(Bug bug);
  const char *from, *to;
};
const Edit edits[] = {
    {run_gemm, "bar.sync", "//"},
    {run_gemm, "cp.async.wait_group", "//"},
    {run_gemm, "cp.async.commit_group", "//"},
    {run_gemm, ".x4.trans.", ".x4."},
    {run_gemm, "f32.bf16.bf16.f32", "f32.f16.f16.f32"},
    {run_gemm, "], 16, %r", "], 16, 16; //"},
    {run_gemm, "%ctaid.y", "%ctaid.x"},
    {run_gemm, "cp.async.cg", "// cp.async.cg"},
    {run_gemm, "st.global.f32", "// st.global.f32"},
    {run_sum, "bar.sync", "//"},
    {run_sum, "bfly.b32", "up.b32"},
    {run_sum, "shfl.sync.bfly", "shfl.sync.idx"},
    {run_sum, "st.shared.f32", "// st.shared.f32"},
    {run_sum, "add.rn.f32", "sub.rn.f32"},
    {run_transpose, "bar.sync", "//"},
    {run_transpose, "ld.global.v4.f32", "// ld.global.v4.f32"},
    {run_transpose, "%ctaid.x", "%ctaid.y"},
    {run_softmax, "bar.warp.sync", "//"},
    {run_softmax, "bfly.b32", "down.b32"},
    {run_softmax, "ex2.approx.ftz.f32", "lg2.approx.ftz.f32"},
    {run_softmax, "div.rn.f32", "mul.rn.f32"},
    {run_histogram, "atom.shared.add.u32", "atom.shared.max.u32"},
    {run_histogram, ".global.add.u32", ".global.max.u32"},
    {run_histogram, "bar.sync", "//"},
    {run_scan, "shfl.sync.up", "shfl.sync.down"},
    {run_scan, "bar.sync", "//"},
    {run_scan, "%tid.x", "%laneid"},
};

void find_bugs_in_ptx() {
  for (const Edit& edit : edits) {
    int count = simt::ptx::reload_edited(edit.from, edit.to);
    std::string text = count == 0 ? "" : verdict_of_orders(edit.run, kNone);
    expect(!text.empty(), "'" + std::string(edit.to) + "' for '" + edit.from + "'", text);
  }
  simt::ptx::reload_edited("", "");
}

/** Of all accesses of a kind to shared memory. */
void expect_factor(bool (*run)(Bug), Bug bug, simt::Way way, double expected) {
  simt::start_trace();
  verdict(run, bug);
  bool seen = false;
  for (const simt::Traffic& t : simt::traffic()) {
    if (t.way != way || !t.shared) continue;
    seen = true;
    if (t.factor() == expected) continue;
    std::printf("FAILED %s:%d costs %.2f times what it must, expected %.2f\n", t.file.c_str(), t.line, t.factor(),
                expected);
    ++failures;
  }
  if (!seen) std::printf("FAILED no access was traced\n"), ++failures;
}

void trace_bank_conflicts() {
  expect_factor(run_gemm, kNone, simt::Way::kMatrix, 1);
  // Rows of 64 bytes: without the swizzle the pieces of eight are in two places of the banks.
  expect_factor(run_gemm, kOtherSwizzleAtLoad, simt::Way::kMatrix, 4);
  if (!simt::ptx::is_used()) return;
  // Rows of 33 floats: no two neighbours in a column are in the same bank.
  expect_factor(run_transpose, kNone, simt::Way::kLoad, 1);
}

}  // namespace

int run_all() {
  find_planted_bugs();
  pass_kernels_without_bugs();
  if (simt::ptx::is_used()) find_bugs_in_ptx();
  trace_bank_conflicts();
  std::printf("%d planted bugs found, %d failures\n", found, failures);
  return failures;
}

}  // namespace ddpm::cuda::planted

int main() { return ddpm::cuda::planted::run_all() == 0 ? 0 : 1; }
