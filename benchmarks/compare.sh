#!/bin/sh
# Times ddpm4j beside its rivals, in one run, and prints how many times faster it is.
#
#   benchmarks/compare.sh                      all cases
#   benchmarks/compare.sh optimal-b1-t999 ...  some
#
# Needs benchmarks/target/benchmarks.jar (mvn package), libtorch in the Maven repository (any build with tests fetches it)
# and DDPM4J_DATA. FORKS=3 repeats each in so many processes.
set -eu
cd "$(dirname "$0")/.."

cases="optimal-b1-t999 optimal-b64-t999 optimal-b64-t300 optimal-ddim50-b16"

# Benchmark and JMH parameters of a case.
arguments() {
  case "$1" in
    optimal-b1-t999) echo "OptimalBenchmark -p queries=1 -p t=999" ;;
    optimal-b64-t999) echo "OptimalBenchmark -p queries=64 -p t=999" ;;
    optimal-b64-t300) echo "OptimalBenchmark -p queries=64 -p t=300" ;;
    optimal-ddim50-b16) echo "OptimalSamplingBenchmark" ;;
    *) echo "no case $1; there are: $cases" >&2; return 1 ;;
  esac
}

repository=${M2_REPOSITORY:-$HOME/.m2/repository}/org/bytedeco
version() { sed -n "s|.*<$1.version>\(.*\)</$1.version>.*|\1|p" pom.xml; }
classpath=benchmarks/target/benchmarks.jar
for artifact in pytorch openblas; do
  jar=$repository/$artifact/$(version $artifact)/$artifact-$(version $artifact)
  classpath=$classpath:$jar.jar:$jar-linux-x86_64.jar
done

# Fair to libtorch: glibc maps and unmaps every large result unless told not to; JavaCPP would call System.gc().
export GLIBC_TUNABLES=glibc.malloc.mmap_threshold=4294967296:glibc.malloc.trim_threshold=4294967296
unset OPENBLAS_CORETYPE || true
export OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-2}
java="-Xmx3g -Dorg.bytedeco.javacpp.maxBytes=0 -Dorg.bytedeco.javacpp.maxPhysicalBytes=0"

for name in ${*:-$cases}; do
  selection=$(arguments "$name")
  results=$(mktemp)
  # shellcheck disable=SC2086 # words on purpose
  java $java -cp "$classpath" org.openjdk.jmh.Main $selection -f "${FORKS:-1}" -jvmArgs "$java" \
    -rf csv -rff "$results" -tu ms | grep -E '^# [^A-Z]|^Benchmark|(ddpm4j|libtorch) ' | grep -v '%$' || true
  # Columns: benchmark, mode, threads, samples, score, error...; with sample time the percentiles follow as rows of their own.
  sed 's/"//g' "$results" | awk -F, -v name="$name" '
    $1 ~ /\.ddpm4j(:.*p0\.50)?$/ { ours = $5 }
    $1 ~ /\.libtorch(:.*p0\.50)?$/ { theirs = $5 }
    END { if (!ours || !theirs) { print name ": no result" > "/dev/stderr"; exit 1 }
      printf "%s: ddpm4j %.2f ms, libtorch %.2f ms, %.2f times faster\n", name, ours, theirs, theirs / ours }'
  rm -f "$results"
done
