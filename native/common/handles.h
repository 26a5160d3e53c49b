#pragma once
#include <map>
#include <memory>
#include <mutex>

#include "common/error.h"

namespace ddpm {

/** What the ABI knows by number: objects that Java holds until it frees them. Numbers are never used again. */
template <class T, class Deleter = std::default_delete<T>>
class Handles {
 public:
  explicit Handles(const char* kind) : kind_(kind) {}

  int64_t add(std::unique_ptr<T, Deleter> object) {
    std::lock_guard<std::mutex> lock(mutex_);
    objects_[++last_] = std::move(object);
    return last_;
  }

  /** Calls f(object); no other thread frees it meanwhile. */
  template <class F>
  void use(int64_t handle, const F& f) {
    std::lock_guard<std::mutex> lock(mutex_);
    f(*find(handle)->second);
  }

  /** Frees an object; 0 is ignored. */
  void free(int64_t handle) {
    if (handle == 0) return;
    std::lock_guard<std::mutex> lock(mutex_);
    objects_.erase(find(handle));
  }

 private:
  using Objects = std::map<int64_t, std::unique_ptr<T, Deleter>>;

  typename Objects::iterator find(int64_t handle) {
    auto found = objects_.find(handle);
    if (found == objects_.end())
      fail(DDPM_STALE_MEMORY, "%s %lld has been freed or never was", kind_, static_cast<long long>(handle));
    return found;
  }

  const char* kind_;
  std::mutex mutex_;
  Objects objects_;
  int64_t last_ = 0;
};

}  // namespace ddpm
