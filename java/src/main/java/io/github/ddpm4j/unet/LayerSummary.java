package io.github.ddpm4j.unet;

/**
 * One line of a network's summary.
 *
 * @param name the layer's name, which its parameters' names start with
 * @param height height of its output; width and channels likewise
 * @param parameters number of learned numbers
 * @param macs multiplications for one image
 */
public record LayerSummary(
    String name, int height, int width, int channels, long parameters, long macs) {}
