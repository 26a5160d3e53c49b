package io.github.ddpm4j.benchmarks;

import io.github.ddpm4j.Device;
import io.github.ddpm4j.DiffusionModel;
import io.github.ddpm4j.SampleOptions;
import io.github.ddpm4j.benchmarks.peer.TorchLayers;
import io.github.ddpm4j.benchmarks.peer.Weights;
import io.github.ddpm4j.checkpoint.SchedulerConfig;
import io.github.ddpm4j.process.NoisePredictor;
import io.github.ddpm4j.sampler.Ddim;
import io.github.ddpm4j.tensor.Shape;
import io.github.ddpm4j.unet.BlockType;
import io.github.ddpm4j.unet.LayerSummary;
import io.github.ddpm4j.unet.UNet;
import io.github.ddpm4j.unet.UNetConfig;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;

/** Whole U-Nets: predicting noise, a training step, drawing samples. */
final class NetworkCases {
  private static final int[] BATCHES = {1, 4, 16, 64};
  private static final int STEPS = 10;

  /** Rounding over some fifty layers, and twice that many steps, stays far below. */
  private static final double FORWARD = 1e-4;

  /** Without linear maps as convolutions, suspected of a crash in oneDNN's gradients. */
  private static final List<TorchLayers.Mode> TRAINING_MODES =
      List.of(TorchLayers.Mode.CONTIGUOUS, TorchLayers.Mode.CHANNELS_LAST);

  private static final double TRAINING = 1e-4;
  private static final double SAMPLING = 1e-3;

  /** bfloat16 has 8 bits. */
  private static final double ROUNDED = 0.05;

  private NetworkCases() {}

  /** The network of google/ddpm-cifar10-32. */
  private static UNetConfig cifar() {
    return UNetConfig.builder()
        .sampleSize(32)
        .blockOutChannels(128, 256, 256, 256)
        .downBlockTypes(BlockType.PLAIN, BlockType.ATTENTION, BlockType.PLAIN, BlockType.PLAIN)
        .upBlockTypes(BlockType.PLAIN, BlockType.PLAIN, BlockType.ATTENTION, BlockType.PLAIN)
        .attentionHeadDim(null)
        .downsamplePadding(0)
        .flipSinToCos(false)
        .freqShift(1)
        .normEps(1e-6)
        .build();
  }

  /** A network for MNIST, padded to 32 x 32. */
  private static UNetConfig mnist() {
    return UNetConfig.builder()
        .sampleSize(32)
        .inChannels(1)
        .outChannels(1)
        .blockOutChannels(32, 64, 128)
        .downBlockTypes(BlockType.PLAIN, BlockType.PLAIN, BlockType.ATTENTION)
        .upBlockTypes(BlockType.ATTENTION, BlockType.PLAIN, BlockType.PLAIN)
        .attentionHeadDim(null)
        .normNumGroups(8)
        .build();
  }

  static void addTo(Map<String, Supplier<Case>> cases) {
    Map<String, Supplier<UNet>> networks =
        Map.of(
            "cifar", () -> UNet.create(cifar(), Device.cpu(), 1),
            "mnist", () -> UNet.create(mnist(), Device.cpu(), 1));
    for (String name : List.of("cifar", "mnist")) {
      for (int batch : BATCHES) {
        cases.put(name + "-forward-f32-b" + batch, () -> forward(networks.get(name).get(), batch));
      }
    }
    cases.put("cifar-train-f32-b16", () -> training(networks.get("cifar").get(), 16));
    cases.put("mnist-train-f32-b64", () -> training(networks.get("mnist").get(), 64));
    cases.put("cifar-forward-bf16-b16", () -> roundedForward(networks.get("cifar").get(), 16));
    cases.put("mnist-forward-bf16-b16", () -> roundedForward(networks.get("mnist").get(), 16));
    cases.put("cifar-train-bf16-b16", () -> roundedTraining(networks.get("cifar").get(), 16));
    cases.put("mnist-train-bf16-b64", () -> roundedTraining(networks.get("mnist").get(), 64));
    cases.put("cifar-sample-f32-b4", () -> sampling(networks.get("cifar").get(), 4));
    cases.put("mnist-sample-f32-b16", () -> sampling(networks.get("mnist").get(), 16));
  }

  private static double flop(UNet unet, int batch) {
    return 2.0 * batch * unet.macs(unet.config().sampleHeight(), unet.config().sampleWidth());
  }

  private static double bytes(UNet unet, int batch) {
    return unet.summary(unet.config().sampleHeight(), unet.config().sampleWidth()).stream()
        .mapToDouble((LayerSummary layer) -> layer.bytes(batch))
        .sum();
  }

  private static Case forward(UNet unet, int batch) {
    Weights weights = Weights.of(unet.parameters());
    List<Contender> contenders = new ArrayList<>();
    contenders.add(new Prediction.Ours(unet, batch));
    for (TorchLayers.Mode mode : TorchLayers.Mode.values()) {
      contenders.add(new Prediction.Torch((UNetConfig) unet.config(), weights, mode, batch));
    }
    contenders.add(new Prediction.Onnx((UNetConfig) unet.config(), weights, batch));
    return new Case(Device.cpu(), flop(unet, batch), bytes(unet, batch), FORWARD, contenders, unet);
  }

  private static Case training(UNet unet, int batch) {
    List<Contender> contenders = new ArrayList<>();
    // Peers first: training ours changes the weights.
    for (TorchLayers.Mode mode : TRAINING_MODES) {
      contenders.add(
          new TrainingStep.Torch(
              (UNetConfig) unet.config(), Weights.of(unet.parameters()), mode, batch));
    }
    contenders.add(0, new TrainingStep.Ours(unet, batch));
    // Backward is twice forward; Adam reads and writes the weights, their gradients and moments.
    double adam = 7.0 * Float.BYTES * unet.parameters().count();
    return new Case(
        Device.cpu(),
        3 * flop(unet, batch),
        3 * bytes(unet, batch) + adam,
        TRAINING,
        contenders,
        unet);
  }

  /** Without ONNX Runtime, which has no bfloat16 on CPUs. */
  private static Case roundedForward(UNet unet, int batch) {
    Weights weights = Weights.of(unet.parameters());
    UNetConfig config = (UNetConfig) unet.config();
    List<Contender> contenders = new ArrayList<>();
    contenders.add(new RoundedProducts(new Prediction.Ours(unet, batch)));
    for (TorchLayers.Mode mode : TorchLayers.Mode.values()) {
      contenders.add(new RoundedProducts(new Prediction.Torch(config, weights, mode, batch)));
      contenders.add(Prediction.Torch.bfloat16(config, weights, mode, batch));
    }
    return new Case(Device.cpu(), flop(unet, batch), bytes(unet, batch), ROUNDED, contenders, unet);
  }

  private static Case roundedTraining(UNet unet, int batch) {
    Case exact = training(unet, batch);
    List<Contender> contenders =
        exact.contenders().stream().<Contender>map(RoundedProducts::new).toList();
    return new Case(exact.device(), exact.flop(), exact.bytes(), ROUNDED, contenders, unet);
  }

  private static Case sampling(UNet unet, int batch) {
    DiffusionModel model = new DiffusionModel(unet, SchedulerConfig.defaults());
    SampleOptions options = SampleOptions.count(batch).sampler(Ddim.steps(STEPS)).seed(3);
    Shape image =
        Shape.of(
            unet.config().sampleHeight(), unet.config().sampleWidth(), unet.config().inChannels());
    List<Contender> contenders = new ArrayList<>();
    for (Contender contender : forward(unet, batch).contenders()) {
      NoisePredictor predictor = ((Prediction) contender).predictor();
      contenders.add(
          new Contender() {
            @Override
            public String name() {
              return contender.name();
            }

            @Override
            public void run() {
              result();
            }

            @Override
            public float[] result() {
              return DiffusionModel.sample(predictor, model.schedule(), image, options).pixels();
            }

            @Override
            public void close() {
              contender.close();
            }
          });
    }
    return new Case(
        Device.cpu(),
        STEPS * flop(unet, batch),
        STEPS * bytes(unet, batch),
        SAMPLING,
        contenders,
        model);
  }
}
