package io.github.ddpm4j.benchmarks;

import io.github.ddpm4j.Device;
import java.util.function.Supplier;
import org.bytedeco.pytorch.global.torch;

/**
 * A contender whose products round their operands to bfloat16: ddpm4j by the precision of its
 * device, libtorch by autocast.
 */
record RoundedProducts(Contender exact) implements Contender {
  @Override
  public String name() {
    return exact.name();
  }

  @Override
  public void run() {
    rounding(
        () -> {
          exact.run();
          return null;
        });
  }

  @Override
  public float[] result() {
    return rounding(exact::result);
  }

  private static <T> T rounding(Supplier<T> work) {
    String precision = Device.precision();
    Device.setPrecision("bfloat16");
    torch.set_autocast_dtype(torch.DeviceType.CPU, torch.ScalarType.BFloat16);
    torch.set_autocast_enabled(torch.DeviceType.CPU, true);
    try {
      return work.get();
    } finally {
      torch.set_autocast_enabled(torch.DeviceType.CPU, false);
      // Weights that it has cast, which the next step changes.
      torch.clear_cache();
      Device.setPrecision(precision);
    }
  }

  @Override
  public void close() {
    exact.close();
  }
}
