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

}  // namespace ddpm::simt::ptx
