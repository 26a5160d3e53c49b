package io.github.ddpm4j.checkpoint;

import io.github.ddpm4j.checkpoint.PickleReader.Global;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * The names of Python code that may stand in a dict of tensors, and what is done in their place.
 */
final class TorchGlobals {
  private static final String ORDERED_DICT = "collections.OrderedDict";
  private static final String TENSOR = "torch._utils._rebuild_tensor_v2";
  private static final String PARAMETER = "torch._utils._rebuild_parameter";
  private static final String SIZE = "torch.Size";

  private static final Map<String, DType> STORAGES =
      Map.of(
          "torch.DoubleStorage", DType.F64,
          "torch.FloatStorage", DType.F32,
          "torch.HalfStorage", DType.F16,
          "torch.BFloat16Storage", DType.BF16,
          "torch.LongStorage", DType.I64,
          "torch.IntStorage", DType.I32,
          "torch.ShortStorage", DType.I16,
          "torch.CharStorage", DType.I8,
          "torch.ByteStorage", DType.U8,
          "torch.BoolStorage", DType.BOOL);

  /** More dimensions than any tensor has. */
  private static final int MOST_DIMENSIONS = 16;

  private TorchGlobals() {}

  /** A name, if it may stand in a pickle. */
  static Global require(PickleReader reader, String name) {
    TreeSet<String> allowed = new TreeSet<>(STORAGES.keySet());
    allowed.addAll(List.of(ORDERED_DICT, TENSOR, PARAMETER, SIZE));
    if (!allowed.contains(name)) {
      throw reader.problem(
          "names "
              + printable(name)
              + ", which is not run; only tensors and dicts are read: "
              + String.join(", ", allowed));
    }
    return new Global(name);
  }

  private static String printable(String name) {
    String shown = name.length() > 200 ? name.substring(0, 200) + "..." : name;
    return shown.replaceAll("[^\\x20-\\x7e]", "?");
  }

  /** The storage that a persistent id stands for: ('storage', type, key, device, count). */
  static TorchTensor.Storage storage(PickleReader reader, Object id) {
    if (id instanceof List<?> parts
        && parts.size() == 5
        && "storage".equals(parts.get(0))
        && parts.get(1) instanceof Global type
        && STORAGES.containsKey(type.name())
        && parts.get(2) instanceof String key
        && parts.get(4) instanceof Long count
        && count >= 0) {
      return new TorchTensor.Storage(STORAGES.get(type.name()), key, count);
    }
    throw reader.problem("refers to something that is no storage of a tensor");
  }

  /** What a call of an allowed name gives. */
  static Object call(PickleReader reader, Global function, List<?> arguments) {
    switch (function.name()) {
      case ORDERED_DICT -> {
        if (arguments.isEmpty()) {
          return new LinkedHashMap<Object, Object>();
        }
      }
      case SIZE -> {
        if (arguments.size() == 1 && arguments.get(0) instanceof List<?> dims) {
          return dims;
        }
      }
      case PARAMETER -> {
        if (!arguments.isEmpty() && arguments.get(0) instanceof TorchTensor tensor) {
          return tensor;
        }
      }
      case TENSOR -> {
        if (arguments.size() >= 4
            && arguments.get(0) instanceof TorchTensor.Storage storage
            && arguments.get(1) instanceof Long offset
            && arguments.get(2) instanceof List<?> size
            && arguments.get(3) instanceof List<?> stride) {
          return tensor(reader, storage, offset, size, stride);
        }
      }
      default -> {}
    }
    throw reader.problem("calls " + function.name() + " with arguments that it does not have");
  }

  private static TorchTensor tensor(
      PickleReader reader, TorchTensor.Storage storage, long offset, List<?> size, List<?> stride) {
    if (size.size() != stride.size() || size.size() > MOST_DIMENSIONS) {
      throw reader.problem(
          "has a tensor of " + size.size() + " dimensions and " + stride.size() + " strides");
    }
    int[] dims = new int[size.size()];
    long[] strides = new long[dims.length];
    long count = 1;
    for (int i = 0; i < dims.length; i++) {
      if (!(size.get(i) instanceof Long dim && stride.get(i) instanceof Long step)
          || dim < 1
          || dim > SafetensorsHeader.LARGEST_TENSOR
          || step < 0
          || step > SafetensorsHeader.LARGEST_TENSOR) {
        throw reader.problem("has a tensor of a size or stride out of range");
      }
      dims[i] = dim.intValue();
      strides[i] = step;
      count *= dim;
      if (count > SafetensorsHeader.LARGEST_TENSOR) {
        throw reader.problem(
            "has a tensor of more than " + SafetensorsHeader.LARGEST_TENSOR + " elements");
      }
    }
    TorchTensor tensor = new TorchTensor(storage, offset, dims, strides);
    if (offset < 0
        || offset > storage.count() - tensor.span()
        || tensor.span() > SafetensorsHeader.LARGEST_TENSOR
        || count > storage.count()) {
      throw reader.problem(
          "has a tensor that reaches beyond the " + storage.count() + " numbers of its storage");
    }
    return tensor;
  }
}
