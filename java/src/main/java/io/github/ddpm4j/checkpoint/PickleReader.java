package io.github.ddpm4j.checkpoint;

import io.github.ddpm4j.CheckpointException;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads what {@code torch.save} pickles of a dict of tensors (Python's pickle, protocols 2 to 5),
 * and nothing else: a pickle is a program, and this one can only build dicts, lists, tuples, texts,
 * numbers and {@link TorchTensor}s. Every other opcode or name of Python code is refused by name.
 */
final class PickleReader {
  /** A Python name that may stand in a pickle. */
  record Global(String name) {}

  private static final Object MARK = new Object();

  private static final int HIGHEST_PROTOCOL = 5;

  private final Path file;
  private final ByteBuffer in;
  private final List<Object> stack = new ArrayList<>();
  private final Deque<Integer> marks = new ArrayDeque<>();
  private final Map<Integer, Object> memo = new HashMap<>();
  private int opcodeAt;

  private PickleReader(Path file, byte[] pickle) {
    this.file = file;
    in = ByteBuffer.wrap(pickle).order(ByteOrder.LITTLE_ENDIAN);
  }

  /**
   * Runs a pickle.
   *
   * @return a {@link Map}, {@link List}, {@link String}, {@link Long}, {@link Double}, {@link
   *     Boolean}, {@link TorchTensor} or null
   * @throws CheckpointException if it is broken or holds anything else
   */
  static Object read(Path file, byte[] pickle) {
    PickleReader reader = new PickleReader(file, pickle);
    try {
      return reader.run();
    } catch (BufferUnderflowException e) {
      throw reader.problem("ends in the middle");
    }
  }

  private Object run() {
    while (true) {
      opcodeAt = in.position();
      int opcode = in.get() & 0xff;
      if (opcode == '.') {
        return pop();
      }
      step(opcode);
    }
  }

  private void step(int opcode) {
    switch (opcode) {
      case 0x80 -> requireProtocol(in.get() & 0xff);
      case 0x95 -> in.getLong(); // FRAME: only a hint for buffering
      case '(' -> mark();
      case '0' -> pop();
      case '}' -> push(new LinkedHashMap<Object, Object>());
      case ']' -> push(new ArrayList<>());
      case ')' -> push(List.of());
      case 't' -> push(popToMark());
      case 0x85 -> push(popLast(1));
      case 0x86 -> push(popLast(2));
      case 0x87 -> push(popLast(3));
      case 'N' -> push(null);
      case 0x88 -> push(true);
      case 0x89 -> push(false);
      case 'K' -> push((long) (in.get() & 0xff));
      case 'M' -> push((long) (in.getShort() & 0xffff));
      case 'J' -> push((long) in.getInt());
      case 0x8a -> push(wholeNumber(in.get() & 0xff));
      case 'G' -> push(Double.longBitsToDouble(Long.reverseBytes(in.getLong())));
      case 'X' -> push(text(in.getInt()));
      case 0x8c -> push(text(in.get() & 0xff));
      case 'c' -> push(global(line(), line()));
      case 0x93 -> pushStackGlobal();
      case 'q' -> memo.put(in.get() & 0xff, top());
      case 'r' -> memo.put(in.getInt(), top());
      case 0x94 -> memo.put(memo.size(), top());
      case 'h' -> push(recall(in.get() & 0xff));
      case 'j' -> push(recall(in.getInt()));
      case 's' -> setItems(popLast(2));
      case 'u' -> setItems(popToMark());
      case 'a' -> append(popLast(1));
      case 'e' -> append(popToMark());
      case 'Q' -> push(TorchGlobals.storage(this, pop()));
      case 'R' -> reduce();
      case 'b' -> build();
      default ->
          throw problem(
              String.format("has opcode 0x%02x, expected those of dicts of tensors", opcode));
    }
  }

  private void requireProtocol(int protocol) {
    if (protocol > HIGHEST_PROTOCOL) {
      throw problem("has protocol " + protocol + ", expected at most " + HIGHEST_PROTOCOL);
    }
  }

  private Global global(String module, String name) {
    return TorchGlobals.require(this, module + "." + name);
  }

  private void pushStackGlobal() {
    List<Object> names = popLast(2);
    if (names.get(0) instanceof String module && names.get(1) instanceof String name) {
      push(global(module, name));
    } else {
      throw problem("names Python code by something else than texts");
    }
  }

  private void reduce() {
    List<Object> call = popLast(2);
    if (call.get(0) instanceof Global global && call.get(1) instanceof List<?> arguments) {
      push(TorchGlobals.call(this, global, arguments));
    } else {
      throw problem("calls something that is no function");
    }
  }

  /** Attributes of a dict or parameter, such as a state dict's versions of layers: left out. */
  private void build() {
    pop();
    if (!(top() instanceof Map<?, ?> || top() instanceof TorchTensor)) {
      throw problem("sets attributes of something that is neither dict nor tensor");
    }
  }

  private void setItems(List<Object> items) {
    if (!(top() instanceof Map<?, ?>) || items.size() % 2 != 0) {
      throw problem("sets entries of something that is no dict");
    }
    @SuppressWarnings("unchecked") // Only this class makes maps.
    Map<Object, Object> dict = (Map<Object, Object>) top();
    for (int i = 0; i < items.size(); i += 2) {
      Object key = items.get(i);
      if (!(key instanceof String || key instanceof Long)) {
        throw problem("has a dict with a key that is neither text nor whole number");
      }
      dict.put(key, items.get(i + 1));
    }
  }

  private void append(List<Object> items) {
    // Tuples are unmodifiable lists.
    if (!(top() instanceof ArrayList<?>)) {
      throw problem("appends to something that is no list");
    }
    @SuppressWarnings("unchecked") // Only this class makes lists.
    List<Object> list = (List<Object>) top();
    list.addAll(items);
  }

  private Object recall(int index) {
    if (!memo.containsKey(index)) {
      throw problem("recalls value " + index + ", which it has not kept");
    }
    return memo.get(index);
  }

  /** A whole number of some bytes, in two's complement. */
  private long wholeNumber(int bytes) {
    if (bytes > Long.BYTES) {
      throw problem("has a whole number of " + bytes + " bytes, expected at most 8");
    }
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= (in.get() & 0xffL) << 8 * i;
    }
    int unused = Long.SIZE - 8 * bytes;
    return bytes == 0 ? 0 : value << unused >> unused;
  }

  private String text(int length) {
    if (length < 0 || length > in.remaining()) {
      throw problem("has a text of " + Integer.toUnsignedString(length) + " bytes, beyond its end");
    }
    byte[] utf8 = new byte[length];
    in.get(utf8);
    return new String(utf8, StandardCharsets.UTF_8);
  }

  private String line() {
    StringBuilder line = new StringBuilder();
    for (byte next = in.get(); next != '\n'; next = in.get()) {
      line.append((char) (next & 0xff));
    }
    return line.toString();
  }

  private void mark() {
    marks.push(stack.size());
    stack.add(MARK);
  }

  private void push(Object value) {
    stack.add(value);
  }

  private Object pop() {
    return popLast(1).get(0);
  }

  private Object top() {
    requireDepth(1);
    return stack.get(stack.size() - 1);
  }

  /** The last values, as a tuple. */
  private List<Object> popLast(int count) {
    requireDepth(count);
    return cut(stack.size() - count);
  }

  private List<Object> popToMark() {
    if (marks.isEmpty()) {
      throw problem("has no mark where it needs one");
    }
    List<Object> values = cut(marks.pop() + 1);
    stack.remove(stack.size() - 1);
    return values;
  }

  /** Cuts the stack off; nulls among the values are welcome, unlike in {@link List#of}. */
  private List<Object> cut(int from) {
    List<Object> last = stack.subList(from, stack.size());
    List<Object> values = java.util.Collections.unmodifiableList(new ArrayList<>(last));
    last.clear();
    return values;
  }

  private void requireDepth(int count) {
    int above = marks.isEmpty() ? 0 : marks.peek() + 1;
    if (stack.size() - above < count) {
      throw problem("takes more values than it has made");
    }
  }

  CheckpointException problem(String problem) {
    return new CheckpointException(file, "pickle", "byte " + opcodeAt + " " + problem);
  }
}
