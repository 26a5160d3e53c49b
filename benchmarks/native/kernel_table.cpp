// Prints benchmarks/results/kernels.md: what each CUDA kernel takes of a multiprocessor on every architecture, and what
// each op moves at shapes of the U-Nets. No GPU is needed: ptxas tells the first, the engine of native/tests/simt,
// which runs the kernels as PTX, the second. benchmarks/kernels.sh calls it.
//
//   SIMT_PTX=a.ptx:b.ptx kernel_table --usage FILE [--op conv2d] [--shape mnist_28] [--shapes DIR]
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "ops.h"
#include "resources.h"
#include "simt/trace.h"

namespace ddpm::bench {
namespace {

constexpr int kArchitectures[] = {80, 86, 89, 90, 100, 120};

/** Of the U-Nets' shapes, those whose kernels are run, which takes its time: the bundled model's, those of
 * google/ddpm-cifar10-32, and a part of MNIST. */
const std::set<std::string> kRun{"mnist_14_single", "cifar_8_single", "time_batch",  "cifar_attention_4",
                                 "mnist_8",         "mnist_8_256",    "cifar_8_256", "mnist_256"};
/** And those whose kernels are only launched, to know which they are. */
const std::set<std::string> kLaunched{"cifar_32", "cifar_32_batch", "down_3x3",    "first_rgb",
                                      "guide_28", "cifar_16",       "cifar_32_128"};

/** Passes over the banks of shared memory, done and least. */
struct Banks {
  uint64_t passes = 0, least = 0;

  void add(const simt::Traffic& t) {
    if (!t.shared) return;
    passes += t.cost;
    least += t.least;
  }
  std::string factor() const {
    char text[16];
    std::snprintf(text, sizeof text, "%.2f", static_cast<double>(passes) / static_cast<double>(least));
    return least == 0 ? "-" : text;
  }
};

/** A kernel as it is launched: its symbol, threads of a block, bytes of shared memory that the launch asks for. */
using Launched = std::tuple<std::string, unsigned, size_t>;

/** A symbol without its namespaces and parameters. */
std::string shortened(std::string symbol) {
  static const std::pair<std::regex, const char*> edits[] = {
      {std::regex("^void "), ""},
      {std::regex("ddpm::|cuda::|\\(anonymous namespace\\)::"), ""},
      {std::regex("\\(Precision\\)0"), "float32"},
      {std::regex("\\(Precision\\)1"), "tf32"},
      {std::regex("\\(Precision\\)2"), "bfloat16"},
      {std::regex("\\(AttentionResult\\)0"), "output"},
      {std::regex("\\(AttentionResult\\)1"), "query"},
      {std::regex("\\(AttentionResult\\)2"), "key"},
      {std::regex("\\(AttentionResult\\)3"), "value"},
      {std::regex(" >"), ">"},
      {std::regex("\\([^()]*\\)$"), ""},
  };
  for (const auto& [pattern, text] : edits) symbol = std::regex_replace(symbol, pattern, text);
  return symbol;
}

class Tracer : public Bench {
 public:
  Tracer(const Options& options, bool runs) : Bench(options), runs_(runs) { simt::run_no_kernels(!runs); }
  bool checks() const override { return false; }
  bool wants(const std::string& op, const std::string& shape) const override {
    // Only products have a precision.
    bool has_precision = op.find("norm") == std::string::npos && op != "optimal";
    return Bench::wants(op, shape) && (runs_ ? kRun : kLaunched).count(shape) > 0 && (has_precision || !rounds());
  }
  void measure(const std::string& op, const std::string& shape, const Work& work,
               const std::function<void()>& kernel) override;

 private:
  bool runs_;
};

/** What has been launched so far. */
std::map<Launched, Banks> kernels;

void Tracer::measure(const std::string& op, const std::string& shape, const Work& work,
                     const std::function<void()>& kernel) {
  ok(ddpm_synchronize(options().device));
  simt::start_trace();
  kernel();
  ok(ddpm_synchronize(options().device));
  Banks banks;
  double moved = 0;
  for (const simt::Traffic& t : simt::traffic()) {
    banks.add(t);
    if (!t.shared) moved += 32.0 * static_cast<double>(t.cost);
  }
  for (const simt::Launch& launch : simt::launches()) {
    Banks& of_kernel = kernels[{launch.kernel, launch.threads, launch.shared_bytes}];
    for (const simt::Traffic& t : simt::traffic())
      if (t.kernel == launch.name) of_kernel.add(t);
  }
  if (!runs_) return;
  std::printf("| %s | %s | %s | %.4g | %.4g | %.4g | %.2f | %.3g | %.3g | %s |\n", op.c_str(), shape.c_str(),
              options().precision.c_str(), work.flop / 1e6, work.bytes / 1e6, moved / 1e6, moved / work.bytes,
              work.flop / work.bytes, work.flop / moved, banks.factor().c_str());
  std::fflush(stdout);
}

void print_kernels(const ResourceTable& table) {
  std::printf("| kernel | threads | shared memory | bank passes |");
  for (int architecture : kArchitectures) std::printf(" sm_%d |", architecture);
  std::printf("\n| --- | ---: | ---: | ---: |");
  for (size_t i = 0; i < std::size(kArchitectures); ++i) std::printf(" --- |");
  std::printf("\n");
  for (const auto& [launched, banks] : kernels) {
    const auto& [kernel, threads, shared_bytes] = launched;
    std::string cells;
    size_t static_bytes = 0;
    for (int architecture : kArchitectures) {
      auto found = table.find({kernel, architecture});
      if (found == table.end()) stop("ptxas says nothing of " + kernel + " for sm_" + std::to_string(architecture));
      Occupancy o = occupancy(architecture, found->second, threads, shared_bytes);
      static_bytes = std::max(static_bytes, found->second.shared_bytes);
      char cell[64];
      std::snprintf(cell, sizeof cell, " %d: %d, %.0f %% |", found->second.registers, o.blocks, 100 * o.share);
      cells += cell;
    }
    std::printf("| `%s` | %u | %zu | %s |%s\n", shortened(kernel).c_str(), threads, static_bytes + shared_bytes,
                banks.factor().c_str(), cells.c_str());
  }
}

/** Of all kernels, also those that the shapes do not launch. */
void print_spills(const ResourceTable& table) {
  std::map<std::string, int> count;
  for (const auto& [kernel, resources] : table) ++count[resources.spills];
  for (const auto& [line, pairs] : count)
    std::printf("Pairs of kernel and architecture, also of kernels not above, with %s: %d\n", line.c_str(), pairs);
}

}  // namespace
}  // namespace ddpm::bench

int main(int argc, char** argv) {
  using namespace ddpm::bench;
  Options options = parse(argc, argv);
  std::ifstream usage(options.usage);
  ResourceTable table = read_resources(usage);
  if (table.empty()) stop("--usage names no file with what ptxas -v prints");
  if (std::getenv("SIMT_PTX") == nullptr) stop("SIMT_PTX must be set: C++ does not show a kernel's loads and stores");
  options.device = 1;
  std::printf(R"(## What ops move

Moved are the sectors of 32 bytes that warps load, store and copy, before any cache: what blocks read again comes from the
second-level cache as far as it fits there. The least is each operand once. Bank passes are those over the banks of shared
memory against the fewest for what was accessed; 1 is no conflict. Atomics are not counted. In tf32 it is as in bfloat16.

| op | shape | precision | MFLOP | least MB | moved MB | moved / least | FLOP/byte, least | FLOP/byte, moved | bank passes |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
)");
  for (const char* precision : {"float32", "tf32", "bfloat16"}) {
    options.precision = precision;
    select(options);
    for (bool runs : {true, false}) {
      if (runs && options.precision == "tf32") continue;
      Tracer tracer(options, runs);
      bench_all(tracer);
    }
  }
  std::printf(R"(
## What kernels take

Of the ops above. Bytes of shared memory are a block's, bank passes as above. For each architecture: registers of a thread,
blocks on a multiprocessor at a time, and the share of its threads that they are, by CUDA's `cuda_occupancy.h`.

)");
  print_kernels(table);
  std::printf("\n");
  print_spills(table);
  return 0;
}
