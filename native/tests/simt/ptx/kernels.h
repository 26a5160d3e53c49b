#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

/**
 * What nvcc made of the kernels, in place of what the C++ compiler made of them: if SIMT_PTX names files of PTX, joined
 * by colons, every kernel must be in one of them. The checker then watches all that the kernels do.
 */
namespace ddpm::simt::ptx {

struct Argument {
  const void* value;
  size_t bytes;
};

/** Whether kernels run as PTX. */
bool is_used();
/** Loads it anew with every `from` in it replaced; the number of those. */
int reload_edited(const std::string& from, const std::string& to);
/** The symbol of the kernel at this address of the program, as people write it. */
std::string name_of(const void* kernel);
/** What each thread is to do for the kernel at this address of the program. */
std::function<void()> body_of(const void* kernel, const std::vector<Argument>& arguments);

}  // namespace ddpm::simt::ptx

namespace ddpm::simt {

/** What each thread of a kernel does; the values must outlive it. */
template <class... Parameters>
std::function<void()> body_of(void (*kernel)(Parameters...), const std::tuple<Parameters...>& values) {
  if (!ptx::is_used()) return [=, &values] { std::apply(kernel, values); };
  return std::apply(
      [&](const Parameters&... value) {
        return ptx::body_of(reinterpret_cast<const void*>(kernel), {ptx::Argument{&value, sizeof value}...});
      },
      values);
}

}  // namespace ddpm::simt
