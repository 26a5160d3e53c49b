#pragma once

/** The whole C ABI of ddpm4j. */
#include "ddpm/attention.h"
#include "ddpm/convolution.h"
#include "ddpm/device.h"
#include "ddpm/diffusion.h"
#include "ddpm/memory.h"
#include "ddpm/normalization.h"
#include "ddpm/optimal.h"
#include "ddpm/pointwise.h"
#include "ddpm/program.h"
#include "ddpm/resampling.h"
#include "ddpm/status.h"
#include "ddpm/training.h"
