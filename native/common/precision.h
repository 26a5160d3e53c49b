#pragma once

namespace ddpm {

/** What the operands of products are rounded to; sums are float32 always. */
enum class Precision { kFloat32, kTf32, kBfloat16 };

/** The process's precision, which ddpm_set_precision sets. */
Precision precision();

}  // namespace ddpm
