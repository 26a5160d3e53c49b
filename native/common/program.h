#pragma once
#include <memory>
#include <vector>

#include "common/backend.h"

/**
 * Programs, behind ddpm/program.h. All ops that a program may have compute an element from the same element of their
 * operands, so that whoever has computed an element of one op can go on to the next op without waiting for others.
 */
namespace ddpm {

/** Steps in the memory of a device. */
class Program {
 public:
  Program(int device, int64_t images, int64_t per_image, const std::vector<Instruction>& instructions,
          const std::vector<int32_t>& starts);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /** Does the next step. */
  void run() const;

 private:
  int device_;
  void* memory_ = nullptr;
  ProgramArgs args_{};
};

void begin_program(int device, int64_t images, int64_t per_image);
void begin_step(int device);
std::unique_ptr<Program> end_program(int device);

/** The backends in place of a device's, null-terminated, if the calling thread records a program for it; else null. */
const Backend* const* recorder_of(int device);

}  // namespace ddpm
