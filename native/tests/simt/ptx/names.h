#pragma once
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "simt/ptx/program.h"

/** What names of PTX stand for: places in a function's frame. */
namespace ddpm::simt::ptx {

/** "0f3F800000", "0d3FF0000000000000", whole numbers: the bits that a place has for it. False if it is none. */
bool parse_number(const std::string& text, uint64_t* bits);

/** A name: a place, or how to find its value. */
struct Name {
  Place place = 0;  // of the value, or of the address of a variable in the frame
  size_t area = 0;  // where that variable is
  Start start{};    // of a variable in shared memory, which gets its place when it is used
  bool is_shared = false, is_constant = false;
  uint64_t bits = 0;  // the address of a variable in device memory
};

/** Names of a module: its variables. They live as long as the program. */
class ModuleNames {
 public:
  /** Allocates the variable and gives it its values; false if its space or a value is unknown. */
  bool add(const Declaration& declaration);
  const Name* find(const std::string& name) const;
  static Name shared_variable(const Declaration& declaration);

 private:
  std::unordered_map<std::string, Name> names_;
};

/** Names of a function, in scopes. */
class FunctionNames {
 public:
  FunctionNames(Function& function, const ModuleNames& module);

  void open_scope() { scopes_.emplace_back(); }
  void close_scope() { scopes_.pop_back(); }
  /** Registers, parameters and variables; false if the space is unknown. */
  bool declare(const Declaration& declaration);
  /** Part of the frame, and a name for its address. */
  Area add_area(const Declaration& declaration);
  /** The place of a register, a constant, an address, or what is special; 0 if there is none. */
  Place place_of(const std::string& text);
  /** Where a variable of the frame is; 0 if there is none. */
  Place area_of(const std::string& name);
  /** A place without a name. */
  Place add_place(uint64_t bits = 0);
  /** The place for what nobody wants. */
  Place sink() const { return sink_; }

 private:
  Name* find(const std::string& name);
  Place constant(uint64_t bits);
  Place special(const std::string& text);
  Place add_start(Start start);

  Function& function_;
  const ModuleNames& module_;
  std::vector<std::unordered_map<std::string, Name>> scopes_;
  std::map<uint64_t, Place> constants_;
  Place sink_ = 0;
};

}  // namespace ddpm::simt::ptx
