// A CUDA driver of the version and with the answer to cuInit that the environment says: for what the library tells of
// drivers that it cannot use.
#include <cstdlib>
#include <cstring>

namespace {

constexpr int kNotSupported = 801;

int number(const char* name, int missing) {
  const char* value = std::getenv(name);
  return value == nullptr ? missing : std::atoi(value);
}

int version(int* v) {
  *v = number("FAKE_DRIVER_VERSION", 13000);
  return 0;
}

int init(unsigned) { return number("FAKE_DRIVER_INIT", 0); }

int other() { return kNotSupported; }

}  // namespace

// The runtime finds all functions by these.
extern "C" {

__attribute__((visibility("default"))) int cuDriverGetVersion(int* v) { return version(v); }

__attribute__((visibility("default"))) int cuGetProcAddress_v2(const char* name, void** function, int,
                                                               unsigned long long, int* status) {
  *function = std::strcmp(name, "cuDriverGetVersion") == 0 ? reinterpret_cast<void*>(version)
              : std::strcmp(name, "cuInit") == 0           ? reinterpret_cast<void*>(init)
              : std::strcmp(name, "cuGetProcAddress") == 0 ? reinterpret_cast<void*>(cuGetProcAddress_v2)
                                                           : reinterpret_cast<void*>(other);
  if (status != nullptr) *status = 0;
  return 0;
}
}
