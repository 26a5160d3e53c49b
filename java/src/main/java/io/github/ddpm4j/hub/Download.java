package io.github.ddpm4j.hub;

import io.github.ddpm4j.HubException;
import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One file on its way from a hub to a cache. */
final class Download {
  static final int RANGE_NOT_SATISFIABLE = 416;

  private static final Logger LOG = LoggerFactory.getLogger(Download.class);
  private static final int ATTEMPTS = 5;
  private static final int CHUNK = 1 << 16;

  /** Downloads of this process take turns; those of other processes wait for the part's lock. */
  private static final Object TURN = new Object();

  private final HubConnection connection;
  private final HubFile file;
  private final RemoteFile remote;
  private final CacheEntry entry;
  private final Path part;

  Download(HubConnection connection, HubFile file, RemoteFile remote, CacheEntry entry) {
    this.connection = connection;
    this.file = file;
    this.remote = remote;
    this.entry = entry;
    this.part = entry.part(remote);
  }

  /** Fetches, checks, and puts the file in its place. */
  void run() {
    LOG.info("fetching {} ({} bytes)", file, remote.size());
    synchronized (TURN) {
      try {
        Files.createDirectories(part.getParent());
        try (FileChannel out =
            FileChannel.open(part, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
          out.lock();
          if (entry.holds(remote)) {
            return; // Another process was faster.
          }
          receive(out);
          out.force(true);
          check();
          entry.take(remote);
        }
      } catch (IOException e) {
        throw new HubException(file + " cannot be kept in " + part + ": " + e, e);
      }
    }
  }

  /** Takes the download up until it is whole, a few times. */
  private void receive(FileChannel out) throws IOException {
    for (int attempt = 1; ; attempt++) {
      try {
        if (isWhole(out.size()) || receiveOnce(out)) {
          return;
        }
        throw new IOException("the connection ended after " + out.size() + " bytes");
      } catch (IOException e) {
        if (attempt == ATTEMPTS) {
          throw connection.unreachable(file, e);
        }
        LOG.warn("{}: {}; going on from byte {}", file, e, out.size());
      }
    }
  }

  private boolean isWhole(long size) {
    return remote.size() >= 0 && size == remote.size();
  }

  /** Receives what is missing; whether it arrived to its end. */
  private boolean receiveOnce(FileChannel out) throws IOException {
    HttpURLConnection reply = connection.get(file, out.size());
    try {
      long from = out.size();
      if (reply.getResponseCode() == RANGE_NOT_SATISFIABLE) {
        out.truncate(0);
        return false;
      }
      if (reply.getResponseCode() == HttpURLConnection.HTTP_PARTIAL) {
        requireRange(reply, from);
      } else {
        out.truncate(0);
        from = 0;
      }
      out.position(from);
      long length = reply.getContentLengthLong();
      long arrived = copy(reply, out);
      return remote.size() >= 0 ? isWhole(from + arrived) : length < 0 || arrived == length;
    } finally {
      reply.disconnect();
    }
  }

  private void requireRange(HttpURLConnection reply, long from) {
    String range = String.valueOf(reply.getHeaderField("Content-Range"));
    if (!range.startsWith("bytes " + from + "-")) {
      throw new HubException(file + ": the server sends range '" + range + "' from byte " + from);
    }
  }

  private long copy(HttpURLConnection reply, FileChannel out) throws IOException {
    byte[] chunk = new byte[CHUNK];
    long arrived = 0;
    try (InputStream in = reply.getInputStream()) {
      for (int count = in.read(chunk); count >= 0; count = in.read(chunk)) {
        if (remote.size() >= 0 && out.position() + count > remote.size()) {
          out.truncate(0);
          throw new HubException(
              file + " is longer than the " + remote.size() + " bytes announced");
        }
        for (ByteBuffer rest = ByteBuffer.wrap(chunk, 0, count); rest.hasRemaining(); ) {
          out.write(rest);
        }
        arrived += count;
      }
    }
    return arrived;
  }

  private void check() throws IOException {
    if (!remote.isSha256() && !remote.isGitSha1()) {
      return;
    }
    String sum = remote.isSha256() ? digest("SHA-256", "") : digest("SHA-1", gitHeader());
    if (!sum.equals(remote.etag())) {
      Files.delete(part);
      throw new HubException(file + " has checksum " + sum + ", expected " + remote.etag());
    }
  }

  /** What git puts ahead of a file before it takes the sum. */
  private String gitHeader() throws IOException {
    return "blob " + Files.size(part) + "\0";
  }

  private String digest(String algorithm, String header) throws IOException {
    try (InputStream in = Files.newInputStream(part)) {
      MessageDigest digest = MessageDigest.getInstance(algorithm);
      digest.update(header.getBytes(StandardCharsets.US_ASCII));
      byte[] chunk = new byte[CHUNK];
      for (int count = in.read(chunk); count >= 0; count = in.read(chunk)) {
        digest.update(chunk, 0, count);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JVM has " + algorithm, e);
    }
  }
}
