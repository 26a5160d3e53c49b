package io.github.ddpm4j.internal;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.ddpm4j.CheckpointException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.Function;

/**
 * Reads a flat JSON configuration key by key, so that nothing in it goes unnoticed: {@link #finish}
 * refuses what was not read. All complaints name file, key, value, and what is supported.
 */
public final class JsonFields {
  /** Python writes infinities, too. */
  private static final ObjectMapper MAPPER =
      JsonMapper.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private final Path file;
  private final ObjectNode object;
  private final TreeSet<String> unread = new TreeSet<>();

  private JsonFields(Path file, ObjectNode object) {
    this.file = file;
    this.object = object;
    object.fieldNames().forEachRemaining(unread::add);
  }

  /**
   * Parses a configuration.
   *
   * @param file named in complaints
   * @throws CheckpointException if the text is not a JSON object
   */
  public static JsonFields parse(Path file, String json) {
    try {
      if (MAPPER.readTree(json) instanceof ObjectNode object) {
        return new JsonFields(file, object);
      }
    } catch (JsonProcessingException e) {
      throw new CheckpointException(file, "JSON", e.getOriginalMessage());
    }
    throw new CheckpointException(file, "JSON", "expected an object");
  }

  /** A JSON object of the entries, in order. */
  public static String write(Map<String, ?> entries) {
    try {
      return MAPPER
              .writerWithDefaultPrettyPrinter()
              .writeValueAsString(new LinkedHashMap<>(entries))
          + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Whether the key is there, null or not. */
  public boolean has(String key) {
    return object.has(key);
  }

  /** Whether the key is there and holds a list. */
  public boolean isList(String key) {
    return has(key) && object.get(key).isArray();
  }

  public int integer(String key, int missing) {
    return has(key) ? value(key, JsonFields::isInt, "a whole number").intValue() : missing;
  }

  public long wholeNumber(String key, long missing) {
    return has(key) ? value(key, JsonFields::isLong, "a whole number").longValue() : missing;
  }

  /** A whole number or an explicit null. */
  public Integer integerOrNull(String key, Integer missing) {
    if (!has(key)) {
      return missing;
    }
    JsonNode value = value(key, node -> node.isNull() || isInt(node), "a whole number or null");
    return value.isNull() ? null : Integer.valueOf(value.intValue());
  }

  public double number(String key, double missing) {
    return has(key) ? value(key, JsonNode::isNumber, "a number").doubleValue() : missing;
  }

  public boolean bool(String key, boolean missing) {
    return has(key) ? value(key, JsonNode::isBoolean, "true or false").booleanValue() : missing;
  }

  public String text(String key, String missing) {
    return has(key) ? value(key, JsonNode::isTextual, "a text").textValue() : missing;
  }

  /** A list of numbers, or null if the key is missing or null. */
  public double[] numbersOrNull(String key) {
    if (!has(key) || value(key, node -> true, "").isNull()) {
      return null;
    }
    JsonNode list = value(key, node -> isListOf(node, JsonNode::isNumber), "a list of numbers");
    double[] numbers = new double[list.size()];
    for (int i = 0; i < numbers.length; i++) {
      numbers[i] = list.get(i).doubleValue();
    }
    return numbers;
  }

  public List<Integer> integers(String key, List<Integer> missing) {
    if (!has(key)) {
      return missing;
    }
    JsonNode list =
        value(key, node -> isListOf(node, JsonFields::isInt), "a list of whole numbers");
    List<Integer> numbers = new ArrayList<>();
    list.forEach(node -> numbers.add(node.intValue()));
    return numbers;
  }

  /** An object whose values are texts. */
  public Map<String, String> texts(String key) {
    if (!has(key)) {
      throw problem(key, "is missing, expected an object of texts");
    }
    Map<String, String> texts = new LinkedHashMap<>();
    value(key, JsonNode::isObject, "an object of texts")
        .properties()
        .forEach(
            entry -> {
              if (!entry.getValue().isTextual()) {
                throw problem(
                    key, entry.getKey() + " is " + entry.getValue() + ", expected a text");
              }
              texts.put(entry.getKey(), entry.getValue().textValue());
            });
    return texts;
  }

  /** Names of the keys that do not start with an underscore and are not null. */
  public List<String> keys() {
    List<String> keys = new ArrayList<>();
    object
        .properties()
        .forEach(
            entry -> {
              if (!entry.getKey().startsWith("_") && !entry.getValue().isNull()) {
                keys.add(entry.getKey());
              }
            });
    return keys;
  }

  /**
   * One of the choices, by the JSON text that stands for it.
   *
   * @param choices by text; the entry of text {@code null} is for an explicit null
   */
  public <T> T choice(String key, Map<String, T> choices, T missing) {
    return has(key) ? choose(key, value(key, node -> true, ""), choices) : missing;
  }

  /** A list of choices. */
  public <T> List<T> choices(String key, Map<String, T> choices, List<T> missing) {
    if (!has(key)) {
      return missing;
    }
    JsonNode list = value(key, JsonNode::isArray, "a list of " + choices.keySet());
    List<T> chosen = new ArrayList<>();
    list.forEach(node -> chosen.add(choose(key, node, choices)));
    return chosen;
  }

  /** Refuses all values but the supported ones, for a key with nothing to configure. */
  public void require(String key, String... supported) {
    Map<String, String> choices = new LinkedHashMap<>();
    for (String choice : supported) {
      choices.put(choice, choice);
    }
    choice(key, choices, null);
  }

  /** Marks a key that has no influence on what ddpm4j does as read. */
  public void ignore(String... keys) {
    for (String key : keys) {
      unread.remove(key);
    }
  }

  /**
   * Refuses every key that was not read, but for those that start with an underscore or are off
   * (null or false).
   */
  public void finish() {
    for (String key : unread) {
      JsonNode value = object.get(key);
      if (!key.startsWith("_")
          && !value.isNull()
          && !(value.isBoolean() && !value.booleanValue())) {
        throw problem(
            key, "is " + value + ", which ddpm4j does not know; only null or false are supported");
      }
    }
  }

  /** A complaint about the value of a key. */
  public CheckpointException problem(String key, String problem) {
    return new CheckpointException(file, key, problem);
  }

  private JsonNode value(String key, Function<JsonNode, Boolean> valid, String expected) {
    unread.remove(key);
    JsonNode value = object.get(key);
    if (!valid.apply(value)) {
      throw problem(key, "is " + value + ", expected " + expected);
    }
    return value;
  }

  private <T> T choose(String key, JsonNode value, Map<String, T> choices) {
    String text =
        value.isNull() ? "null" : value.isTextual() ? value.textValue() : value.toString();
    if (!choices.containsKey(text)) {
      throw problem(key, "is " + value + "; supported: " + String.join(", ", choices.keySet()));
    }
    return choices.get(text);
  }

  private static boolean isInt(JsonNode node) {
    return node.isNumber() && node.canConvertToInt() && node.doubleValue() == node.intValue();
  }

  private static boolean isLong(JsonNode node) {
    return node.isIntegralNumber() && node.canConvertToLong();
  }

  private static boolean isListOf(JsonNode node, Function<JsonNode, Boolean> element) {
    for (Iterator<JsonNode> elements = node.elements(); elements.hasNext(); ) {
      if (!element.apply(elements.next())) {
        return false;
      }
    }
    return node.isArray() && !node.isEmpty();
  }
}
