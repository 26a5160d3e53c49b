package io.github.ddpm4j.checkpoint;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.ddpm4j.CheckpointException;
import io.github.ddpm4j.tensor.Shape;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The JSON header of a safetensors file, checked: every tensor lies within the data and is as long
 * as its shape says, and tensors fill the data without overlaps or holes, as the format demands.
 */
record SafetensorsHeader(Map<String, Entry> entries, Map<String, String> metadata) {
  static final String METADATA = "__metadata__";

  /** Most elements of a tensor: as many as 8-byte numbers fit in a Java array of bytes. */
  static final int LARGEST_TENSOR = (Integer.MAX_VALUE - 64) / 8;

  private static final JsonMapper MAPPER =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /** Where a tensor lies: bytes begin to end - 1 of the data. */
  record Entry(DType dtype, Shape shape, long begin, long end) {}

  /**
   * Parses a header.
   *
   * @param file named in complaints
   * @param dataLength bytes that follow the header
   */
  static SafetensorsHeader parse(Path file, byte[] json, long dataLength) {
    Parser parser = new Parser(file, dataLength);
    ObjectNode object = parser.object(json);
    Map<String, Entry> entries = new LinkedHashMap<>();
    Map<String, String> metadata = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> field : object.properties()) {
      if (field.getKey().equals(METADATA)) {
        metadata.putAll(parser.metadata(field.getValue()));
      } else {
        entries.put(field.getKey(), parser.entry(field.getKey(), field.getValue()));
      }
    }
    parser.requireFilled(entries);
    return new SafetensorsHeader(
        Collections.unmodifiableMap(entries), Collections.unmodifiableMap(metadata));
  }

  private record Parser(Path file, long dataLength) {
    ObjectNode object(byte[] json) {
      try {
        String text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(json)).toString();
        if (MAPPER.readTree(text) instanceof ObjectNode object) {
          return object;
        }
      } catch (CharacterCodingException e) {
        throw problem("header", "is not valid UTF-8");
      } catch (JsonProcessingException e) {
        throw problem("header", "is not valid JSON: " + e.getOriginalMessage());
      }
      throw problem("header", "is not a JSON object");
    }

    Map<String, String> metadata(JsonNode node) {
      Map<String, String> metadata = new LinkedHashMap<>();
      if (!node.isObject()) {
        throw problem(METADATA, "is " + node + ", expected an object of texts");
      }
      for (Map.Entry<String, JsonNode> field : node.properties()) {
        if (!field.getValue().isTextual()) {
          throw problem(METADATA, field.getKey() + " is " + field.getValue() + ", expected a text");
        }
        metadata.put(field.getKey(), field.getValue().textValue());
      }
      return metadata;
    }

    Entry entry(String name, JsonNode node) {
      DType dtype = dtype(name, node.path("dtype"));
      Shape shape = shape(name, node.path("shape"));
      JsonNode offsets = node.path("data_offsets");
      if (!offsets.isArray()
          || offsets.size() != 2
          || !isLong(offsets.get(0))
          || !isLong(offsets.get(1))) {
        throw problem(name, "data_offsets is " + offsets + ", expected two whole numbers");
      }
      long begin = offsets.get(0).longValue();
      long end = offsets.get(1).longValue();
      if (begin < 0 || end < begin || end > dataLength) {
        throw problem(
            name,
            "data_offsets is "
                + offsets
                + ", expected a range within the "
                + dataLength
                + " bytes of data");
      }
      long expected = shape.count() * dtype.size;
      if (end - begin != expected) {
        throw problem(
            name,
            "has "
                + (end - begin)
                + " bytes, expected "
                + expected
                + " for "
                + dtype
                + " of shape "
                + shape);
      }
      return new Entry(dtype, shape, begin, end);
    }

    private static boolean isLong(JsonNode node) {
      return node.isIntegralNumber() && node.canConvertToLong();
    }

    private DType dtype(String name, JsonNode node) {
      for (DType dtype : DType.values()) {
        if (dtype.name().equals(node.textValue())) {
          return dtype;
        }
      }
      throw problem(name, "dtype is " + node + ", expected one of " + List.of(DType.values()));
    }

    private Shape shape(String name, JsonNode node) {
      if (!node.isArray()) {
        throw problem(name, "shape is " + node + ", expected a list of whole numbers");
      }
      int[] dims = new int[node.size()];
      long count = 1;
      for (int i = 0; i < dims.length; i++) {
        JsonNode dim = node.get(i);
        if (!dim.isIntegralNumber() || !dim.canConvertToInt() || dim.intValue() < 1) {
          throw problem(name, "shape is " + node + ", expected whole numbers from 1");
        }
        dims[i] = dim.intValue();
        count *= dims[i];
        if (count > LARGEST_TENSOR) {
          throw problem(
              name, "shape is " + node + ", expected at most " + LARGEST_TENSOR + " elements");
        }
      }
      return Shape.of(dims);
    }

    void requireFilled(Map<String, Entry> entries) {
      List<String> names = new ArrayList<>(entries.keySet());
      names.sort(Comparator.comparingLong((String name) -> entries.get(name).begin()));
      long end = 0;
      for (String name : names) {
        Entry entry = entries.get(name);
        if (entry.begin() != end) {
          throw problem(
              name,
              "begins at byte "
                  + entry.begin()
                  + " of the data, expected "
                  + end
                  + ": tensors lie one after the other");
        }
        end = entry.end();
      }
      if (end != dataLength) {
        throw problem("data", "has " + dataLength + " bytes, expected " + end + " for all tensors");
      }
    }

    private CheckpointException problem(String part, String problem) {
      return new CheckpointException(file, part, problem);
    }
  }

  /** The header as JSON, the metadata first. */
  byte[] toJson() {
    ObjectNode object = MAPPER.createObjectNode();
    if (!metadata.isEmpty()) {
      ObjectNode texts = object.putObject(METADATA);
      metadata.forEach(texts::put);
    }
    entries.forEach(
        (name, entry) -> {
          ObjectNode tensor = object.putObject(name);
          tensor.put("dtype", entry.dtype().name());
          ArrayNode shape = tensor.putArray("shape");
          Arrays.stream(entry.shape().toArray()).forEach(shape::add);
          tensor.putArray("data_offsets").add(entry.begin()).add(entry.end());
        });
    try {
      return MAPPER.writeValueAsBytes(object);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a tree of texts and numbers", e);
    }
  }
}
