// A convolution that joins and normalises its input on the way, as fused_convolution.cu does: patches of pixels come by
// asynchronous copies, two in turn, and each thread normalises its own pieces before the barrier.
#include "simt/planted/planted.h"

namespace ddpm::cuda::planted {
namespace {

constexpr int kDepth = 16, kPieces = kDepth / 4, kPatch = 24, kPatchFloats = kPatch * kDepth;

struct Place {
  int image, pixel;  // of all, or -1

  DDPM_DEVICE Place(const Prologue& p, int place) {
    int padded = p.length + 2, at = place % padded - 1;
    image = place / padded;
    pixel = image < p.images && at >= 0 && at < p.length ? image * p.length + at : -1;
  }
};

DDPM_DEVICE int place_of(const Prologue& p, int row) { return row + row / p.length * 2; }

DDPM_DEVICE void copy_patch(const Prologue& p, int origin, int block, float* patch) {
  for (int i = static_cast<int>(threadIdx.x); i < kPatch * kPieces; i += kPrologueThreads) {
    int pixel = Place(p, origin + i / kPieces).pixel;
    int channel = block * kDepth + i % kPieces * 4, behind = channel - kPrologueX;
    const float* from = behind < 0 || (p.bug == kSeamTooLate && behind == 0)
                            ? p.x + pixel * kPrologueX + channel
                            : (p.bug == kOtherInput ? p.x : p.skip) + pixel * (kPrologueChannels - kPrologueX) + behind;
    copy_async(shared_address(patch + i * 4), pixel >= 0 ? from : p.x, pixel >= 0);
  }
}

DDPM_DEVICE void normalize(const Prologue& p, int origin, int block, float* patch) {
  int shift = p.bug == kPiecesOfOthers ? 1 : 0;
  for (int i = static_cast<int>(threadIdx.x) ^ shift; i < kPatch * kPieces; i += kPrologueThreads) {
    Place at(p, origin + i / kPieces);
    if (at.pixel < 0 && p.bug != kPaddingNormalized) continue;
    int image = p.bug == kNormOfFirstImage ? Place(p, origin + 1).image : min(at.image, p.images - 1);
    int channel = (p.bug == kNormOfFirstBlock ? 0 : block * kDepth) + i % kPieces * 4;
    const float* mean = p.norm + image * 3 * kPrologueChannels + channel;
    const float* factor = mean + (p.bug == kFactorAndOffsetSwapped ? 2 : 1) * kPrologueChannels;
    const float* offset = mean + (p.bug == kFactorAndOffsetSwapped ? 1 : 2) * kPrologueChannels;
#pragma unroll
    for (int c = 0; c < 4; ++c) patch[i * 4 + c] = fmaxf((patch[i * 4 + c] - mean[c]) * factor[c] + offset[c], 0.0f);
  }
}

}  // namespace

__global__ void __launch_bounds__(kPrologueThreads) prologue(Prologue p) {
  DDPM_DYNAMIC_SHARED(float, patches);
  int first = static_cast<int>(blockIdx.x) * kPrologueRows, origin = place_of(p, first);
  int row = first + static_cast<int>(threadIdx.x) / kPrologueColumns;
  int column = static_cast<int>(threadIdx.x) % kPrologueColumns;
  bool valid = row < p.images * p.length;
  float sum = 0;
  constexpr int kBlocks = kPrologueChannels / kDepth;
  copy_patch(p, origin, 0, patches);
  copy_commit();
  for (int block = 0; block < kBlocks; ++block) {
    float* patch = patches + block % 2 * kPatchFloats;
    if (block + 1 < kBlocks) copy_patch(p, origin, block + 1, patches + (block + 1) % 2 * kPatchFloats);
    copy_commit();
    if (p.bug == kNormalizedBeforeWait) normalize(p, origin, block, patch);
    copy_wait<1>();
    if (p.bug != kNormalizedBeforeWait) normalize(p, origin, block, patch);
    if (p.bug == kNormalizedTwice) normalize(p, origin, block, patch);
    if (p.bug != kNoBarrierAfterNorm) __syncthreads();
    if (p.bug == kNormalizedAfterBarrier) normalize(p, origin, block, patch);
    for (int tap = 0; valid && tap < 3; ++tap)
      for (int c = 0; c < kDepth; ++c)
        sum += patch[(place_of(p, row) - origin + tap) * kDepth + c] *
               p.w[(column * 3 + tap) * kPrologueChannels + block * kDepth + c];
    __syncthreads();
  }
  if (valid) p.y[row * kPrologueColumns + column] = sum;
}

}  // namespace ddpm::cuda::planted
