#pragma once
#include <cstdint>

#include "cuda/device.h"

/**
 * Small model kernels with bugs to plant: a test of the tester. Each is right with kNone, and has one mistake with any
 * other bug of its own. X(bug, kernel, what a tester may say of it): parts of reports, joined by |; "wrong" stands for
 * a wrong result.
 */
#define DDPM_PLANTED_BUGS(X)                                                     \
  X(kNoBarrierAfterWait, gemm, "race|uninitialised|asynchronous")                \
  X(kNoBarrierBeforeReuse, gemm, "race|asynchronous")                            \
  X(kNoWait, gemm, "asynchronous")                                               \
  X(kWaitsForTooFew, gemm, "asynchronous")                                       \
  X(kNoCommit, gemm, "asynchronous")                                             \
  X(kNoLastWait, gemm, "did not wait")                                           \
  X(kOtherSwizzleAtLoad, gemm, "wrong")                                          \
  X(kOtherSwizzleAtCopy, gemm, "wrong")                                          \
  X(kSwappedA, gemm, "wrong")                                                    \
  X(kSwappedB, gemm, "wrong")                                                    \
  X(kNotTransposed, gemm, "wrong")                                               \
  X(kNoRowPredicate, gemm, "beyond")                                             \
  X(kNoDepthPredicate, gemm, "beyond|wrong")                                     \
  X(kNoStorePredicate, gemm, "beyond|race|wrong")                                \
  X(kOneRowTooMany, gemm, "beyond")                                              \
  X(kMisalignedMatrix, gemm, "misaligned")                                       \
  X(kMisalignedCopy, gemm, "misaligned")                                         \
  X(kOtherStage, gemm, "asynchronous|uninitialised")                             \
  X(kWrongLane, gemm, "wrong")                                                   \
  X(kOneTileTooFew, gemm, "wrong")                                               \
  X(kOtherElement, gemm, "wrong")                                                \
  X(kWrongAccumulator, gemm, "wrong")                                            \
  X(kMatrixBeyondTile, gemm, "beyond|asynchronous")                              \
  X(kNoBarrierBeforePartials, sum, "race|uninitialised")                         \
  X(kMaskWithoutCaller, sum, "mask")                                             \
  X(kStartsAtQuarter, sum, "wrong")                                              \
  X(kDivergentBarrier, sum, "no thread can go on|have ended")                    \
  X(kBarriersOfTwoLines, sum, "barriers of lines")                               \
  X(kTooManyPartials, sum, "uninitialised|beyond")                               \
  X(kOneNumberTooMany, sum, "beyond")                                            \
  X(kShuffleOfSome, sum, "collectives of lines")                                 \
  X(kEarlyReturn, sum, "have ended|no thread can go on")                         \
  X(kMasksOverlap, sum, "masks")                                                 \
  X(kLastWarpForgotten, sum, "wrong")                                            \
  X(kPartialsBeforeWarpIsDone, sum, "race|wrong")                                \
  X(kNoBarrierInTile, transpose, "race|uninitialised")                           \
  X(kIndicesSwapped, transpose, "wrong|uninitialised")                           \
  X(kStoresBeyond, transpose, "beyond|uninitialised|wrong")                      \
  X(kLoadsBeyond, transpose, "beyond")                                           \
  X(kTileTooSmall, transpose, "beyond")                                          \
  X(kOtherStride, transpose, "beyond|race|wrong")                                \
  X(kMisalignedVector, transpose, "misaligned")                                  \
  X(kNoLargest, softmax, "wrong")                                                \
  X(kOneColumnTooMany, softmax, "beyond|race|wrong")                             \
  X(kNoWarpBarrier, softmax, "race|uninitialised")                               \
  X(kShuffleOneWay, softmax, "wrong")                                            \
  X(kTwoBlocksOneRow, softmax, "race|wrong")                                     \
  X(kInPlaceOfNeighbour, softmax, "race")                                        \
  X(kPlainAddInBlock, histogram, "race")                                         \
  X(kPlainAddOfBlocks, histogram, "race")                                        \
  X(kNotCleared, histogram, "uninitialised|wrong")                               \
  X(kNoBarrierAfterClear, histogram, "race|uninitialised|wrong")                 \
  X(kNoBarrierBeforeFlush, histogram, "race|wrong")                              \
  X(kBinBeyond, histogram, "beyond")                                             \
  X(kStoreForAdd, histogram, "race|wrong")                                       \
  X(kNoPredicateOfLanes, scan, "wrong")                                          \
  X(kNoBarrierBeforeOffsets, scan, "race|uninitialised")                         \
  X(kOffsetOfOwnWarp, scan, "wrong")                                             \
  X(kNarrowSegments, scan, "wrong")                                              \
  X(kBarrierInBranch, scan, "no thread can go on|have ended|race|uninitialised") \
  X(kStoredTwice, scan, "race|wrong")                                            \
  X(kPaddingNormalized, prologue, "wrong")                                       \
  X(kNormOfFirstImage, prologue, "wrong")                                        \
  X(kNormOfFirstBlock, prologue, "wrong")                                        \
  X(kFactorAndOffsetSwapped, prologue, "wrong")                                  \
  X(kOtherInput, prologue, "wrong|beyond")                                       \
  X(kSeamTooLate, prologue, "wrong|beyond")                                      \
  X(kNormalizedTwice, prologue, "wrong")                                         \
  X(kNormalizedBeforeWait, prologue, "asynchronous")                             \
  X(kPiecesOfOthers, prologue, "race|asynchronous|uninitialised")                \
  X(kNoBarrierAfterNorm, prologue, "race|asynchronous|uninitialised")            \
  X(kNormalizedAfterBarrier, prologue, "race|wrong")

namespace ddpm::cuda::planted {

#define DDPM_BUG(name, kernel, reports) name,
enum Bug : int { kNone, DDPM_PLANTED_BUGS(DDPM_BUG) kBugs };
#undef DDPM_BUG

/** c [m,n] = a [m,k] b [k,n] of bf16; k and n multiples of 8. Blocks of kGemmThreads for tiles of kGemmTile. */
struct Gemm {
  const uint16_t *a, *b;
  float* c;
  int m, n, k;
  Bug bug;
};
constexpr int kGemmTile = 32, kGemmThreads = 64;
__global__ void gemm(Gemm p);

/** out[block] = the sum of the block's count numbers of x; whole numbers, so that the order does not matter. */
struct Sum {
  const float* x;
  float* out;
  int count;
  Bug bug;
};
constexpr int kSumThreads = 128;
__global__ void sum(Sum p);

/** y [columns, rows] = x [rows, columns], in tiles of kTile; columns is a multiple of 4. */
struct Transpose {
  const float* x;
  float* y;
  int rows, columns;
  Bug bug;
};
constexpr int kTile = 32;
__global__ void transpose(Transpose p);

/** Rows of y = softmax of those of x; a block of a warp to a row, of at most kMostColumns. */
struct Softmax {
  const float* x;
  float* y;
  int columns;
  Bug bug;
};
constexpr int kMostColumns = 96;
__global__ void softmax(Softmax p);

/** counts[bin] += the number of x equal to bin; what is not below kBins does not count. */
struct Histogram {
  const int32_t* x;
  uint32_t* counts;
  int count;
  Bug bug;
};
constexpr int kBins = 16;
__global__ void histogram(Histogram p);

/** y[i] = x[0] + ... + x[i], for one block. */
struct Scan {
  const int32_t* x;
  int32_t* y;
  Bug bug;
};
constexpr int kScanThreads = 128;
__global__ void scan(Scan p);

/**
 * y[i,o,k] = the sum over taps t and channels c of max(0, (x | skip less mean) factor + offset)[i,o+t-1,c] w[k,t,c], 0
 * outside; norm [images,3,channels] has the three. Blocks of kPrologueThreads for kPrologueRows pixels.
 */
struct Prologue {
  const float *x, *skip, *norm, *w;
  float* y;
  int images, length;
  Bug bug;
};
constexpr int kPrologueThreads = 128, kPrologueRows = 16, kPrologueColumns = 8;
constexpr int kPrologueChannels = 32, kPrologueX = 20, kPrologueBytes = 2 * 24 * 16 * 4;
__global__ void prologue(Prologue p);

}  // namespace ddpm::cuda::planted
