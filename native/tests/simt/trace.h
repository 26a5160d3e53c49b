#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "simt/engine.h"

/**
 * Counts what the accesses of warps cost, by line of a kernel: in shared memory passes over the banks, in device memory
 * sectors of 32 bytes; against the fewest that would do for what was accessed. Of plain loads and stores it counts
 * those of PTX: C++ takes vectors apart. A lane's n-th access of a line goes with the n-th of the others, which is not
 * so where lanes leave out some.
 *
 * With SIMT_TRACE=1 a table of all is printed at the end of the program.
 */
namespace ddpm::simt {

enum class Way { kLoad, kStore, kMatrix, kCopyTo, kCopyFrom };

struct Traffic {
  std::string kernel, file;  // of the source or of PTX
  int line;
  Way way;
  size_t bytes;  // of a lane
  bool shared;
  uint64_t requests = 0, cost = 0, least = 0;
  double factor() const { return static_cast<double>(cost) / static_cast<double>(least); }
};

/** A kernel as it is launched. */
struct Launch {
  std::string name, kernel;  // as the launch calls it, and its symbol as people write it
  unsigned threads;          // of a block
  size_t shared_bytes;       // that the launch asks for
};

/** What a kernel's blocks did, one by one. */
struct Work {
  /** Bytes that copies brought from device memory, and how many of them a block had not had before. */
  uint64_t moved = 0, least = 0;
  /** Multiply-adds on tensor cores; and multiplications of floats by threads, which only PTX shows. */
  uint64_t by_tensor_cores = 0, by_threads = 0;
};

/** Starts anew. */
void start_trace();
/** What was counted since, by kernel and line. */
std::vector<Traffic> traffic();
/** What was launched since, each once. */
std::vector<Launch> launches();
/** And by kernel. */
std::map<std::string, Work> work();

/** From here on kernels are launched, but not run. */
void run_no_kernels(bool none);
/** A launch of the kernel at this address of the program; whether it is to be run. */
bool trace_launch(const char* name, const void* kernel, unsigned threads, size_t shared_bytes);
/** An access of the running thread. */
void trace(const void* at, size_t bytes, Way way, const Line& line);
/** Products of the block that runs. */
extern uint64_t tensor_products, thread_products;
/** The block has ended. */
void trace_block();

/** What a line of PTX comes from, for the table. */
extern std::string (*describe_line)(const std::string& file, int line);

}  // namespace ddpm::simt
