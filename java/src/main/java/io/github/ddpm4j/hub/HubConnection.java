package io.github.ddpm4j.hub;

import io.github.ddpm4j.HubException;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.util.Set;

/**
 * Requests to a hub. Redirects are followed here, so that the token goes to the endpoint only and
 * no redirect leads to another kind of URL.
 *
 * <p>By {@link HttpURLConnection}, whose timeout also holds while a body arrives.
 *
 * @param token or null
 * @param timeout in milliseconds
 */
record HubConnection(URI endpoint, String token, int timeout) {
  private static final int MOST_REDIRECTS = 5;
  private static final int TEMPORARY_REDIRECT = 307;
  private static final int PERMANENT_REDIRECT = 308;
  private static final int TOO_MANY_REQUESTS = 429;
  private static final Set<Integer> REDIRECTS =
      Set.of(
          HttpURLConnection.HTTP_MOVED_PERM,
          HttpURLConnection.HTTP_MOVED_TEMP,
          HttpURLConnection.HTTP_SEE_OTHER,
          TEMPORARY_REDIRECT,
          PERMANENT_REDIRECT);

  /** What the hub says of a file; null if the repository has none of its name. */
  RemoteFile head(HubFile file) {
    try {
      HttpURLConnection reply = open("HEAD", file, -1);
      try {
        if (isMissing(reply)) {
          return null;
        }
        requireSuccess(file, reply);
        return remote(file, reply);
      } finally {
        reply.disconnect();
      }
    } catch (IOException e) {
      throw unreachable(file, e);
    }
  }

  /**
   * Asks for a file.
   *
   * @param from byte to begin with
   * @return a reply of status 200, for the whole file, or 206, or 416 if there is nothing there
   */
  HttpURLConnection get(HubFile file, long from) throws IOException {
    HttpURLConnection reply = open("GET", file, from);
    int status = reply.getResponseCode();
    if (status != HttpURLConnection.HTTP_PARTIAL && status != Download.RANGE_NOT_SATISFIABLE) {
      requireSuccess(file, reply);
    }
    return reply;
  }

  UnreachableException unreachable(HubFile file, IOException cause) {
    return new UnreachableException(file + " cannot be had from " + endpoint + ": " + cause, cause);
  }

  private HttpURLConnection open(String method, HubFile file, long from) throws IOException {
    URI uri = URI.create(endpoint + file.resolvePath());
    for (int redirects = 0; redirects <= MOST_REDIRECTS; redirects++) {
      HttpURLConnection request = (HttpURLConnection) uri.toURL().openConnection();
      request.setRequestMethod(method);
      request.setInstanceFollowRedirects(false);
      request.setConnectTimeout(timeout);
      request.setReadTimeout(timeout);
      request.setRequestProperty("Accept-Encoding", "identity");
      request.setRequestProperty("User-Agent", "ddpm4j");
      if (from > 0) {
        request.setRequestProperty("Range", "bytes=" + from + "-");
      }
      if (token != null && sameOrigin(uri)) {
        request.setRequestProperty("Authorization", "Bearer " + token);
      }
      boolean redirect = REDIRECTS.contains(request.getResponseCode());
      // A large file's own facts come with the redirect to where it is stored.
      if (!redirect || method.equals("HEAD") && request.getHeaderField("X-Linked-Etag") != null) {
        return request;
      }
      uri = target(file, uri, request.getHeaderField("Location"));
      request.disconnect();
    }
    throw new HubException(file + " is redirected more than " + MOST_REDIRECTS + " times");
  }

  private boolean sameOrigin(URI uri) {
    return uri.getScheme().equals(endpoint.getScheme())
        && uri.getHost().equals(endpoint.getHost())
        && uri.getPort() == endpoint.getPort();
  }

  private URI target(HubFile file, URI from, String location) {
    try {
      URI to = from.resolve(String.valueOf(location));
      boolean encrypted = "https".equals(to.getScheme());
      boolean plain = "http".equals(to.getScheme()) && "http".equals(from.getScheme());
      if (location != null && to.getHost() != null && (encrypted || plain)) {
        return to;
      }
    } catch (IllegalArgumentException e) {
      // Complained about below.
    }
    throw new HubException(file + " is redirected to '" + location + "', expected an https URL");
  }

  private static boolean isMissing(HttpURLConnection reply) throws IOException {
    String code = reply.getHeaderField("X-Error-Code");
    return reply.getResponseCode() == HttpURLConnection.HTTP_NOT_FOUND
        && (code == null || code.equals("EntryNotFound"));
  }

  private void requireSuccess(HubFile file, HttpURLConnection reply) throws IOException {
    int status = reply.getResponseCode();
    boolean redirect = REDIRECTS.contains(status);
    if (status == HttpURLConnection.HTTP_OK || redirect) {
      return;
    }
    String code = reply.getHeaderField("X-Error-Code");
    String problem = endpoint + " answers " + status + (code == null ? "" : " " + code);
    if (status >= HttpURLConnection.HTTP_INTERNAL_ERROR || status == TOO_MANY_REQUESTS) {
      throw new IOException(problem);
    }
    boolean forbidden =
        status == HttpURLConnection.HTTP_UNAUTHORIZED || status == HttpURLConnection.HTTP_FORBIDDEN;
    throw new HubException(
        file
            + ": "
            + problem
            + (forbidden
                ? (token == null
                    ? "; it does not exist, or needs a token (HF_TOKEN)"
                    : "; it does not exist, or the token does not open it")
                : ""));
  }

  private static RemoteFile remote(HubFile file, HttpURLConnection reply) {
    String linked = reply.getHeaderField("X-Linked-Etag");
    String etag = linked == null ? reply.getHeaderField("ETag") : linked;
    if (etag == null) {
      throw new HubException(file + ": the server sends no ETag; is it a hub?");
    }
    String size = reply.getHeaderField(linked == null ? "Content-Length" : "X-Linked-Size");
    return new RemoteFile(
        etag.replaceFirst("^W/", "").replace("\"", ""),
        size != null && size.matches("\\d{1,18}") ? Long.parseLong(size) : -1);
  }
}
