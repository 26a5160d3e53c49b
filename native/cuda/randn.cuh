#pragma once
#include "common/backend.h"
#include "common/random_arithmetic.h"
#include "cuda/quads.cuh"

/** Normal numbers; see random.cu. */
namespace ddpm::cuda {

struct Randn {
  RandnArgs a;
  Rows rows;  // images
  DDPM_DEVICE void operator()(int64_t image, int64_t column) const {
    random::Stream stream = random::stream_of(a.seed, a.first_image + image, a.draw);
    uint32_t words[4];
    random::philox(stream, static_cast<uint32_t>(column / 4), words);
    Quad out;
    random::normals(words[0], words[1], &out.at[0], &out.at[1]);
    random::normals(words[2], words[3], &out.at[2], &out.at[3]);
    rows.store(a.out + image * a.per_image, column, out);
  }
};

}  // namespace ddpm::cuda
