package io.github.ddpm4j.serve;

import java.io.IOException;
import java.io.InputStream;
import java.util.Map;

/** The files of the page, which are resources beside this class. */
final class Page {
  private static final Map<String, String> TYPES =
      Map.of(
          "index.html", "text/html; charset=utf-8",
          "style.css", "text/css; charset=utf-8",
          "app.js", "text/javascript; charset=utf-8",
          "sampling.js", "text/javascript; charset=utf-8",
          "forward.js", "text/javascript; charset=utf-8",
          "server.js", "text/javascript; charset=utf-8",
          "denoisers.js", "text/javascript; charset=utf-8",
          "pictures.js", "text/javascript; charset=utf-8",
          "icon.svg", "image/svg+xml");

  private Page() {}

  /** Content type of a file, or null if there is none of this name. */
  static String type(String file) {
    return TYPES.get(file);
  }

  static byte[] read(String file) throws IOException {
    try (InputStream in = Page.class.getResourceAsStream(file)) {
      return in.readAllBytes();
    }
  }
}
