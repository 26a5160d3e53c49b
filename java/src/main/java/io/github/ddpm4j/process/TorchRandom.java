package io.github.ddpm4j.process;

/**
 * PyTorch's random numbers on the CPU: the Mersenne twister MT19937 (Matsumoto and Nishimura, ACM
 * TOMACS 8(1), 1998) and the Box-Muller transform, in the two ways in which {@code torch.randn}
 * applies it.
 */
final class TorchRandom {
  private static final int SIZE = 624;
  private static final int MIDDLE = 397;
  private static final int MATRIX = 0x9908b0df;
  private static final int UPPER = 0x80000000;
  private static final int LOWER = 0x7fffffff;

  /** randn works on blocks of this many numbers, and in another way on fewer. */
  private static final int BLOCK = 16;

  private static final float TWO_PI = (float) (2 * Math.PI);

  private final int[] state = new int[SIZE];
  private int next = SIZE;
  private double cached = Double.NaN;

  /** The generator after {@code torch.manual_seed(seed)}, which uses the low 32 bits. */
  TorchRandom(long seed) {
    state[0] = (int) seed;
    for (int i = 1; i < SIZE; i++) {
      state[i] = 1812433253 * (state[i - 1] ^ state[i - 1] >>> 30) + i;
    }
  }

  /** The numbers of the next call of {@code torch.randn}, in the order of its result. */
  float[] normals(int count) {
    float[] out = new float[count];
    if (count < BLOCK) {
      for (int i = 0; i < count; i++) {
        out[i] = (float) nextNormal();
      }
      return out;
    }
    for (int i = 0; i < count; i++) {
      out[i] = nextFloat();
    }
    for (int start = 0; start <= count - BLOCK; start += BLOCK) {
      transform(out, start);
    }
    if (count % BLOCK != 0) {
      // PyTorch fills the last block, which overlaps the one before, from fresh numbers.
      int start = count - BLOCK;
      for (int i = start; i < count; i++) {
        out[i] = nextFloat();
      }
      transform(out, start);
    }
    return out;
  }

  /**
   * Box-Muller over a block: number i and i + 8 make a pair. Rounded to float32 where PyTorch
   * rounds.
   */
  private static void transform(float[] block, int start) {
    int half = BLOCK / 2;
    for (int i = start; i < start + half; i++) {
      float u1 = 1 - block[i];
      float radius = (float) Math.sqrt(-2 * (float) Math.log(u1));
      float angle = TWO_PI * block[i + half];
      block[i] = radius * (float) Math.cos(angle);
      block[i + half] = radius * (float) Math.sin(angle);
    }
  }

  /** Box-Muller in double precision; every other call returns what the one before has put by. */
  private double nextNormal() {
    if (!Double.isNaN(cached)) {
      double value = cached;
      cached = Double.NaN;
      return value;
    }
    double u1 = nextDouble();
    double u2 = nextDouble();
    double radius = Math.sqrt(-2 * Math.log1p(-u2));
    double angle = 2 * Math.PI * u1;
    cached = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  private float nextFloat() {
    return (nextInt() & 0xffffff) * 0x1p-24f;
  }

  private double nextDouble() {
    long high = nextInt();
    long low = nextInt() & 0xffffffffL;
    return ((high << 32 | low) & (1L << 53) - 1) * 0x1p-53;
  }

  private int nextInt() {
    if (next == SIZE) {
      twist();
      next = 0;
    }
    int y = state[next++];
    y ^= y >>> 11;
    y ^= y << 7 & 0x9d2c5680;
    y ^= y << 15 & 0xefc60000;
    return y ^ y >>> 18;
  }

  private void twist() {
    for (int i = 0; i < SIZE; i++) {
      int y = state[i] & UPPER | state[(i + 1) % SIZE] & LOWER;
      state[i] = state[(i + MIDDLE) % SIZE] ^ y >>> 1 ^ ((y & 1) == 0 ? 0 : MATRIX);
    }
  }
}
