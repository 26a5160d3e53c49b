// From the text of PTX to instructions with places.
#include <cstdlib>
#include <map>

#include "common/error.h"
#include "simt/checker.h"
#include "simt/memory.h"
#include "simt/ptx/program.h"

namespace ddpm::simt::ptx {
namespace {

size_t bytes_of(const std::string& type) {
  if (type == "pred") return 1;
  size_t bits = std::strtoul(type.c_str() + 1, nullptr, 10);
  return bits / 8;
}

bool starts_with(const std::string& text, const char* start) { return text.rfind(start, 0) == 0; }

/** "0f3F800000", "0d3FF0000000000000", whole numbers; what bits a place has for it. */
bool parse_number(const std::string& text, uint64_t* bits) {
  const char* start = text.c_str();
  char* end;
  if (starts_with(text, "0f") || starts_with(text, "0F") || starts_with(text, "0d") || starts_with(text, "0D"))
    *bits = std::strtoull(start + 2, &end, 16);
  else if (text[0] == '-')
    *bits = static_cast<uint64_t>(std::strtoll(start, &end, 0));
  else
    *bits = std::strtoull(start, &end, 0);
  while (*end == 'U' || *end == 'u') ++end;
  return end != start && *end == 0;
}

}  // namespace

class Loader {
 public:
  Loader(Module& module, const ModuleText& text) : module_(module), text_(text) {}

  void run() {
    module_.name_ = text_.name;
    for (const Declaration& d : text_.variables) add_variable(d);
    for (const FunctionText& f : text_.functions) {
      module_.functions_.push_back(std::make_unique<Function>());
      module_.functions_.back()->name = f.name;
      module_.functions_.back()->file = module_.name_.c_str();
      functions_[f.name] = module_.functions_.back().get();
    }
    for (size_t i = 0; i < text_.functions.size(); ++i) {
      // Signatures first: a call may come before the function.
      function_ = module_.functions_[i].get();
      function_->used_bytes = 8;
      scopes_.assign(1, {});
      for (const Declaration& d : text_.functions[i].results) function_->results.push_back(add_area(d));
      for (const Declaration& d : text_.functions[i].parameters) function_->parameters.push_back(add_area(d));
      signatures_.push_back(scopes_.front());
    }
    for (size_t i = 0; i < text_.functions.size(); ++i) {
      function_ = module_.functions_[i].get();
      scopes_.assign(1, signatures_[i]);
      load(text_.functions[i]);
    }
  }

 private:
  [[noreturn]] void refuse(const char* what, const std::string& text) {
    fail(DDPM_NOT_SUPPORTED, "%s:%d: %s '%s'", module_.name_.c_str(), line_, what, text.c_str());
  }

  // Variables.

  /** What a name stands for: a place, or how to find its value. */
  struct Symbol {
    Place place = 0;
    size_t area = 0;  // where a variable in the frame is, in bytes
    bool is_constant = false;
    uint64_t bits = 0;
    bool is_shared = false;
    Start start{};
  };

  void add_variable(const Declaration& d) {
    line_ = d.line;
    Symbol symbol;
    if (d.space == "shared") {
      symbol = shared_symbol(d);
    } else if (d.space == "global" || d.space == "const") {
      size_t size = bytes_of(d.type), bytes = size * d.count;
      auto* memory = static_cast<unsigned char*>(allocate(bytes));
      std::memset(memory, 0, bytes);
      for (size_t i = 0; i < d.values.size(); ++i) {
        uint64_t bits;
        if (!parse_number(d.values[i], &bits)) refuse("unknown value", d.values[i]);
        std::memcpy(memory + i * size, &bits, size);
      }
      note_host_write(memory, bytes);
      symbol.is_constant = true;
      symbol.bits = reinterpret_cast<uint64_t>(memory);
    } else {
      refuse("unknown space", d.space);
    }
    variables_[d.name] = symbol;
  }

  Symbol shared_symbol(const Declaration& d) {
    module_.variables_.push_back(std::make_unique<Declaration>(d));
    Symbol symbol;
    symbol.is_shared = true;
    symbol.start.what = d.is_extern ? Special::kDynamicShared : Special::kSharedVariable;
    symbol.start.number = bytes_of(d.type) * d.count;
    symbol.start.key = module_.variables_.back().get();
    return symbol;
  }

  Place add_bytes(size_t bytes) {
    size_t at = (function_->used_bytes + 15) / 16 * 16;
    function_->used_bytes = at + (bytes + 7) / 8 * 8;
    function_->image.resize(function_->used_bytes);
    return static_cast<Place>(at);
  }

  Place add_place(uint64_t bits = 0) {
    auto at = static_cast<Place>(function_->used_bytes);
    function_->used_bytes += 8;
    function_->image.resize(function_->used_bytes);
    std::memcpy(function_->image.data() + at, &bits, 8);
    return at;
  }

  Place constant(uint64_t bits) {
    auto [entry, is_new] = constants_.try_emplace(bits);
    if (is_new) entry->second = add_place(bits);
    return entry->second;
  }

  Place add_start(Special what, uint32_t axis, size_t number = 0, const void* key = nullptr) {
    Place place = add_place();
    function_->starts.push_back({place, what, axis, number, key});
    return place;
  }

  /** A variable in the frame, and a place with its address. */
  Area add_area(const Declaration& d) {
    size_t bytes = bytes_of(d.type) * d.count;
    Symbol symbol;
    symbol.area = add_bytes(bytes);
    symbol.place = add_start(Special::kFrameAddress, 0, symbol.area);
    scopes_.back()[d.name] = symbol;
    return {static_cast<Place>(symbol.area), bytes};
  }

  void declare(const Declaration& d) {
    line_ = d.line;
    if (d.space == "reg") {
      for (size_t i = 0; i < d.count; ++i) {
        Symbol symbol;
        symbol.place = add_place();
        scopes_.back()[d.is_range ? d.name + std::to_string(i) : d.name] = symbol;
      }
    } else if (d.space == "param" || d.space == "local") {
      add_area(d);
    } else if (d.space == "shared") {
      scopes_.back()[d.name] = shared_symbol(d);
    } else {
      refuse("unknown space", d.space);
    }
  }

  Symbol* find(const std::string& name) {
    for (size_t i = scopes_.size(); i-- > 0;) {
      auto symbol = scopes_[i].find(name);
      if (symbol != scopes_[i].end()) return &symbol->second;
    }
    auto symbol = variables_.find(name);
    if (symbol == variables_.end()) return nullptr;
    return &(scopes_.front()[name] = symbol->second);
  }

  // Operands.

  Place place_of(const std::string& text) {
    if (text == "_") return sink_;
    static const std::map<std::string, Special> specials = {
        {"%tid", Special::kTid}, {"%ctaid", Special::kCtaid}, {"%ntid", Special::kNtid}, {"%nctaid", Special::kNctaid}};
    size_t dot = text.find('.');
    auto special = text[0] == '%' ? specials.find(text.substr(0, dot)) : specials.end();
    if (special != specials.end())
      return special_place(text, special->second, static_cast<uint32_t>(text[dot + 1] - 'x'));
    if (text == "%laneid") return special_place(text, Special::kLane, 0);
    if (text == "%warpid") return special_place(text, Special::kWarp, 0);
    uint64_t bits;
    if (parse_number(text, &bits)) return constant(bits);
    Symbol* symbol = find(text);
    if (symbol == nullptr) refuse("unknown operand", text);
    if (symbol->is_constant) return constant(symbol->bits);
    if (symbol->place == 0 && symbol->is_shared)
      symbol->place = add_start(symbol->start.what, 0, symbol->start.number, symbol->start.key);
    return symbol->place;
  }

  Place special_place(const std::string& name, Special what, uint32_t axis) {
    Symbol& symbol = scopes_.front()[name];
    if (symbol.place == 0) symbol.place = add_start(what, axis);
    return symbol.place;
  }

  void add_operand(const std::string& text, Instruction& i, std::vector<Place>& places, int& addresses) {
    if (text[0] == '{') {
      for (const std::string& item : split_list(text.substr(1, text.size() - 2)))
        add_operand(item, i, places, addresses);
    } else if (text[0] == '[') {
      std::string base = text.substr(1, text.size() - 2);
      size_t plus = base.find('+');
      uint64_t offset = 0;
      if (plus != std::string::npos && !parse_number(base.substr(plus + 1), &offset)) refuse("unknown address", text);
      if (addresses == 2) refuse("more than two addresses", text);
      i.offset[addresses++] = static_cast<int64_t>(offset);
      places.push_back(place_of(base.substr(0, plus)));
    } else if (text.find('|') != std::string::npos) {
      places.push_back(place_of(text.substr(0, text.find('|'))));
      places.push_back(place_of(text.substr(text.find('|') + 1)));
    } else if (text[0] == '!') {
      places.push_back(negated(place_of(text.substr(1))));
    } else {
      places.push_back(place_of(text));
    }
  }

  /** The opposite of a predicate, by an instruction of its own. */
  Place negated(Place predicate) {
    Place place = add_place();
    Instruction i;
    i.run = find_operation("not.pred")->run;
    i.line = line_;
    keep_operands(i, {place, predicate});
    function_->code.push_back(i);
    return place;
  }

  void keep_operands(Instruction& i, const std::vector<Place>& places) {
    function_->operands.push_back(std::make_unique<Place[]>(places.size()));
    std::copy(places.begin(), places.end(), function_->operands.back().get());
    i.at = function_->operands.back().get();
  }

  // Statements.

  void load(const FunctionText& text) {
    labels_.clear();
    branches_.clear();
    constants_.clear();
    sink_ = add_place();
    for (const Statement& s : text.body) {
      line_ = s.line;
      switch (s.kind) {
        case Kind::kOpen:
          scopes_.emplace_back();
          break;
        case Kind::kClose:
          scopes_.pop_back();
          break;
        case Kind::kLabel:
          labels_[s.opcode] = static_cast<uint32_t>(function_->code.size());
          break;
        case Kind::kDeclaration:
          declare(s.declaration);
          break;
        case Kind::kInstruction:
          add(s);
      }
    }
    Statement end;
    end.opcode = "ret";
    add(end);
    for (const auto& [index, label] : branches_) {
      auto target = labels_.find(label);
      if (target == labels_.end()) refuse("unknown label", label);
      function_->code[index].target = target->second;
    }
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
    std::vector<Place> places;
    int addresses = 0;
    if (opcode == "bra" || opcode == "bra.uni") {
      branches_.push_back({function_->code.size(), operands.at(0)});
      operands.clear();
    } else if (opcode == "call" || opcode == "call.uni") {
      i.call = call_of(operands);
      operands.clear();
    } else if (starts_with(opcode, "mov.b") && operands.at(0)[0] == '{') {
      opcode += ".unpack" + std::to_string(split_list(operands[0].substr(1, operands[0].size() - 2)).size());
    } else if (starts_with(opcode, "mov.b") && operands.at(1)[0] == '{') {
      opcode += ".pack" + std::to_string(split_list(operands[1].substr(1, operands[1].size() - 2)).size());
    } else if ((starts_with(opcode, "setp.") || starts_with(opcode, "shfl.")) &&
               operands.at(0).find('|') == std::string::npos) {
      operands[0] += "|_";
    } else if (starts_with(opcode, "red.") && !starts_with(opcode, "redux.")) {
      opcode = "atom" + opcode.substr(3);
      operands.insert(operands.begin(), "_");
    } else if (starts_with(opcode, "cp.async.c") && operands.size() == 3 &&
               opcode.find("commit") == std::string::npos) {
      operands.push_back(operands[2]);
    }
    const Operation* operation = find_operation(opcode);
    if (operation == nullptr) refuse("unknown instruction", s.opcode);
    i.run = operation->run;
    i.variant = operation->variant;
    for (const std::string& operand : operands) add_operand(operand, i, places, addresses);
    // Fewer than an operation reads are places that hold nothing.
    places.resize(std::max<size_t>(places.size(), 6), sink_);
    keep_operands(i, places);
    function_->code.push_back(i);
  }

  /** "(results), name, (arguments)"; either list may be missing. */
  const Call* call_of(const std::vector<std::string>& operands) {
    auto call = std::make_unique<Call>();
    bool named = false;
    for (const std::string& operand : operands) {
      if (operand[0] != '(') {
        auto function = functions_.find(operand);
        if (named || function == functions_.end()) refuse("unknown function", operand);
        call->function = function->second;
        named = true;
        continue;
      }
      for (const std::string& item : split_list(operand.substr(1, operand.size() - 2))) {
        Symbol* symbol = find(item);
        if (symbol == nullptr || symbol->area == 0) refuse("unknown argument", item);
        (named ? call->arguments : call->results).push_back(static_cast<Place>(symbol->area));
      }
    }
    if (!named || call->arguments.size() != call->function->parameters.size() ||
        call->results.size() != call->function->results.size())
      refuse("a call that does not fit", operands.empty() ? "" : operands[0]);
    function_->calls.push_back(std::move(call));
    return function_->calls.back().get();
  }

  Module& module_;
  const ModuleText& text_;
  Function* function_ = nullptr;
  std::map<std::string, Function*> functions_;
  std::vector<std::map<std::string, Symbol>> scopes_, signatures_;
  std::map<std::string, Symbol> variables_;
  std::map<uint64_t, Place> constants_;
  std::map<std::string, uint32_t> labels_;
  std::vector<std::pair<size_t, std::string>> branches_;
  Place sink_ = 0;
  int line_ = 0;
};

Module::Module(const ModuleText& text) { Loader(*this, text).run(); }

const Function* Module::find(const std::string& name) const {
  for (const auto& function : functions_)
    if (function->name == name) return function.get();
  return nullptr;
}

}  // namespace ddpm::simt::ptx
