package io.github.ddpm4j.unet;

import io.github.ddpm4j.ops.ConvolutionInput;
import io.github.ddpm4j.ops.PointwiseOps;
import io.github.ddpm4j.tensor.Tensor;
import io.github.ddpm4j.unet.layers.Conv2d;
import io.github.ddpm4j.unet.layers.Dropout;
import io.github.ddpm4j.unet.layers.GroupNorm;
import io.github.ddpm4j.unet.layers.GroupNorm.Activation;
import io.github.ddpm4j.unet.layers.Initialization;
import io.github.ddpm4j.unet.layers.Linear;
import io.github.ddpm4j.unet.layers.Parameters;
import io.github.ddpm4j.unet.layers.Temporaries;

/**
 * Residual layer of Ho et al. (arXiv 2006.11239, appendix B), as diffusers' {@code ResnetBlock2D}:
 * norm1, SiLU, conv1, time embedding, norm2, SiLU, dropout, conv2, plus the input.
 *
 * <p>Where the layer changes the size, it does so before conv1, to its input too. Where it changes
 * the channels, the input goes through {@code conv_shortcut}.
 */
final class ResnetBlock implements Stage {
  /**
   * What all residual layers of a network have in common.
   *
   * @param scaleShift whether the time embedding scales and shifts norm2 instead of being added
   *     after conv1
   * @param shortcutAlways whether there is a conv_shortcut even where the channels stay the same
   */
  record Style(
      int timeEmbedDim,
      int groups,
      double eps,
      boolean scaleShift,
      boolean shortcutAlways,
      Initialization initialization) {}

  private final String name;
  private final int channels;
  private final Resize resize;
  private final boolean scaleShift;
  private final double outputScaleFactor;
  private final GroupNorm norm1;
  private final Conv2d conv1;
  private final Linear timeProjection;
  private final GroupNorm norm2;
  private final Conv2d conv2;
  private final Conv2d shortcut;

  /**
   * @param outputScaleFactor divisor of the sum
   */
  ResnetBlock(
      Parameters.Path at, Style style, int in, int out, Resize resize, double outputScaleFactor) {
    name = at.name();
    channels = out;
    this.resize = resize;
    this.outputScaleFactor = outputScaleFactor;
    scaleShift = style.scaleShift();
    norm1 = new GroupNorm(at.sub("norm1"), in, style.groups(), style.eps(), Activation.SILU);
    conv1 = Conv2d.same3x3(at.sub("conv1"), in, out);
    timeProjection =
        new Linear(at.sub("time_emb_proj"), style.timeEmbedDim(), scaleShift ? 2 * out : out);
    norm2 = new GroupNorm(at.sub("norm2"), out, style.groups(), style.eps(), Activation.SILU);
    conv2 = Conv2d.same3x3(at.sub("conv2"), out, out, style.initialization());
    shortcut =
        in == out && !style.shortcutAlways()
            ? null
            : Conv2d.pointwise(at.sub("conv_shortcut"), in, out);
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public Tensor forward(Tensor x, Pass pass) {
    try (Temporaries temporaries = Temporaries.of(x)) {
      return forward(ConvolutionInput.of(temporaries.own(x)), pass, temporaries);
    }
  }

  @Override
  public Tensor forward(Tensor x, Tensor skip, Pass pass) {
    try (Temporaries temporaries = Temporaries.of(x)) {
      return forward(ConvolutionInput.join(temporaries.own(x), skip), pass, temporaries);
    }
  }

  private Tensor forward(ConvolutionInput x, Pass pass, Temporaries temporaries) {
    Tensor time = timeProjection.forward(temporaries.own(pass.time()));
    ConvolutionInput normalized = resize.apply(norm1.ahead(x, null));
    Tensor h = conv1.forward(normalized, scaleShift ? null : time, null);
    normalized = norm2.ahead(ConvolutionInput.of(h), scaleShift ? time : null);
    if (pass.dropout() != Dropout.NONE) {
      normalized = ConvolutionInput.of(pass.dropout().apply(normalized.tensor()));
    }
    ConvolutionInput input = resize.apply(x);
    Tensor residual = shortcut == null ? input.tensor() : shortcut.forward(input, null, null);
    return divide(conv2.forward(temporaries.result(normalized), null, residual), outputScaleFactor);
  }

  static Tensor divide(Tensor x, double divisor) {
    return divisor == 1 ? x : PointwiseOps.scale(x, (float) (1 / divisor));
  }

  @Override
  public void describe(Summary summary) {
    resize.apply(summary);
    long pixels = summary.pixels();
    long macs = conv1.macs(pixels) + conv2.macs(pixels) + timeProjection.macs(1);
    summary.add(name, channels, shortcut == null ? macs : macs + shortcut.macs(pixels));
  }
}
