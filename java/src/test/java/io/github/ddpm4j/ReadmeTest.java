package io.github.ddpm4j;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's Java example compiles, runs, and is short enough to be read. */
class ReadmeTest {
  private static final Pattern EXAMPLE = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

  @TempDir Path folder;

  @Test
  void theExampleRuns() throws Exception {
    Matcher example = EXAMPLE.matcher(Files.readString(Path.of("..", "README.md")));
    assertThat(example.find()).isTrue();
    String source = example.group(1);
    assertThat(source.lines().count()).isLessThanOrEqualTo(20);
    // The example writes into the current folder; here it must not.
    source = source.replace("Path.of(\"", "Path.of(\"" + folder + "/");
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    String code = source;
    SimpleJavaFileObject file =
        new SimpleJavaFileObject(
            URI.create("string:///Digits.java"), SimpleJavaFileObject.Kind.SOURCE) {
          @Override
          public CharSequence getCharContent(boolean ignoreErrors) {
            return code;
          }
        };
    List<String> options =
        List.of(
            "-d", folder.toString(), "-cp", System.getProperty("java.class.path"), "-proc:none");
    assertThat(compiler.getTask(null, null, null, options, null, List.of(file)).call()).isTrue();
    try (URLClassLoader loader = new URLClassLoader(new URL[] {folder.toUri().toURL()})) {
      loader
          .loadClass("Digits")
          .getMethod("main", String[].class)
          .invoke(null, (Object) new String[0]);
    }
    assertThat(folder.resolve("digits.png")).isNotEmptyFile();
  }
}
