package io.github.ddpm4j.unet;

/** Kinds of down and up blocks, by diffusers' names. */
public enum BlockType {
  /**
   * {@code DownBlock2D}, {@code UpBlock2D}: residual layers, then a convolution that changes the
   * size.
   */
  PLAIN("DownBlock2D", "UpBlock2D"),
  /** {@code AttnDownBlock2D}, {@code AttnUpBlock2D}: self-attention after every residual layer. */
  ATTENTION("AttnDownBlock2D", "AttnUpBlock2D"),
  /**
   * {@code ResnetDownsampleBlock2D}, {@code ResnetUpsampleBlock2D}: a residual layer changes the
   * size.
   */
  RESNET("ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D");

  private final String downName;
  private final String upName;

  BlockType(String downName, String upName) {
    this.downName = downName;
    this.upName = upName;
  }

  /** Diffusers' name of the down block. */
  public String downName() {
    return downName;
  }

  /** Diffusers' name of the up block. */
  public String upName() {
    return upName;
  }
}
