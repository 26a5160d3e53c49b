#pragma once
#include <functional>
#include <string>
#include <vector>

#include "ddpm/ddpm.h"

/** What kernel_bench and kernel_table share beside their kernels: options, operands, checks and shapes. */
namespace ddpm::bench {

using Floats = std::vector<float>;

struct Options {
  std::string op, shape, isa, algorithm = "auto", precision = "float32", shapes, usage;
  int device = 0, threads = 1;
  double seconds = 0.2, peak = 0, bandwidth = 0, flush = 256;
};

Options parse(int argc, char** argv);

[[noreturn]] void stop(const std::string& message);

/** Stops unless a call of the ABI went well. */
void ok(ddpm_status status);

/** Selects what the options say, for the process. */
void select(const Options& options);

/** Normal numbers; such as have a bfloat16 unless the precision is float32, so that rounding them changes nothing. */
Floats random_floats(size_t count);

/** A block of the selected device's memory. */
class Buffer {
 public:
  explicit Buffer(size_t count);
  explicit Buffer(const Floats& values);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  operator ddpm_mem() const { return mem_; }
  Floats get() const;

 private:
  int64_t count_;
  ddpm_mem mem_ = 0;
};

/** What a kernel has to do at least. */
struct Work {
  double flop, bytes;
};

/** What is done with kernels and shapes: kernel_bench times them, kernel_table traces them. */
class Bench {
 public:
  explicit Bench(const Options& options) : options_(options) {}
  virtual ~Bench() = default;

  const Options& options() const { return options_; }
  /** Whether kernels round more than the operands, which are so already. */
  bool rounds() const { return options_.precision != "float32"; }
  virtual bool wants(const std::string& op, const std::string& shape) const;
  /** Whether results are checked before they are measured. */
  virtual bool checks() const { return true; }
  /** As in the tests: at most twice the error of plain float32, and one rounding of the largest value. */
  void check(const std::string& what, const Floats& got, const std::vector<double>& truth, const Floats& plain) const;
  virtual void measure(const std::string& op, const std::string& shape, const Work& work,
                       const std::function<void()>& kernel) = 0;

 private:
  Options options_;
};

/** Lines of a file of shapes: a name, then whole numbers. */
void for_shapes(const Options& options, const char* file, size_t numbers,
                const std::function<void(const std::string& name, const std::vector<int>& values)>& visit);

}  // namespace ddpm::bench
