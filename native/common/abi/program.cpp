#include "common/program.h"

#include "common/handles.h"
#include "common/operands.h"
#include "ddpm/program.h"

using namespace ddpm;

namespace {

// Never destroyed: threads may still run when the process exits.
Handles<Program>& programs() {
  static auto* all = new Handles<Program>("program");
  return *all;
}

}  // namespace

extern "C" {

ddpm_status ddpm_program_begin(int32_t device, int32_t images, int64_t per_image) {
  return guard([&] {
    elements("images", images, per_image);
    begin_program(device, images, per_image);
  });
}

ddpm_status ddpm_program_step(int32_t device) {
  return guard([&] { begin_step(device); });
}

ddpm_status ddpm_program_end(int32_t device, int64_t* program) {
  return guard([&] {
    if (program == nullptr) fail(DDPM_INVALID_ARGUMENT, "program must not be null");
    *program = 0;
    *program = programs().add(end_program(device));
  });
}

ddpm_status ddpm_program_run(int64_t program) {
  return guard([&] { programs().use(program, [](const Program& p) { p.run(); }); });
}

ddpm_status ddpm_program_free(int64_t program) {
  return guard([&] { programs().free(program); });
}
}
