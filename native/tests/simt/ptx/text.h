#pragma once
#include <map>
#include <string>
#include <vector>

/** PTX as nvcc writes it, in its parts; nothing is understood yet. */
namespace ddpm::simt::ptx {

/** ".param .align 8 .b8 name[12] = {...}", or a range of registers ".reg .b32 %r<7>". */
struct Declaration {
  std::string space, type, name;
  size_t count = 1;  // elements, registers
  bool is_array = false, is_range = false, is_extern = false;
  std::vector<std::string> values;  // of the initialiser
  int line = 0;
};

enum class Kind { kInstruction, kLabel, kDeclaration, kOpen, kClose };

/** A statement of a function's body. */
struct Statement {
  Kind kind;
  int line = 0;
  std::string guard;   // "%p1", "!%p1" or nothing
  std::string opcode;  // or the label
  std::vector<std::string> operands;
  Declaration declaration;
};

struct FunctionText {
  std::string name;
  bool is_kernel = false;
  std::vector<Declaration> results, parameters;
  std::vector<Statement> body;
};

/** From a line of PTX on, where it comes from. */
struct Source {
  int line;
  int file, file_line;
};

struct ModuleText {
  std::string name;  // for messages
  std::vector<Source> sources;
  std::map<int, std::string> files;  // of sources
  std::vector<Declaration> variables;
  std::vector<FunctionText> functions;
};

/** Throws an Error with the line that it cannot take apart. */
ModuleText split(const std::string& name, const std::string& ptx);

/** The parts of a list, at the commas outside brackets. */
std::vector<std::string> split_list(const std::string& list);

}  // namespace ddpm::simt::ptx
