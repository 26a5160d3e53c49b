#pragma once
#include <cstdint>

#include "common/thread_pool.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** The calling thread's scratch memory for a purpose, as count elements of a type; see thread_scratch. */
template <class T>
T* scratch(ScratchSlot slot, int64_t count) {
  return static_cast<T*>(thread_scratch(slot, static_cast<size_t>(count) * sizeof(T)));
}

}  // namespace
}  // namespace ddpm::cpu::DDPM_ISA
