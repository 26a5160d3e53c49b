#pragma once
#include "simt/planted/planted.h"

/** A case for each model kernel: whether its result is right. */
namespace ddpm::cuda::planted {

bool run_gemm(Bug bug);
bool run_sum(Bug bug);
bool run_transpose(Bug bug);
bool run_softmax(Bug bug);
bool run_histogram(Bug bug);
bool run_scan(Bug bug);
bool run_prologue(Bug bug);

}  // namespace ddpm::cuda::planted
