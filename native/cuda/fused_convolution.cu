// A convolution of act(norm(x | skip)), see convolution.cu, without that in memory.
//
// What a norm does to an image's channels is three numbers a channel, which the kernels of group_norm.cu find in one
// reading of x and skip. Each thread then normalises in shared memory the pieces that it has copied itself, once they
// have come and before the barrier that shows them to the others: no barrier more, and a value once for each tile that
// sees it, not for each tap. That is 25 instructions a value with SiLU, 1 to 2 times (the edges of tiles, see
// convolution.cu) for every 64 or 128 channels of the result. They stand against a pass over memory, and against a
// second one that joins the inputs. Zeros of the padding are none of the source's pixels and stay.
//
// Cases without patches are declined: the norm would be computed for each tap.
#include "cuda/convolution_patches.cuh"
#include "cuda/cuda.h"
#include "cuda/group_norm.cuh"

namespace ddpm::cuda {

ddpm_status fused_conv2d(const FusedConv2dArgs& a) {
  const WindowGeometry& g = a.conv.g;
  if (!is_countable(g)) return DDPM_NOT_SUPPORTED;
  ConvolutionPass pass{};
  pass.x = a.conv.x;
  pass.skip = a.skip;
  pass.x_channels = static_cast<int32_t>(g.c - a.skip_c);
  pass.w = a.conv.w;
  pass.bias = a.conv.bias;
  pass.image_bias = a.conv.image_bias;
  pass.residual = a.conv.residual;
  pass.y = a.conv.y;
  set_window(g, pass);
  if (!has_patches(g, pass)) return DDPM_NOT_SUPPORTED;
  const Stream stream = op_stream();
  const int64_t pixels = g.n * g.oh * g.ow;
  if (a.gamma == nullptr) {
    convolve_patches("fused_conv2d", pass, pixels, stream);
    return DDPM_OK;
  }
  DeviceArray<float> coefficients(g.n * 3 * g.c, stream);
  norm_coefficients(norm_of(a), a.skip, a.skip_c, coefficients);
  pass.coefficients = coefficients;
  pass.silu = a.silu;
  run_patches<true>("fused_conv2d", pass, pixels, stream);
  return DDPM_OK;
}

}  // namespace ddpm::cuda
