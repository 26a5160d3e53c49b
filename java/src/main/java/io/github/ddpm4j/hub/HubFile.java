package io.github.ddpm4j.hub;

import io.github.ddpm4j.InvalidArgumentException;
import java.util.regex.Pattern;

/**
 * A file of a repository of a hub, by names that cannot lead out of a folder or into another
 * request.
 *
 * @param repository {@code owner/name} or {@code name}
 * @param revision branch, tag or commit
 * @param name path within the repository, with slashes
 */
record HubFile(String repository, String revision, String name) {
  private static final String PART = "[A-Za-z0-9_][A-Za-z0-9_.-]*";
  private static final Pattern REPOSITORY = Pattern.compile(PART + "(/" + PART + ")?");
  private static final Pattern PATH = Pattern.compile(PART + "(/" + PART + ")*");
  private static final int LONGEST = 200;

  HubFile {
    require("repository", repository, REPOSITORY, "owner/name");
    require("revision", revision, PATH, "a branch, tag or commit");
    require("file", name, PATH, "a path of names within the repository");
  }

  private static void require(String what, String value, Pattern pattern, String expected) {
    if (value.length() > LONGEST
        || !pattern.matcher(value).matches()
        || value.contains("..")
        || what.equals("repository") && value.contains("--")) {
      throw new InvalidArgumentException(
          what + " is '" + value + "', expected " + expected + ", of letters, digits, _, - and .");
    }
  }

  /** The place below an endpoint that answers with the file or redirects to it. */
  String resolvePath() {
    return "/" + repository + "/resolve/" + revision.replace("/", "%2F") + "/" + name;
  }

  /** Folder of the repository's revision, within a cache. */
  String folder() {
    return "models--" + repository.replace("/", "--") + "/" + revision.replace("/", "--");
  }

  @Override
  public String toString() {
    return repository + "@" + revision + ": " + name;
  }
}
