package io.github.ddpm4j.image;

import io.github.ddpm4j.DdpmException;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.files.AtomicFile;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.metadata.IIOInvalidTreeException;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** Writes animated GIF files, which play again and again. */
public final class Gif {
  private static final String FORMAT = "javax_imageio_gif_image_1.0";

  /** Netscape's extension: block 1, repeat 0 times, which means forever. */
  private static final byte[] FOREVER = {1, 0, 0};

  private Gif() {}

  /**
   * A picture of an animation.
   *
   * @param image of more than 256 colours, it is reduced to 256
   * @param millis how long it is shown, 10 to 655,350; GIF counts in hundredths of a second
   */
  public record Frame(BufferedImage image, int millis) {
    /**
     * @throws InvalidArgumentException if the time does not fit
     */
    public Frame {
      if (millis < 10 || millis > 655_350) {
        throw new InvalidArgumentException(
            "a frame is shown for " + millis + " ms, expected 10 to 655350");
      }
    }
  }

  /**
   * Writes an animation; missing parent folders are made.
   *
   * @param frames at least one, all of one size
   * @throws InvalidArgumentException if there is none, or sizes differ
   */
  public static void write(Path file, List<Frame> frames) {
    requireOneSize(frames);
    ImageWriter writer = ImageIO.getImageWritersByFormatName("gif").next();
    try {
      AtomicFile.write(
          file,
          out -> {
            try (var stream = new MemoryCacheImageOutputStream(out)) {
              writer.setOutput(stream);
              writer.prepareWriteSequence(null);
              for (Frame frame : frames) {
                IIOMetadata metadata = metadata(writer, frame);
                writer.writeToSequence(new IIOImage(frame.image(), null, metadata), null);
              }
              writer.endWriteSequence();
            }
          });
    } catch (IOException e) {
      throw new DdpmException("cannot write " + file + ": " + e, e);
    } finally {
      writer.dispose();
    }
  }

  private static IIOMetadata metadata(ImageWriter writer, Frame frame)
      throws IIOInvalidTreeException {
    // createFromRenderedImage would give indexed pictures a palette that is not theirs.
    ImageTypeSpecifier type =
        new ImageTypeSpecifier(frame.image().getColorModel(), frame.image().getSampleModel());
    ImageWriteParam rowByRow = writer.getDefaultWriteParam();
    rowByRow.setProgressiveMode(ImageWriteParam.MODE_DISABLED);
    IIOMetadata metadata = writer.getDefaultImageMetadata(type, rowByRow);
    IIOMetadataNode control = new IIOMetadataNode("GraphicControlExtension");
    control.setAttribute("disposalMethod", "none");
    control.setAttribute("userInputFlag", "FALSE");
    control.setAttribute("transparentColorFlag", "FALSE");
    control.setAttribute("transparentColorIndex", "0");
    control.setAttribute("delayTime", Integer.toString(Math.round(frame.millis() / 10f)));
    IIOMetadataNode netscape = new IIOMetadataNode("ApplicationExtension");
    netscape.setAttribute("applicationID", "NETSCAPE");
    netscape.setAttribute("authenticationCode", "2.0");
    netscape.setUserObject(FOREVER);
    IIOMetadataNode extensions = new IIOMetadataNode("ApplicationExtensions");
    extensions.appendChild(netscape);
    IIOMetadataNode root = new IIOMetadataNode(FORMAT);
    root.appendChild(control);
    root.appendChild(extensions);
    metadata.mergeTree(FORMAT, root);
    return metadata;
  }

  private static void requireOneSize(List<Frame> frames) {
    if (frames.isEmpty()) {
      throw new InvalidArgumentException("0 frames given, expected at least 1");
    }
    BufferedImage first = frames.get(0).image();
    for (Frame frame : frames) {
      BufferedImage image = frame.image();
      if (image.getWidth() != first.getWidth() || image.getHeight() != first.getHeight()) {
        throw new InvalidArgumentException(
            "a frame has "
                + image.getWidth()
                + " x "
                + image.getHeight()
                + " pixels, expected those of the first, "
                + first.getWidth()
                + " x "
                + first.getHeight());
      }
    }
  }
}
