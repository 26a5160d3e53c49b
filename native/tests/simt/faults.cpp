#include "simt/faults.h"

#include <signal.h>

#include "simt/engine.h"

namespace ddpm::simt {
namespace {

thread_local bool is_kernels_thread = false;
struct sigaction faults_before;

void on_fault(int number, siginfo_t* info, void* context) {
  if (is_kernels_thread && now.running) stop("reaches beyond all memory, to %p", info->si_addr);
  if ((faults_before.sa_flags & SA_SIGINFO) != 0)
    faults_before.sa_sigaction(number, info, context);
  else if (faults_before.sa_handler != SIG_DFL && faults_before.sa_handler != SIG_IGN)
    faults_before.sa_handler(number);
  else
    sigaction(number, &faults_before, nullptr);
}

}  // namespace

FaultCatcher::FaultCatcher() {
  is_kernels_thread = true;
  struct sigaction action = {};
  action.sa_sigaction = on_fault;
  // It never returns from where a kernel faults.
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, &faults_before);
}

FaultCatcher::~FaultCatcher() {
  sigaction(SIGSEGV, &faults_before, nullptr);
  is_kernels_thread = false;
}

}  // namespace ddpm::simt
