package io.github.ddpm4j.checkpoint;

import java.nio.ByteBuffer;

/** Element types of files. Those of real numbers are read, as float32, and some whole numbers. */
enum DType {
  F64(8) {
    @Override
    float read(ByteBuffer bytes) {
      return (float) bytes.getDouble();
    }
  },
  F32(4) {
    @Override
    float read(ByteBuffer bytes) {
      return bytes.getFloat();
    }
  },
  F16(2) {
    @Override
    float read(ByteBuffer bytes) {
      return HalfPrecision.fromFloat16(bytes.getShort());
    }
  },
  BF16(2) {
    @Override
    float read(ByteBuffer bytes) {
      return HalfPrecision.fromBfloat16(bytes.getShort());
    }
  },
  I64(8) {
    @Override
    float read(ByteBuffer bytes) {
      return bytes.getLong();
    }
  },
  U64(8),
  I32(4) {
    @Override
    float read(ByteBuffer bytes) {
      return bytes.getInt();
    }
  },
  U32(4),
  I16(2),
  U16(2),
  I8(1),
  U8(1),
  F8_E5M2(1),
  F8_E4M3(1),
  BOOL(1);

  final int size;

  DType(int size) {
    this.size = size;
  }

  boolean isReal() {
    return ordinal() <= BF16.ordinal();
  }

  boolean isNumber() {
    return isReal() || this == I64 || this == I32;
  }

  /** The next element; only for {@linkplain #isNumber numbers}. */
  float read(ByteBuffer bytes) {
    throw new UnsupportedOperationException(name());
  }
}
