#include "harness.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

namespace ddpm::test {
namespace {

struct Failure {
  std::string message;
};

struct Case {
  const char* name;
  void (*body)(Random&);
};

std::vector<Case>& cases() {
  static std::vector<Case> list;
  return list;
}

int32_t tested_device = 0;

constexpr float kSentinel = -12345.678f;

}  // namespace

Registration::Registration(const char* name, void (*body)(Random&)) { cases().push_back({name, body}); }

void fail_test(const char* format, ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  throw Failure{text};
}

int32_t device() { return tested_device; }

void check_ok(ddpm_status got, const char* call, const char* file, int line) {
  if (got != DDPM_OK) fail_test("%s:%d: %s: %s", file, line, call, ddpm_last_error());
}

void check_fails(ddpm_status expected, const char* text, ddpm_status got, const char* call, const char* file,
                 int line) {
  if (got != expected) fail_test("%s:%d: %s gave status %d, expected %d", file, line, call, got, expected);
  if (std::strstr(ddpm_last_error(), text) == nullptr)
    fail_test("%s:%d: %s said '%s', expected '%s' in it", file, line, call, ddpm_last_error(), text);
}

int64_t pick(Random& random, int64_t low, int64_t high) {
  return std::uniform_int_distribution<int64_t>(low, high)(random);
}

std::vector<float> normal(Random& random, int64_t count, float scale, float mean) {
  std::normal_distribution<float> distribution(mean, scale);
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = distribution(random);
  return values;
}

std::vector<float> whole(Random& random, int64_t count, int limit) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& value : values) value = static_cast<float>(pick(random, -limit, limit));
  return values;
}

const int Array::kBefore = std::getenv("DDPM_TEST_ALIGNED") == nullptr ? 13 : 16;

Array::Array(const std::vector<float>& values) : Array(static_cast<int64_t>(values.size())) {
  OK(ddpm_copy_from_host(mem_, values.data(), count_));
}

Array::Array(int64_t count) : count_(count) {
  int64_t all = kBefore + count + after();
  OK(ddpm_block_allocate(device(), all * 4, &block_));
  OK(ddpm_fill(block_, all, kSentinel));
  mem_ = block_ + kBefore * 4;
  OK(ddpm_fill(mem_, count, std::numeric_limits<float>::quiet_NaN()));
}

Array::~Array() { ddpm_block_free(block_); }

std::vector<float> Array::get() const {
  std::vector<float> all(static_cast<size_t>(kBefore + count_ + after()));
  OK(ddpm_copy_to_host(all.data(), block_, static_cast<int64_t>(all.size())));
  for (int64_t i = 0; i < static_cast<int64_t>(all.size()); ++i)
    if ((i < kBefore || i >= kBefore + count_) && all[static_cast<size_t>(i)] != kSentinel)
      fail_test("the op wrote outside its output, at element %lld of %lld", static_cast<long long>(i - kBefore),
                static_cast<long long>(count_));
  return {all.begin() + kBefore, all.begin() + kBefore + count_};
}

void check_close(const std::vector<float>& got, const std::vector<double>& truth, const std::vector<float>& plain,
                 const char* what) {
  if (got.size() != truth.size() || plain.size() != truth.size())
    fail_test("%s: %zu values, truth has %zu, plain %zu", what, got.size(), truth.size(), plain.size());
  double plain_error = 0, largest = 0;
  for (size_t i = 0; i < truth.size(); ++i) {
    plain_error = std::max(plain_error, std::abs(plain[i] - truth[i]));
    largest = std::max(largest, std::abs(truth[i]));
  }
  double bound = 2 * plain_error + 4 * largest * std::numeric_limits<float>::epsilon();
  for (size_t i = 0; i < truth.size(); ++i)
    if (!(std::abs(got[i] - truth[i]) <= bound))
      fail_test("%s[%zu] is %.9g, expected %.9g within %.3g (plain float32 is off by up to %.3g)", what, i,
                static_cast<double>(got[i]), truth[i], bound, plain_error);
}

void check_same(const std::vector<float>& got, const std::vector<float>& expected, const char* what) {
  if (got.size() != expected.size()) fail_test("%s: %zu values, expected %zu", what, got.size(), expected.size());
  for (size_t i = 0; i < got.size(); ++i)
    if (std::memcmp(&got[i], &expected[i], sizeof(float)) != 0)
      fail_test("%s[%zu] is %.9g, expected the same bits as %.9g", what, i, static_cast<double>(got[i]),
                static_cast<double>(expected[i]));
}

void check_gradient(Random& random, const std::vector<float>& gradient, std::vector<double> x,
                    const std::function<double(const std::vector<double>&)>& loss, const char* what) {
  if (gradient.size() != x.size()) fail_test("%s: %zu values, expected %zu", what, gradient.size(), x.size());
  double largest = 0;
  for (float g : gradient) largest = std::max(largest, std::abs(static_cast<double>(g)));
  // Central differences of a double function with step h: truncation h^2, rounding 1e-16 / h; the float gradient itself
  // carries some 1e-5 of the largest.
  const double h = 1e-4;
  for (int i = 0; i < 12; ++i) {
    size_t at = static_cast<size_t>(pick(random, 0, static_cast<int64_t>(x.size()) - 1));
    double kept = x[at];
    x[at] = kept + h;
    double above = loss(x);
    x[at] = kept - h;
    double below = loss(x);
    x[at] = kept;
    double expected = (above - below) / (2 * h);
    if (!(std::abs(gradient[at] - expected) <= 2e-5 * largest + 1e-6))
      fail_test("%s[%zu] is %.9g, central differences give %.9g", what, at, static_cast<double>(gradient[at]),
                expected);
  }
}

}  // namespace ddpm::test

namespace {

using namespace ddpm::test;

/** Counts of a run of all cases. */
struct Counts {
  int passed = 0, failed = 0, skipped = 0;
};

void run_cases(const std::vector<Case>& wanted, const char* where, Counts& counts) {
  for (const Case& test : wanted) {
    Random random(20200620);
    try {
      test.body(random);
      ++counts.passed;
    } catch (const Failure& failure) {
      std::printf("FAILED %s on %s: %s\n", test.name, where, failure.message.c_str());
      ++counts.failed;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  // Cases to run: all, or those that the arguments name. DDPM_TEST_ONE_ISA: on the best instruction set only.
  std::vector<Case> wanted;
  for (const Case& test : cases())
    if (argc < 2 ||
        std::any_of(argv + 1, argv + argc, [&](const char* name) { return std::strcmp(name, test.name) == 0; }))
      wanted.push_back(test);
  Counts counts;
  if (const char* device = std::getenv("DDPM_TEST_DEVICE")) {
    tested_device = std::atoi(device);
    if (ddpm_device_check(tested_device) != DDPM_OK) {
      std::printf("FAILED: %s\n", ddpm_last_error());
      return 1;
    }
    run_cases(wanted, ddpm_device_name(tested_device), counts);
  } else {
    for (const char* isa : {"avx512", "avx2", "portable"}) {
      if (!ddpm_cpu_isa_available(isa)) {
        std::printf("skipped %zu cases on %s: this machine cannot run it\n", wanted.size(), isa);
        counts.skipped += static_cast<int>(wanted.size());
        continue;
      }
      if (ddpm_set_cpu_isa(isa) != DDPM_OK) return 1;
      run_cases(wanted, isa, counts);
      if (std::getenv("DDPM_TEST_ONE_ISA") != nullptr) break;
    }
  }
  std::printf("%d passed, %d failed, %d skipped\n", counts.passed, counts.failed, counts.skipped);
  return counts.failed == 0 ? 0 : 1;
}
