#pragma once
#include <mutex>

#include "cuda/host.h"

namespace ddpm::cuda {

/**
 * Copies between any memory of the host and a device, by way of pinned memory in two halves: one is filled or emptied
 * while the other is on its way. For several threads.
 */
class Staging {
 public:
  /** The source may change when it returns. */
  void to_device(char* to, const char* from, size_t bytes);
  /** Done when it returns. */
  void to_host(char* to, const char* from, size_t bytes);

 private:
  static constexpr size_t kBytes = 1 << 20;

  struct Half {
    char* memory = nullptr;
    Event done = nullptr;
  };

  /** The half for piece i, free. */
  Half& half(size_t i);

  std::mutex mutex_;
  Half halves_[2];
};

/** That of the device of the op that the calling thread runs. */
Staging& current_staging();

}  // namespace ddpm::cuda
