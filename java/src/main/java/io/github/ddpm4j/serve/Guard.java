package io.github.ddpm4j.serve;

import com.sun.net.httpserver.Headers;
import java.net.InetSocketAddress;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/**
 * Keeps pages of other sites away from a server on this machine. Their requests have an {@code
 * Origin} of their own; a name of theirs that they let point to this machine (DNS rebinding) is in
 * the {@code Host} header.
 */
final class Guard {
  private static final String CONTENT_SECURITY_POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
          + " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  private final Set<String> hosts = new HashSet<>(Set.of("localhost", "127.0.0.1", "[::1]"));
  private final boolean anyAddress;

  /**
   * @param host as the user gave it: a further name that the server goes by
   * @param bound what the server listens on; if to all of the machine's addresses, any address is
   *     taken for a host, but no name
   */
  Guard(String host, InetSocketAddress bound) {
    hosts.add(host.contains(":") ? "[" + host + "]" : host.toLowerCase(Locale.ROOT));
    anyAddress = bound.getAddress().isAnyLocalAddress();
  }

  /** Refuses a request that does not come from the server's own page or from a program. */
  void check(Headers request) {
    List<String> hostHeaders = request.getOrDefault("Host", List.of());
    String host = hostHeaders.size() == 1 ? hostHeaders.get(0).toLowerCase(Locale.ROOT) : "";
    String name = host.replaceFirst(":\\d*$", "");
    boolean address = name.matches("\\d+(\\.\\d+){3}|\\[[0-9a-f:.]+\\]");
    if (!hosts.contains(name) && !(anyAddress && address)) {
      throw new HttpProblem(
          403, "host is " + hostHeaders + ", expected one of " + new TreeSet<>(hosts));
    }
    for (String origin : request.getOrDefault("Origin", List.of())) {
      if (!origin.equalsIgnoreCase("http://" + host)) {
        throw new HttpProblem(403, "origin is '" + origin + "', expected 'http://" + host + "'");
      }
    }
  }

  /** Headers of every answer. */
  static void addHeaders(Headers answer) {
    answer.set("Content-Security-Policy", CONTENT_SECURITY_POLICY);
    answer.set("X-Content-Type-Options", "nosniff");
    answer.set("Referrer-Policy", "no-referrer");
    answer.set("Cross-Origin-Resource-Policy", "same-origin");
    answer.set("Cache-Control", "no-store");
  }
}
