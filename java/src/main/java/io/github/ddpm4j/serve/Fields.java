package io.github.ddpm4j.serve;

import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.github.ddpm4j.InvalidArgumentException;
import java.io.IOException;
import java.util.Base64;
import java.util.Collection;
import java.util.TreeSet;

/**
 * The JSON object of a request, read field by field. Complaints name field, value and what was
 * expected; {@link #finish} refuses what was not read.
 */
final class Fields {
  static final ObjectMapper MAPPER =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  private static final int SHOWN_CHARACTERS = 80;

  private final ObjectNode object;
  private final TreeSet<String> unread = new TreeSet<>();

  private Fields(ObjectNode object) {
    this.object = object;
    object.fieldNames().forEachRemaining(unread::add);
  }

  static Fields parse(byte[] json) {
    JsonNode node;
    try {
      node = MAPPER.readTree(json);
    } catch (IOException e) {
      throw new InvalidArgumentException("the body is not JSON, expected a JSON object");
    }
    if (node instanceof ObjectNode object) {
      return new Fields(object);
    }
    throw new InvalidArgumentException("the body is " + shown(node) + ", expected a JSON object");
  }

  boolean has(String name) {
    return object.hasNonNull(name);
  }

  int integer(String name, int missing, int least, int most) {
    String expected = "a whole number from " + least + " to " + most;
    return (int) wholeNumber(name, missing, least, most, expected);
  }

  long wholeNumber(String name, long missing) {
    return wholeNumber(name, missing, Long.MIN_VALUE, Long.MAX_VALUE, "a whole number of 64 bits");
  }

  private long wholeNumber(String name, long missing, long least, long most, String expected) {
    JsonNode value = take(name);
    if (value == null) {
      return missing;
    }
    boolean fits = value.isIntegralNumber() && value.canConvertToLong();
    if (!fits || value.longValue() < least || value.longValue() > most) {
      throw problem(name, value, expected);
    }
    return value.longValue();
  }

  boolean bool(String name, boolean missing) {
    JsonNode value = take(name);
    if (value != null && !value.isBoolean()) {
      throw problem(name, value, "true or false");
    }
    return value == null ? missing : value.booleanValue();
  }

  /** One of some texts; missing may be null. */
  String choice(String name, String missing, Collection<String> choices) {
    JsonNode value = take(name);
    if (value == null && missing != null) {
      return missing;
    }
    if (value == null || !value.isTextual() || !choices.contains(value.textValue())) {
      throw problem(name, value, "one of " + String.join(", ", choices));
    }
    return value.textValue();
  }

  /** Bytes in Base64. */
  byte[] bytes(String name, int length) {
    JsonNode value = take(name);
    try {
      byte[] bytes =
          value != null && value.isTextual()
              ? Base64.getDecoder().decode(value.textValue())
              : new byte[0];
      if (bytes.length == length) {
        return bytes;
      }
    } catch (IllegalArgumentException e) {
      // Not Base64.
    }
    throw problem(name, value, length + " bytes in Base64");
  }

  void finish() {
    if (!unread.isEmpty()) {
      String name = unread.first();
      throw new InvalidArgumentException(
          "there is a field " + name + ", expected none of this name");
    }
  }

  private JsonNode take(String name) {
    unread.remove(name);
    return has(name) ? object.get(name) : null;
  }

  private static InvalidArgumentException problem(String name, JsonNode value, String expected) {
    return new InvalidArgumentException(name + " is " + shown(value) + ", expected " + expected);
  }

  private static String shown(JsonNode value) {
    String text = value == null || value.isMissingNode() ? "missing" : value.toString();
    return text.length() <= SHOWN_CHARACTERS ? text : text.substring(0, SHOWN_CHARACTERS) + "...";
  }
}
