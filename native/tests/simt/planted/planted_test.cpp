// Each planted bug must be found, by a report or a wrong result, and the kernels without one must pass. With SIMT_PTX
// the same of what nvcc makes of them.
#include <cstdio>
#include <string>

#include "common/error.h"
#include "simt/planted/cases.h"
#include "simt/trace.h"

namespace ddpm::cuda::planted {
namespace {

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
  for (bool (*run)(Bug) : {run_gemm, run_sum, run_transpose, run_softmax, run_histogram, run_scan, run_prologue})
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
    {run_prologue, "bar.sync", "//"},
    {run_prologue, "cp.async.wait_group", "//"},
    {run_prologue, "max.f32", "min.f32"},
    {run_prologue, "st.shared.v4.f32", "// st.shared.v4.f32"},
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
