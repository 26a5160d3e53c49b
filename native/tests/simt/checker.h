#pragma once
#include <cstddef>

/**
 * Watches accesses to shared and device memory: two threads at the same byte that nothing orders, one of them writing
 * and not both by atomics; reads of what nobody wrote; accesses beyond an array, or to where an asynchronous copy is on
 * its way. Loads and stores are seen where the kernels are compiled with -fsanitize=thread,alignment,bounds, whose
 * calls the checker answers in place of their runtimes, and in PTX; others always.
 */
namespace ddpm::simt {

/** Watching starts, for memory that is allocated from now on. */
void enable_checker();
bool is_checking();

/** An access of the running thread; stops the kernel if it is wrong. */
void note(const void* at, size_t bytes, bool write, bool atomic = false);
/** Whether a copy to these bytes is on its way. */
void note_flight(const void* at, size_t bytes, bool flies);

/** Memory that note is to know; nothing of it may be touched yet if not permitted. What was known of it is forgotten.
 */
void watch(void* memory, size_t bytes, const char* kind, bool permitted = true);
/** Part of such memory that may be touched. */
void permit(void* memory, void* at, size_t bytes);
void forget(void* memory);
/** The host has written. */
void note_host_write(const void* at, size_t bytes);
/** Another kernel starts: whatever came before is ordered. */
void note_launch();

}  // namespace ddpm::simt
