#include "simt/copies.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <utility>
#include <vector>

#include "simt/checker.h"
#include "simt/memory.h"
#include "simt/trace.h"

namespace ddpm::simt {
namespace {

struct Copy {
  void* to;
  const void* from;
  size_t bytes, valid;
  bool landed;
};

struct Copies {
  std::vector<Copy> open;                // not in a group yet
  std::deque<std::vector<Copy>> groups;  // not waited for
};

std::vector<Copies> copies;  // of each thread

Copies& mine() { return copies[static_cast<size_t>(now.index)]; }

bool lands_at_once() {
  static const char* when = std::getenv("SIMT_COPIES");
  if (when != nullptr && std::strcmp(when, "early") == 0) return true;
  if (when != nullptr && std::strcmp(when, "late") == 0) return false;
  return random_below(2) == 0;
}

void land(Copy& copy) {
  if (copy.landed) return;
  copy.landed = true;
  note(copy.from, copy.valid, false);
  std::memcpy(copy.to, copy.from, copy.valid);
  std::memset(static_cast<char*>(copy.to) + copy.valid, 0, copy.bytes - copy.valid);
}

}  // namespace

void copy_async(void* to, const void* from, size_t bytes, size_t valid, const Line& line) {
  if (!is_shared(to)) stop("copies to %p, which is not in shared memory", to);
  if (reinterpret_cast<uintptr_t>(to) % bytes != 0 || (valid > 0 && reinterpret_cast<uintptr_t>(from) % bytes != 0))
    stop("misaligned: copies %zu bytes from %p to %p", bytes, from, to);
  note(to, bytes, true);
  note_flight(to, bytes, true);
  trace(to, bytes, Way::kCopyTo, line);
  if (valid > 0) trace(from, bytes, Way::kCopyFrom, line);
  std::memset(to, 0xff, bytes);
  Copy copy{to, from, bytes, valid, false};
  if (lands_at_once()) land(copy);
  mine().open.push_back(copy);
}

void copy_commit() { mine().groups.push_back(std::exchange(mine().open, {})); }

void copy_wait(int groups) {
  std::deque<std::vector<Copy>>& waiting = mine().groups;
  for (; static_cast<int>(waiting.size()) > groups; waiting.pop_front())
    for (Copy& copy : waiting.front()) {
      land(copy);
      note_flight(copy.to, copy.bytes, false);
      note(copy.to, copy.bytes, true);
    }
}

void start_copies(int threads) {
  copies.clear();
  copies.resize(static_cast<size_t>(threads));
}

void end_copies() {
  bool waits = !mine().open.empty();
  for (const std::vector<Copy>& group : mine().groups) waits |= !group.empty();
  if (waits) stop("ends with copies that it did not wait for");
}

}  // namespace ddpm::simt
