#pragma once
#include <cstddef>
#include <cstdint>

namespace ddpm {

/**
 * Runs task(context, i) for i in [0, tasks) on the process's threads, the caller's among them, and returns when all are
 * done. One loop runs at a time: a second caller waits, so that threads never outnumber the setting. A loop inside a
 * task runs in place.
 *
 * What a task computes must not depend on which thread runs it, or on how many there are.
 */
void parallel_for(int64_t tasks, void (*task)(void* context, int64_t i), void* context);

template <class Body>
void parallel_for(int64_t tasks, const Body& body) {
  parallel_for(
      tasks, [](void* context, int64_t i) { (*static_cast<const Body*>(context))(i); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

/**
 * Scratch memory of the calling thread, 64-byte aligned and at least of the given size; it grows and is kept. Each slot
 * is a buffer of its own, valid until the thread asks for the same slot again.
 */
void* thread_scratch(int slot, size_t bytes);

/** Slots of thread_scratch, one per purpose, so that nested users do not collide. */
enum ScratchSlot {
  kPackedWeights,
  kPackedInput,
  kRoundedInput,
  kPanelScratch,
  kTapOrder,
  kZeroRow,
  kTileSources,
  kRowPointers,
  kTapSteps,
  kScores,
  kPartialSums,
  kNormalization,
  kPreparedInput,
  kTransformedTaps,
  kOptimalResult,
  kOptimalQueries,
  kOptimalPartials,
  kOptimalChunk,
  kOptimalPairs,
  kOptimalCoarse,
  kOptimalBounds,
  kOptimalVector,
  kScratchSlots
};

int thread_count();
void set_thread_count(int threads);

}  // namespace ddpm
