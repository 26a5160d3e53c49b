// Lists the backends of devices. Those of the CPU are chosen at run time: the best instruction set that the machine
// has, then the portable code.
#include <atomic>
#include <cstring>

#include "common/accelerator.h"
#include "common/error.h"
#include "common/program.h"
#include "cpu/cpu.h"
#include "ddpm/device.h"

namespace ddpm {
namespace {

struct Isa {
  const char* name;
  bool (*available)();
  const Backend* (*backend)();
};

#if defined(DDPM_X86)
bool has_avx512() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma");
}
bool has_avx2() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#endif

// Best first; the last one runs everywhere.
const Isa isas[] = {
#if defined(DDPM_X86)
    {"avx512", has_avx512, cpu::avx512::backend},
    {"avx2", has_avx2, cpu::avx2::backend},
#endif
    {"portable", [] { return true; }, cpu::portable::backend},
};

const Isa* find(const char* name) {
  for (const Isa& isa : isas)
    if (name != nullptr && std::strcmp(isa.name, name) == 0 && isa.available()) return &isa;
  return nullptr;
}

const Isa* best() {
  for (const Isa& isa : isas)
    if (isa.available()) return &isa;
  return nullptr;
}

std::atomic<const Isa*> selected{nullptr};

const Backend* tested = nullptr;

const Isa& current() {
  const Isa* isa = selected.load();
  if (isa == nullptr) selected = isa = best();
  return *isa;
}

}  // namespace

const Backend* const* backends_of(int device) {
  if (device > 0) {
    if (const Backend* const* recorder = recorder_of(device)) return recorder;
    // No other backend: those of the CPU cannot reach a device's memory.
    static const Backend* const list[] = {accelerator::backend(), nullptr};
    return list;
  }
  // One list per instruction set, chosen by the address of the selected one: safe to read while another thread selects.
  static const Backend* lists[sizeof isas / sizeof isas[0]][4];
  static const bool ready = [] {
    for (size_t i = 0; i < sizeof isas / sizeof isas[0]; ++i) {
      // Not even the function that fills another instruction set's table may run here: it is compiled for that set.
      if (!isas[i].available()) continue;
      const Backend** next = lists[i];
      if (tested != nullptr) *next++ = tested;
      *next++ = isas[i].backend();
      *next = cpu::portable::backend();
    }
    return true;
  }();
  (void)ready;
  return lists[&current() - isas];
}

DeviceCalls& device_calls() {
  static DeviceCalls calls;
  return calls;
}

void set_tested_backend(const Backend* backend) { tested = backend; }

}  // namespace ddpm

extern "C" {

const char* ddpm_cpu_isa(void) { return ddpm::current().name; }

int32_t ddpm_cpu_isa_available(const char* isa) { return ddpm::find(isa) != nullptr; }

ddpm_status ddpm_set_cpu_isa(const char* isa) {
  return ddpm::guard([&] {
    const ddpm::Isa* found = ddpm::find(isa);
    if (found == nullptr)
      ddpm::fail(DDPM_INVALID_ARGUMENT, "instruction set '%s' is not one that this machine can run",
                 isa == nullptr ? "null" : isa);
    ddpm::selected = found;
  });
}
}
