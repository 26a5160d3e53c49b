#include "simt/ptx/names.h"

#include <cstdlib>

#include "simt/checker.h"
#include "simt/memory.h"

namespace ddpm::simt::ptx {
namespace {

size_t bytes_of(const std::string& type) {
  return type == "pred" ? 1 : std::strtoul(type.c_str() + 1, nullptr, 10) / 8;
}
size_t bytes_of(const Declaration& d) { return bytes_of(d.type) * d.count; }

}  // namespace

bool parse_number(const std::string& text, uint64_t* bits) {
  const char* start = text.c_str();
  char* end;
  if (text.size() > 2 && text[0] == '0' && std::strchr("fFdD", text[1]) != nullptr)
    *bits = std::strtoull(start + 2, &end, 16);
  else if (text[0] == '-')
    *bits = static_cast<uint64_t>(std::strtoll(start, &end, 0));
  else
    *bits = std::strtoull(start, &end, 0);
  while (*end == 'U' || *end == 'u') ++end;
  return end != start && *end == 0;
}

bool ModuleNames::add(const Declaration& d) {
  Name name;
  if (d.space == "shared") {
    name = shared_variable(d);
  } else if (d.space == "global" || d.space == "const") {
    size_t size = bytes_of(d.type);
    auto* memory = static_cast<unsigned char*>(allocate(bytes_of(d)));
    std::memset(memory, 0, bytes_of(d));
    for (size_t i = 0; i < d.values.size(); ++i) {
      uint64_t bits;
      if (!parse_number(d.values[i], &bits)) return false;
      std::memcpy(memory + i * size, &bits, size);
    }
    note_host_write(memory, bytes_of(d));
    name.is_constant = true;
    name.bits = reinterpret_cast<uint64_t>(memory);
  } else {
    return false;
  }
  names_[d.name] = name;
  return true;
}

const Name* ModuleNames::find(const std::string& name) const {
  auto found = names_.find(name);
  return found == names_.end() ? nullptr : &found->second;
}

Name ModuleNames::shared_variable(const Declaration& d) {
  Name name;
  name.is_shared = true;
  name.start.what = d.is_extern ? Special::kDynamicShared : Special::kSharedVariable;
  name.start.number = bytes_of(d);
  // Nothing else is at such addresses.
  static uintptr_t last_key = 0;
  name.start.key = reinterpret_cast<const void*>(++last_key);
  return name;
}

FunctionNames::FunctionNames(Function& function, const ModuleNames& module) : function_(function), module_(module) {
  open_scope();
  add_place();  // place 0 is none
  sink_ = add_place();
}

Place FunctionNames::add_place(uint64_t bits) {
  size_t at = (function_.image.size() + 7) / 8 * 8;
  function_.image.resize(at + 8);
  std::memcpy(function_.image.data() + at, &bits, 8);
  return static_cast<Place>(at);
}

Place FunctionNames::constant(uint64_t bits) {
  auto [entry, is_new] = constants_.try_emplace(bits);
  if (is_new) entry->second = add_place(bits);
  return entry->second;
}

Place FunctionNames::add_start(Start start) {
  start.place = add_place();
  function_.starts.push_back(start);
  return start.place;
}

Area FunctionNames::add_area(const Declaration& d) {
  Name name;
  name.area = (function_.image.size() + 15) / 16 * 16;
  function_.image.resize(name.area + bytes_of(d));
  name.place = add_start({0, Special::kFrameAddress, 0, name.area, nullptr});
  scopes_.back()[d.name] = name;
  return {static_cast<Place>(name.area), bytes_of(d)};
}

bool FunctionNames::declare(const Declaration& d) {
  if (d.space == "reg") {
    for (size_t i = 0; i < d.count; ++i)
      scopes_.back()[d.is_range ? d.name + std::to_string(i) : d.name].place = add_place();
  } else if (d.space == "param" || d.space == "local") {
    add_area(d);
  } else if (d.space == "shared") {
    scopes_.back()[d.name] = ModuleNames::shared_variable(d);
  } else {
    return false;
  }
  return true;
}

Name* FunctionNames::find(const std::string& name) {
  for (size_t i = scopes_.size(); i-- > 0;) {
    auto found = scopes_[i].find(name);
    if (found != scopes_[i].end()) return &found->second;
  }
  const Name* found = module_.find(name);
  return found == nullptr ? nullptr : &(scopes_.front()[name] = *found);
}

Place FunctionNames::place_of(const std::string& text) {
  if (text == "_") return sink_;
  uint64_t bits;
  if (parse_number(text, &bits)) return constant(bits);
  Name* name = find(text);
  if (name == nullptr) return special(text);
  if (name->is_constant) return constant(name->bits);
  if (name->place == 0 && name->is_shared) name->place = add_start(name->start);
  return name->place;
}

Place FunctionNames::area_of(const std::string& text) {
  Name* name = find(text);
  return name == nullptr ? 0 : static_cast<Place>(name->area);
}

Place FunctionNames::special(const std::string& text) {
  static const std::map<std::string, Special> by_axis = {
      {"%tid", Special::kTid}, {"%ctaid", Special::kCtaid}, {"%ntid", Special::kNtid}, {"%nctaid", Special::kNctaid}};
  static const std::map<std::string, Special> plain = {{"%laneid", Special::kLane}, {"%warpid", Special::kWarp}};
  Start start{};
  size_t dot = text.find('.');
  auto found = by_axis.find(text.substr(0, dot));
  if (found != by_axis.end() && dot + 2 == text.size() && text[dot + 1] >= 'x' && text[dot + 1] <= 'z') {
    start.what = found->second;
    start.axis = static_cast<uint32_t>(text[dot + 1] - 'x');
  } else {
    found = plain.find(text);
    if (found == plain.end()) return 0;
    start.what = found->second;
  }
  // From now on it has a name like any other.
  return scopes_.front()[text].place = add_start(start);
}

}  // namespace ddpm::simt::ptx
