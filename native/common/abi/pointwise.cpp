#include "ddpm/pointwise.h"

#include "common/backend.h"
#include "common/operands.h"

using namespace ddpm;

extern "C" {

ddpm_status ddpm_silu(ddpm_mem x, ddpm_mem y, int64_t count) {
  return guard([&] {
    elements("x", count);
    Operands operands("silu");
    SiluArgs args{};
    args.x = operands.in(x, "x", count);
    args.y = operands.out_in_place(y, "y", count);
    args.count = count;
    dispatch(operands.device(), "silu", &Backend::silu, args);
  });
}

ddpm_status ddpm_silu_backward(ddpm_mem x, ddpm_mem dy, ddpm_mem dx, int64_t count) {
  return guard([&] {
    elements("x", count);
    Operands operands("silu_backward");
    SiluBackwardArgs args{};
    args.x = operands.in(x, "x", count);
    args.dy = operands.in(dy, "dy", count);
    args.dx = operands.out_in_place(dx, "dx", count);
    args.count = count;
    dispatch(operands.device(), "silu_backward", &Backend::silu_backward, args);
  });
}

ddpm_status ddpm_relu(ddpm_mem x, ddpm_mem y, int64_t count) {
  return guard([&] {
    elements("x", count);
    Operands operands("relu");
    ReluArgs args{};
    args.x = operands.in(x, "x", count);
    args.y = operands.out_in_place(y, "y", count);
    args.count = count;
    dispatch(operands.device(), "relu", &Backend::relu, args);
  });
}

ddpm_status ddpm_relu_backward(ddpm_mem x, ddpm_mem dy, ddpm_mem dx, int64_t count) {
  return guard([&] {
    elements("x", count);
    Operands operands("relu_backward");
    ReluBackwardArgs args{};
    args.x = operands.in(x, "x", count);
    args.dy = operands.in(dy, "dy", count);
    args.dx = operands.out_in_place(dx, "dx", count);
    args.count = count;
    dispatch(operands.device(), "relu_backward", &Backend::relu_backward, args);
  });
}

ddpm_status ddpm_add(ddpm_mem a, ddpm_mem b, ddpm_mem y, int64_t count) {
  return guard([&] {
    elements("a", count);
    Operands operands("add");
    AddArgs args{};
    args.a = operands.in(a, "a", count);
    args.b = operands.in(b, "b", count);
    args.y = operands.out_in_place(y, "y", count);
    args.count = count;
    dispatch(operands.device(), "add", &Backend::add, args);
  });
}

ddpm_status ddpm_scale(ddpm_mem x, ddpm_mem y, int64_t count, float factor) {
  return guard([&] {
    elements("x", count);
    Operands operands("scale");
    ScaleArgs args{};
    args.x = operands.in(x, "x", count);
    args.y = operands.out_in_place(y, "y", count);
    args.count = count;
    args.factor = factor;
    dispatch(operands.device(), "scale", &Backend::scale, args);
  });
}

ddpm_status ddpm_concat(ddpm_mem a, ddpm_mem b, ddpm_mem y, int64_t rows, int32_t ca, int32_t cb) {
  return guard([&] {
    int64_t a_size = elements("a", rows, ca), b_size = elements("b", rows, cb);
    Operands operands("concat");
    ConcatArgs args{};
    args.a = operands.in(a, "a", a_size);
    args.b = operands.in(b, "b", b_size);
    args.y = operands.out(y, "y", a_size + b_size);
    args.rows = rows;
    args.ca = ca;
    args.cb = cb;
    dispatch(operands.device(), "concat", &Backend::concat, args);
  });
}

ddpm_status ddpm_concat_backward(ddpm_mem dy, ddpm_mem da, ddpm_mem db, int64_t rows, int32_t ca, int32_t cb) {
  return guard([&] {
    int64_t a_size = elements("da", rows, ca), b_size = elements("db", rows, cb);
    Operands operands("concat_backward");
    ConcatBackwardArgs args{};
    args.dy = operands.in(dy, "dy", a_size + b_size);
    args.da = operands.optional_out(da, "da", a_size);
    args.db = operands.optional_out(db, "db", b_size);
    args.rows = rows;
    args.ca = ca;
    args.cb = cb;
    dispatch(operands.device(), "concat_backward", &Backend::concat_backward, args);
  });
}

ddpm_status ddpm_sum_pixels(ddpm_mem x, ddpm_mem y, int32_t n, int32_t pixels, int32_t c) {
  return guard([&] {
    Operands operands("sum_pixels");
    SumPixelsArgs args{};
    args.x = operands.in(x, "x", elements("x", n, pixels, c));
    args.y = operands.out(y, "y", elements("y", n, c));
    args.n = n;
    args.pixels = pixels;
    args.c = c;
    dispatch(operands.device(), "sum_pixels", &Backend::sum_pixels, args);
  });
}

ddpm_status ddpm_time_embedding(ddpm_mem t, ddpm_mem out, int32_t n, int32_t dim, int32_t flip_sin_to_cos,
                                float freq_shift) {
  return guard([&] {
    int64_t size = elements("out", n, dim);
    require(dim % 2 == 0, "dim", dim, "an even number");
    require(freq_shift >= 0 && freq_shift < dim / 2, "freq_shift", freq_shift, "at least 0 and less than dim / 2");
    Operands operands("time_embedding");
    TimeEmbeddingArgs args{};
    args.t = operands.in(t, "t", n);
    args.out = operands.out(out, "out", size);
    args.n = n;
    args.dim = dim;
    args.flip_sin_to_cos = flip_sin_to_cos != 0;
    args.freq_shift = freq_shift;
    dispatch(operands.device(), "time_embedding", &Backend::time_embedding, args);
  });
}

ddpm_status ddpm_embedding(ddpm_mem table, ddpm_mem indices, ddpm_mem out, int32_t n, int32_t entries, int32_t dim) {
  return guard([&] {
    Operands operands("embedding");
    EmbeddingArgs args{};
    args.table = operands.in(table, "table", elements("table", entries, dim));
    args.indices = operands.in(indices, "indices", elements("indices", n));
    args.out = operands.out(out, "out", elements("out", n, dim));
    args.n = n;
    args.entries = entries;
    args.dim = dim;
    dispatch(operands.device(), "embedding", &Backend::embedding, args);
  });
}

ddpm_status ddpm_embedding_backward(ddpm_mem dy, ddpm_mem indices, ddpm_mem dtable, int32_t n, int32_t entries,
                                    int32_t dim) {
  return guard([&] {
    Operands operands("embedding_backward");
    EmbeddingBackwardArgs args{};
    args.dy = operands.in(dy, "dy", elements("dy", n, dim));
    args.indices = operands.in(indices, "indices", elements("indices", n));
    args.dtable = operands.out(dtable, "dtable", elements("dtable", entries, dim));
    args.n = n;
    args.entries = entries;
    args.dim = dim;
    dispatch(operands.device(), "embedding_backward", &Backend::embedding_backward, args);
  });
}
}
