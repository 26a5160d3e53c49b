package io.github.ddpm4j.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.InvalidArgumentException;
import io.github.ddpm4j.tensor.Shape;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsTest {
  private static final Path NAME = Path.of("test.safetensors");

  @TempDir Path folder;

  private static byte[] bytes(String json, byte... data) {
    byte[] header = json.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(8 + header.length + data.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(header.length)
        .put(header)
        .put(data)
        .array();
  }

  private static String tensor(String dtype, String shape, String offsets) {
    return "{'w':{'dtype':'%s','shape':%s,'data_offsets':%s}}"
        .formatted(dtype, shape, offsets)
        .replace('\'', '"');
  }

  private static Safetensors read(byte[] file) {
    return Safetensors.read(NAME, new ByteArrayInputStream(file));
  }

  private static void assertRefused(byte[] file, String part, String problem) {
    assertThatThrownBy(() -> read(file))
        .isInstanceOf(CheckpointException.class)
        .hasMessageStartingWith(NAME + ": " + part + ": ")
        .hasMessageContaining(problem);
  }

  // Round trips.

  @Property(tries = 100)
  void whatIsWrittenIsReadBack(
      @ForAll("tensors") Map<String, Safetensors.Array> tensors,
      @ForAll("texts") Map<String, String> metadata)
      throws IOException {
    Path file = Files.createTempFile("round-trip", ".safetensors");
    try {
      Safetensors.write(file, tensors, metadata);
      Safetensors back = Safetensors.read(file);
      assertThat(back.metadata()).isEqualTo(metadata);
      assertThat(back.names()).containsExactlyInAnyOrderElementsOf(tensors.keySet());
      tensors.forEach(
          (name, array) -> {
            assertThat(back.shape(name)).isEqualTo(array.shape());
            assertThat(back.floats(name)).isEqualTo(array.values());
          });
      assertThat(read(Files.readAllBytes(file)).names()).isEqualTo(back.names());
    } finally {
      Files.delete(file);
    }
  }

  @Provide
  Arbitrary<Map<String, Safetensors.Array>> tensors() {
    Arbitrary<Shape> shapes =
        Arbitraries.integers().between(1, 6).array(int[].class).ofMaxSize(4).map(Shape::of);
    Arbitrary<Safetensors.Array> arrays =
        Combinators.combine(shapes, Arbitraries.randomValue(random -> random))
            .as(
                (shape, random) -> {
                  float[] values = new float[(int) shape.count()];
                  for (int i = 0; i < values.length; i++) {
                    // All bit patterns, NaN and infinities among them.
                    values[i] = Float.intBitsToFloat(random.nextInt());
                  }
                  return new Safetensors.Array(shape, values);
                });
    return Arbitraries.maps(Arbitraries.strings().ofMaxLength(20), arrays).ofMaxSize(8);
  }

  @Provide
  Arbitrary<Map<String, String>> texts() {
    Arbitrary<String> texts = Arbitraries.strings().ofMaxLength(20);
    return Arbitraries.maps(texts, texts).ofMaxSize(3);
  }

  @Test
  void longArraysAreReadBack() {
    float[] values = new float[100_003];
    for (int i = 0; i < values.length; i++) {
      values[i] = i;
    }
    Path file = folder.resolve("new/long.safetensors");
    Safetensors.write(
        file, Map.of("w", new Safetensors.Array(Shape.of(values.length), values)), Map.of());
    assertThat(Safetensors.read(file).floats("w")).isEqualTo(values);
  }

  @Test
  void theSameTensorsGiveTheSameBytes() throws IOException {
    Safetensors.Array one = new Safetensors.Array(Shape.of(1), new float[] {1});
    Safetensors.Array two = new Safetensors.Array(Shape.of(2), new float[] {2, 3});
    Map<String, Safetensors.Array> forth = new LinkedHashMap<>();
    forth.put("a", one);
    forth.put("b", two);
    Map<String, Safetensors.Array> back = new LinkedHashMap<>();
    back.put("b", two);
    back.put("a", one);
    Safetensors.write(folder.resolve("1"), forth, Map.of("x", "y"));
    Safetensors.write(folder.resolve("2"), back, Map.of("x", "y"));
    String json =
        "{'__metadata__':{'x':'y'},'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},"
            + "'b':{'dtype':'F32','shape':[2],'data_offsets':[4,12]}}";
    String padded = json.replace('\'', '"') + " ".repeat((8 - json.length() % 8) % 8);
    byte[] data = {0, 0, (byte) 0x80, 0x3f, 0, 0, 0, 0x40, 0, 0, 0x40, 0x40};
    assertThat(folder.resolve("1")).hasBinaryContent(bytes(padded, data));
    assertThat(folder.resolve("2")).hasSameBinaryContentAs(folder.resolve("1"));
  }

  @ParameterizedTest
  @CsvSource({
    "F64, 0 0 0 0 0 0 248 63 0 0 0 0 0 0 4 192",
    "F32, 0 0 192 63 0 0 32 192",
    "F16, 0 62 0 193",
    "BF16, 192 63 32 192"
  })
  void realNumbersOfEveryTypeAreRead(String dtype, String data) {
    String[] numbers = data.split(" ");
    byte[] raw = new byte[numbers.length];
    for (int i = 0; i < raw.length; i++) {
      raw[i] = (byte) Integer.parseInt(numbers[i]);
    }
    Safetensors file = read(bytes(tensor(dtype, "[2]", "[0," + raw.length + "]"), raw));
    assertThat(file.floats("w")).containsExactly(1.5f, -2.5f);
  }

  @Test
  void otherTypesAreKnownButNotRead() {
    Safetensors file = read(bytes(tensor("I64", "[]", "[0,8]"), new byte[8]));
    assertThat(file.shape("w")).isEqualTo(Shape.of());
    assertThatThrownBy(() -> file.floats("w"))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("dtype is I64");
  }

  @Test
  void valuesThatAreNotFiniteAreNamed() {
    byte[] data = {0, 0, 0, 0, 0, 0, (byte) 0xc0, 0x7f};
    Safetensors file = read(bytes(tensor("F32", "[2]", "[0,8]"), data));
    assertThat(file.floats("w")[1]).isNaN();
    assertThatThrownBy(() -> file.requireFinite("w"))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("w: value 1 is NaN");
    assertThatThrownBy(() -> file.floats("v"))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("v: is missing");
  }

  // Files that must be refused.

  @ParameterizedTest
  @ValueSource(ints = {0, 7})
  void filesWithoutAHeaderLength(int length) {
    assertRefused(new byte[length], "header length", "the file has " + length + " bytes");
  }

  @ParameterizedTest
  @ValueSource(longs = {3, 100_000_001, Integer.MAX_VALUE + 1L, Long.MAX_VALUE, -1, Long.MIN_VALUE})
  void headersLongerThanTheFile(long length) {
    byte[] file = bytes("{}");
    ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
    assertRefused(
        file, "header length", "is " + Long.toUnsignedString(length) + ", expected at most 2");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "null",
        "{",
        "{}x",
        "{}{}",
        "{\"a\":}",
        "{'a':1}",
        "{\"a\":{},\"a\":{}}"
      })
  void headersThatAreNoJsonObject(String json) {
    assertRefused(bytes(json), "header", "is not");
  }

  @Test
  void headersThatAreNotUtf8() {
    assertRefused(
        new byte[] {4, 0, 0, 0, 0, 0, 0, 0, '{', '"', (byte) 0xff, '"'}, "header", "UTF-8");
    assertRefused(new byte[] {4, 0, 0, 0, 0, 0, 0, 0, '{', 0, '}', 0}, "header", "JSON");
  }

  @Test
  void headersThatNestDeeply() {
    String json = "{\"a\":" + "[".repeat(100_000) + "]".repeat(100_000) + "}";
    assertRefused(bytes(json), "header", "depth");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[0,3]",
        "[0,5]",
        "[-4,0]",
        "[4,0]",
        "[0]",
        "[0,4,8]",
        "[0,'4']",
        "[0,4.0]",
        "[0,1e400]",
        "4",
        "[0,18446744073709551620]",
        "[9223372036854775804,9223372036854775808]",
        "[null,4]",
        "null"
      })
  void offsetsThatAreNoRangeOfTheData(String offsets) {
    String json = tensor("F32", "[1]", offsets);
    assertRefused(
        bytes(json, new byte[4]),
        "w",
        offsets.equals("[0,3]") ? "has 3 bytes, expected 4" : "data_offsets is");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[-1]",
        "[0]",
        "[1.5]",
        "['1']",
        "1",
        "null",
        "[2147483648]",
        "[65536,65536]",
        "[2147483647,2147483647,2147483647]"
      })
  void shapesThatCannotBe(String shape) {
    assertRefused(bytes(tensor("F32", shape, "[0,4]"), new byte[4]), "w", "shape is");
  }

  @Test
  void shapesThatDoNotFitTheBytes() {
    assertRefused(
        bytes(tensor("F32", "[2,3]", "[0,20]"), new byte[20]),
        "w",
        "has 20 bytes, expected 24 for F32 of shape [2,3]");
    assertRefused(bytes(tensor("F16", "[2]", "[0,8]"), new byte[8]), "w", "expected 4");
  }

  @ParameterizedTest
  @ValueSource(strings = {"F31", "f32", ""})
  void unknownTypes(String dtype) {
    assertRefused(
        bytes(tensor(dtype, "[1]", "[0,4]"), new byte[4]), "w", "dtype is \"" + dtype + "\"");
  }

  @ParameterizedTest
  @CsvSource({
    "'[0,4]', '[0,4]', 4, 'expected 4'", // overlap
    "'[0,4]', '[2,6]', 6, 'expected 4'",
    "'[0,4]', '[8,12]', 12, 'expected 4'", // hole
    "'[4,8]', '[8,12]', 12, 'expected 0'",
    "'[0,4]', '[4,8]', 9, 'expected 8 for all tensors'"
  })
  void tensorsThatDoNotFillTheData(String a, String b, int length, String problem) {
    String json =
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':%s},'b':{'dtype':'F32','shape':[1],'data_offsets':%s}}"
            .formatted(a, b)
            .replace('\'', '"');
    assertThatThrownBy(() -> read(bytes(json, new byte[length])))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining(problem);
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "[]", "{\"a\":1}", "{\"a\":null}"})
  void metadataThatIsNotTexts(String metadata) {
    assertRefused(bytes("{\"__metadata__\":" + metadata + "}"), "__metadata__", "expected");
  }

  @Property(tries = 2000)
  void damagedFilesAreReadOrRefusedButNothingElse(
      @ForAll("positions") int position, @ForAll byte value) {
    byte[] file =
        bytes(
            "{\"__metadata__\":{\"a\":\"b\"},\"w\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}}",
            new byte[8]);
    file[position % file.length] = value;
    try {
      Safetensors read = read(file);
      for (String name : read.names()) {
        read.floats(name);
      }
    } catch (CheckpointException e) {
      assertThat(e.file()).isEqualTo(NAME);
    }
  }

  @Provide
  Arbitrary<Integer> positions() {
    return Arbitraries.integers()
        .between(0, 1000)
        .withDistribution(net.jqwik.api.RandomDistribution.uniform());
  }

  @Test
  void filesThatAreNotThereOrShrink() throws IOException {
    Path file = folder.resolve("x.safetensors");
    assertThatThrownBy(() -> Safetensors.read(file))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("x.safetensors")
        .hasMessageContaining("cannot be read");
    Files.write(file, bytes(tensor("F32", "[1]", "[0,4]"), new byte[4]));
    Safetensors opened = Safetensors.read(file);
    Files.write(file, new byte[10]);
    assertThatThrownBy(() -> opened.floats("w"))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("shorter");
  }

  @Test
  void whatCannotBeWrittenIsRefused() {
    Safetensors.Array array = new Safetensors.Array(Shape.of(1), new float[1]);
    assertThatThrownBy(
            () -> Safetensors.write(folder.resolve("x"), Map.of("__metadata__", array), Map.of()))
        .isInstanceOf(InvalidArgumentException.class);
    assertThatThrownBy(() -> new Safetensors.Array(Shape.of(2), new float[3]))
        .isInstanceOf(InvalidArgumentException.class)
        .hasMessage("3 values given, expected 2 for shape [2]");
    assertThatThrownBy(() -> Safetensors.write(folder, Map.of(), Map.of()))
        .isInstanceOf(CheckpointException.class)
        .hasMessageContaining("cannot be written");
  }
}
