#include "common/error.h"
#include "simt/language.h"
#include "simt/memory.h"
#include "simt/ptx/program.h"

namespace ddpm::simt::ptx {
namespace {

template <class T>
uint32_t on_axis(const T& v, uint32_t axis) {
  return axis == 0 ? v.x : axis == 1 ? v.y : v.z;
}

uint64_t value_of(const Start& s, unsigned char* memory) {
  auto address = [](const void* at) {
    return static_cast<uint64_t>(static_cast<const unsigned char*>(at) - shared_base());
  };
  switch (s.what) {
    case Special::kTid:
      return on_axis(now.thread, s.axis);
    case Special::kCtaid:
      return on_axis(now.block, s.axis);
    case Special::kNtid:
      return on_axis(now.block_size, s.axis);
    case Special::kNctaid:
      return on_axis(now.grid, s.axis);
    case Special::kLane:
      return static_cast<uint64_t>(now.lane());
    case Special::kWarp:
      return static_cast<uint64_t>(now.index / kWarp);
    case Special::kFrameAddress:
      return reinterpret_cast<uint64_t>(memory + s.number);
    case Special::kSharedVariable:
      return address(shared_variable(s.key, s.number));
    default:
      return address(shared_memory());
  }
}

}  // namespace

Frame start(const Function& function, unsigned char* memory) {
  std::memcpy(memory, function.image.data(), function.image.size());
  Frame frame{memory, &function};
  for (const Start& s : function.starts) frame.set(s.place, value_of(s, memory));
  return frame;
}

void execute(Frame& frame) {
  const Instruction* code = frame.function->code.data();
  auto end = static_cast<uint32_t>(frame.function->code.size());
  while (frame.next < end) {
    const Instruction& i = code[frame.next++];
    if (i.guard != 0 && frame.get<bool>(i.guard) == i.unless) continue;
    i.run(frame, i);
  }
}

std::function<void()> body_of(const Function& function, const std::vector<Argument>& arguments) {
  if (arguments.size() != function.parameters.size())
    fail(DDPM_INTERNAL_ERROR, "%s has %zu parameters, expected %zu", function.name.c_str(), function.parameters.size(),
         arguments.size());
  for (size_t a = 0; a < arguments.size(); ++a)
    if (arguments[a].bytes != function.parameters[a].bytes)
      fail(DDPM_INTERNAL_ERROR, "%s: parameter %zu is of %zu bytes, expected %zu", function.name.c_str(), a,
           function.parameters[a].bytes, arguments[a].bytes);
  // A thread that another kernel's end has left behind frees nothing: frames stay for the next.
  static std::vector<std::vector<uint64_t>> frames(1024);
  return [&function, arguments] {
    std::vector<uint64_t>& memory = frames[static_cast<size_t>(now.index)];
    memory.resize((function.image.size() + 15) / 8);
    auto* bytes = reinterpret_cast<unsigned char*>(memory.data());
    bytes += reinterpret_cast<uintptr_t>(bytes) % 16;
    Frame frame = start(function, bytes);
    for (size_t a = 0; a < arguments.size(); ++a)
      std::memcpy(bytes + function.parameters[a].place, arguments[a].value, arguments[a].bytes);
    execute(frame);
  };
}

}  // namespace ddpm::simt::ptx
