package io.github.ddpm4j.data;

import io.github.ddpm4j.DataFormatException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Where data sets are. */
public final class DataFolder {
  private static final String VARIABLE = "DDPM4J_DATA";

  /** What a data set's own folder holds, for the sets whose files are known. */
  private static final Map<String, String> OWN_FILES =
      Map.of("mnist", "*-ubyte{,.gz}", "cifar-10-batches-bin", "*_batch*.bin{,.gz}");

  private DataFolder() {}

  /**
   * The folder of a data set. If a folder is given, it is the only one looked at; otherwise the one
   * that the environment variable {@code DDPM4J_DATA} names, then {@code ~/.cache/ddpm4j/data}.
   * Each may be the data set's own folder, or have a folder of the data set's name in it.
   *
   * @param dataset {@code mnist}, {@code cifar-10-batches-bin}, or the name of another folder
   * @param given as the user gave it, or null
   * @throws DataFormatException if the data set is in none of these, with the places looked at
   */
  public static Path find(String dataset, Path given) {
    return find(dataset, given, System.getenv(VARIABLE), Path.of(System.getProperty("user.home")));
  }

  static Path find(String dataset, Path given, String variable, Path home) {
    List<Path> roots = new ArrayList<>();
    if (given != null) {
      roots.add(given);
    } else {
      if (variable != null && !variable.isBlank()) {
        roots.add(Path.of(variable));
      }
      roots.add(home.resolve(".cache").resolve("ddpm4j").resolve("data"));
    }
    Set<Path> looked = new LinkedHashSet<>();
    for (Path root : roots) {
      for (Path folder : List.of(root.resolve(dataset), root)) {
        if (isFolderOf(dataset, folder)) {
          return folder;
        }
        looked.add(folder);
      }
    }
    throw new DataFormatException(
        roots.get(0),
        "the data set "
            + dataset
            + " is in none of "
            + looked
            + "; give its folder, or name it in "
            + VARIABLE);
  }

  private static boolean isFolderOf(String dataset, Path folder) {
    if (!Files.isDirectory(folder)) {
      return false;
    }
    String files = OWN_FILES.get(dataset);
    if (files == null) {
      return folder.endsWith(dataset);
    }
    try (DirectoryStream<Path> found = Files.newDirectoryStream(folder, files)) {
      return found.iterator().hasNext();
    } catch (IOException e) {
      throw new DataFormatException(folder, "cannot be read: " + e);
    }
  }
}
