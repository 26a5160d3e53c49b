#pragma once

/** A kernel that touches what no memory is at ends like any other that goes wrong. */
namespace ddpm::simt {

/** As long as it lives, faults of this thread are its kernel's; others are left to who had them before. */
class FaultCatcher {
 public:
  FaultCatcher();
  ~FaultCatcher();
  FaultCatcher(const FaultCatcher&) = delete;
  FaultCatcher& operator=(const FaultCatcher&) = delete;
};

}  // namespace ddpm::simt
