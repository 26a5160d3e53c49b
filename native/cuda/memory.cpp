// Copies between the host and a device, and on it.
#include <algorithm>
#include <cstring>

#include "cuda/cuda.h"
#include "cuda/staging.h"

namespace ddpm::cuda {
namespace {

size_t bytes_of(const CopyArgs& a) { return static_cast<size_t>(a.count) * sizeof(float); }

void refuse_capture() {
  if (is_capturing(nullptr))
    fail(DDPM_NOT_SUPPORTED, "a copy from or to memory of the host cannot be part of a captured graph");
}

}  // namespace

Staging::Half& Staging::half(size_t i) {
  Half& half = halves_[i % 2];
  if (half.memory == nullptr) {
    half.done = create_event();
    half.memory = static_cast<char*>(allocate_pinned(kBytes));
  } else {
    synchronize(half.done);
  }
  return half;
}

void Staging::to_device(char* to, const char* from, size_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (size_t at = 0, i = 0; at < bytes; at += kBytes, ++i) {
    Half& free = half(i);
    size_t part = std::min(kBytes, bytes - at);
    std::memcpy(free.memory, from + at, part);
    copy_async(to + at, free.memory, part, nullptr);
    record(free.done, nullptr);
  }
}

void Staging::to_host(char* to, const char* from, size_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  size_t pieces = (bytes + kBytes - 1) / kBytes;
  for (size_t i = 0; i <= pieces; ++i) {
    if (i < pieces) {
      Half& free = half(i);
      size_t at = i * kBytes;
      copy_async(free.memory, from + at, std::min(kBytes, bytes - at), nullptr);
      record(free.done, nullptr);
    }
    if (i > 0) {
      size_t at = (i - 1) * kBytes;
      std::memcpy(to + at, half(i - 1).memory, std::min(kBytes, bytes - at));
    }
  }
}

ddpm_status copy_from_host(const CopyArgs& a) {
  refuse_capture();
  current_staging().to_device(reinterpret_cast<char*>(a.dst), reinterpret_cast<const char*>(a.src), bytes_of(a));
  return DDPM_OK;
}

ddpm_status copy_to_host(const CopyArgs& a) {
  refuse_capture();
  current_staging().to_host(reinterpret_cast<char*>(a.dst), reinterpret_cast<const char*>(a.src), bytes_of(a));
  return DDPM_OK;
}

ddpm_status copy(const CopyArgs& a) {
  copy_async(a.dst, a.src, bytes_of(a), nullptr);
  return DDPM_OK;
}

}  // namespace ddpm::cuda
