package io.github.ddpm4j.benchmarks.peer;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.DeviceException;
import io.github.ddpm4j.internal.NativeApi;
import io.github.ddpm4j.internal.Status;
import io.github.ddpm4j.ops.Window;
import io.github.ddpm4j.tensor.Scope;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.tensor.Tensor;
import java.util.Arrays;
import org.bytedeco.cuda.cudart.CUstream_st;
import org.bytedeco.cuda.cudnn.cudnnAttnStruct;
import org.bytedeco.cuda.cudnn.cudnnContext;
import org.bytedeco.cuda.cudnn.cudnnConvolutionFwdAlgoPerf_t;
import org.bytedeco.cuda.cudnn.cudnnConvolutionStruct;
import org.bytedeco.cuda.cudnn.cudnnDropoutStruct;
import org.bytedeco.cuda.cudnn.cudnnFilterStruct;
import org.bytedeco.cuda.cudnn.cudnnSeqDataStruct;
import org.bytedeco.cuda.cudnn.cudnnTensorStruct;
import org.bytedeco.cuda.global.cudnn;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.IntPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.SizeTPointer;

/**
 * cuDNN on ddpm4j's memory of a CUDA device, in the stream of ddpm4j's ops. Its ops are prepared
 * for their operands, then run any number of times.
 *
 * <p>Attention is that of cuDNN's multi-head attention without projections: cuDNN's graphs, which
 * replace it, have none in float32. What is prepared lives until the process ends.
 */
public final class Cudnn implements AutoCloseable {
  private static final int ALGORITHMS = 8;

  private final Scope scope;
  private final cudnnContext handle;

  private Cudnn(Scope scope) {
    this.scope = scope;
    long[] stream = new long[1];
    Status.check(NativeApi.ddpm_device_stream(scope.device().index(), stream));
    handle = new cudnnContext();
    ok(cudnn.cudnnCreate(handle));
    ok(cudnn.cudnnSetStream(handle, new CUstream_st(new DevicePointer(stream[0]))));
  }

  /**
   * @param device a CUDA device
   * @throws DeviceException if cuDNN cannot be loaded
   */
  public static Cudnn open(Device device) {
    Scope scope = Scope.open(device);
    try {
      return new Cudnn(scope);
    } catch (LinkageError e) {
      scope.close();
      throw new DeviceException("cuDNN cannot be loaded: " + e.getMessage());
    }
  }

  @Override
  public void close() {
    cudnn.cudnnDestroy(handle);
    scope.close();
  }

  /**
   * y = conv(x, w) with weights [K,R,S,C] and the same padding on opposite sides.
   *
   * @param direct sums as a product of matrices does; else by the algorithm that cuDNN expects to
   *     be the fastest
   */
  public Runnable convolution(Tensor x, Tensor w, Window window, Tensor y, boolean direct) {
    cudnnTensorStruct source = pictures(x.shape());
    cudnnTensorStruct target = pictures(y.shape());
    cudnnFilterStruct filter = new cudnnFilterStruct();
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
    cudnnConvolutionStruct convolution = new cudnnConvolutionStruct();
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
    ok(cudnn.cudnnSetConvolutionMathType(convolution, cudnn.CUDNN_FMA_MATH));
    int algorithm =
        direct
            ? cudnn.CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM
            : fastest(source, filter, convolution, target);
    SizeTPointer bytes = new SizeTPointer(1);
    ok(
        cudnn.cudnnGetConvolutionForwardWorkspaceSize(
            handle, source, filter, convolution, target, algorithm, bytes));
    long size = bytes.get();
    Pointer workspace = workspace(size);
    FloatPointer one = new FloatPointer(1f);
    FloatPointer zero = new FloatPointer(0f);
    return () ->
        ok(
            cudnn.cudnnConvolutionForward(
                handle,
                one,
                source,
                pointer(x),
                filter,
                pointer(w),
                convolution,
                algorithm,
                workspace,
                size,
                zero,
                target,
                pointer(y)));
  }

  private int fastest(
      cudnnTensorStruct source,
      cudnnFilterStruct filter,
      cudnnConvolutionStruct convolution,
      cudnnTensorStruct target) {
    int[] count = new int[1];
    cudnnConvolutionFwdAlgoPerf_t found = new cudnnConvolutionFwdAlgoPerf_t(ALGORITHMS);
    ok(
        cudnn.cudnnGetConvolutionForwardAlgorithm_v7(
            handle, source, filter, convolution, target, ALGORITHMS, count, found));
    for (int i = 0; i < count[0]; i++) {
      cudnnConvolutionFwdAlgoPerf_t one = found.getPointer(i);
      if (one.status() == cudnn.CUDNN_STATUS_SUCCESS && one.mathType() == cudnn.CUDNN_FMA_MATH) {
        return one.algo();
      }
    }
    return cudnn.CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_GEMM;
  }

  private static cudnnTensorStruct pictures(Shape shape) {
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

  /** o = softmax(q k' / sqrt(d)) v for every image and head, of tokens [N,T,C]. */
  public Runnable attention(Tensor q, Tensor k, Tensor v, int heads, Tensor o) {
    Attention attention = new Attention(q.shape(), heads, false);
    return () -> attention.forward(q, k, v, o);
  }

  /** The same with one head, which is all that cuDNN trains, and then its gradients. */
  public Runnable attentionAndGradients(
      Tensor q, Tensor k, Tensor v, Tensor o, Tensor dO, Tensor dq, Tensor dk, Tensor dv) {
    Attention attention = new Attention(q.shape(), 1, true);
    return () -> {
      attention.forward(q, k, v, o);
      attention.backward(q, k, v, dO, dq, dk, dv);
    };
  }

  /** A head is what cuDNN calls a beam: keys and values are those of the queries' beam. */
  private final class Attention {
    private final cudnnAttnStruct attention = new cudnnAttnStruct();
    private final cudnnSeqDataStruct sequences = new cudnnSeqDataStruct();
    private final IntPointer firstKeys;
    private final IntPointer endKeys;
    private final IntPointer lengths;
    private final long workBytes;
    private final long reservedBytes;
    private final Pointer work;
    private final Pointer reserved;

    Attention(Shape shape, int heads, boolean training) {
      int n = shape.dim(0), tokens = shape.dim(1), dim = shape.dim(2) / heads;
      int[] sizes = new int[cudnn.CUDNN_SEQDATA_DIM_COUNT];
      sizes[cudnn.CUDNN_SEQDATA_BATCH_DIM] = n;
      sizes[cudnn.CUDNN_SEQDATA_TIME_DIM] = tokens;
      sizes[cudnn.CUDNN_SEQDATA_BEAM_DIM] = heads;
      sizes[cudnn.CUDNN_SEQDATA_VECT_DIM] = dim;
      int[] order = {
        cudnn.CUDNN_SEQDATA_BATCH_DIM,
        cudnn.CUDNN_SEQDATA_TIME_DIM,
        cudnn.CUDNN_SEQDATA_BEAM_DIM,
        cudnn.CUDNN_SEQDATA_VECT_DIM
      };
      int[] all = new int[n * heads];
      Arrays.fill(all, tokens);
      ok(cudnn.cudnnCreateSeqDataDescriptor(sequences));
      ok(
          cudnn.cudnnSetSeqDataDescriptor(
              sequences,
              cudnn.CUDNN_DATA_FLOAT,
              sizes.length,
              sizes,
              order,
              all.length,
              all,
              null));
      ok(cudnn.cudnnCreateAttnDescriptor(attention));
      cudnnDropoutStruct none = null;
      ok(
          cudnn.cudnnSetAttnDescriptor(
              attention,
              cudnn.CUDNN_ATTN_QUERYMAP_ONE_TO_ONE | cudnn.CUDNN_ATTN_DISABLE_PROJ_BIASES,
              1,
              1 / Math.sqrt(dim),
              cudnn.CUDNN_DATA_FLOAT,
              cudnn.CUDNN_DATA_FLOAT,
              cudnn.CUDNN_DEFAULT_MATH,
              none,
              none,
              dim,
              dim,
              dim,
              0,
              0,
              0,
              0,
              tokens,
              tokens,
              n,
              heads));
      firstKeys = new IntPointer(new int[tokens]);
      int[] ends = new int[tokens];
      Arrays.fill(ends, tokens);
      endKeys = new IntPointer(ends);
      // Whole numbers, in the bits of floats.
      float[] bits = new float[all.length];
      Arrays.fill(bits, Float.intBitsToFloat(tokens));
      lengths = new IntPointer(pointer(scope.tensor(Shape.of(bits.length), bits)));
      SizeTPointer weights = new SizeTPointer(1);
      SizeTPointer forWork = new SizeTPointer(1);
      SizeTPointer forTraining = training ? new SizeTPointer(1) : null;
      ok(cudnn.cudnnGetMultiHeadAttnBuffers(handle, attention, weights, forWork, forTraining));
      workBytes = forWork.get();
      reservedBytes = training ? forTraining.get() : 0;
      work = workspace(workBytes);
      reserved = training ? workspace(reservedBytes) : null;
    }

    void forward(Tensor q, Tensor k, Tensor v, Tensor o) {
      ok(
          cudnn.cudnnMultiHeadAttnForward(
              handle,
              attention,
              -1,
              firstKeys,
              endKeys,
              lengths,
              lengths,
              sequences,
              pointer(q),
              null,
              sequences,
              pointer(k),
              sequences,
              pointer(v),
              sequences,
              pointer(o),
              0,
              null,
              workBytes,
              work,
              reservedBytes,
              reserved));
    }

    void backward(Tensor q, Tensor k, Tensor v, Tensor dO, Tensor dq, Tensor dk, Tensor dv) {
      ok(
          cudnn.cudnnMultiHeadAttnBackwardData(
              handle,
              attention,
              firstKeys,
              endKeys,
              lengths,
              lengths,
              sequences,
              pointer(dO),
              sequences,
              pointer(dq),
              pointer(q),
              sequences,
              pointer(dk),
              pointer(k),
              sequences,
              pointer(dv),
              pointer(v),
              0,
              null,
              workBytes,
              work,
              reservedBytes,
              reserved));
    }
  }

  private Pointer workspace(long bytes) {
    return pointer(scope.allocate(Shape.of(Math.toIntExact(bytes / Float.BYTES + 1))));
  }

  /** A tensor's memory as CUDA's libraries take it. */
  private static Pointer pointer(Tensor tensor) {
    long[] address = new long[1];
    Status.check(NativeApi.ddpm_device_address(tensor.memory(), address));
    return new DevicePointer(address[0]);
  }

  private static final class DevicePointer extends Pointer {
    DevicePointer(long address) {
      this.address = address;
    }
  }

  private static void ok(int status) {
    if (status != cudnn.CUDNN_STATUS_SUCCESS) {
      throw new DeviceException("cuDNN: " + cudnn.cudnnGetErrorString(status).getString());
    }
  }
}
