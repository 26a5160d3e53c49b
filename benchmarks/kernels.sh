#!/bin/sh
# Writes benchmarks/results/kernels.md: registers, shared memory and occupancy of the CUDA kernels on each architecture,
# and what ops move at shapes of the U-Nets. Needs nvcc 12.8 or later, no GPU, and some minutes.
#
#   benchmarks/kernels.sh            builds what it needs in build-kernels
#   BUILD=DIR benchmarks/kernels.sh  there
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build-kernels}
cmake -S . -B "$build" -DDDPM_BENCHMARKS=ON >&2
cmake --build "$build" --parallel "${JOBS:-2}" --target simt_ptx kernel_table >&2

# What nvcc left on the way to machine code goes through ptxas once more, which says what it uses.
kept=$build/native/tests/simt/kept
usage=$build/usage.txt
: > "$usage"
for ptx in "$kept"/*.compute_*.ptx; do
  architecture=${ptx##*compute_}
  nvcc -cubin -arch="sm_${architecture%.ptx}" -lineinfo -Xptxas -v "$ptx" -o "$build/usage.cubin" 2>> "$usage"
done

# The kernels run as the PTX of the first.
paths=$(printf '%s:' "$kept"/*.compute_80.ptx)
{
  cat <<END
# What the CUDA kernels take and move

Counted, not measured: no GPU took part. \`benchmarks/kernels.sh\` writes this page; $(nvcc --version | sed -n 's/.*release \([0-9.]*\).*/nvcc \1/p').

END
  SIMT_PTX=$paths "$build/benchmarks/native/kernel_table" --usage "$usage"
} > "$build/kernels.md"
cp "$build/kernels.md" benchmarks/results/kernels.md
