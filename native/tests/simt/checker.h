#pragma once
#include <cstddef>

/**
 * Watches accesses to shared and device memory: two threads at the same byte without a barrier between them, one of
 * them writing and not both by atomics; reads of what nobody wrote. Loads and stores are seen where the kernels are
 * compiled with -fsanitize=thread, whose calls the checker answers in place of its runtime; others always.
 */
namespace ddpm::simt {

/** An access of the running thread; stops the kernel if it is wrong. */
void note(const void* at, size_t bytes, bool write, bool atomic = false);

/** Memory that note is to know. Whatever was known of it before is forgotten. */
void watch(void* memory, size_t bytes, bool shared);
void forget(void* memory);
/** The host has written. */
void note_host_write(const void* at, size_t bytes);
/** Another kernel starts: whatever came before is ordered. */
void note_launch();

}  // namespace ddpm::simt
