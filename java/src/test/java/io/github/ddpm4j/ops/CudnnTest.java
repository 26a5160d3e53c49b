package io.github.ddpm4j.ops;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.internal.Status;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.Random;
import java.util.stream.Stream;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.cudnn.cudnnConvolutionStruct;
import org.bytedeco.cuda.cudnn.cudnnFilterStruct;
import org.bytedeco.cuda.cudnn.cudnnTensorStruct;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Convolutions beside cuDNN's, on the same memory of a GPU. Operands are small whole numbers, whose
 * products and sums are exact in every precision and order, so results must be the same.
 *
 * <p>Needs a GPU, and cuDNN where JavaCPP finds it: the artifact {@code org.bytedeco:cuda} with
 * classifier {@code linux-x86_64}, and cuDNN itself installed.
 */
@Tag("gpu")
class CudnnTest {
  private static cudnnContext handle;

  @BeforeAll
  static void create() {
    assumeTrue(Device.cudaCount() > 0, Device.cudaStatus());
    assumeFalse(Device.cuda(0).name().startsWith("SIMT"), "the device is run on the CPU");
    try {
      handle = new cudnnContext();
      ok(cudnn.cudnnCreate(handle));
    } catch (LinkageError e) {
      abort("cuDNN cannot be loaded: " + e.getMessage());
    }
  }

  @AfterAll
  static void destroy() {
    if (handle != null) {
      cudnn.cudnnDestroy(handle);
    }
  }

  static Stream<Arguments> convolutions() {
    return Stream.of(
        Arguments.of(Shape.of(2, 28, 28, 32), 32, Window.square(3).padding(1)),
        Arguments.of(Shape.of(3, 14, 14, 64), 48, Window.square(3).padding(1).stride(2)),
        Arguments.of(Shape.of(1, 16, 16, 256), 128, Window.square(1)),
        Arguments.of(Shape.of(2, 9, 7, 5), 3, Window.square(5).padding(2)));
  }

  @ParameterizedTest
  @MethodSource("convolutions")
  void convolvesAsCudnnDoes(Shape input, int channels, Window window) {
    Device device = Device.cuda(0);
    try (Scope scope = Scope.open(device)) {
      Tensor x = whole(scope, input);
      Tensor w = whole(scope, Shape.of(channels, window.height(), window.width(), input.dim(3)));
      Tensor expected = scope.allocate(window.output(input, channels));
      // cuDNN works in the default stream, which ddpm4j's do not wait for.
      device.synchronize();
      convolve(x, w, window, expected);
      ok(cudart.cudaDeviceSynchronize());
      Tensor y = ConvolutionOps.conv2d(x, w, null, null, null, window);
      assertThat(y.toArray()).containsExactly(expected.toArray());
    }
  }

  private static void convolve(Tensor x, Tensor w, Window window, Tensor y) {
    cudnnTensorStruct source = descriptor(x.shape());
    cudnnTensorStruct target = descriptor(y.shape());
    cudnnFilterStruct filter = new cudnnFilterStruct();
    cudnnConvolutionStruct convolution = new cudnnConvolutionStruct();
    ok(cudnn.cudnnCreateFilterDescriptor(filter));
    ok(
        cudnn.cudnnSetFilter4dDescriptor(
            filter,
            cudnn.CUDNN_DATA_FLOAT,
            cudnn.CUDNN_TENSOR_NHWC,
            w.dim(0),
            w.dim(3),
            w.dim(1),
            w.dim(2)));
    ok(cudnn.cudnnCreateConvolutionDescriptor(convolution));
    ok(
        cudnn.cudnnSetConvolution2dDescriptor(
            convolution,
            window.padTop(),
            window.padLeft(),
            window.strideH(),
            window.strideW(),
            1,
            1,
            cudnn.CUDNN_CROSS_CORRELATION,
            cudnn.CUDNN_DATA_FLOAT));
    try (FloatPointer one = new FloatPointer(1f);
        FloatPointer zero = new FloatPointer(0f)) {
      // The implicit product needs no workspace.
      ok(
          cudnn.cudnnConvolutionForward(
              handle,
              one,
              source,
              pointer(x),
              filter,
              pointer(w),
              convolution,
              cudnn.CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM,
              null,
              0,
              zero,
              target,
              pointer(y)));
    }
    ok(cudnn.cudnnDestroyTensorDescriptor(source));
    ok(cudnn.cudnnDestroyTensorDescriptor(target));
    ok(cudnn.cudnnDestroyFilterDescriptor(filter));
    ok(cudnn.cudnnDestroyConvolutionDescriptor(convolution));
  }

  private static cudnnTensorStruct descriptor(Shape shape) {
    cudnnTensorStruct descriptor = new cudnnTensorStruct();
    ok(cudnn.cudnnCreateTensorDescriptor(descriptor));
    ok(
        cudnn.cudnnSetTensor4dDescriptor(
            descriptor,
            cudnn.CUDNN_TENSOR_NHWC,
            cudnn.CUDNN_DATA_FLOAT,
            shape.dim(0),
            shape.dim(3),
            shape.dim(1),
            shape.dim(2)));
    return descriptor;
  }

  /** The tensor's memory as CUDA's libraries take it. */
  private static final class DevicePointer extends Pointer {
    DevicePointer(long address) {
      this.address = address;
    }
  }

  private static Pointer pointer(Tensor tensor) {
    long[] address = new long[1];
    Status.check(NativeApi.ddpm_device_address(tensor.memory(), address));
    return new DevicePointer(address[0]);
  }

  private static Tensor whole(Scope scope, Shape shape) {
    Random random = new Random(5);
    float[] values = new float[Math.toIntExact(shape.count())];
    for (int i = 0; i < values.length; i++) {
      values[i] = random.nextInt(9) - 4;
    }
    return scope.tensor(shape, values);
  }

  private static void ok(int status) {
    assertThat(status).as("status of cuDNN or CUDA").isZero();
  }
}
