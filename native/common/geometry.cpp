#include "common/geometry.h"

#include "common/operands.h"

namespace ddpm {

WindowGeometry checked_window(int64_t n, int64_t h, int64_t w, int64_t c, int64_t k, int64_t r, int64_t s,
                              int64_t stride_h, int64_t stride_w, int64_t pad_top, int64_t pad_left, int64_t pad_bottom,
                              int64_t pad_right) {
  elements("input", n, h, w, c);
  elements("window", k, r, s, c);
  require(stride_h >= 1, "stride_h", static_cast<double>(stride_h), "at least 1");
  require(stride_w >= 1, "stride_w", static_cast<double>(stride_w), "at least 1");
  for (int64_t pad : {pad_top, pad_left, pad_bottom, pad_right})
    require(pad >= 0 && pad < (1 << 20), "padding", static_cast<double>(pad), "0 to 2^20");
  int64_t span_h = h + pad_top + pad_bottom - r, span_w = w + pad_left + pad_right - s;
  require(span_h >= 0, "window height", static_cast<double>(r), "at most the height of the padded input");
  require(span_w >= 0, "window width", static_cast<double>(s), "at most the width of the padded input");
  int64_t oh = span_h / stride_h + 1, ow = span_w / stride_w + 1;
  elements("output", n, oh, ow, k);
  return {n, h, w, c, k, r, s, stride_h, stride_w, pad_top, pad_left, pad_bottom, pad_right, oh, ow};
}

}  // namespace ddpm
