#include "simt/fiber.h"

#include <sys/mman.h>

#include <new>

#if !defined(__x86_64__)
#include <ucontext.h>
#endif

namespace ddpm::simt {

#if defined(__x86_64__)
// A switch of ucontext asks the system about signals each time and takes a hundred times as long.
extern "C" void ddpm_simt_switch(void** from, void* to);
asm(R"(
.text
.hidden ddpm_simt_switch
.globl ddpm_simt_switch
.type ddpm_simt_switch,@function
ddpm_simt_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size ddpm_simt_switch,.-ddpm_simt_switch
)");

struct Fiber::Context {
  void* stack_pointer = nullptr;

  void start(char* stack, size_t bytes, void (*entry)()) {
    // Six registers, the return address, and 8 bytes more: a function starts 8 bytes beyond a multiple of 16.
    void** top = reinterpret_cast<void**>(stack + bytes) - 8;
    top[6] = reinterpret_cast<void*>(entry);
    stack_pointer = top;
  }
  void switch_to(Context& other) { ddpm_simt_switch(&stack_pointer, other.stack_pointer); }
};
#else
struct Fiber::Context {
  ucontext_t context;

  void start(char* stack, size_t bytes, void (*entry)()) {
    getcontext(&context);
    context.uc_stack.ss_sp = stack;
    context.uc_stack.ss_size = bytes;
    context.uc_link = nullptr;
    makecontext(&context, entry, 0);
  }
  void switch_to(Context& other) { swapcontext(&context, &other.context); }
};
#endif

Fiber::Fiber() : context_(new Context) {}

Fiber::~Fiber() {
  if (stack_ != nullptr) munmap(stack_, kStackBytes);
  delete context_;
}

void Fiber::start(void (*entry)()) {
  if (stack_ == nullptr) {
    void* stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED) throw std::bad_alloc();
    stack_ = static_cast<char*>(stack);
    mprotect(stack_, 4096, PROT_NONE);  // a stack that overflows faults
  }
  context_->start(stack_ + 4096, kStackBytes - 4096, entry);
}

void Fiber::switch_to(Fiber& other) { context_->switch_to(*other.context_); }

}  // namespace ddpm::simt
