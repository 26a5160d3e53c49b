package io.github.ddpm4j.hub;

import io.github.ddpm4j.HubException;
import io.github.ddpm4j.InvalidArgumentException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Fetches files of the Hugging Face hub, or of another server with its URLs, into a folder where
 * they are found again. Immutable: each method returns a changed client.
 *
 * <p>A file is asked for by name; one that the folder has in the hub's present version is not
 * fetched again. A download that breaks is taken up where it broke, in this call or a later one.
 * Length and checksum are checked, and a file gets its name only when they are right.
 */
public final class HubClient {
  private static final Set<String> TRUE = Set.of("1", "ON", "YES", "TRUE");

  private final URI endpoint;
  private final Path cacheFolder;
  private final String token;
  private final boolean offline;
  private final String revision;
  private final Duration timeout;

  private HubClient(
      URI endpoint,
      Path cacheFolder,
      String token,
      boolean offline,
      String revision,
      Duration timeout) {
    this.endpoint = endpoint;
    this.cacheFolder = cacheFolder;
    this.token = token;
    this.offline = offline;
    this.revision = revision;
    this.timeout = timeout;
  }

  /**
   * A client as the environment says, in the variables of Python's {@code huggingface_hub}: {@code
   * HF_ENDPOINT}, {@code HF_TOKEN} and {@code HF_HUB_OFFLINE}. Unless changed, it takes the
   * revision {@code main} and keeps files in {@code ~/.cache/ddpm4j/hub}.
   */
  public static HubClient create() {
    return of(System.getenv());
  }

  static HubClient of(Map<String, String> environment) {
    String token = environment.getOrDefault("HF_TOKEN", "").strip();
    String offline = environment.getOrDefault("HF_HUB_OFFLINE", "");
    String endpoint = environment.getOrDefault("HF_ENDPOINT", "");
    return new HubClient(
            null,
            Path.of(System.getProperty("user.home"), ".cache", "ddpm4j", "hub"),
            token.isEmpty() ? null : token,
            TRUE.contains(offline.toUpperCase(Locale.ROOT)),
            "main",
            Duration.ofSeconds(10))
        .endpoint(endpoint.isEmpty() ? "https://huggingface.co" : endpoint);
  }

  /**
   * The server.
   *
   * @param url for example {@code https://huggingface.co}
   */
  public HubClient endpoint(String url) {
    URI uri;
    try {
      uri = URI.create(url.replaceAll("/+$", ""));
    } catch (IllegalArgumentException e) {
      throw new InvalidArgumentException("endpoint is '" + url + "', expected a URL");
    }
    if (!Set.of("http", "https").contains(String.valueOf(uri.getScheme()))
        || uri.getHost() == null) {
      throw new InvalidArgumentException(
          "endpoint is '" + url + "', expected an http or https URL");
    }
    return new HubClient(uri, cacheFolder, token, offline, revision, timeout);
  }

  /** The folder that files are kept in. */
  public HubClient cacheFolder(Path folder) {
    return new HubClient(endpoint, folder, token, offline, revision, timeout);
  }

  /** The access token, sent to the endpoint and nowhere else; null for none. */
  public HubClient token(String token) {
    if (token != null && !token.matches("[!-~]+")) {
      throw new InvalidArgumentException("the token has characters that no token has");
    }
    return new HubClient(endpoint, cacheFolder, token, offline, revision, timeout);
  }

  /** Whether to make do with what the folder has, without a connection. */
  public HubClient offline(boolean offline) {
    return new HubClient(endpoint, cacheFolder, token, offline, revision, timeout);
  }

  /** A branch, tag or commit. */
  public HubClient revision(String revision) {
    return new HubClient(endpoint, cacheFolder, token, offline, revision, timeout);
  }

  /** How long the server may stay silent. */
  public HubClient timeout(Duration timeout) {
    if (timeout.toMillis() < 1 || timeout.toMillis() > Integer.MAX_VALUE) {
      throw new InvalidArgumentException("timeout is " + timeout + ", expected at least 1 ms");
    }
    return new HubClient(endpoint, cacheFolder, token, offline, revision, timeout);
  }

  /**
   * A file of a repository, fetched unless the folder has its present version.
   *
   * @param repository for example {@code google/ddpm-cifar10-32}
   * @param name path within the repository, with slashes
   * @return the file in the {@link #cacheFolder}
   * @throws HubException if the hub has no such file, does not answer, or sends something else
   * @throws InvalidArgumentException for names that no repository has, such as {@code ../x}
   */
  public Path fetch(String repository, String name) {
    return find(repository, name)
        .orElseThrow(
            () ->
                new HubException(
                    new HubFile(repository, revision, name)
                        + (offline
                            ? " is not in " + cacheFolder + ", and offline mode is on"
                            : " is not on " + endpoint)));
  }

  /**
   * Like {@link #fetch}, for a file that a repository may lack. A repository that does not exist,
   * or that needs a token, is a failure all the same.
   */
  public Optional<Path> find(String repository, String name) {
    HubFile file = new HubFile(repository, revision, name);
    CacheEntry entry = CacheEntry.of(cacheFolder, file);
    if (offline) {
      return entry.isWhole() ? Optional.of(entry.file()) : Optional.empty();
    }
    HubConnection connection = new HubConnection(endpoint, token, (int) timeout.toMillis());
    RemoteFile remote = connection.head(file);
    if (remote == null) {
      return Optional.empty();
    }
    if (!entry.holds(remote)) {
      new Download(connection, file, remote, entry).run();
    }
    return Optional.of(entry.file());
  }

  /**
   * All files of a diffusion model in the layout of diffusers: configurations and weights.
   *
   * <p>If the server cannot be reached, what the folder has is taken.
   *
   * @param repository for example {@code google/ddpm-cifar10-32}
   * @return the folder that holds them
   * @throws HubException if one is missing or cannot be fetched
   */
  public Path fetchModel(String repository) {
    try {
      return new ModelFiles(this, repository).fetch();
    } catch (UnreachableException e) {
      try {
        return new ModelFiles(offline(true), repository).fetch();
      } catch (HubException notThere) {
        throw e;
      }
    }
  }

  /** Where the files of a repository's revision are kept. */
  Path folder(String repository) {
    return cacheFolder.resolve(new HubFile(repository, revision, "config.json").folder());
  }
}
