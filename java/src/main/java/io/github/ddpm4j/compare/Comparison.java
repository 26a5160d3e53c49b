package io.github.ddpm4j.compare;

import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.UNet;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * A model beside a {@link Recording} of it: differences in the order of computing, so that the
 * first large one is where the two part.
 *
 * @param layers of the layers that were recorded, then of the output
 * @param trajectory of the images after each step
 * @param notCompared recorded layers that the network has no output of
 */
public record Comparison(
    List<Difference> layers, List<Difference> trajectory, Set<String> notCompared) {
  /** Steps that a table shows; of more, some evenly spaced. */
  private static final int MOST_STEPS = 20;

  private static final String ROW = "%-32s %-18s %10s %10s %10s%n";

  /**
   * Runs the model on what was recorded.
   *
   * @throws io.github.ddpm4j.DdpmException if the recording does not fit the model
   */
  public static Comparison of(DiffusionModel model, Recording recording) {
    List<Difference> layers = new ArrayList<>();
    Set<String> rest = new LinkedHashSet<>(recording.layers());
    if (recording.has("output")) {
      predict(model.unet(), recording, layers, rest);
    }
    List<Difference> steps =
        recording.has("trajectory") ? new Trajectory(recording).compare(model) : List.of();
    return new Comparison(List.copyOf(layers), steps, rest);
  }

  private static void predict(
      UNet unet, Recording recording, List<Difference> layers, Set<String> rest) {
    Shape shape = recording.shape("input", 4);
    int images = shape.dim(0);
    try (Scope scope = Scope.open(unet.device())) {
      Tensor x = scope.tensor(Layout.ours(shape), Layout.ours(recording.values("input"), shape));
      Tensor t = scope.tensor(Shape.of(images), recording.perImage("timestep", images));
      Shape labelShape = unet.config().labelShape(images);
      Tensor labels =
          labelShape == null ? null : scope.tensor(labelShape, recording.values("class_labels"));
      Tensor output =
          unet.forward(
              x,
              t,
              labels,
              (name, value) -> {
                if (rest.remove(name)) {
                  layers.add(difference(recording, name, Recording.LAYERS + name, value));
                }
              });
      layers.add(difference(recording, "output", "output", output));
    }
  }

  private static Difference difference(
      Recording recording, String name, String recorded, Tensor ours) {
    Shape shape = recording.shape(recorded);
    Shape own = ours.shape();
    Shape expected =
        own.rank() == 4 ? Shape.of(own.dim(0), own.dim(3), own.dim(1), own.dim(2)) : own;
    if (!shape.equals(expected)) {
      throw recording.problem(recorded, "has shape " + shape + ", the model's is " + expected);
    }
    return Difference.of(name, shape, Layout.torch(ours), recording.values(recorded));
  }

  /** The first layer, or else step, whose {@link Difference#maxRel} is above a tolerance. */
  public Optional<Difference> firstBeyond(double tolerance) {
    List<Difference> all = new ArrayList<>(layers);
    all.addAll(trajectory);
    return all.stream().filter(difference -> !(difference.maxRel() <= tolerance)).findFirst();
  }

  /** A table of the differences, and where they first exceed a tolerance. */
  public String table(double tolerance) {
    StringBuilder table = new StringBuilder();
    if (!layers.isEmpty()) {
      heading(table, "layer");
      layers.forEach(layer -> row(table, layer));
    }
    if (!trajectory.isEmpty()) {
      heading(table, "images after");
      int shown = Math.min(MOST_STEPS, trajectory.size());
      for (int i = 0; i < shown; i++) {
        // The first and the last among them.
        row(
            table,
            trajectory.get((int) ((long) i * (trajectory.size() - 1) / Math.max(1, shown - 1))));
      }
    }
    if (!notCompared.isEmpty()) {
      table.append("not compared: ").append(String.join(", ", notCompared)).append('\n');
    }
    String first =
        firstBeyond(tolerance)
            .map(where -> "first at " + where.name() + ", by " + number(where.maxRel()))
            .orElse("nowhere");
    return table + "max rel beyond " + number(tolerance) + ": " + first + "\n";
  }

  private static void heading(StringBuilder table, String what) {
    table.append(String.format(Locale.ROOT, ROW, what, "shape", "max abs", "max rel", "NMSE"));
  }

  private static void row(StringBuilder table, Difference row) {
    table.append(
        String.format(
            Locale.ROOT,
            ROW,
            row.name(),
            row.shape(),
            number(row.maxAbs()),
            number(row.maxRel()),
            number(row.nmse())));
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.1e", value);
  }
}
