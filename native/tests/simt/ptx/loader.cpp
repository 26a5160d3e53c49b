// From the text of PTX to instructions with places.
#include <unordered_map>

#include "common/error.h"
#include "simt/ptx/names.h"

namespace ddpm::simt::ptx {
namespace {

bool starts_with(const std::string& text, const char* start) { return text.rfind(start, 0) == 0; }
/** Without the brackets around it. */
std::string inside(const std::string& text) { return text.substr(1, text.size() - 2); }

using Functions = std::unordered_map<std::string, Function*>;

/** Makes the code of one function. */
class FunctionLoader {
 public:
  FunctionLoader(Function& function, const Functions& functions, const ModuleNames& module)
      : function_(function), functions_(functions), names_(function, module) {}

  /** First of all functions: calls ask for it. */
  void load_signature(const FunctionText& text) {
    for (const Declaration& d : text.results) function_.results.push_back(names_.add_area(d));
    for (const Declaration& d : text.parameters) function_.parameters.push_back(names_.add_area(d));
  }

  void load_body(const FunctionText& text) {
    for (const Statement& s : text.body) {
      line_ = s.line;
      switch (s.kind) {
        case Kind::kOpen:
          names_.open_scope();
          break;
        case Kind::kClose:
          names_.close_scope();
          break;
        case Kind::kLabel:
          labels_[s.opcode] = static_cast<uint32_t>(function_.code.size());
          break;
        case Kind::kDeclaration:
          if (!names_.declare(s.declaration)) refuse("unknown space", s.declaration.space);
          break;
        case Kind::kInstruction:
          add(s);
      }
    }
    for (const auto& [index, label] : branches_) {
      auto target = labels_.find(label);
      line_ = function_.code[index].line;
      if (target == labels_.end()) refuse("unknown label", label);
      function_.code[index].target = target->second;
    }
  }

 private:
  [[noreturn]] void refuse(const char* what, const std::string& text) {
    fail(DDPM_NOT_SUPPORTED, "%s:%d: %s '%s'", function_.file, line_, what, text.c_str());
  }

  Place place_of(const std::string& text) {
    Place place = names_.place_of(text);
    if (place == 0) refuse("unknown operand", text);
    return place;
  }

  void add_operand(const std::string& text, Instruction& i, std::vector<Place>& places, int& addresses) {
    size_t bar = text.find('|');
    if (text[0] == '{') {
      for (const std::string& item : split_list(inside(text))) add_operand(item, i, places, addresses);
    } else if (text[0] == '[') {
      std::string base = inside(text);
      size_t plus = base.find('+');
      uint64_t offset = 0;
      if (plus != std::string::npos && !parse_number(base.substr(plus + 1), &offset)) refuse("unknown address", text);
      if (addresses == 2) refuse("more than two addresses", text);
      i.offset[addresses++] = static_cast<int64_t>(offset);
      places.push_back(place_of(base.substr(0, plus)));
    } else if (bar != std::string::npos) {
      places.push_back(place_of(text.substr(0, bar)));
      places.push_back(place_of(text.substr(bar + 1)));
    } else if (text[0] == '!') {
      places.push_back(opposite(place_of(text.substr(1))));
    } else {
      places.push_back(place_of(text));
    }
  }

  /** Of a predicate, by an instruction of its own. */
  Place opposite(Place predicate) {
    Place place = names_.add_place();
    Instruction i;
    i.run = find_operation("not.pred")->run;
    i.line = line_;
    keep_operands(i, {place, predicate});
    function_.code.push_back(i);
    return place;
  }

  void keep_operands(Instruction& i, const std::vector<Place>& places) {
    function_.operands.push_back(std::make_unique<Place[]>(places.size()));
    std::copy(places.begin(), places.end(), function_.operands.back().get());
    i.at = function_.operands.back().get();
  }

  void add(const Statement& s) {
    Instruction i;
    i.line = line_;
    if (!s.guard.empty()) {
      i.unless = s.guard[0] == '!';
      i.guard = place_of(s.guard.substr(i.unless ? 1 : 0));
    }
    std::string opcode = s.opcode;
    std::vector<std::string> operands = s.operands;
    // The table of operations knows one form of each.
    if (starts_with(opcode, "bra")) {
      branches_.push_back({function_.code.size(), operands.at(0)});
      operands.clear();
    } else if (starts_with(opcode, "call")) {
      i.call = call_of(operands);
      operands.clear();
    } else if (starts_with(opcode, "mov.b") && operands.at(0)[0] == '{') {
      opcode += ".unpack" + std::to_string(split_list(inside(operands[0])).size());
    } else if (starts_with(opcode, "mov.b") && operands.at(1)[0] == '{') {
      opcode += ".pack" + std::to_string(split_list(inside(operands[1])).size());
    } else if ((starts_with(opcode, "setp.") || starts_with(opcode, "shfl.")) &&
               operands.at(0).find('|') == std::string::npos) {
      operands[0] += "|_";
    } else if (starts_with(opcode, "red.")) {
      opcode = "atom" + opcode.substr(3);
      operands.insert(operands.begin(), "_");
    } else if (starts_with(opcode, "cp.async.c") && operands.size() == 3) {
      operands.push_back(operands[2]);  // all of it
    }
    const Operation* operation = find_operation(opcode);
    if (operation == nullptr) refuse("unknown instruction", s.opcode);
    i.run = operation->run;
    i.variant = operation->variant;
    std::vector<Place> places;
    int addresses = 0;
    for (const std::string& operand : operands) add_operand(operand, i, places, addresses);
    // An operation may read more than there are, which then hold nothing.
    places.resize(std::max<size_t>(places.size(), 6), names_.sink());
    keep_operands(i, places);
    function_.code.push_back(i);
  }

  /** "(results), name, (arguments)"; either list may be missing. */
  const Call* call_of(const std::vector<std::string>& operands) {
    auto call = std::make_unique<Call>();
    for (const std::string& operand : operands) {
      if (operand[0] != '(') {
        auto function = functions_.find(operand);
        if (call->function != nullptr || function == functions_.end()) refuse("unknown function", operand);
        call->function = function->second;
        continue;
      }
      for (const std::string& item : split_list(inside(operand))) {
        Place area = names_.area_of(item);
        if (area == 0) refuse("unknown argument", item);
        (call->function != nullptr ? call->arguments : call->results).push_back(area);
      }
    }
    if (call->function == nullptr || call->arguments.size() != call->function->parameters.size() ||
        call->results.size() != call->function->results.size())
      refuse("a call that does not fit", operands.empty() ? "" : operands[0]);
    function_.calls.push_back(std::move(call));
    return function_.calls.back().get();
  }

  Function& function_;
  const Functions& functions_;
  FunctionNames names_;
  std::unordered_map<std::string, uint32_t> labels_;
  std::vector<std::pair<size_t, std::string>> branches_;
  int line_ = 0;
};

}  // namespace

Module::Module(const ModuleText& text) : name_(text.name) {
  ModuleNames names;
  for (const Declaration& d : text.variables)
    if (!names.add(d)) fail(DDPM_NOT_SUPPORTED, "%s:%d: unknown variable '%s'", name_.c_str(), d.line, d.name.c_str());
  Functions by_name;
  std::vector<FunctionLoader> loaders;
  for (const FunctionText& f : text.functions) {
    functions_.push_back(std::make_unique<Function>());
    functions_.back()->name = f.name;
    functions_.back()->file = name_.c_str();
    by_name[f.name] = functions_.back().get();
    loaders.emplace_back(*functions_.back(), by_name, names);
    loaders.back().load_signature(f);
  }
  for (size_t i = 0; i < loaders.size(); ++i) loaders[i].load_body(text.functions[i]);
}

const Function* Module::find(const std::string& name) const {
  for (const auto& function : functions_)
    if (function->name == name) return function.get();
  return nullptr;
}

}  // namespace ddpm::simt::ptx
