package io.github.ddpm4j.internal;

import org.bytedeco.javacpp.annotation.NoException;
import org.bytedeco.javacpp.annotation.Platform;
import org.bytedeco.javacpp.annotation.Properties;
import org.bytedeco.javacpp.tools.Info;
import org.bytedeco.javacpp.tools.InfoMap;
import org.bytedeco.javacpp.tools.InfoMapper;

/**
 * Tells JavaCPP how to bind the C ABI of {@code native/include/ddpm}: the generated class is {@code
 * NativeApi}.
 *
 * <p>The kernels are linked statically ({@code #}: linked, not extracted), so one JNI library is
 * all there is to load.
 */
@Properties(
    value = {
      @Platform(
          include = {
            "ddpm/status.h",
            "ddpm/device.h",
            "ddpm/memory.h",
            "ddpm/convolution.h",
            "ddpm/attention.h",
            "ddpm/normalization.h",
            "ddpm/pointwise.h",
            "ddpm/resampling.h",
            "ddpm/diffusion.h",
            "ddpm/program.h",
            "ddpm/training.h",
            "ddpm/optimal.h",
            "ddpm/interop.h"
          },
          // The last two for CUDA's runtime, if the archive has it. JavaCPP turns the order round.
          link = {"rt#", "dl#", "ddpm#"},
          compiler = "cpp17"),
      // A library with CUDA, which is looked for first.
      @Platform(extension = "-gpu")
    },
    target = "io.github.ddpm4j.internal",
    global = "io.github.ddpm4j.internal.NativeApi")
@NoException
public class NativePresets implements InfoMapper {
  @Override
  public void map(InfoMap infoMap) {
    infoMap.put(new Info("ddpm_status").cast().valueTypes("int"));
    infoMap.put(
        new Info("ddpm_mem")
            .cast()
            .valueTypes("long")
            .pointerTypes("LongPointer", "LongBuffer", "long[]"));
  }
}
