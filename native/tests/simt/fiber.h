#pragma once
#include <cstddef>

/** Stacks that one thread of the system switches between. */
namespace ddpm::simt {

/** A place to come back to. */
class Fiber {
 public:
  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /** Makes the fiber start at entry, which never returns, when it is next switched to. It has its stack from then on.
   */
  void start(void (*entry)());
  /** Leaves this fiber, the running one, for another. */
  void switch_to(Fiber& other);

 private:
  static constexpr size_t kStackBytes = 64 * 1024;
  struct Context;
  Context* context_;
  char* stack_ = nullptr;
};

}  // namespace ddpm::simt
