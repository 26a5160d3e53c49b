#pragma once
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "ddpm/ddpm.h"

/**
 * A small test harness: named cases, each run with a fixed seed, once per instruction set of this machine or, where
 * DDPM_TEST_DEVICE names one, on a device.
 */
namespace ddpm::test {

using Random = std::mt19937_64;

/** Registers a case; see TEST. */
struct Registration {
  Registration(const char* name, void (*body)(Random&));
};

#define TEST(name)                                                     \
  static void name(ddpm::test::Random& random);                        \
  static ddpm::test::Registration registration_of_##name(#name, name); \
  static void name([[maybe_unused]] ddpm::test::Random& random)

/** Fails the running case with a printf-style message. */
[[noreturn]] void fail_test(const char* format, ...) __attribute__((format(printf, 1, 2)));

#define CHECK(condition)                                                                                \
  do {                                                                                                  \
    if (!(condition)) ddpm::test::fail_test("%s:%d: %s does not hold", __FILE__, __LINE__, #condition); \
  } while (0)

/** Calls an ABI function that must succeed. */
#define OK(call) ddpm::test::check_ok(call, #call, __FILE__, __LINE__)
void check_ok(ddpm_status got, const char* call, const char* file, int line);

/** Calls an ABI function that must fail with the given code and a message that contains the given text. */
#define FAILS(code, text, call) ddpm::test::check_fails(code, text, call, #call, __FILE__, __LINE__)
void check_fails(ddpm_status expected, const char* text, ddpm_status got, const char* call, const char* file, int line);

/** The device that cases run on. */
int32_t device();

/** A random whole number in [low, high]. */
int64_t pick(Random& random, int64_t low, int64_t high);

/** count normal numbers. */
std::vector<float> normal(Random& random, int64_t count, float scale = 1, float mean = 0);

/** count small whole numbers in [-limit, limit], for exact tests. */
std::vector<float> whole(Random& random, int64_t count, int limit);

/**
 * A device array between sentinels. It starts a whole, odd number of floats into its block, so it is not aligned to a
 * vector, unless DDPM_TEST_ALIGNED is set; get() fails the case if the op wrote outside it.
 */
class Array {
 public:
  explicit Array(const std::vector<float>& values);
  /** Uninitialised, in fact full of NaN: an op that reads its output before writing it shows. */
  explicit Array(int64_t count);
  ~Array();
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;

  operator ddpm_mem() const { return mem_; }
  std::vector<float> get() const;

 private:
  static const int kBefore;
  int after() const { return device() == 0 ? 19 : 0; }  // a device's memory ends where it should
  ddpm_mem block_ = 0, mem_ = 0;
  int64_t count_;
};

/**
 * Checks got against the truth: the largest error may be at most twice that of a plain float32 implementation of the
 * same formula, plus four roundings of the largest value (with few elements the plain one may be lucky).
 */
void check_close(const std::vector<float>& got, const std::vector<double>& truth, const std::vector<float>& plain,
                 const char* what);

/** Checks that two results are the same bits. */
void check_same(const std::vector<float>& got, const std::vector<float>& expected, const char* what);

/** The values in another precision: references are templates over the scalar, called with double and with float. */
template <class T>
std::vector<T> as(const std::vector<float>& values) {
  return std::vector<T>(values.begin(), values.end());
}

/**
 * Checks the gradient against central differences of the double-precision reference: d loss / d x[i] at some random i,
 * where loss is a function of x. The bound is relative to the largest gradient.
 */
void check_gradient(Random& random, const std::vector<float>& gradient, std::vector<double> x,
                    const std::function<double(const std::vector<double>&)>& loss, const char* what);

}  // namespace ddpm::test
