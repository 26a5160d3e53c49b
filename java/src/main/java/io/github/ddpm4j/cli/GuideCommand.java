package io.github.ddpm4j.cli;

import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.guide.Guide;
import io.github.ddpm4j.guide.Picture;
import io.github.ddpm4j.guide.Scene;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Draws the pictures of docs/guide.md. */
@Command(
    name = "guide",
    description = {
      "Draw the pictures of the guide, docs/guide.md: all, or those named.",
      "Of all, those are left out whose data are not there; one that is named must be drawn."
    })
final class GuideCommand implements Callable<Integer> {
  private static final String ALL = "all";

  /** The names that the command takes. */
  static final class Names implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return Arrays.stream(Picture.values()).map(Picture::label).iterator();
    }
  }

  @Parameters(
      arity = "1..*",
      paramLabel = "NAME",
      completionCandidates = Names.class,
      description = "all, or any of ${COMPLETION-CANDIDATES}.")
  private List<String> names;

  @Mixin private ModelOptions model;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "Folder of the pictures.")
  private Path out;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Folder of MNIST and CIFAR-10. Default: $DDPM4J_DATA, then ~/.cache/ddpm4j/data.")
  private Path data;

  @Option(
      names = "--picture",
      paramLabel = "FILE",
      description =
          "PNG, JPEG, GIF or BMP for the first part, cut square and reduced to 64x64. Default: a"
              + " drawn one.")
  private Path picture;

  @Option(
      names = "--run",
      paramLabel = "DIR",
      description = "Folder of a training run, whose losses are drawn.")
  private Path run;

  @Option(
      names = {"-n", "--count"},
      defaultValue = "200",
      description = "Samples for each bar of quality. Default: ${DEFAULT-VALUE}.")
  private int count;

  @Override
  public Integer call() {
    boolean all = names.stream().anyMatch(ALL::equalsIgnoreCase);
    List<Picture> pictures =
        all ? List.of(Picture.values()) : names.stream().map(Picture::of).toList();
    try (DiffusionModel open = model.open()) {
      Guide guide = Guide.of(open).data(data).run(run).judged(count);
      if (picture != null) {
        guide = guide.scene(Scene.read(picture));
      }
      for (Picture wanted : pictures) {
        Optional<String> missing = all ? guide.missing(wanted) : Optional.empty();
        if (missing.isPresent()) {
          System.out.println("left out " + wanted.label() + ": " + missing.get());
          continue;
        }
        long start = System.nanoTime();
        Path file = guide.save(wanted, out);
        double seconds = (System.nanoTime() - start) / 1e9;
        System.out.printf(Locale.ROOT, "wrote %s in %.1f s%n", file, seconds);
      }
      return 0;
    }
  }
}
