#include "resources.h"

#include <cuda_occupancy.h>
#include <cxxabi.h>

#include <cstdlib>
#include <iterator>
#include <regex>

#include "bench.h"

namespace ddpm::bench {
namespace {

std::string readable(const std::string& symbol) {
  int status;
  char* name = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status);
  std::string result = status == 0 ? name : symbol;
  std::free(name);
  return result;
}

constexpr size_t kKiB = 1024;

/** CUDA's programming guide, table "technical specifications per compute capability". */
struct Multiprocessor {
  int architecture, threads;
  size_t shared_bytes, most_of_a_block;
};
constexpr Multiprocessor kMultiprocessors[] = {
    {80, 2048, 164 * kKiB, 163 * kKiB}, {86, 1536, 100 * kKiB, 99 * kKiB},   {89, 1536, 100 * kKiB, 99 * kKiB},
    {90, 2048, 228 * kKiB, 227 * kKiB}, {100, 2048, 228 * kKiB, 227 * kKiB}, {120, 1536, 100 * kKiB, 99 * kKiB},
};

}  // namespace

ResourceTable read_resources(std::istream& text) {
  static const std::regex entry(".*Compiling entry function '(\\w+)' for 'sm_(\\d+)a?'.*");
  static const std::regex stack(" *(\\d+ bytes stack frame, .*)");
  static const std::regex used(".*: Used (\\d+) registers(.*)");
  static const std::regex shared(".*[ ,](\\d+) bytes smem.*");
  ResourceTable table;
  Resources* current = nullptr;
  for (std::string line; std::getline(text, line);) {
    std::smatch found, more;
    if (std::regex_match(line, found, entry)) {
      current = &table[{readable(found[1]), std::stoi(found[2])}];
    } else if (current != nullptr && std::regex_match(line, found, stack)) {
      current->spills = found[1];
    } else if (current != nullptr && std::regex_match(line, found, used)) {
      current->registers = std::stoi(found[1]);
      std::string rest = found[2];
      if (std::regex_match(rest, more, shared)) current->shared_bytes = std::stoul(more[1]);
      current = nullptr;
    }
  }
  for (const auto& [kernel, resources] : table)
    if (resources.registers == 0) stop("ptxas does not say how many registers " + kernel.first + " uses");
  return table;
}

Occupancy occupancy(int architecture, const Resources& resources, unsigned threads, size_t launch_shared_bytes) {
  const Multiprocessor* m = std::find_if(std::begin(kMultiprocessors), std::end(kMultiprocessors),
                                         [&](const auto& one) { return one.architecture == architecture; });
  if (m == std::end(kMultiprocessors))
    stop("the multiprocessor of sm_" + std::to_string(architecture) + " is not known");
  cudaOccDeviceProp device;
  device.computeMajor = architecture / 10;
  device.computeMinor = architecture % 10;
  device.maxThreadsPerBlock = 1024;
  device.maxThreadsPerMultiprocessor = m->threads;
  device.regsPerBlock = device.regsPerMultiprocessor = 65536;
  device.warpSize = 32;
  device.sharedMemPerBlock = 48 * kKiB;
  device.sharedMemPerMultiprocessor = m->shared_bytes;
  device.sharedMemPerBlockOptin = m->most_of_a_block;
  device.reservedSharedMemPerBlock = kKiB;
  device.numSms = 1;
  cudaOccFuncAttributes kernel;
  kernel.maxThreadsPerBlock = static_cast<int>(threads);
  kernel.numRegs = resources.registers;
  kernel.sharedSizeBytes = resources.shared_bytes;
  kernel.shmemLimitConfig = FUNC_SHMEM_LIMIT_OPTIN;
  kernel.maxDynamicSharedSizeBytes = launch_shared_bytes;
  kernel.numBlockBarriers = 1;
  cudaOccDeviceState state;
  cudaOccResult result;
  if (cudaOccMaxActiveBlocksPerMultiprocessor(&result, &device, &kernel, &state, static_cast<int>(threads),
                                              launch_shared_bytes) != CUDA_OCC_SUCCESS)
    stop("cuda_occupancy.h does not know sm_" + std::to_string(architecture));
  int blocks = result.activeBlocksPerMultiprocessor;
  return {blocks, static_cast<double>(blocks) * threads / m->threads};
}

}  // namespace ddpm::bench
