package io.github.ddpm4j.benchmarks;

import io.github.ddpm4j.Device;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.global.torch;

/** All cases, by name: what, precision where there is a choice, and the batch. */
final class Cases {
  private static final Map<String, Supplier<Case>> ALL = new LinkedHashMap<>();

  static {
    NetworkCases.addTo(ALL);
    OptimalCases.addTo(ALL);
    OpCases.addTo(ALL);
    CudnnCases.addTo(ALL);
  }

  private Cases() {}

  /** Names in which * stands for anything, as the names of cases. */
  static List<String> matching(String pattern) {
    String regex = ("\\Q" + pattern + "\\E").replace("*", "\\E.*\\Q");
    List<String> names = ALL.keySet().stream().filter(name -> name.matches(regex)).toList();
    if (names.isEmpty()) {
      throw new IllegalArgumentException(
          "no case " + pattern + "; there are: " + String.join(" ", ALL.keySet()));
    }
    return names;
  }

  /** Opens a case; to be closed on the same thread. */
  static Case open(String name) {
    torch.set_num_threads(Device.threads());
    // Owns libtorch's tensors that no inner scope does.
    PointerScope tensors = new PointerScope();
    Case opened = ALL.get(name).get();
    return new Case(
        opened.device(),
        opened.flop(),
        opened.bytes(),
        opened.tolerance(),
        opened.contenders(),
        () -> {
          opened.memory().close();
          tensors.close();
        });
  }
}
