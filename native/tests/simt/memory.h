#pragma once
#include <cstddef>

/** Memory that kernels see: full of ones at first, and at its end a page that faults. */
namespace ddpm::simt {

/** Device memory, aligned to 256 bytes. */
void* allocate(size_t bytes);
void release(void* memory);

/** The block's variable in shared memory that the key names. */
void* shared_variable(const void* key, size_t bytes);
/** The shared memory that the launch asked for. */
unsigned char* shared_memory();
/** Where addresses in shared memory start. */
unsigned char* shared_base();
/** What an address in shared memory stands for; ends the kernel if there are not so many bytes. */
unsigned char* at_shared(size_t address, size_t bytes);
bool is_shared(const void* at);

/** Shared memory as a launch, and as each of its blocks, finds it. */
void start_memory_of_launch(size_t shared_bytes);
void start_memory_of_block();

}  // namespace ddpm::simt
