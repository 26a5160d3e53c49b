package io.github.ddpm4j.hub;

/**
 * What the hub says of a file.
 *
 * @param etag of this version: SHA-256 of large files, the SHA-1 that git gives small ones
 * @param size in bytes; -1 if not said
 */
record RemoteFile(String etag, long size) {
  private static final int SHA256_DIGITS = 64;
  private static final int SHA1_DIGITS = 40;

  boolean isSha256() {
    return isHex(SHA256_DIGITS);
  }

  boolean isGitSha1() {
    return isHex(SHA1_DIGITS);
  }

  private boolean isHex(int digits) {
    return etag.matches("[0-9a-f]{" + digits + "}");
  }
}
