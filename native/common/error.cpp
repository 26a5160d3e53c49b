#include "common/error.h"

#include <cstdio>

namespace ddpm {
namespace {
// A plain array: recording an out-of-memory failure must not allocate.
thread_local char last_error[1024] = "";
}  // namespace

void set_last_error(const char* message) noexcept { std::snprintf(last_error, sizeof last_error, "%s", message); }

void fail(ddpm_status code, const char* format, ...) {
  char text[sizeof last_error];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  throw Error{code, text};
}

}  // namespace ddpm

extern "C" const char* ddpm_last_error(void) { return ddpm::last_error; }
extern "C" const char* ddpm_version(void) { return DDPM_VERSION; }
