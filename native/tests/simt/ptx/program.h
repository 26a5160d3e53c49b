#pragma once
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "simt/engine.h"
#include "simt/ptx/kernels.h"
#include "simt/ptx/text.h"

/**
 * PTX as the engine runs it. A function has a frame: a place of 8 bytes for each register and each constant, then its
 * variables. An instruction is the address of a C++ function and the places that it works on. So nothing of PTX is
 * looked up while it runs, and nothing has to be compiled before.
 */
namespace ddpm::simt::ptx {

using Place = uint32_t;  // in the frame, in bytes

struct Frame;
struct Instruction;
using Handler = void (*)(Frame& frame, const Instruction& instruction);

struct Function;
struct Call {
  const Function* function = nullptr;
  std::vector<Place> results, arguments;  // in the caller's frame
};

struct Instruction {
  Handler run = nullptr;
  const Place* at = nullptr;  // operands, vectors one element after the other
  int64_t offset[2] = {};     // of its addresses
  uint32_t variant = 0;       // what the operation says beside types
  uint32_t target = 0;        // of a branch
  Place guard = 0;            // of a predicate; 0: none
  bool unless = false;        // runs where the guard is false
  int line = 0;
  const Call* call = nullptr;
};

/** What a place has when a thread starts. */
enum class Special { kTid, kCtaid, kNtid, kNctaid, kLane, kWarp, kFrameAddress, kSharedVariable, kDynamicShared };

struct Start {
  Place place;
  Special what;
  uint32_t axis = 0;          // x, y, z
  size_t number = 0;          // address in the frame; bytes of a shared variable
  const void* key = nullptr;  // of it
};

struct Area {
  Place place;
  size_t bytes;
};

struct Function {
  std::string name;
  const char* file = "";
  std::vector<Instruction> code;
  std::vector<Start> starts;
  std::vector<unsigned char> image;  // of the frame
  std::vector<Area> parameters, results;
  std::vector<std::unique_ptr<Place[]>> operands;
  std::vector<std::unique_ptr<Call>> calls;
};

struct Frame {
  unsigned char* memory;
  const Function* function;
  uint32_t next = 0;

  template <class T>
  T get(Place place) const {
    T value;
    std::memcpy(&value, memory + place, sizeof value);
    return value;
  }
  /** A register is as wide as its place: whole numbers are extended to it. */
  template <class T>
  void set(Place place, T value) {
    if constexpr (std::is_integral_v<T>) {
      auto wide = static_cast<std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>(value);
      std::memcpy(memory + place, &wide, sizeof wide);
    } else {
      std::memcpy(memory + place, &value, sizeof value);
    }
  }
  Line line(const Instruction& i) const { return {function->file, i.line}; }
};

/** An operation by its name in PTX, types and modifiers and all. */
struct Operation {
  Handler run;
  uint32_t variant;
};
/** Null if there is none. */
const Operation* find_operation(const std::string& opcode);

/** A module, ready to run; throws an Error with the line of what it does not know. */
class Module {
 public:
  explicit Module(const ModuleText& text);
  Module(const Module&) = delete;  // functions have its name
  Module& operator=(const Module&) = delete;
  const std::vector<std::unique_ptr<Function>>& functions() const { return functions_; }
  const Function* find(const std::string& name) const;

 private:
  std::string name_;
  std::vector<std::unique_ptr<Function>> functions_;
};

/** Runs a function; its parameters are in the frame already. */
void execute(Frame& frame);
/** A frame as the function starts with, in memory of image.size() bytes. */
Frame start(const Function& function, unsigned char* memory);

/** What each thread of a kernel does. */
std::function<void()> body_of(const Function& function, const std::vector<Argument>& arguments);

}  // namespace ddpm::simt::ptx
