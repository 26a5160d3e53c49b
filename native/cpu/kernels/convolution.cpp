// Convolution and its gradient by the input as an indirect matrix product (Dukhan, arXiv 1907.02129): no im2col copy.
//
// An output pixel is a sum over taps: positions of the kernel window, each with a source pixel of the input, whose channels lie
// together in NHWC. The microkernel takes a tile of pixels, for every tap their source rows by pointer, and the tap's weights
// as a packed panel. A source outside the picture is a row of zeros. What the sources are depends on the geometry only, so one
// table of offsets serves all images.
//
// The gradient by the input is the same product with the roles of input and output exchanged: an input pixel is a sum over the
// taps through which it was seen. With a stride the pixels fall into classes (row and column modulo the stride) that see
// different taps; each class is a product of its own, so no multiplication by an inserted zero is done.
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/ops.h"

namespace ddpm::cpu::DDPM_ISA {
namespace {

/** Tiles of pixels that one task takes through all panels: their source rows stay in the first-level cache. */
constexpr int64_t kTilesPerTask = 8;

/** Target pixels of one image that see the same taps. Offsets are in elements from the start of an image. */
struct PixelClass {
  int64_t pixels, taps, first_tap;
  const int64_t* sources;  // [tiles][taps][kTileRows], -1 for a row of zeros
  const int64_t* targets;  // [tiles * kTileRows]; null if target i is the i-th pixel
};

/** y[image][pixel][0..columns) = sum over taps of rows of x by panels of weights, with additions on the way out. */
struct IndirectProduct {
  int64_t images;
  const float* x;
  int64_t x_image, depth;
  const float* panels;  // [panel][all taps][depth][kPanel]
  int64_t all_taps;
  float* y;
  int64_t y_image, columns;
  const float *bias, *image_bias, *residual;  // optional: [columns], [images,columns], as y
  int64_t pixels_per_image;                   // for image_bias, when all images are run as one
};

/** A row of zeros as long as the longest source row, for sources outside the picture. */
const float* zero_row(int64_t depth) {
  size_t bytes = static_cast<size_t>(depth) * sizeof(float);
  void* row = thread_scratch(kZeroRow, bytes);
  std::memset(row, 0, bytes);
  return static_cast<const float*>(row);
}

void run_tiles(const IndirectProduct& p, const PixelClass& c, int64_t image, int64_t first_tile, int64_t tiles,
               int64_t first_panel, int64_t last_panel, const float* zeros) {
  const float* x = p.x + image * p.x_image;
  float* y = p.y + image * p.y_image;
  int64_t per_tile = c.taps * kTileRows;
  auto** rows = static_cast<const float**>(
      thread_scratch(kRowPointers, static_cast<size_t>(tiles * per_tile + 1) * sizeof(float*)));
  if (c.sources != nullptr) {
    const int64_t* sources = c.sources + first_tile * per_tile;
    for (int64_t i = 0; i < tiles * per_tile; ++i) rows[i] = sources[i] < 0 ? zeros : x + sources[i];
  } else {
    for (int64_t i = 0; i < tiles * kTileRows; ++i) {
      int64_t pixel = first_tile * kTileRows + i;
      rows[i] = pixel < c.pixels ? x + pixel * p.depth : zeros;
    }
  }
  for (int64_t panel = first_panel; panel < last_panel; ++panel) {
    const float* weights = p.panels + (panel * p.all_taps + c.first_tap) * p.depth * kPanel;
    int64_t column = panel * kPanel;
    Vec bias[kTileVectors] = {};
    if (p.bias != nullptr)
      for (int j = 0; j < kTileVectors; ++j) bias[j] = load_columns(p.bias, column + j * kLanes, p.columns);
    for (int64_t t = 0; t < tiles; ++t) {
      Tile tile = multiply_rows(rows + t * per_tile, c.taps, p.depth, weights);
      for (int i = 0; i < kTileRows; ++i) {
        int64_t pixel = (first_tile + t) * kTileRows + i;
        if (pixel >= c.pixels) break;
        int64_t target = c.targets != nullptr ? c.targets[pixel] : pixel * p.columns;
        const float* image_bias =
            p.image_bias == nullptr ? nullptr : p.image_bias + (image + pixel / p.pixels_per_image) * p.columns;
        for (int j = 0; j < kTileVectors; ++j) {
          int64_t at = column + j * kLanes;
          Vec v = tile.sum[i][j] + bias[j];
          if (image_bias != nullptr) v += load_columns(image_bias, at, p.columns);
          if (p.residual != nullptr) v += load_columns(p.residual + (y - p.y) + target, at, p.columns);
          store_columns(y + target, at, p.columns, v);
        }
      }
    }
  }
}

/** Runs a product over one class of pixels. Tasks follow from the shape of one image: runs of tiles, and of panels if few. */
void run(const IndirectProduct& p, const PixelClass& c) {
  if (c.pixels == 0) return;
  int64_t panels = divide_up(p.columns, kPanel);
  int64_t tiles = divide_up(c.pixels, kTileRows);
  int64_t runs = divide_up(tiles, kTilesPerTask);
  int64_t parts = runs >= 8 ? 1 : (panels < 8 / runs ? panels : 8 / runs);
  const float* zeros = zero_row(p.depth);
  parallel_for(p.images * runs * parts, [&](int64_t task) {
    int64_t part = task % parts, run = task / parts % runs, image = task / parts / runs;
    int64_t first = run * kTilesPerTask;
    run_tiles(p, c, image, first, tiles - first < kTilesPerTask ? tiles - first : kTilesPerTask, panels * part / parts,
              panels * (part + 1) / parts, zeros);
  });
}

/** Weights [K,taps,C] as panels over output channels: [panel][tap][c][kPanel]. */
const float* pack_for_output(const float* w, int64_t k, int64_t taps, int64_t c) {
  int64_t panels = divide_up(k, kPanel), size = taps * c * kPanel;
  auto* packed = static_cast<float*>(thread_scratch(kPackedWeights, static_cast<size_t>(panels * size) * sizeof(float)));
  parallel_for(panels, [=](int64_t panel) {
    pack_panel_transposed(w, taps * c, taps * c, panel * kPanel, k, packed + panel * size);
  });
  return packed;
}

/** Weights [K,taps,C] as panels over input channels, taps in the given order: [panel][tap][k][kPanel]. */
const float* pack_for_input(const float* w, int64_t k, int64_t taps, int64_t c, const int64_t* order) {
  int64_t panels = divide_up(c, kPanel), size = taps * k * kPanel;
  auto* packed = static_cast<float*>(thread_scratch(kPackedWeights, static_cast<size_t>(panels * size) * sizeof(float)));
  parallel_for(panels, [=](int64_t panel) {
    for (int64_t t = 0; t < taps; ++t)
      pack_panel(w + order[t] * c, taps * c, k, panel * kPanel, c, packed + panel * size + t * k * kPanel);
  });
  return packed;
}

bool is_pointwise(const WindowGeometry& g) {
  return g.r == 1 && g.s == 1 && g.stride_h == 1 && g.stride_w == 1 && g.pad_top == 0 && g.pad_left == 0 &&
         g.pad_bottom == 0 && g.pad_right == 0;
}

/** For a window of one pixel all images are one long row of pixels, and no table is needed. */
void run_as_one_image(IndirectProduct& p, int64_t pixels) {
  int64_t images = p.images;
  p.images = 1;
  p.pixels_per_image = pixels;
  run(p, {images * pixels, 1, 0, nullptr, nullptr});
}

int64_t* offset_table(int64_t count) {
  return static_cast<int64_t*>(thread_scratch(kOffsetTable, static_cast<size_t>(count) * sizeof(int64_t)));
}

}  // namespace

ddpm_status conv2d(const Conv2dArgs& a) {
  const WindowGeometry& g = a.g;
  int64_t taps = g.r * g.s, pixels = g.oh * g.ow;
  IndirectProduct p{g.n,  a.x,        g.h * g.w * g.c, g.c,      pack_for_output(a.w, g.k, taps, g.c), taps, a.y,
                    pixels * g.k, g.k, a.bias,          a.image_bias, a.residual,                           pixels};
  if (is_pointwise(g)) {
    run_as_one_image(p, pixels);
    return DDPM_OK;
  }
  int64_t tiles = divide_up(pixels, kTileRows);
  int64_t* sources = offset_table(tiles * kTileRows * taps);
  for (int64_t pixel = 0; pixel < tiles * kTileRows; ++pixel) {
    int64_t top = pixel / g.ow * g.stride_h - g.pad_top, left = pixel % g.ow * g.stride_w - g.pad_left;
    int64_t* entry = sources + pixel / kTileRows * taps * kTileRows + pixel % kTileRows;
    for (int64_t r = 0; r < g.r; ++r)
      for (int64_t s = 0; s < g.s; ++s, entry += kTileRows) {
        int64_t h = top + r, w = left + s;
        bool inside = pixel < pixels && h >= 0 && h < g.h && w >= 0 && w < g.w;
        *entry = inside ? (h * g.w + w) * g.c : -1;
      }
  }
  run(p, {pixels, taps, 0, sources, nullptr});
  return DDPM_OK;
}

ddpm_status conv2d_backward_input(const Conv2dBackwardInputArgs& a) {
  const WindowGeometry& g = a.g;
  int64_t taps = g.r * g.s, pixels = g.h * g.w;
  // The taps of each class together, so that a class's weights are one run of every panel.
  auto* order = static_cast<int64_t*>(thread_scratch(kTapOrder, static_cast<size_t>(taps) * sizeof(int64_t)));
  int64_t ordered = 0;
  for (int64_t ph = 0; ph < g.stride_h; ++ph)
    for (int64_t pw = 0; pw < g.stride_w; ++pw)
      for (int64_t r = (ph + g.pad_top) % g.stride_h; r < g.r; r += g.stride_h)
        for (int64_t s = (pw + g.pad_left) % g.stride_w; s < g.s; s += g.stride_w) order[ordered++] = r * g.s + s;
  IndirectProduct p{g.n,          a.dy, g.oh * g.ow * g.k, g.k, pack_for_input(a.w, g.k, taps, g.c, order), taps, a.dx,
                    pixels * g.c, g.c,  a.bias,            nullptr, nullptr,                               pixels};
  if (is_pointwise(g)) {
    run_as_one_image(p, pixels);
    return DDPM_OK;
  }
  int64_t first_tap = 0;
  for (int64_t ph = 0; ph < g.stride_h; ++ph)
    for (int64_t pw = 0; pw < g.stride_w; ++pw) {
      int64_t class_taps = 0;
      for (int64_t r = (ph + g.pad_top) % g.stride_h; r < g.r; r += g.stride_h)
        for (int64_t s = (pw + g.pad_left) % g.stride_w; s < g.s; s += g.stride_w) ++class_taps;
      int64_t rows = ph < g.h ? divide_up(g.h - ph, g.stride_h) : 0;
      int64_t columns = pw < g.w ? divide_up(g.w - pw, g.stride_w) : 0;
      int64_t count = rows * columns, padded = round_up(count, kTileRows);
      int64_t* sources = offset_table(padded * (class_taps + 1));
      int64_t* targets = sources + padded * class_taps;
      for (int64_t i = 0; i < padded; ++i) {
        int64_t h = i < count ? ph + i / columns * g.stride_h : 0;
        int64_t w = i < count ? pw + i % columns * g.stride_w : 0;
        targets[i] = (h * g.w + w) * g.c;
        int64_t* entry = sources + i / kTileRows * class_taps * kTileRows + i % kTileRows;
        for (int64_t t = 0; t < class_taps; ++t, entry += kTileRows) {
          int64_t tap = order[first_tap + t];
          int64_t top = h + g.pad_top - tap / g.s, left = w + g.pad_left - tap % g.s;
          bool inside = i < count && top >= 0 && left >= 0 && top / g.stride_h < g.oh && left / g.stride_w < g.ow;
          *entry = inside ? (top / g.stride_h * g.ow + left / g.stride_w) * g.k : -1;
        }
      }
      run(p, {count, class_taps, first_tap, sources, targets});
      first_tap += class_taps;
    }
  return DDPM_OK;
}

ddpm_status linear(const LinearArgs& a) {
  IndirectProduct p{1,           a.x,    0,      a.in_features, pack_for_output(a.w, a.out_features, 1, a.in_features), 1, a.y, 0,
                    a.out_features, a.bias, nullptr, a.residual,    a.rows};
  run_as_one_image(p, a.rows);
  return DDPM_OK;
}

ddpm_status linear_backward_input(const LinearBackwardInputArgs& a) {
  const int64_t order[] = {0};
  IndirectProduct p{1,  a.dy, 0, a.out_features, pack_for_input(a.w, a.out_features, 1, a.in_features, order), 1,
                    a.dx, 0,    a.in_features,     nullptr, nullptr, nullptr, a.rows};
  run_as_one_image(p, a.rows);
  return DDPM_OK;
}

}  // namespace ddpm::cpu::DDPM_ISA
