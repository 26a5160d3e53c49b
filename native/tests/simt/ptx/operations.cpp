#include "simt/ptx/operations.h"

#include <vector>

namespace ddpm::simt::ptx {
namespace {

void run_branch(Frame& f, const Instruction& i) { f.next = i.target; }
void run_return(Frame& f, const Instruction&) { f.next = UINT32_MAX; }
void run_nothing(Frame&, const Instruction&) {}
void run_trap(Frame& f, const Instruction& i) { stop("trap at line %d of %s", i.line, f.function->file); }

void run_call(Frame& f, const Instruction& i) {
  const Function& callee = *i.call->function;
  std::vector<uint64_t> memory((callee.image.size() + 7) / 8);
  Frame inner = start(callee, reinterpret_cast<unsigned char*>(memory.data()));
  for (size_t a = 0; a < callee.parameters.size(); ++a)
    std::memcpy(inner.memory + callee.parameters[a].place, f.memory + i.call->arguments[a], callee.parameters[a].bytes);
  execute(inner);
  for (size_t r = 0; r < callee.results.size(); ++r)
    std::memcpy(f.memory + i.call->results[r], inner.memory + callee.results[r].place, callee.results[r].bytes);
}

Operations make_table() {
  Operations table;
  add_arithmetic(table);
  add_bits(table);
  add_conversions(table);
  add_memory(table);
  add_cooperation(table);
  for (const char* name : {"bra", "bra.uni"}) table[name] = {run_branch, 0};
  for (const char* name : {"call", "call.uni"}) table[name] = {run_call, 0};
  for (const char* name : {"ret", "ret.uni", "exit"}) table[name] = {run_return, 0};
  table["trap"] = {run_trap, 0};
  for (const char* name : {"membar.gl", "membar.cta", "membar.sys", "fence.acq_rel.gpu", "fence.acq_rel.cta",
                           "fence.sc.gpu", "fence.sc.cta"})
    table[name] = {run_nothing, 0};
  return table;
}

}  // namespace

const Operation* find_operation(const std::string& opcode) {
  static const Operations table = make_table();
  auto operation = table.find(opcode);
  return operation == table.end() ? nullptr : &operation->second;
}

}  // namespace ddpm::simt::ptx
