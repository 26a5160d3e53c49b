package io.github.ddpm4j.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;

/** What holds the pickle and the storages of a {@link TorchFile}. */
interface TorchArchive {
  /** Longest pickle that is read: that of 40,000 tensors. */
  int LARGEST_PICKLE = 8 << 20;

  /** What the pickle holds. */
  Object root();

  /**
   * Some of a storage's bytes, in the byte order of the file.
   *
   * @param tensor that they are for, named in errors
   * @param offset of the first byte in the storage
   */
  ByteBuffer read(String tensor, TorchTensor.Storage storage, long offset, int length)
      throws IOException;
}
