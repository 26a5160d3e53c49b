#pragma once
#include <cstdarg>
#include <exception>
#include <new>
#include <string>

#include "ddpm/status.h"

namespace ddpm {

/** What native code throws; guard() turns it into a status at the ABI. */
struct Error {
  ddpm_status code;
  std::string message;
};

/** Throws an Error with a printf-style message. */
[[noreturn]] void fail(ddpm_status code, const char* format, ...) __attribute__((format(printf, 2, 3)));

/** Keeps the message for ddpm_last_error() on this thread. */
void set_last_error(const char* message) noexcept;

/** Runs the body of an ABI function: nothing it throws gets across the border. */
template <class Body>
ddpm_status guard(Body body) noexcept {
  try {
    body();
    return DDPM_OK;
  } catch (const Error& e) {
    set_last_error(e.message.c_str());
    return e.code;
  } catch (const std::bad_alloc&) {
    set_last_error("out of host memory");
    return DDPM_OUT_OF_MEMORY;
  } catch (const std::exception& e) {
    set_last_error(e.what());
    return DDPM_INTERNAL_ERROR;
  } catch (...) {
    set_last_error("unknown error in native code");
    return DDPM_INTERNAL_ERROR;
  }
}

}  // namespace ddpm
