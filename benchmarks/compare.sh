#!/bin/sh
# Compares ddpm4j with libtorch and ONNX Runtime, and on CUDA with cuDNN, on the same weights and inputs: results first, then
# times, in turn, in one process. Prints a line for each case and draws benchmarks/results/roofline.png.
#
#   benchmarks/compare.sh                                  all cases
#   benchmarks/compare.sh cifar-forward-f32-b16 'optimal-*'   some
#
# Cases in bfloat16 (*-bf16-*) run when they are named: without instructions for it libtorch takes half a minute for one.
#
# A ratio is how many times as long as ddpm4j the fastest peer takes. Needs benchmarks/target/benchmarks.jar (mvn package
# of a build with tests, which fetches libtorch too) and, for optimal-*, DDPM4J_DATA. cudnn-* need a GPU, a build with
# -Pgpu and cuDNN installed, and are left out with the reason without.
#
#   THREADS=1    threads of ddpm4j and the peers; as many as there are cores unless given
#   SECONDS=10   for the times of a case, in which there are three of each at least, after as many to warm up
#   CLOCK=cpu    processor time in place of time: for a busy machine, with THREADS=1
#
# One contender alone, under a profiler: the class path and properties as below, and
#   org.openjdk.jmh.Main CaseBenchmark -p name=mnist-forward-f32-b1 -p contender=ddpm4j -prof perfasm
set -eu
cd "$(dirname "$0")/.."

repository=${M2_REPOSITORY:-$HOME/.m2/repository}
version() { sed -n "s|.*<$1.version>\(.*\)</$1.version>.*|\1|p" pom.xml; }
classpath=benchmarks/target/benchmarks.jar
for artifact in pytorch openblas cuda; do
  jar=$repository/org/bytedeco/$artifact/$(version $artifact)/$artifact-$(version $artifact)
  classpath=$classpath:$jar.jar:$jar-linux-x86_64.jar
done
onnxruntime=$(version onnxruntime)
classpath=$classpath:$repository/com/microsoft/onnxruntime/onnxruntime/$onnxruntime/onnxruntime-$onnxruntime.jar

threads=${THREADS:-$(nproc)}
# Fair to libtorch: glibc maps and unmaps every large result unless told not to, and on threads but the first whatever it is
# told, unless they share an arena; JavaCPP would call System.gc().
tunables=glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=4294967296:glibc.malloc.arena_max=1
export GLIBC_TUNABLES=$tunables
unset OPENBLAS_CORETYPE || true
# float32 means it on GPUs too.
export NVIDIA_TF32_OVERRIDE=0
java() {
  command java -Xmx4g -Dorg.bytedeco.javacpp.maxBytes=0 -Dorg.bytedeco.javacpp.maxPhysicalBytes=0 \
    -Dthreads="$threads" -Dseconds="${SECONDS:-10}" -Dclock="${CLOCK:-wall}" -Djava.awt.headless=true \
    --enable-native-access=ALL-UNNAMED -cp "$classpath" "io.github.ddpm4j.benchmarks.$@"
}

results=$(mktemp)
failed=$(mktemp)
trap 'rm -f "$results" "$failed"' EXIT
[ $# -gt 0 ] || set -- '*-f32*' 'optimal-*'
for pattern in "$@"; do
  # OpenBLAS' threads would spin against libtorch's own, but two large products are all that the optimal denoiser is.
  case "$pattern" in optimal-*) blas=$threads ;; *) blas=1 ;; esac
  OPENBLAS_NUM_THREADS=$blas java Compare "$pattern" || echo "$pattern" >> "$failed"
done | tee "$results"
! grep -q " peak_gflops=" "$results" || java RooflinePlot "$results" benchmarks/results/roofline.png
[ ! -s "$failed" ] || { echo "failed: $(tr '\n' ' ' < "$failed")" >&2; exit 1; }
