// What code compiled with -fsanitize=thread,alignment,bounds calls: the checker in place of the sanitizers' runtimes.
#include <cstdint>
#include <cstring>

#include "simt/checker.h"
#include "simt/engine.h"

using ddpm::simt::note;

namespace {

void note_range(const void* at, size_t bytes, bool write) {
  if (bytes > 0) note(at, bytes, write);
}

/** As compilers hand it over. */
struct Place {
  const char* file;
  uint32_t line, column;
};

}  // namespace

#define DDPM_ACCESS(bytes)                                              \
  void __tsan_read##bytes(void* p) { note(p, bytes, false); }           \
  void __tsan_write##bytes(void* p) { note(p, bytes, true); }           \
  void __tsan_unaligned_read##bytes(void* p) { note(p, bytes, false); } \
  void __tsan_unaligned_write##bytes(void* p) { note(p, bytes, true); } \
  void __tsan_volatile_read##bytes(void* p) { note(p, bytes, false); }  \
  void __tsan_volatile_write##bytes(void* p) { note(p, bytes, true); }
extern "C" {
void __tsan_init() { ddpm::simt::enable_checker(); }
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void*, void*) {}
DDPM_ACCESS(1)
DDPM_ACCESS(2)
DDPM_ACCESS(4)
DDPM_ACCESS(8)
DDPM_ACCESS(16)
void __tsan_read_range(void* p, size_t bytes) { note_range(p, bytes, false); }
void __tsan_write_range(void* p, size_t bytes) { note_range(p, bytes, true); }
void* __tsan_memcpy(void* to, const void* from, size_t bytes) {
  note_range(from, bytes, false);
  note_range(to, bytes, true);
  return std::memcpy(to, from, bytes);
}
void* __tsan_memset(void* to, int value, size_t bytes) {
  note_range(to, bytes, true);
  return std::memset(to, value, bytes);
}
void* __tsan_memmove(void* to, const void* from, size_t bytes) {
  note_range(from, bytes, false);
  note_range(to, bytes, true);
  return std::memmove(to, from, bytes);
}
void __ubsan_handle_type_mismatch_v1_abort(Place* place, void* pointer) {
  ddpm::simt::stop("misaligned: %p is no address for what line %u of %s wants there", pointer, place->line,
                   place->file);
}
void __ubsan_handle_out_of_bounds_abort(Place* place, void* index) {
  ddpm::simt::stop("index %llu of line %u of %s is beyond the array",
                   static_cast<unsigned long long>(reinterpret_cast<uintptr_t>(index)), place->line, place->file);
}
}
