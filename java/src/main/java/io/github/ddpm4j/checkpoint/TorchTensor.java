package io.github.ddpm4j.checkpoint;

/**
 * A tensor of a PyTorch file: a strided view of a storage, the numbers of one entry of the archive.
 *
 * @param offset of the first element in the storage
 * @param stride steps between neighbours in each dimension
 */
record TorchTensor(Storage storage, long offset, int[] size, long[] stride) {
  /**
   * Numbers of one entry.
   *
   * @param key name of the entry
   * @param count of numbers
   */
  record Storage(DType dtype, String key, long count) {}

  /** Numbers of the storage from the first element to the last. */
  long span() {
    long last = 0;
    for (int i = 0; i < size.length; i++) {
      last += (size[i] - 1) * stride[i];
    }
    return last + 1;
  }
}
