#pragma once
#include <atomic>
#include <cstdint>

#include "common/error.h"
#include "common/geometry.h"
#include "common/packed_weights.h"

/**
 * The backend table: what a device can run.
 *
 * The ABI checks arguments once and fills an argument struct; a backend gets addresses that are live, large enough and
 * on its device. A backend leaves an entry null, or returns DDPM_NOT_SUPPORTED from it before it has written anything,
 * to decline a case; the next backend of the device's list takes it. The last one of the CPU's list implements
 * everything.
 */
namespace ddpm {

struct CopyArgs {
  float* dst;
  const float* src;
  int64_t count;
};

struct FillArgs {
  float* dst;
  int64_t count;
  float value;
};

struct Conv2dArgs {
  WindowGeometry g;
  const float *x, *w, *bias, *image_bias, *residual;  // the last three may be null
  float* y;
  PackedWeights* packed;  // of w
};

/** A convolution of act(norm(x | skip)): the channels of skip stand behind those of x. */
struct FusedConv2dArgs {
  Conv2dArgs conv;    // its g.c counts all channels, of which x has g.c - skip_c
  const float* skip;  // null, with skip_c 0, if all are in x
  int64_t skip_c;
  const float *gamma, *beta, *modulation;  // gamma and beta are null if nothing is normalised, modulation may be
  int64_t groups;
  float eps;
  bool silu;
};

struct Conv2dBackwardInputArgs {
  WindowGeometry g;
  const float *dy, *w, *bias;  // bias may be null
  float* dx;
};

struct Conv2dBackwardWeightsArgs {
  WindowGeometry g;
  const float *x, *dy;
  float *dw, *dbias;  // dbias may be null
};

struct LinearArgs {
  const float *x, *w, *bias, *residual;  // the last two may be null
  float* y;
  PackedWeights* packed;  // of w
  int64_t rows, in_features, out_features;
};

struct LinearBackwardInputArgs {
  const float *dy, *w;
  float* dx;
  int64_t rows, in_features, out_features;
};

struct LinearBackwardWeightsArgs {
  const float *x, *dy;
  float *dw, *dbias;  // dbias may be null
  int64_t rows, in_features, out_features;
};

struct AttentionArgs {
  const float *q, *k, *v;
  float *o, *log_sum_exp;  // log_sum_exp may be null
  int64_t n, tokens, heads, head_dim;
  float scale;
};

struct AttentionBackwardArgs {
  const float *q, *k, *v, *o, *log_sum_exp, *d_o;
  float *dq, *dk, *dv;
  int64_t n, tokens, heads, head_dim;
  float scale;
};

struct GroupNormArgs {
  const float *x, *gamma, *beta, *modulation;  // modulation may be null
  float *y, *statistics;
  int64_t n, pixels, c, groups;
  float eps;
  bool silu;
};

/** The normalisation in front of a fused convolution whose gamma is given. */
inline GroupNormArgs norm_of(const FusedConv2dArgs& a) {
  const WindowGeometry& g = a.conv.g;
  return {a.conv.x, a.gamma, a.beta, a.modulation, nullptr, nullptr, g.n, g.h * g.w, g.c, a.groups, a.eps, a.silu};
}

struct GroupNormBackwardArgs {
  const float *x, *gamma, *beta, *modulation, *statistics, *dy;  // modulation may be null
  float *dx, *dgamma, *dbeta, *dmodulation;                      // dmodulation is null if modulation is
  int64_t n, pixels, c, groups;
  bool silu;
};

struct SiluArgs {
  const float* x;
  float* y;
  int64_t count;
};

struct SiluBackwardArgs {
  const float *x, *dy;
  float* dx;
  int64_t count;
};

struct ReluArgs {
  const float* x;
  float* y;
  int64_t count;
};

struct ReluBackwardArgs {
  const float *x, *dy;
  float* dx;
  int64_t count;
};

struct AddArgs {
  const float *a, *b;
  float* y;
  int64_t count;
};

struct ScaleArgs {
  const float* x;
  float* y;
  int64_t count;
  float factor;
};

struct ConcatArgs {
  const float *a, *b;
  float* y;
  int64_t rows, ca, cb;
};

struct ConcatBackwardArgs {
  const float* dy;
  float *da, *db;  // either may be null
  int64_t rows, ca, cb;
};

struct SumPixelsArgs {
  const float* x;
  float* y;
  int64_t n, pixels, c;
};

struct TimeEmbeddingArgs {
  const float* t;
  float* out;
  int64_t n, dim;
  bool flip_sin_to_cos;
  float freq_shift;
};

struct EmbeddingArgs {
  const float *table, *indices;
  float* out;
  int64_t n, entries, dim;
};

struct EmbeddingBackwardArgs {
  const float *dy, *indices;
  float* dtable;
  int64_t n, entries, dim;
};

/** Up-sampling by two; h and w are those of the small picture. For the backward pass src is dy and dst is dx. */
struct UpsampleArgs {
  const float* src;
  float* dst;
  int64_t n, h, w, c;
};

struct PoolArgs {
  WindowGeometry g;
  const float* x;
  float* y;
  bool count_padding;  // average pooling only
};

struct PoolBackwardArgs {
  WindowGeometry g;
  const float *x, *dy;  // x is null for average pooling
  float* dx;
  bool count_padding;
};

struct RandnArgs {
  float* out;
  int64_t images, per_image, seed, first_image;
  uint32_t draw;
};

struct DropoutArgs {
  const float* x;
  float* y;
  int64_t images, per_image;
  float p;
  int64_t seed, first_image;
  uint32_t draw;
};

struct QSampleArgs {
  const float *x0, *noise, *signal, *sigma;
  float* xt;
  int64_t images, per_image;
};

struct ReverseStepArgs {
  const float *xt, *output, *noise;  // noise may be null
  float *out, *x0;                   // x0 may be null
  int64_t count;
  float x0_from_xt, x0_from_output, clip, from_x0, from_xt, from_output, from_noise;
};

struct LinearCombinationArgs {
  static constexpr int kMaxTerms = 8;
  const float* x[kMaxTerms];
  float weights[kMaxTerms];
  int terms;
  float* out;
  int64_t count;
};

/** An op of a program. */
struct Instruction {
  enum Kind : int32_t { kLinearCombination, kReverseStep, kRandn, kFill };
  Kind kind;
  union {
    LinearCombinationArgs linear_combination;
    ReverseStepArgs reverse_step;
    RandnArgs randn;
    FillArgs fill;  // of a float for each image, or of all their elements
  };
};

/** The next step of a program; see program.h. All that is pointed to is the device's. */
struct ProgramArgs {
  const Instruction* instructions;  // in the order of steps
  const int32_t* starts;            // of each step, and the end
  int32_t* next;                    // which step that is; it moves on by one
  int32_t steps;
  int64_t images, per_image;
};

struct MseArgs {
  const float *prediction, *target;
  float *losses, *dprediction;  // dprediction may be null
  int64_t images, per_image;
  float grad_scale;
};

struct CrossEntropyArgs {
  const float *logits, *labels;
  float *losses, *dlogits;  // dlogits may be null
  int64_t rows, classes;
};

struct AdamArgs {
  float* parameters;
  const float* gradients;
  float *m, *v;
  int64_t count, step;
  float learning_rate, beta1, beta2, eps, grad_scale;
};

struct EmaArgs {
  float* average;
  const float* parameters;
  int64_t count;
  float decay;
};

struct SumSquaresArgs {
  const float* x;
  int64_t count;
  double* sum;
};

/**
 * A data set of bytes; see ddpm/optimal.h. Rows hold pixels y = b - 128, coarse the sums of y over blocks of 4 x 4
 * pixels of a channel, norms the sums of (2b - 255)^2, rests the lengths of y less its block means.
 */
struct ByteImages {
  static constexpr int64_t kBlock = 4, kAlignment = 64;

  int8_t* rows;
  int16_t* coarse;
  double *norms, *rests;
  int64_t images, height, width, channels;

  int64_t pixels() const { return height * width * channels; }
  int64_t blocks_across() const { return (width + kBlock - 1) / kBlock; }
  int64_t coarse_pixels() const { return (height + kBlock - 1) / kBlock * blocks_across() * channels; }
  /** Bytes from one row to the next, and 16-bit numbers from one image's block sums to the next's. */
  int64_t row_bytes() const { return (pixels() + kAlignment - 1) / kAlignment * kAlignment; }
  int64_t coarse_row() const { return (coarse_pixels() + kAlignment / 2 - 1) / (kAlignment / 2) * (kAlignment / 2); }
  int64_t bytes() const { return images * (row_bytes() + 2 * coarse_row() + 16); }
};

struct OptimalLoadArgs {
  ByteImages data;
  const uint8_t* host;
  int64_t first, count;
};

struct OptimalPartialArgs {
  ByteImages data;
  const int32_t* chunks;
  int64_t first_chunk, last_chunk;
  const float* xt;
  int64_t queries;
  double signal, variance;
  bool prune;
  int64_t *partial, *report;  // report may be null
};

struct OptimalFinishArgs {
  const int64_t* partial;
  const float* xt;  // null if neither eps nor log_sums is asked for
  int64_t queries, pixels;
  double signal, variance;
  float *x0, *eps;   // each may be null
  double* log_sums;  // may be null
};

struct OptimalLogKernelsArgs {
  ByteImages data;
  const float* xt;
  int64_t queries;
  double signal, variance;
  double* log_kernels;
};

struct Backend {
  template <class Args>
  using Op = ddpm_status (*)(const Args&);

  const char* name = nullptr;
  /** Makes a device that of the calling thread's next op; null if there is nothing to do. */
  void (*select)(int device) = nullptr;
  Op<CopyArgs> copy_from_host = nullptr, copy_to_host = nullptr, copy = nullptr;
  Op<FillArgs> fill = nullptr;
  Op<Conv2dArgs> conv2d = nullptr;
  Op<FusedConv2dArgs> fused_conv2d = nullptr;
  Op<Conv2dBackwardInputArgs> conv2d_backward_input = nullptr;
  Op<Conv2dBackwardWeightsArgs> conv2d_backward_weights = nullptr;
  Op<LinearArgs> linear = nullptr;
  Op<LinearBackwardInputArgs> linear_backward_input = nullptr;
  Op<LinearBackwardWeightsArgs> linear_backward_weights = nullptr;
  Op<AttentionArgs> attention = nullptr;
  Op<AttentionBackwardArgs> attention_backward = nullptr;
  Op<GroupNormArgs> group_norm = nullptr;
  Op<GroupNormBackwardArgs> group_norm_backward = nullptr;
  Op<SiluArgs> silu = nullptr;
  Op<SiluBackwardArgs> silu_backward = nullptr;
  Op<ReluArgs> relu = nullptr;
  Op<ReluBackwardArgs> relu_backward = nullptr;
  Op<AddArgs> add = nullptr;
  Op<ScaleArgs> scale = nullptr;
  Op<ConcatArgs> concat = nullptr;
  Op<ConcatBackwardArgs> concat_backward = nullptr;
  Op<SumPixelsArgs> sum_pixels = nullptr;
  Op<TimeEmbeddingArgs> time_embedding = nullptr;
  Op<EmbeddingArgs> embedding = nullptr;
  Op<EmbeddingBackwardArgs> embedding_backward = nullptr;
  Op<UpsampleArgs> upsample_nearest = nullptr, upsample_nearest_backward = nullptr;
  Op<UpsampleArgs> upsample_bilinear = nullptr, upsample_bilinear_backward = nullptr;
  Op<PoolArgs> max_pool = nullptr, average_pool = nullptr;
  Op<PoolBackwardArgs> max_pool_backward = nullptr, average_pool_backward = nullptr;
  Op<RandnArgs> randn = nullptr;
  Op<DropoutArgs> dropout = nullptr;
  Op<QSampleArgs> q_sample = nullptr;
  Op<ReverseStepArgs> reverse_step = nullptr;
  Op<LinearCombinationArgs> linear_combination = nullptr;
  Op<ProgramArgs> program = nullptr;
  Op<MseArgs> mse = nullptr;
  Op<CrossEntropyArgs> cross_entropy = nullptr;
  Op<AdamArgs> adam = nullptr;
  Op<EmaArgs> ema = nullptr;
  Op<SumSquaresArgs> sum_squares = nullptr;
  Op<OptimalLoadArgs> optimal_load = nullptr;
  Op<OptimalPartialArgs> optimal_partial = nullptr;
  Op<OptimalFinishArgs> optimal_finish = nullptr;
  Op<OptimalLogKernelsArgs> optimal_log_kernels = nullptr;
};

/** A device's backends, best first; null-terminated. */
const Backend* const* backends_of(int device);

/** Puts a backend before those of the CPU, on the CPU's memory; for tests of a device's kernels. Before any op. */
void set_tested_backend(const Backend* backend);

/** What devices other than the CPU have been asked for; see ddpm_device_calls. */
struct DeviceCalls {
  std::atomic<int64_t> ops{0}, graphs{0};
};
DeviceCalls& device_calls();

/** Runs an op on the first backend of the device that takes it; throws the backend's failure. */
template <class Args>
void dispatch(int device, const char* name, Backend::Op<Args> Backend::*op, const Args& args) {
  if (device != 0) ++device_calls().ops;
  for (const Backend* const* backend = backends_of(device); *backend != nullptr; ++backend) {
    Backend::Op<Args> implementation = (*backend)->*op;
    if (implementation == nullptr) continue;
    if ((*backend)->select != nullptr) (*backend)->select(device);
    ddpm_status status = implementation(args);
    if (status == DDPM_OK) return;
    if (status != DDPM_NOT_SUPPORTED) fail(status, "%s failed in backend %s", name, (*backend)->name);
  }
  fail(DDPM_NOT_SUPPORTED, "no kernel of device %d (%s) implements this case of %s", device,
       (*backends_of(device))->name, name);
}

}  // namespace ddpm
