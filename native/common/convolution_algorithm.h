#pragma once
#include <cstdint>

namespace ddpm {

/** How a convolution is computed; the Winograd algorithms take tiles of 2 x 2 or 4 x 4 outputs. */
enum class ConvolutionAlgorithm { kDirect, kWinograd2, kWinograd4 };

/**
 * The algorithm for a 3 x 3 convolution with stride 1 from depth to columns channels with outputs of a height and
 * width. It follows from these alone, from ddpm_set_convolution_algorithm and ddpm_set_convolution_table: not from the
 * batch, threads or instruction set.
 */
ConvolutionAlgorithm convolution_algorithm(int64_t height, int64_t width, int64_t depth, int64_t columns);

}  // namespace ddpm
