#include "simt/ptx/kernels.h"

#include <cxxabi.h>
#include <elf.h>
#include <link.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "common/error.h"
#include "simt/checker.h"
#include "simt/ptx/program.h"
#include "simt/trace.h"

namespace ddpm::simt::ptx {
namespace {

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) fail(DDPM_INTERNAL_ERROR, "cannot read %s", path.c_str());
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

/** A symbol as people write it: compilers agree on it, those in unnamed namespaces included. */
std::string readable(const char* symbol) {
  int status;
  char* name = abi::__cxa_demangle(symbol, nullptr, nullptr, &status);
  std::string result = status == 0 ? name : symbol;
  std::free(name);
  return result;
}

/** Names of the program's functions by their addresses: those of kernels, of which no table is loaded, too. */
std::map<const void*, std::string> read_symbols() {
  std::string file = read("/proc/self/exe");
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(file.data());
  const auto* sections = reinterpret_cast<const ElfW(Shdr)*>(file.data() + header->e_shoff);
  uintptr_t base = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* base) {
        *static_cast<uintptr_t*>(base) = info->dlpi_addr;
        return 1;  // the program is the first
      },
      &base);
  std::map<const void*, std::string> symbols;
  for (int s = 0; s < header->e_shnum; ++s) {
    if (sections[s].sh_type != SHT_SYMTAB) continue;
    const char* names = file.data() + sections[sections[s].sh_link].sh_offset;
    const auto* entries = reinterpret_cast<const ElfW(Sym)*>(file.data() + sections[s].sh_offset);
    for (size_t i = 0; i < sections[s].sh_size / sizeof *entries; ++i)
      if (ELF64_ST_TYPE(entries[i].st_info) == STT_FUNC && entries[i].st_value != 0)
        symbols[reinterpret_cast<const void*>(base + entries[i].st_value)] = names + entries[i].st_name;
  }
  return symbols;
}

struct Kernels;
Kernels& kernels();

struct Kernels {
  std::vector<std::unique_ptr<Module>> modules;
  std::map<std::string, ModuleText> texts;
  std::map<std::string, const Function*> by_name;
  std::map<const void*, const Function*> by_address;

  Kernels() {
    if (std::getenv("SIMT_PTX") == nullptr) return;
    load("", "");
    describe_line = [](const std::string& file, int line) { return kernels().source_of(file, line); };
  }

  int load(const std::string& from, const std::string& to) {
    int edits = 0;
    modules.clear();
    by_name.clear();
    by_address.clear();
    std::stringstream paths(std::getenv("SIMT_PTX"));
    for (std::string path; std::getline(paths, path, ':');) {
      if (path.empty()) continue;
      std::string ptx = read(path);
      for (size_t i = 0; !from.empty() && (i = ptx.find(from, i)) != std::string::npos; i += to.size(), ++edits)
        ptx.replace(i, from.size(), to);
      ModuleText text = split(path.substr(path.find_last_of('/') + 1), ptx);
      modules.push_back(std::make_unique<Module>(text));
      for (const FunctionText& f : text.functions)
        if (f.is_kernel && !by_name.emplace(readable(f.name.c_str()), modules.back()->find(f.name)).second)
          fail(DDPM_INTERNAL_ERROR, "%s: a second kernel %s", path.c_str(), readable(f.name.c_str()).c_str());
      text.functions.clear();
      texts[text.name] = std::move(text);
    }
    return edits;
  }

  std::string source_of(const std::string& file, int line) {
    const ModuleText& text = texts[file];
    auto after = std::find_if(text.sources.begin(), text.sources.end(), [&](const Source& s) { return s.line > line; });
    if (after == text.sources.begin()) return "";
    auto source = text.files.find(std::prev(after)->file);
    if (source == text.files.end()) return "";
    return source->second.substr(source->second.find_last_of('/') + 1) + ":" +
           std::to_string(std::prev(after)->file_line);
  }

  const Function& find(const void* kernel) {
    const Function*& function = by_address[kernel];
    if (function != nullptr) return *function;
    auto found = by_name.find(name_of(kernel));
    if (found == by_name.end()) fail(DDPM_INTERNAL_ERROR, "no PTX of the kernel %s", name_of(kernel).c_str());
    return *(function = found->second);
  }
};

/** From the start: the checker knows memory that is allocated while it watches. */
[[maybe_unused]] const bool watched = [] {
  if (std::getenv("SIMT_PTX") != nullptr) enable_checker();
  return true;
}();

Kernels& kernels() {
  static Kernels k;
  return k;
}

}  // namespace

std::string name_of(const void* kernel) {
  static const std::map<const void*, std::string> symbols = read_symbols();
  auto symbol = symbols.find(kernel);
  if (symbol == symbols.end()) fail(DDPM_INTERNAL_ERROR, "a kernel at %p without a name", kernel);
  return readable(symbol->second.c_str());
}

int reload_edited(const std::string& from, const std::string& to) { return kernels().load(from, to); }

bool is_used() { return !kernels().modules.empty(); }

std::function<void()> body_of(const void* kernel, const std::vector<Argument>& arguments) {
  return body_of(kernels().find(kernel), arguments);
}

}  // namespace ddpm::simt::ptx
