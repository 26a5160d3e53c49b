package io.github.ddpm4j.benchmarks;

import java.util.function.DoubleUnaryOperator;

/**
 * Attention and its gradients, obvious and slow: exact, or as plain float32 has them, every
 * operation rounded. Arrays are [n,tokens,heads,dim].
 */
record AttentionReference(double[] o, double[] dq, double[] dk, double[] dv) {

  /**
   * @param dO may be null: no gradients then
   */
  static AttentionReference of(
      int n,
      int tokens,
      int heads,
      int dim,
      float[] q,
      float[] k,
      float[] v,
      float[] dO,
      boolean inFloat) {
    DoubleUnaryOperator round = inFloat ? x -> (float) x : x -> x;
    double scale = round.applyAsDouble(1 / Math.sqrt(dim));
    int size = q.length;
    AttentionReference r =
        new AttentionReference(
            new double[size], new double[size], new double[size], new double[size]);
    int row = heads * dim;
    for (int first = 0; first < n * tokens * row; first += tokens * row) {
      for (int head = first; head < first + row; head += dim) {
        for (int query = head; query < head + tokens * row; query += row) {
          double[] weights = new double[tokens];
          double largest = Double.NEGATIVE_INFINITY;
          for (int j = 0; j < tokens; j++) {
            double score = dot(q, query, k, head + j * row, dim, round);
            weights[j] = round.applyAsDouble(scale * score);
            largest = Math.max(largest, weights[j]);
          }
          double sum = 0;
          for (int j = 0; j < tokens; j++) {
            weights[j] = round.applyAsDouble(Math.exp(round.applyAsDouble(weights[j] - largest)));
            sum = round.applyAsDouble(sum + weights[j]);
          }
          for (int j = 0; j < tokens; j++) {
            weights[j] = round.applyAsDouble(weights[j] / sum);
            add(r.o, query, weights[j], v, head + j * row, dim, round);
          }
          if (dO == null) {
            continue;
          }
          double[] slopes = new double[tokens];
          double mean = 0;
          for (int j = 0; j < tokens; j++) {
            slopes[j] = dot(dO, query, v, head + j * row, dim, round);
            mean = round.applyAsDouble(mean + round.applyAsDouble(weights[j] * slopes[j]));
          }
          for (int j = 0; j < tokens; j++) {
            double slope = round.applyAsDouble(slopes[j] - mean);
            slope = round.applyAsDouble(round.applyAsDouble(weights[j] * slope) * scale);
            add(r.dq, query, slope, k, head + j * row, dim, round);
            add(r.dk, head + j * row, slope, q, query, dim, round);
            add(r.dv, head + j * row, weights[j], dO, query, dim, round);
          }
        }
      }
    }
    return r;
  }

  private static double dot(
      float[] a, int atA, float[] b, int atB, int dim, DoubleUnaryOperator round) {
    double sum = 0;
    for (int d = 0; d < dim; d++) {
      sum = round.applyAsDouble(sum + round.applyAsDouble((double) a[atA + d] * b[atB + d]));
    }
    return sum;
  }

  private static void add(
      double[] to,
      int atTo,
      double factor,
      float[] x,
      int atX,
      int dim,
      DoubleUnaryOperator round) {
    for (int d = 0; d < dim; d++) {
      double product = round.applyAsDouble(factor * x[atX + d]);
      to[atTo + d] = round.applyAsDouble(to[atTo + d] + product);
    }
  }
}
