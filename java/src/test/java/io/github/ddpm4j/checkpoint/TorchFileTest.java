package io.github.ddpm4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.tensor.Shape;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files of {@code torch.save}: what is read, and that nothing in a hostile one is run. */
class TorchFileTest {
  @TempDir Path folder;

  /** Written by Python's pickler, with torch.save's structure and state dicts' metadata. */
  @ParameterizedTest
  @ValueSource(ints = {2, 4})
  void whatPythonPicklesIsRead(int protocol) {
    TorchFile file =
        TorchFile.read(
            Path.of("src/test/resources/checkpoint/python-protocol-" + protocol + ".pt"));
    assertThat(file.names()).containsExactly("a", "a.t", "a.slice", "p", "s");
    assertThat(file.shape("a")).isEqualTo(Shape.of(3, 4));
    assertThat(file.floats("a")).containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    assertThat(file.shape("a.t")).isEqualTo(Shape.of(4, 3));
    assertThat(file.floats("a.t")).containsExactly(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11);
    assertThat(file.floats("a.slice")).containsExactly(5, 9);
    assertThat(file.floats("p")).containsExactly(0.5f, -2);
    assertThat(file.shape("s")).isEqualTo(Shape.of());
    assertThat(file.floats("s")).containsExactly(7);
    assertThatThrownBy(() -> file.floats("b"))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("b: is missing");
  }

  @Test
  void dictsInDictsGetDottedNames() {
    String inner = "}" + TorchFiles.tensor("w", "0", 2, 0, new int[] {2}, new int[] {1});
    TorchFile file = file(TorchFiles.text("model") + inner + "s");
    assertThat(file.names()).containsExactly("model.w");
    assertThat(file.floats("model.w")).containsExactly(1, 2);
  }

  @ParameterizedTest
  @CsvSource({
    "posix, system",
    "os, system",
    "builtins, eval",
    "__builtin__, exec",
    "subprocess, Popen",
    "torch.jit, load",
    "torch._utils, _rebuild_tensor",
    "numpy.core.multiarray, _reconstruct"
  })
  void codeIsRefusedByName(String module, String name) {
    String call = "(" + TorchFiles.text("touch " + folder.resolve("pwned")) + "tR";
    assertRefused(
        TorchFiles.text("w") + "c" + module + "\n" + name + "\n" + call + "s",
        module + "." + name,
        "not run");
    assertRefused(
        TorchFiles.text("w")
            + TorchFiles.text(module)
            + TorchFiles.text(name)
            + "\u0093"
            + call
            + "s",
        module + "." + name,
        "not run");
    assertThat(folder.resolve("pwned")).doesNotExist();
  }

  /** INST, OBJ, NEWOBJ, NEWOBJ_EX, EXT1, PERSID, NEXT_BUFFER: ways to code that dicts lack. */
  @ParameterizedTest
  @ValueSource(strings = {"i", "o", "\u0081", "\u0092", "\u0082", "P", "\u0097"})
  void otherOpcodesAreRefused(String opcode) {
    assertRefused(opcode + "os\nsystem\n", "opcode 0x" + Integer.toHexString(opcode.charAt(0)));
  }

  @Test
  void whatIsNoTensorIsRefusedByName() {
    assertRefused(TorchFiles.text("step") + "K\u0003s", "step", "number or flag 3");
    assertRefused(TorchFiles.text("name") + TorchFiles.text("x") + "s", "name", "a text");
    assertRefused(TorchFiles.text("list") + "]s", "list", "a list");
    assertRefused("0]", "holds a list");
  }

  @Test
  void tensorsBeyondTheirStorageAreRefused() {
    int[] one = {1};
    for (long offset : new long[] {1, -1, Long.MAX_VALUE}) {
      assertRefused(TorchFiles.tensor("w", "0", 2, offset, new int[] {2}, one), "beyond the 2");
    }
    assertRefused(TorchFiles.tensor("w", "0", 2, 0, new int[] {2}, new int[] {2}), "beyond the 2");
    assertRefused(TorchFiles.tensor("w", "0", 2, 0, new int[] {3}, new int[] {0}), "beyond the 2");
    assertRefused(TorchFiles.tensor("w", "0", 2, 0, new int[] {2}, new int[] {-1}), "out of range");
    assertRefused(TorchFiles.tensor("w", "0", 2, 0, new int[] {0}, one), "out of range");
    assertRefused(
        TorchFiles.tensor("w", "0", 2, 0, new int[] {100_000, 100_000}, new int[] {0, 0}),
        "more than 268435447 elements");
  }

  @Test
  void storagesMustHoldWhatThePickleSays() {
    int[] one = {1};
    assertRefused(TorchFiles.tensor("w", "0", 3, 0, new int[] {3}, one), "storage 0", "8 bytes");
    assertRefused(TorchFiles.tensor("w", "7", 2, 0, new int[] {2}, one), "storage 7", "missing");
    assertRefused(TorchFiles.tensor("w", "../0", 2, 0, new int[] {2}, one), "../0", "missing");
  }

  @Test
  void dictsThatHoldThemselvesAreRefused() {
    assertRefused("q\u0000" + TorchFiles.text("a") + "h\u0000s", "a.a.a.a", "5 deep");
    StringBuilder many = new StringBuilder("}q\u0000");
    for (int level = 0; level < 3; level++) {
      many.append("0}q").append((char) (level + 1));
      for (int i = 0; i < 100; i++) {
        many.append(TorchFiles.number(i)).append("h").append((char) level).append("s");
      }
    }
    assertRefused("0" + many, "more than 100000 entries");
  }

  @Test
  void whatIsNoArchiveIsRefused() throws IOException {
    Path file = folder.resolve("old.pt");
    Files.write(file, "\u0080\u0002\u008a\nl\u00fc".getBytes(StandardCharsets.ISO_8859_1));
    assertThatThrownBy(() -> TorchFile.read(file))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("PyTorch 1.6");
  }

  /** Whatever is cut or changed, the file is read or refused, and nothing else happens. */
  @Test
  void brokenPicklesAreRefused() {
    String opcodes = TorchFiles.tensor("w", "0", 2, 0, new int[] {2}, new int[] {1});
    byte[] whole = TorchFiles.pickle(opcodes);
    Random random = new Random(1);
    int refused = 0;
    for (int i = 0; i < 3000; i++) {
      byte[] broken = whole.clone();
      if (i < whole.length) {
        broken = Arrays.copyOf(whole, i);
      } else {
        broken[random.nextInt(broken.length)] = (byte) random.nextInt(256);
      }
      Path file = TorchFiles.write(folder.resolve("w.pt"), broken, Map.of("0", new float[2]));
      try {
        TorchFile read = TorchFile.read(file);
        read.names().forEach(read::floats);
      } catch (CheckpointException e) {
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(1000);
  }

  private TorchFile file(String opcodes) {
    return TorchFile.read(
        TorchFiles.write(
            folder.resolve("w.pt"), TorchFiles.pickle(opcodes), Map.of("0", new float[] {1, 2})));
  }

  private void assertRefused(String opcodes, String... parts) {
    assertThatThrownBy(
            () -> {
              TorchFile read = file(opcodes);
              read.names().forEach((Consumer<String>) read::floats);
            })
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("w.pt")
        .hasMessageContainingAll(parts);
  }
}
