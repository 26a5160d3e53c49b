#pragma once
#include <cstdint>

#include "common/backend.h"
#include "cpu/kernels/indirect_product.h"

/**
 * Convolutions with few channels on one side, as the first and the last of a network have them: the indirect product
 * would spend its time on pointers to single channels, or leave most lanes of a panel empty.
 */
namespace ddpm::cpu::DDPM_ISA {

/** Whether the inputs have so few channels that pointers to them cost more than the products. */
bool has_few_inputs(const WindowGeometry& g);

/** The convolution of inputs with few channels, weights packed by output; the same bits as the indirect product. */
void convolve_few_inputs(const Conv2dArgs& args, const PackedPanels& weights);

/** Whether the outputs have so few channels that lanes are better given to those of the inputs. */
bool has_few_outputs(const WindowGeometry& g);

/** The convolution of outputs with few channels, without a skip or normalisation. */
void convolve_few_outputs(const Conv2dArgs& args);

}  // namespace ddpm::cpu::DDPM_ISA
