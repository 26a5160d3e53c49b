#pragma once
#include <cstddef>
#include <istream>
#include <map>
#include <string>
#include <utility>

/** What a kernel takes of a multiprocessor, from ptxas, and how many blocks fit it, from CUDA's occupancy calculator.
 */
namespace ddpm::bench {

struct Resources {
  int registers = 0;              // of a thread
  size_t shared_bytes = 0;        // of a block, beside what a launch asks for
  std::string spills = "unread";  // ptxas' line on the stack frame
};

/** By kernel, as people write its symbol, and architecture, as 80. */
using ResourceTable = std::map<std::pair<std::string, int>, Resources>;

/** Reads what `ptxas -v` prints, of any number of runs; stops at what it does not understand. */
ResourceTable read_resources(std::istream& text);

/** Blocks on a multiprocessor at a time, and the share of its threads that they are. */
struct Occupancy {
  int blocks;
  double share;
};
Occupancy occupancy(int architecture, const Resources& resources, unsigned threads, size_t launch_shared_bytes);

}  // namespace ddpm::bench
