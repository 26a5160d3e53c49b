#include "common/program.h"

#include <optional>

#include "common/accelerator.h"

namespace ddpm {
namespace {

struct Range {
  const float* begin;
  const float* end;
  bool written;
};

struct Recording {
  int device;
  int64_t images, per_image;
  std::vector<Instruction> instructions;
  std::vector<int32_t> starts;
  std::vector<Range> ranges;  // of the step

  int64_t size() const { return images * per_image; }

  /** Whether an op's operand may be part of the step. */
  bool take(const float* operand, int64_t count, bool written) {
    if (operand == nullptr) return true;
    Range range{operand, operand + count, written};
    for (const Range& other : ranges) {
      bool apart = range.end <= other.begin || other.end <= range.begin;
      bool same = range.begin == other.begin && range.end == other.end;
      if (!apart && !same && (written || other.written)) return false;
    }
    ranges.push_back(range);
    return true;
  }

  /** An instruction of the step. */
  Instruction& add(Instruction::Kind kind) {
    Instruction& added = instructions.emplace_back();
    added.kind = kind;
    return added;
  }
};

thread_local std::optional<Recording> recording;

ddpm_status linear_combination(const LinearCombinationArgs& a) {
  Recording& r = *recording;
  if (r.starts.empty() || a.count != r.size()) return DDPM_NOT_SUPPORTED;
  for (int k = 0; k < a.terms; ++k)
    if (!r.take(a.x[k], a.count, false)) return DDPM_NOT_SUPPORTED;
  if (!r.take(a.out, a.count, true)) return DDPM_NOT_SUPPORTED;
  r.add(Instruction::kLinearCombination).linear_combination = a;
  return DDPM_OK;
}

ddpm_status scale(float* y, const float* x, float by, int64_t count) {
  LinearCombinationArgs a{};
  a.x[0] = x;
  a.weights[0] = by;
  a.terms = 1;
  a.out = y;
  a.count = count;
  return linear_combination(a);
}

ddpm_status reverse_step(const ReverseStepArgs& a) {
  Recording& r = *recording;
  if (r.starts.empty() || a.count != r.size()) return DDPM_NOT_SUPPORTED;
  for (const float* in : {a.xt, a.output, a.noise})
    if (!r.take(in, a.count, false)) return DDPM_NOT_SUPPORTED;
  for (const float* out : {a.out, a.x0})
    if (!r.take(out, a.count, true)) return DDPM_NOT_SUPPORTED;
  r.add(Instruction::kReverseStep).reverse_step = a;
  return DDPM_OK;
}

ddpm_status randn(const RandnArgs& a) {
  Recording& r = *recording;
  if (r.starts.empty() || a.images != r.images || a.per_image != r.per_image || !r.take(a.out, r.size(), true))
    return DDPM_NOT_SUPPORTED;
  r.add(Instruction::kRandn).randn = a;
  return DDPM_OK;
}

ddpm_status fill(const FillArgs& a) {
  Recording& r = *recording;
  if (r.starts.empty() || (a.count != r.size() && a.count != r.images) || !r.take(a.dst, a.count, true))
    return DDPM_NOT_SUPPORTED;
  r.add(Instruction::kFill).fill = a;
  return DDPM_OK;
}

/** All that a program can do; dispatch() refuses the rest. */
const Backend recorder = [] {
  Backend b;
  b.name = "recording a program";
  b.linear_combination = linear_combination;
  b.scale = [](const ScaleArgs& a) { return scale(a.y, a.x, a.factor, a.count); };
  b.copy = [](const CopyArgs& a) { return scale(a.dst, a.src, 1, a.count); };
  b.reverse_step = reverse_step;
  b.randn = randn;
  b.fill = fill;
  return b;
}();

const Backend* const recorders[] = {&recorder, nullptr};

Recording& recording_for(int device) {
  if (!recording || recording->device != device)
    fail(DDPM_INVALID_ARGUMENT, "this thread records no program for device %d", device);
  return *recording;
}

template <class T>
void to_device(int device, T* to, const T* from, size_t count) {
  static_assert(sizeof(T) % sizeof(float) == 0);
  CopyArgs args{reinterpret_cast<float*>(to), reinterpret_cast<const float*>(from),
                static_cast<int64_t>(count * sizeof(T) / sizeof(float))};
  dispatch(device, "program", &Backend::copy_from_host, args);
}

}  // namespace

Program::Program(int device, int64_t images, int64_t per_image, const std::vector<Instruction>& instructions,
                 const std::vector<int32_t>& starts)
    : device_(device) {
  size_t bytes = instructions.size() * sizeof(Instruction);
  memory_ = accelerator::allocate(device - 1, static_cast<int64_t>(bytes + (starts.size() + 1) * sizeof(int32_t)));
  auto* first = static_cast<Instruction*>(memory_);
  auto* start = reinterpret_cast<int32_t*>(first + instructions.size());
  args_ = {first, start, start + starts.size(), static_cast<int32_t>(starts.size() - 1), images, per_image};
  const int32_t none = 0;
  try {
    if (!instructions.empty()) to_device(device, first, instructions.data(), instructions.size());
    to_device(device, start, starts.data(), starts.size());
    to_device(device, args_.next, &none, 1);
  } catch (...) {
    accelerator::release(device - 1, memory_);
    throw;
  }
}

Program::~Program() { accelerator::release(device_ - 1, memory_); }

void Program::run() const { dispatch(device_, "program", &Backend::program, args_); }

void begin_program(int device, int64_t images, int64_t per_image) {
  if (recording) fail(DDPM_INVALID_ARGUMENT, "this thread records a program already");
  if (device == 0) fail(DDPM_NOT_SUPPORTED, "ops of the CPU cannot be recorded as a program");
  accelerator::require_usable(device - 1);
  recording = Recording{device, images, per_image, {}, {}, {}};
}

void begin_step(int device) {
  Recording& r = recording_for(device);
  r.starts.push_back(static_cast<int32_t>(r.instructions.size()));
  r.ranges.clear();
}

std::unique_ptr<Program> end_program(int device) {
  Recording r = std::move(recording_for(device));
  recording.reset();
  if (r.starts.empty()) fail(DDPM_INVALID_ARGUMENT, "the program has no steps, expected at least one");
  r.starts.push_back(static_cast<int32_t>(r.instructions.size()));
  return std::make_unique<Program>(device, r.images, r.per_image, r.instructions, r.starts);
}

const Backend* const* recorder_of(int device) { return recording && recording->device == device ? recorders : nullptr; }

}  // namespace ddpm
